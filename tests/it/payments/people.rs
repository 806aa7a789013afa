//! What people see and do; how it is set up.
use super::*;

#[tokio::test]
async fn people_look_orders_up_and_check_again_if_they_may() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-untold", 990_000, "paid").await;
    let cs = scene.desk.sign_in("cs").await;
    for (order, korean, english) in [
        ("", "주문 번호를 입력하세요.", "Enter an order."),
        ("주문 1", "영문, 숫자와", "200 letters and digits at most"),
        ("../../etc", "영문, 숫자와", "200 letters and digits at most"),
    ] {
        for (lang, said) in [("ko", korean), ("en", english)] {
            let person = cs.at(&cs.base).in_language(lang);
            let page = person.get("/payments").await;
            let answer = person.post_from(&page, "/payments", &[("provider", "portone"), ("order", order)]).await;
            assert_eq!(answer.status, 422, "{order}");
            answer.sees(said);
            assert_eq!(answer.find("#look-up-order").as_deref(), Some(order), "what was typed is kept");
        }
    }
    let page = cs.get("/payments").await;
    assert_eq!(cs.post_from(&page, "/payments", &[("provider", "stripe"), ("order", "x")]).await.status, 422);
    let sent = cs.post_from(&page, "/payments", &[("provider", "portone"), ("order", "order-untold")]).await;
    assert_eq!(sent.status, 303);
    let payment = scene.until_state("order-untold", "paid").await;
    assert_eq!(payment["events"].as_array().unwrap().len(), 0, "nobody told us");
    assert_eq!(scene.story(&payment).await, ["payment.check_asked", "payment.seen", "payment.verified"]);
    let path = sent.location.unwrap();
    // found by the search, by number and by order
    for q in [payment["id"].as_str().unwrap(), "order-untold"] {
        assert!(cs.get(&format!("/search?q={q}")).await.body.contains(&path), "{q}");
    }
    // whoever may only read sees why, and is refused
    let auditor = scene.desk.sign_in("auditor").await;
    let page = auditor.get(&path).await;
    page.sees("payments:check");
    assert_eq!(page.count("#check"), 0);
    assert_eq!(auditor.post_from(&page, &format!("{path}/check"), &[]).await.status, 403);
    assert_eq!(scene.desk.sign_in("security").await.get(&path).await.status, 403);
    assert_eq!(cs.post(&format!("{path}/check"), &[("csrf", "forged")]).await.status, 403);
    let checker = scene.desk.token("cs").await;
    for id in ["PAY-99999", "PAY-0", "CR-1", "x"] {
        assert_eq!(cs.get(&format!("/payments/{id}")).await.status, 404, "{id}");
        assert_eq!(checker.get(&format!("/api/payments/{id}")).await.0, 404, "{id}");
        assert_eq!(checker.post(&format!("/api/payments/{id}/check"), &json!({})).await.0, 404, "{id}");
    }
    let (status, problem) = checker.post("/api/payments", &json!({"provider": "stripe", "order_id": "a b"})).await;
    assert_eq!((status, problem["errors"].as_array().unwrap().len()), (422, 2), "{problem}");
    assert_eq!(checker.get("/api/payments?state=rich").await.0, 400);
    // an order that the provider does not know is told as such, and given up after a while
    let (_, made) = checker.post("/api/payments", &json!({"provider": "portone", "order_id": "no-such-order"})).await;
    let payment = scene.until("no-such-order", |payment| payment["trouble"]["why"] == "not_found").await;
    assert_eq!(made["id"], payment["id"]);
    assert!(payment["trouble"]["next_ask"].is_string() && payment["amount"].is_null(), "it is asked again for a while: {payment:#}");
    // taken away: who did that is written down, and names stay masked
    let file = cs.get("/payments.csv?state=paid").await;
    assert!(file.body.contains("order-untold") && file.body.contains("주••") && !file.body.contains("한빛소프트"), "{}", file.body);
    assert_eq!(scene.desk.count("list.exported").await, 1);
}

#[tokio::test]
async fn the_list_is_filtered_sorted_and_paged() {
    let scene = Scene::open(1).await;
    let mut owner = scene.desk.owner().await;
    sqlx::raw_sql(
        "alter table payment disable trigger is_recorded;
         insert into payment (provider, provider_id, order_id, state, said_state, amount, balance, asked_at, heard_at)
         select case when n % 2 = 0 then 'portone' else 'toss' end, 'key-' || n, 'order-' || n, case when n % 3 = 0 then 'paid' else 'ready' end, 'X',
           n / 4 * 1000, case when n % 3 = 0 then n / 4 * 1000 else 0 end, now(), now() from generate_series(1, 120) n;
         alter table payment enable trigger is_recorded;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let cs = scene.desk.sign_in("cs").await;
    for sort in ["-created", "created", "amount", "-amount"] {
        let (mut seen, mut path) = (Vec::new(), format!("/payments?sort={sort}"));
        loop {
            let page = cs.get(&path).await;
            seen.extend(page.all("#rows tbody tr", "data-id"));
            match page.all("#next[href]", "href").first() {
                Some(next) => path = next.clone(),
                None => break,
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (120, 120), "{sort}");
    }
    let page = cs.get("/payments?provider=toss&state=paid").await;
    assert_eq!(page.count("#rows tbody tr"), 20);
    assert_eq!(cs.get("/payments?q=order-77").await.count("#rows tbody tr"), 1);
    cs.get("/payments?q=nothing-like-that").await.sees("조건에");
    let (_, first) = scene.cs.get("/api/payments").await;
    let (_, second) = scene.cs.get(&format!("/api/payments?cursor={}", first["next"].as_str().unwrap())).await;
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!(second["items"].as_array().unwrap().len(), 50);
    assert_eq!(scene.cs.get("/api/payments?cursor=zzz").await.0, 400);
}

#[test]
fn configuration_is_whole_or_refused() {
    let read = |pairs: &[(&str, &str)]| {
        let all: Vec<_> =
            [("DATABASE_URL", "postgres://x@y/z")].iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::read(|name| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()), "")
    };
    let none = read(&[]).unwrap().payments;
    assert!(none.portone.is_none() && none.toss.is_none());
    let good = [("COUNTERSIGN_PORTONE_API_SECRET", "hunter2-hunter2"), ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK)];
    let config = read(&good).unwrap();
    assert_eq!(config.payments.portone.as_ref().unwrap().url.as_str(), "https://api.portone.io/");
    assert!(!format!("{config:?}").contains("hunter2") && !format!("{config:?}").contains("Y291"));
    let toss = [("COUNTERSIGN_TOSS_API_SECRET", "live_sk_x"), ("COUNTERSIGN_TOSS_WEBHOOK_SECRET", KEY)];
    assert_eq!(read(&toss).unwrap().payments.toss.unwrap().url.as_str(), "https://api.tosspayments.com/");
    for (pairs, said) in [
        (vec![good[0]], "COUNTERSIGN_PORTONE_WEBHOOK_SECRET is not set"),
        (vec![good[1]], "COUNTERSIGN_PORTONE_API_SECRET is not"),
        (vec![good[0], ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", "whsec_hunter2!")], "is not base64"),
        (vec![good[0], good[1], ("COUNTERSIGN_PORTONE_API_URL", "http://api.example")], "must be https"),
        (vec![toss[0], ("COUNTERSIGN_TOSS_WEBHOOK_SECRET", "short")], "16 characters"),
        (vec![toss[0], ("COUNTERSIGN_TOSS_WEBHOOK_SECRET", "hunter2 with blanks & signs")], "stands in an address"),
        (vec![("COUNTERSIGN_TOSS_API_SECRET", "live hunter2"), toss[1]], "that no header takes"),
        (vec![("COUNTERSIGN_TEST_PAYMENTS", "perhaps")], "COUNTERSIGN_TEST_PAYMENTS"),
    ] {
        let problems = read(&pairs).unwrap_err().to_string();
        assert!(problems.contains(said) && !problems.contains("hunter2"), "{said}: {problems}");
    }
}

/// Somebody who asks has what they ask for in their language; the browser's own tests look at the rest.
#[tokio::test]
async fn the_pages_say_the_same_in_both_languages() {
    let scene = Scene::open(1).await;
    let person: Person = scene.desk.sign_in("approver").await;
    for (lang, title, none) in [("ko", "결제", "아직 알려진 결제가 없습니다."), ("en", "Payments", "No payment is known yet.")]
    {
        let page = person.at(&person.base).in_language(lang).get("/payments").await;
        assert_eq!((page.status, page.find("h1").as_deref()), (200, Some(title)));
        page.sees(none);
    }
}

#[tokio::test]
async fn the_doctor_asks_each_provider_for_a_payment_that_there_is_not() {
    let desk = Desk::open().await;
    let mut till = Till::start(&desk, &[]);
    let ask = async |url: &str, secret: &str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("doctor").env("DATABASE_URL", desk.app_url().await).envs(desk.log().await);
        command
            .env("COUNTERSIGN_PORTONE_API_URL", url)
            .env("COUNTERSIGN_PORTONE_API_SECRET", secret)
            .env("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK);
        command
            .env("COUNTERSIGN_TOSS_API_URL", url)
            .env("COUNTERSIGN_TOSS_API_SECRET", "live_sk_secret")
            .env("COUNTERSIGN_TOSS_WEBHOOK_SECRET", KEY);
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains(KEY) && !said.contains("live_sk"), "{said}");
        (output.status.success(), said)
    };
    let url = till.url.clone();
    let (well, said) = ask(&url, "portone-secret").await;
    assert!(well && said.contains("ok    PortOne: answers, and takes the secret") && said.contains("/hooks/payments/toss"), "{said}");
    let (well, said) = ask(&url, "another-secret").await;
    assert!(!well && said.contains("FAIL  PortOne: refused") && said.contains("ok    Toss Payments"), "{said}");
    till.stop();
    let (well, said) = ask(&url, "portone-secret").await;
    assert!(!well && said.contains("FAIL  PortOne: unreachable"), "{said}");
}
