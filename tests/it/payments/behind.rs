//! Answers that are behind what was told, doubt, money that must not be forgotten, troubles that never end, and replicas that know nobody.
use super::*;
use countersign::payments::FRESH;

async fn money(scene: &Scene, order: &str, expected: i64) -> Found {
    find(&mut scene.desk.app().db.read().await.unwrap(), order, Expected::Exactly(expected)).await.unwrap()
}

#[tokio::test]
async fn an_answer_that_is_behind_what_was_told_is_asked_for_again_without_anybody_telling() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "awaiting_deposit").await;
    scene.till.becomes("order-1", "paid").await;
    scene.till.mode("stale").await;
    scene.tell("evt-1", "order-1").await;
    let payment = scene.until_state("order-1", "awaiting_deposit").await;
    assert_eq!(payment["looks"][0]["remarks"], json!(["state_behind"]));
    assert_eq!(payment["trouble"], Value::Null);
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::NotPaid(_)));
    scene.till.mode("ok").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["events"].as_array().unwrap().len(), scene.desk.count("payment.check_asked").await), (1, 0), "nobody told again");
    assert_eq!(payment["looks"][0]["remarks"], json!([]));
    // an event of long ago that comes now is behind the answer, and asks nothing further
    scene
        .tell_at(scene.desk.base(0), "evt-2", &json!({"type": "Transaction.VirtualAccountIssued", "data": {"paymentId": "order-1"}}))
        .await;
    let end = Instant::now() + Duration::from_secs(10);
    while scene.rows("job").await > 0 {
        assert!(Instant::now() < end, "it asks and asks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_was_contradicted_or_is_old_is_doubtful_and_says_how_old_it_is() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Paid(known) if known.age.unwrap() < chrono::TimeDelta::minutes(1)));
    // what was paid is suddenly another amount
    scene.till.post("/set/order-1", &[("amount", "2000"), ("quiet", "yes")]).await;
    let id = payment["id"].as_str().unwrap();
    let (_, after) = scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await;
    assert_eq!((after["state"].as_str(), after["trouble"]["why"].as_str()), (Some("paid"), Some("contradicts")), "{after:#}");
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Doubtful(_)), "paid, said the answer before the last");
    scene.till.post("/set/order-1", &[("amount", "1000"), ("quiet", "yes")]).await;
    scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await;
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Paid(_)));
    let mut owner = scene.desk.owner().await;
    let hours = FRESH.num_hours() + 1;
    let old = format!(
        "alter table payment disable trigger is_recorded; update payment set asked_at = asked_at - interval '{hours} hours'; alter table payment enable trigger is_recorded"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(old)).execute(&mut owner).await.unwrap();
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Doubtful(known) if known.age.unwrap().num_hours() == hours));
}

#[tokio::test]
async fn money_that_went_is_not_forgotten_behind_a_state_that_nobody_knows() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    let check = async |expected: (&str, Option<&str>)| {
        let id = payment["id"].as_str().unwrap();
        let (_, after) = scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await;
        assert_eq!((after["state"].as_str().unwrap(), after["trouble"]["why"].as_str()), expected, "{after:#}");
    };
    scene.till.post("/set/order-1", &[("state", "partly_cancelled"), ("cancelled", "600"), ("quiet", "yes")]).await;
    check(("partly_cancelled", None)).await;
    scene.till.mode("new-state").await;
    check(("unknown", Some("unknown_state"))).await;
    scene.till.mode("ok").await;
    scene.till.post("/set/order-1", &[("state", "paid"), ("cancelled", "0"), ("quiet", "yes")]).await;
    check(("unknown", Some("contradicts"))).await;
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Doubtful(_)));
    scene.till.post("/set/order-1", &[("state", "partly_cancelled"), ("cancelled", "600"), ("quiet", "yes")]).await;
    check(("partly_cancelled", None)).await;
    assert!(matches!(money(&scene, "order-1", 1_000).await, Found::Short(_)));
}

#[tokio::test]
async fn a_trouble_that_never_ends_can_be_acknowledged_until_another_one_comes() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.till.mode("test").await;
    scene.tell("evt-1", "order-1").await;
    let payment = scene.until("order-1", |payment| payment["trouble"]["why"] == "test_payment").await;
    let path = format!("/payments/{}", payment["id"].as_str().unwrap());
    let cs = scene.desk.sign_in("cs").await;
    let page = cs.get(&path).await;
    page.sees("자동으로 다시 조회하지 않습니다.");
    let send = format!("{path}/acknowledge");
    let short = cs.post_from(&page, &send, &[("trouble", "test_payment"), ("reason", "알아요")]).await;
    assert_eq!((short.status, short.find("#acknowledge-reason")), (422, Some("알아요".into())), "what was typed is kept");
    short.sees("사유를 10자 이상 입력하세요.");
    let why = "고객사가 시험 삼아 결제한 건입니다. 실결제를 다시 받습니다.";
    assert_eq!(cs.post_from(&page, &send, &[("trouble", "timeout"), ("reason", why)]).await.status, 412, "another trouble than was seen");
    assert_eq!(
        scene.desk.sign_in("auditor").await.post_from(&page, &send, &[("trouble", "test_payment"), ("reason", why)]).await.status,
        403
    );
    assert_eq!(cs.post_from(&page, &send, &[("trouble", "test_payment"), ("reason", why)]).await.status, 303);
    cs.get(&path).await.sees(why).sees("알고 있다고 남겼습니다.");
    let (status, problem) = scene.cs.post(&format!("/api{path}/acknowledge"), &json!({"trouble": "test_payment", "reason": why})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("payment-acknowledged-already")), "{problem}");
    let troubled = async || scene.cs.get("/api/payments?trouble=yes").await.1["items"].as_array().unwrap().len();
    assert_eq!(troubled().await, 0);
    assert_eq!(scene.story(&payment).await.last().map(String::as_str), Some("payment.trouble_acknowledged"));
    // the same again is nothing new; something else is
    scene.cs.post(&format!("/api{path}/check"), &json!({})).await;
    assert_eq!(troubled().await, 0);
    scene.till.mode("wrong-currency").await;
    let (_, after) = scene.cs.post(&format!("/api{path}/check"), &json!({})).await;
    assert_eq!((troubled().await, &after["trouble"]["acknowledged"]), (1, &Value::Null), "{after:#}");
    assert!(!matches!(money(&scene, "order-1", 1_000).await, Found::Paid(_)), "known is not paid");
}

#[tokio::test]
async fn a_replica_without_the_secrets_leaves_the_look_to_one_that_has_them() {
    let mut desk = Desk::closed().await;
    let till = Till::start(&desk, &[]);
    desk.start_replica(&till.configure()).await;
    let cs = desk.token("cs").await;
    let mut scene = Scene { desk, till, cs };
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.till.mode("fail").await;
    scene.tell("evt-1", "order-1").await;
    scene.until("order-1", |payment| payment["trouble"]["why"] == "broken").await;
    // those who know the provider are gone; one that does not is there, with the job due
    scene.desk.stop_all().await;
    scene.till.mode("ok").await;
    scene.desk.start_replica(&|_| {}).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(scene.rows("job").await, 1, "it is not its to throw away");
    scene.desk.start_replica(&scene.till.configure()).await;
    scene.cs.base = scene.desk.base(0).to_owned();
    scene.until_state("order-1", "paid").await;
}

#[tokio::test]
async fn another_try_at_an_order_is_another_payment_and_a_deposit_is_asked_for_by_its_order() {
    let scene = Scene::open(1).await;
    let (base, key) = (scene.desk.base(0), format!("?key={KEY}"));
    let raw =
        || reqwest::Client::new().get(format!("{}/v1/payments/orders/order-1", scene.till.url)).basic_auth("live_sk_secret", Some(""));
    scene.till.make("toss", "order-1", 1_000, "failed").await;
    let first = answer(raw()).await.1;
    let changed = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000000", "data": first});
    assert_eq!(answer(toss(base, &key, "one", &changed)).await.0, 200);
    scene.until_state("order-1", "failed").await;
    // the customer tries again: the same order, another key, and the event of its deposit comes first
    scene.till.make("toss", "order-1", 1_000, "paid").await;
    let second = answer(raw()).await.1;
    assert_ne!(first["paymentKey"], second["paymentKey"]);
    let deposit = json!({"createdAt": "2026-09-21T22:43:20.000000", "secret": second["secret"], "orderId": "order-1", "status": "DONE", "transactionKey": "9FF1"});
    assert_eq!(answer(toss(base, &key, "two", &deposit)).await.0, 200);
    let end = Instant::now() + Duration::from_secs(15);
    while !matches!(money(&scene, "order-1", 1_000).await, Found::Paid(_)) {
        assert!(Instant::now() < end, "the money of the second try was never found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scene.rows("payment").await, 2);
}

#[tokio::test]
async fn a_payment_that_is_written_past_the_portal_is_found() {
    let scene = Scene::open(1).await;
    for (n, order) in ["order-1", "order-2", "order-3"].iter().enumerate() {
        scene.till.make("portone", order, 1_000, "paid").await;
        scene.tell(&format!("evt-{n}"), order).await;
        scene.until_state(order, "paid").await;
    }
    let mut owner = scene.desk.owner().await;
    let found = async || countersign::payments::overwritten(&mut scene.desk.owner().await).await.unwrap();
    assert_eq!(found().await, Vec::<String>::new());
    let past = async |owner: &mut sqlx::PgConnection, what: &str| {
        let sql = format!("alter table payment disable trigger is_recorded; {what}; alter table payment enable trigger is_recorded");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(owner).await.unwrap();
    };
    past(&mut owner, "update payment set amount = 9000, balance = 9000, once_paid = 9000, least_left = 9000 where order_id = 'order-1'")
        .await;
    past(&mut owner, "update payment set order_id = 'order-9' where order_id = 'order-2'").await;
    past(&mut owner, "insert into payment (provider, provider_id, order_id, state, amount, balance, asked_at, heard_at) values ('toss', 'k', 'order-5', 'paid', 5, 5, now(), now())").await;
    let ids: Vec<String> =
        sqlx::query_scalar("select 'PAY-' || id from payment where order_id in ('order-1', 'order-9', 'order-5') order by id")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert_eq!(found().await, ids);
}

#[tokio::test]
async fn a_404_that_is_not_the_providers_is_no_missing_payment_and_what_does_not_say_whether_it_is_real_is_no_money() {
    let scene = Scene::open(1).await;
    for (mode, outcome) in [("not-here", "unreadable"), ("no-channel", "unlabelled")] {
        let order = format!("order-{mode}");
        scene.till.make("portone", &order, 1_000, "paid").await;
        scene.till.mode(mode).await;
        scene.tell(&format!("evt-{mode}"), &order).await;
        let payment = scene.until(&order, |payment| !payment["trouble"].is_null()).await;
        assert_eq!(payment["trouble"]["why"].as_str(), Some(outcome), "{payment:#}");
        assert!(matches!(money(&scene, &order, 1_000).await, Found::Unseen(_)));
    }
    scene.till.make("portone", "order-ready", 1_000, "ready").await;
    scene.tell("evt-ready", "order-ready").await;
    let payment = scene.until_state("order-ready", "ready").await;
    assert_eq!(payment["trouble"], Value::Null, "nobody has chosen how to pay, so there is no channel yet");
}
