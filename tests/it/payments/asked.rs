//! What they answer: late, wrong, or not at all, and what becomes of that.
use super::*;

#[tokio::test]
async fn what_is_new_is_tolerated_and_what_is_not_understood_is_not_money() {
    let scene = Scene::open(1).await;
    // about no payment at all: written down, and nothing to do
    let other = json!({"type": "BillingKey.Issued", "timestamp": "2026-09-21T13:33:20Z", "data": {"storeId": "s", "billingKey": "b"}});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-0", &other).await.0, 200);
    assert_eq!((scene.rows("inbound_event").await, scene.rows("payment").await, scene.rows("job").await), (1, 0, 0));
    // a kind of event that nobody has heard of
    scene.till.make("portone", "order-1", 5_000, "paid").await;
    scene.till.mode("new-state").await;
    let body = json!({"type": "Transaction.HeldForReview", "data": {"paymentId": "order-1", "score": {"deep": [{}]}}, "extension": 1});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-1", &body).await.0, 200);
    let payment = scene.until_state("order-1", "unknown").await;
    assert_eq!((payment["said_state"].as_str(), payment["trouble"]["why"].as_str()), (Some("HELD_FOR_REVIEW"), Some("unknown_state")));
    let found = find(&mut scene.desk.app().db.read().await.unwrap(), "order-1", Expected::AtLeast(1)).await.unwrap();
    assert!(matches!(found, Found::Doubtful(_)), "{found:?}");
    scene.till.mode("ok").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!(payment["trouble"], Value::Null);
}

#[tokio::test]
async fn events_in_any_order_leave_what_is_so_and_an_old_answer_takes_nothing_back() {
    let scene = Scene::open(2).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    scene.until_state("order-1", "paid").await;
    scene.till.becomes("order-1", "cancelled").await;
    // the cancellation is told first, the payment afterwards, and another time
    let cancelled = json!({"type": "Transaction.Cancelled", "data": {"paymentId": "order-1", "cancellationId": "c"}});
    scene.tell_at(scene.desk.base(1), "evt-3", &cancelled).await;
    scene.until_state("order-1", "cancelled").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_looks("order-1", 3).await;
    assert_eq!((payment["state"].as_str(), payment["balance"].as_i64()), (Some("cancelled"), Some(0)));
    // a copy at the provider that is behind
    scene.till.mode("stale").await;
    scene.tell("evt-4", "order-1").await;
    let payment = scene.until_looks("order-1", 4).await;
    assert_eq!((payment["state"].as_str(), payment["looks"][0]["outcome"].as_str()), (Some("cancelled"), Some("older")));
    assert_eq!(payment["trouble"]["why"], "older");
    // it catches up, and so do we, without anybody telling us
    scene.till.mode("ok").await;
    let payment = scene.until("order-1", |payment| payment["trouble"].is_null()).await;
    assert_eq!(payment["state"], "cancelled");
    // Toss does not say when something changed last: what cannot have become of it is not taken
    scene.till.make("toss", "order-2", 2_000, "paid").await;
    let (_, made) = scene.cs.post("/api/payments", &json!({"provider": "toss", "order_id": "order-2"})).await;
    assert!(made["id"].as_str().unwrap().starts_with("PAY-"), "{made}");
    scene.until_state("order-2", "paid").await;
    scene.till.becomes("order-2", "cancelled").await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await.1["state"], "cancelled");
    scene.till.mode("stale").await;
    let (status, after) = scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await;
    assert_eq!(
        (status, after["state"].as_str(), after["looks"][0]["outcome"].as_str()),
        (200, Some("cancelled"), Some("contradicts")),
        "{after:#}"
    );
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_way_of_not_answering_is_told_with_what_to_do_and_checking_again_mends_it() {
    let scene = Scene::open(1).await;
    let cs = scene.desk.sign_in("cs").await;
    let ways = [
        ("fail", "broken", "결제사에 장애가 있습니다", "out of order"),
        ("reset", "unreachable", "연결하지 못했습니다", "could not be reached"),
        ("cut", "unreachable", "연결하지 못했습니다", "could not be reached"),
        ("garbage", "unreadable", "답변을 읽을 수 없습니다", "cannot be read"),
        ("new-shape", "unreadable", "답변을 읽을 수 없습니다", "cannot be read"),
        ("refuse", "refused", "인증을 거부했습니다", "refused our key"),
        ("forget", "not_found", "결제사에 없는 결제입니다", "no such payment"),
        ("throttle", "throttled", "조회 한도를 넘었습니다", "asked too often"),
        ("redirect", "broken", "결제사에 장애가 있습니다", "out of order"),
        ("wrong-id", "wrong_id", "다른 결제에 대한 답변입니다", "about another payment"),
        ("wrong-currency", "wrong_currency", "원화 결제가 아닙니다", "not in won"),
        ("test", "test_payment", "테스트 결제입니다", "is a test"),
    ];
    for (mode, outcome, korean, english) in ways {
        let order = format!("order-{mode}");
        scene.till.make("portone", &order, 1_000, "paid").await;
        scene.till.mode(mode).await;
        scene.tell(&format!("evt-{mode}"), &order).await;
        let payment = scene.until(&order, |payment| !payment["trouble"].is_null()).await;
        assert_eq!((payment["state"].as_str(), payment["trouble"]["why"].as_str()), (Some("heard"), Some(outcome)), "{mode}: {payment:#}");
        assert_eq!(payment["amount"], Value::Null, "{mode}");
        let detail = payment["looks"][0]["detail"].as_str().unwrap();
        assert!(!detail.contains("127.0.0.1") && !detail.contains("secret") && !detail.contains("한빛"), "{mode}: {detail}");
        let path = format!("/payments/{}", payment["id"].as_str().unwrap());
        let page = cs.get(&path).await;
        page.sees(korean);
        assert!(page.count("#trouble") == 1 && !page.texts("#trouble p")[0].is_empty(), "{mode}");
        cs.at(&cs.base).in_language("en").get(&path).await.sees(english);
        scene.till.mode("ok").await;
        let checked = cs.post_from(&page, &format!("{path}/check"), &[]).await;
        assert_eq!((checked.status, checked.location.as_deref()), (303, Some(path.as_str())), "{mode}");
        let payment = scene.until_state(&order, "paid").await;
        assert_eq!(payment["trouble"], Value::Null, "{mode}");
        let story = scene.story(&payment).await;
        assert!(story.contains(&"payment.looked".into()) && story.contains(&"payment.check_asked".into()), "{mode}: {story:?}");
        assert_eq!(story.iter().filter(|kind| *kind == "payment.verified").count(), 1, "{mode}: {story:?}");
    }
    let (_, troubled) = scene.cs.get("/api/payments?trouble=yes").await;
    assert_eq!(troubled["items"].as_array().unwrap().len(), 0);
    assert_eq!(scene.cs.get("/api/payments?trouble=no").await.1["items"].as_array().unwrap().len(), ways.len());
}

#[tokio::test]
async fn a_provider_that_is_out_of_order_slow_or_gone_is_caught_up_with() {
    let mut scene = Scene::open(1).await;
    scene.till.make("portone", "order-500", 1_000, "paid").await;
    scene.till.mode("fail").await;
    scene.tell("evt-1", "order-500").await;
    let payment = scene.until_looks("order-500", 2).await;
    assert_eq!(payment["looks"][0]["http_status"], 500);
    let figures = measures::scrape(&scene.desk, 0).await;
    assert_eq!(figures[r#"countersign_payment_troubled{outcome="broken",provider="portone"}"#], 1.0);
    scene.till.mode("slow").await;
    let payment = scene.until_state("order-500", "paid").await;
    let took = |look: &Value| {
        let at = |name: &str| look[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        at("answered_at") - at("asked_at")
    };
    assert!(took(&payment["looks"][0]) >= chrono::TimeDelta::seconds(3), "{payment:#}");
    scene.till.mode("ok").await;
    scene.till.make("portone", "order-gone", 2_000, "paid").await;
    scene.till.stop();
    scene.tell("evt-2", "order-gone").await;
    let payment = scene.until_looks("order-gone", 2).await;
    assert_eq!(payment["trouble"]["why"], "unreachable");
    // meanwhile another replica takes the place of the first
    scene.desk.stop_all().await;
    scene.desk.start_replica(&scene.till.configure()).await;
    scene.cs.base = scene.desk.base(0).to_owned();
    scene.till.start_again();
    let payment = scene.until_state("order-gone", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["events"].as_array().unwrap().len()), (Some(2_000), 1));
}

#[tokio::test]
async fn a_provider_that_hangs_does_not_hold_up_what_was_approved() {
    let scene = Scene::open(1).await;
    scene.till.mode("hang").await;
    for n in 0..8 {
        scene.till.make("portone", &format!("order-{n}"), 1_000, "paid").await;
        scene.tell(&format!("evt-{n}"), &format!("order-{n}")).await;
    }
    let end = Instant::now() + Duration::from_secs(10);
    while scene.till.asked().await < 2 {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (ops, approver) = (scene.desk.token("ops").await, scene.desk.token("approver").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    let began = Instant::now();
    approver.vote(id, "approve", None).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await.1["state"], "succeeded");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let payment = scene.until("order-0", |payment| payment["trouble"]["why"] == "timeout").await;
    assert_eq!(payment["state"], "heard");
}

/// A replica is killed at each point between an event and what came of it; another one goes on.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn killed_anywhere_between_being_told_and_knowing() {
    for point in ["payments.receiving", "payments.received", "payments.hidden", "payments.answered", "payments.recorded"] {
        let mut desk = Desk::with(1, |_| {}).await;
        let cs = desk.token("cs").await;
        desk.stop_all().await;
        let till = Till::start(&desk, &[]);
        till.make("portone", "order-1", 1_000, "paid").await;
        let environment = [
            ("COUNTERSIGN_PORTONE_API_URL", till.url.as_str()),
            ("COUNTERSIGN_PORTONE_API_SECRET", "portone-secret"),
            ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK),
        ];
        let trap = format!("{point}=return");
        let mut doomed = crate::process::Process::start(&desk, &[], &[&environment[..], &[("FAILPOINTS", trap.as_str())]].concat()).await;
        let body = about("order-1").to_string();
        let told = signed(&doomed.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await;
        assert_eq!(told.is_ok_and(|answer| answer.status() == 200), !point.starts_with("payments.receiv"), "{point}");
        assert!(doomed.ended(Duration::from_secs(20)).await.is_some(), "{point} was never reached");
        let other = crate::process::Process::start(&desk, &[], &environment).await;
        if point == "payments.receiving" {
            // nobody answered, so it is told again
            let again = signed(&other.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await.unwrap();
            assert_eq!(again.json::<Value>().await.unwrap(), json!({"received": true, "known": false}), "{point}");
        } else {
            let again = signed(&other.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await.unwrap();
            assert_eq!(again.json::<Value>().await.unwrap()["known"], true, "{point}");
        }
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let (_, list) = answer(cs.http.get(format!("{}/api/payments?q=order-1", other.base)).bearer_auth(&cs.secret)).await;
            if list["items"][0]["state"] == "paid" {
                break;
            }
            assert!(Instant::now() < end, "{point}: {list}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!((desk.count("payment.event_received").await, desk.count("payment.verified").await), (1, 1), "{point}");
        assert_eq!(desk.broken_invariants().await, Vec::<String>::new(), "{point}");
        drop(other);
    }
}

#[tokio::test]
async fn nobody_rewrites_what_was_told_or_said() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    scene.until_state("order-1", "paid").await;
    let mut app = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.desk.app_url().await).await.unwrap();
    let mut owner = scene.desk.owner().await;
    for (statement, as_app, as_owner) in [
        ("update payment_attempt set outcome = 'unchanged'", "42501", "55000"),
        ("delete from payment_attempt", "42501", "55000"),
        ("update inbound_event set kind = 'x'", "42501", "55000"),
        ("delete from inbound_event", "42501", "55000"),
        ("delete from payment", "42501", "23503"),
        ("update payment set heard_at = now()", "42501", "CS001"),
        ("update payment set amount = 2000, balance = 2000", "CS001", "CS001"),
        ("update payment set balance = 2000", "23514", "23514"),
        ("update payment set state = 'ready'", "23514", "23514"),
    ] {
        for (conn, expected) in [(&mut app, as_app), (&mut owner, as_owner)] {
            let refused = sqlx::query(statement).execute(conn).await.unwrap_err();
            assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some(expected), "{statement}: {refused}");
        }
    }
    let mut auditor = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.desk.url_as("countersign_auditor").await).await.unwrap();
    assert!(sqlx::query("select payer from payment").fetch_all(&mut auditor).await.is_err(), "whoever looks with psql sees no names");
    assert!(sqlx::query("select amount from payment").fetch_all(&mut auditor).await.is_ok());
}
