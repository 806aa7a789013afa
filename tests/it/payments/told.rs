//! What providers tell: taken once, verified, and a reason to ask.
use super::*;

#[tokio::test]
async fn what_a_provider_tells_is_asked_for_and_then_believed() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 3_158_546, "awaiting_deposit").await;
    assert_eq!(scene.tell("evt-1", "order-1").await, (200, json!({"received": true, "known": false})));
    let payment = scene.until_state("order-1", "awaiting_deposit").await;
    assert_eq!((payment["amount"].as_i64(), payment["balance"].as_i64()), (Some(3_158_546), Some(0)));
    scene.till.becomes("order-1", "paid").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["balance"].as_i64()), (Some(3_158_546), Some(3_158_546)));
    assert_eq!((payment["payer"].as_str(), payment["said_state"].as_str()), (Some("주식회사 한빛소프트"), Some("PAID")));
    let story = ["payment.event_received", "payment.seen", "payment.event_received", "payment.verified"];
    assert_eq!(scene.story(&payment).await, story);
    // names stand in the payment and nowhere else
    let (_, list) = scene.cs.get("/api/payments").await;
    assert_eq!(list["items"][0]["payer"], "주••");
    let told: i64 = sqlx::query_scalar("select count(*) from ledger.event e left join ledger.detail d using (event_id) where convert_from(e.leaf, 'UTF8') like '%한빛소프트%' or d.data::text like '%한빛소프트%' and e.kind like 'payment.%'")
        .fetch_one(&mut scene.desk.owner().await).await.unwrap();
    assert_eq!(told, 0);
    let page = scene.desk.sign_in("cs").await.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await;
    page.sees("결제 완료").sees("₩3,158,546").sees("주식회사 한빛소프트").sees("evt-2").sees("처음 조회했습니다").sees("바뀌었습니다");
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
    // as onboarding asks
    let found = |order: &'static str, expected| {
        let db = scene.desk.app().db.clone();
        async move { find(&mut db.read().await.unwrap(), order, expected).await.unwrap() }
    };
    assert!(
        matches!(found("order-1", Expected::Exactly(3_158_546)).await, Found::Paid(known) if known.payment.amount == Some(3_158_546) && known.payment.names_somebody())
    );
    assert!(matches!(found("order-1", Expected::AtLeast(3_158_547)).await, Found::Short(_)));
    assert!(matches!(found("order-1", Expected::Exactly(1)).await, Found::Over(_)));
    assert!(matches!(found("order-2", Expected::AtLeast(1)).await, Found::Nothing));
    let figures = measures::scrape(&scene.desk, 0).await;
    assert_eq!(figures[r#"countersign_payment_events_total{outcome="taken",provider="portone"}"#], 2.0);
    assert_eq!(figures[r#"countersign_payment_looks_total{outcome="seen",provider="portone"}"#], 1.0);
    assert_eq!(figures[r#"countersign_payment_look_seconds_count{provider="portone"}"#], 2.0);
    assert_eq!(figures["countersign_payment_trouble_oldest_seconds"], 0.0);
}

#[tokio::test]
async fn an_event_counts_once_however_often_and_wherever_it_comes() {
    let scene = Scene::open(2).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    let bodies = about("order-1");
    let sent = (0..20).map(|n| scene.tell_at(scene.desk.base(n % 2), "evt-1", &bodies));
    let answers = futures::future::join_all(sent).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, body)| body["known"] == false).count(), 1, "{answers:?}");
    let payment = scene.until_state("order-1", "paid").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(scene.story(&payment).await, ["payment.event_received", "payment.seen", "payment.verified"]);
    assert_eq!((scene.rows("inbound_event").await, scene.rows("payment").await, scene.till.asked().await), (1, 1, 1));
    // many events at once about one payment are few questions: an answer to a later question is an answer to all before it. All come
    // while the first few questions, two at each replica, have no answer yet
    scene.till.mode("slow").await;
    let sent = (0..30).map(|n| {
        let (scene, bodies) = (&scene, &bodies);
        async move { scene.tell_at(scene.desk.base(n % 2), &format!("more-{n}"), bodies).await.0 }
    });
    assert_eq!(futures::future::join_all(sent).await, [200; 30]);
    let end = Instant::now() + Duration::from_secs(40);
    while scene.rows("job").await > 0 {
        assert!(Instant::now() < end, "jobs are left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(scene.rows("inbound_event").await, 31);
    let asked = scene.till.asked().await - 1;
    assert!((1..=10).contains(&asked), "{asked} questions for 30 events");
    assert_eq!(scene.desk.count("payment.verified").await, 1);
}

#[tokio::test]
async fn what_does_not_come_from_the_provider_is_refused_and_leaves_nothing() {
    let scene = Scene::open(1).await;
    let (base, now, body) = (scene.desk.base(0), chrono::Utc::now().timestamp(), about("order-1").to_string());
    let good = Webhook::new(WEBHOOK).unwrap().sign("evt", now, body.as_bytes()).unwrap();
    let client = reqwest::Client::new();
    let refused = [
        signed(base, OTHER, "evt", now, &body),
        posted(base, "evt", now, "", &body),
        posted(base, "evt", now, &good.replace("v1,", "v1a,"), &body),
        posted(base, "other", now, &good, &body),
        posted(base, "evt", now + 1, &good, &body),
        posted(base, "evt", now, &good, &body.replace("order-1", "order-2")),
        signed(base, WEBHOOK, "evt", now - 301, &body),
        signed(base, WEBHOOK, "evt", now + 330, &body),
        client.post(format!("{base}/hooks/payments/portone")).body(body.clone()),
        toss(base, "", "t", &json!({"data": {"paymentKey": "k"}})),
        toss(base, "?key=wrong-key-of-some-length", "t", &json!({"data": {"paymentKey": "k"}})),
    ];
    let count = refused.len();
    for (n, request) in refused.into_iter().enumerate() {
        let (status, problem) = answer(request).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("unsigned")), "{n}: {problem}");
    }
    // signed, and still no event
    let (status, problem) = answer(signed(base, WEBHOOK, "evt", now, "{\"half\":")).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("malformed")));
    let large = json!({"data": {"paymentId": "x"}, "padding": "가".repeat(7_000)}).to_string();
    assert_eq!(answer(signed(base, WEBHOOK, "evt", now, &large)).await.0, 413);
    let chunks = futures::stream::iter((0..30).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000])));
    let unsaid = client.post(format!("{base}/hooks/payments/portone")).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(answer(unsaid).await.0, 413, "also where it does not say how long it is");
    // one who knows the key may send a payment with all that was given back of it, and nobody else
    let long = |bytes: usize| json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"status": "DONE"}, "padding": "x".repeat(bytes)});
    assert_eq!(answer(toss(base, "", "long", &long(30_000))).await.0, 413);
    assert_eq!(answer(toss(base, &format!("?key={KEY}"), "too-long", &long(256 * 1024))).await.0, 413);
    for (method, path, expected) in
        [("POST", "/hooks/payments/stripe", 404), ("POST", "/hooks/payments/", 404), ("GET", "/hooks/payments/portone", 404)]
    {
        let request = client.request(method.parse().unwrap(), format!("{base}{path}")).body(body.clone());
        assert_eq!(answer(request).await.0, expected, "{method} {path}");
    }
    assert_eq!((scene.rows("payment").await, scene.rows("inbound_event").await, scene.till.asked().await), (0, 0, 0));
    assert_eq!(answer(toss(base, &format!("?key={KEY}"), "long", &long(200_000))).await.0, 200);
    // an id that nothing can be asked for leads nowhere, and that is counted
    let unsound = json!({"type": "Transaction.Paid", "data": {"paymentId": "../../secrets"}});
    assert_eq!(scene.tell_at(base, "evt-unsound", &unsound).await.0, 200);
    assert_eq!((scene.rows("payment").await, scene.rows("inbound_event").await), (0, 2));
    let figures = measures::scrape(&scene.desk, 0).await;
    let of = |provider: &str, outcome: &str| {
        figures[&format!(r#"countersign_payment_events_total{{outcome="{outcome}",provider="{provider}"}}"#)]
    };
    assert_eq!(of("portone", "unsigned") + of("toss", "unsigned"), count as f64);
    assert_eq!((of("portone", "malformed"), of("portone", "oversize"), of("toss", "oversize")), (1.0, 2.0, 2.0));
    assert_eq!((of("portone", "unsound"), of("toss", "unsound")), (1.0, 0.0));
    // what is not configured is not there
    let other = Desk::open().await;
    assert_eq!(answer(signed(other.base(0), WEBHOOK, "evt", now, &body)).await.0, 404);
    let page = other.sign_in("cs").await.get("/payments").await;
    page.sees("설정된 결제사가 없어");
    assert_eq!(page.count("#look-up-form"), 0);
}

#[tokio::test]
async fn secrets_can_be_rotated_from_either_side() {
    let mut desk = Desk::closed().await;
    let till = Till::start(&desk, &[]);
    let both = countersign::payments::signature::Secrets::read(&format!("{WEBHOOK} {OTHER}")).unwrap();
    let configure = till.configure();
    desk.start_replica(&|config| {
        configure(config);
        config.payments.portone.as_mut().unwrap().webhook = both.clone();
    })
    .await;
    let (now, body) = (chrono::Utc::now().timestamp(), about("order-1").to_string());
    for (n, secret) in [WEBHOOK, OTHER].into_iter().enumerate() {
        assert_eq!(answer(signed(desk.base(0), secret, &format!("evt-{n}"), now, &body)).await.0, 200);
    }
    let foreign = "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LTAwMDE=";
    let sign = |secret: &str| Webhook::new(secret).unwrap().sign("evt-2", now, body.as_bytes()).unwrap();
    let two = format!("{} {}", sign(foreign), sign(OTHER));
    assert_eq!(answer(posted(desk.base(0), "evt-2", now, &two, &body)).await.0, 200);
    assert_eq!(answer(posted(desk.base(0), "evt-3", now, &sign(foreign), &body)).await.0, 401);
}

#[tokio::test]
async fn a_body_that_lies_about_the_amount_changes_nothing_and_is_shown() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    let mut body = about("order-1");
    body["data"]["amount"] = json!({"total": 999_000});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-1", &body).await.0, 200);
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["looks"][0]["remarks"][0].as_str()), (Some(1_000), Some("amount_differs")));
    assert_eq!(payment["events"][0]["claimed_amount"], 999_000);
    let page = scene.desk.sign_in("auditor").await.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await;
    page.sees("알림이 주장한 금액이 결제사의 답변과 다릅니다.").sees("알림의 주장: ₩999,000");
}

#[tokio::test]
async fn toss_is_heard_with_the_key_of_our_own_and_asked_by_name_or_by_order() {
    let scene = Scene::open(1).await;
    let (base, key) = (scene.desk.base(0), format!("?key={KEY}"));
    scene.till.make("toss", "order-1", 13_200_000, "awaiting_deposit").await;
    let raw = reqwest::Client::new().get(format!("{}/v1/payments/orders/order-1", scene.till.url)).basic_auth("live_sk_secret", Some(""));
    let (_, theirs) = answer(raw).await;
    // a deposit of which nobody knows the name yet
    scene.till.becomes("order-1", "paid").await;
    let deposit = json!({"createdAt": "2026-09-21T22:33:20.000000", "secret": theirs["secret"], "orderId": "order-1", "status": "DONE", "transactionKey": "9FF1"});
    assert_eq!(answer(toss(base, &key, "whtrans-1", &deposit)).await.0, 200);
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["provider_id"].clone(), payment["said_state"].as_str()), (theirs["paymentKey"].clone(), Some("DONE")));
    assert_eq!(payment["looks"][0]["remarks"], json!([]));
    // the other event of the same, by name: the same payment
    let changed = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000000", "data": theirs});
    assert_eq!(answer(toss(base, &key, "whtrans-2", &changed)).await.0, 200);
    assert_eq!(answer(toss(base, &key, "whtrans-2", &changed)).await.1["known"], true);
    let payment = scene.until_looks("order-1", 2).await;
    assert_eq!((scene.rows("payment").await, payment["events"].as_array().unwrap().len()), (1, 2));
    // a deposit that bears a secret of somebody else's invention is no deposit, and the look says so
    let mut forged = deposit.clone();
    forged["secret"] = json!("ps_guessed");
    assert_eq!(answer(toss(base, &key, "whtrans-3", &forged)).await.0, 200);
    let payment = scene.until_looks("order-1", 3).await;
    assert_eq!(payment["looks"][0]["remarks"], json!(["secret_differs"]));
    // both events of a payment nobody knew, at once and in either order
    for (order, first) in [("order-2", 0), ("order-3", 1)] {
        scene.till.make("toss", order, 1_000, "paid").await;
        let raw =
            reqwest::Client::new().get(format!("{}/v1/payments/orders/{order}", scene.till.url)).basic_auth("live_sk_secret", Some(""));
        let (_, theirs) = answer(raw).await;
        let events = [
            json!({"createdAt": "2026-09-21T22:33:20.000", "secret": theirs["secret"], "orderId": order, "status": "DONE", "transactionKey": "9FF2"}),
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000", "data": {"paymentKey": theirs["paymentKey"], "orderId": order, "status": "DONE"}}),
        ];
        for n in [first, 1 - first] {
            assert_eq!(answer(toss(base, &key, &format!("{order}-{n}"), &events[n])).await.0, 200);
        }
        // both were looked into, or one of them was known to be answered
        let end = Instant::now() + Duration::from_secs(20);
        while scene.rows("job").await > 0 {
            assert!(Instant::now() < end, "{order}: jobs are left");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let payment = scene.until_state(order, "paid").await;
        assert_eq!((payment["events"].as_array().unwrap().len(), &payment["trouble"]), (2, &Value::Null), "{payment:#}");
        assert_eq!(payment["provider_id"], theirs["paymentKey"], "{payment:#}");
    }
    assert_eq!(scene.rows("payment").await, 3);
    // the key is in no log and in no event
    let told: i64 = sqlx::query_scalar("select count(*) from ledger.event where convert_from(leaf, 'UTF8') like '%' || $1 || '%'")
        .bind(KEY)
        .fetch_one(&mut scene.desk.owner().await)
        .await
        .unwrap();
    assert_eq!(told, 0);
}

/// What the demo does: the till tells by itself, and tells again until it is taken.
#[tokio::test]
async fn the_till_tells_by_itself_until_it_is_heard() {
    let mut desk = Desk::closed().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let till = Till::start(&desk, &[&format!("http://127.0.0.1:{port}")]);
    let fields = [("provider", "toss"), ("order", "order-1"), ("amount", "528000"), ("payer", "김하늘"), ("state", "awaiting_deposit")];
    till.post("/make", &fields).await;
    // nobody listens yet
    tokio::time::sleep(Duration::from_millis(300)).await;
    desk.start_replica_on(port, &till.configure()).await;
    let cs = desk.token("cs").await;
    let scene = Scene { desk, till, cs };
    scene.until_state("order-1", "awaiting_deposit").await;
    scene.till.post("/set/order-1", &[("state", "paid")]).await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!(scene.rows("payment").await, 1, "{payment:#}");
    scene.till.post("/tell/order-1", &[("lies", "yes")]).await;
    scene.until("order-1", |payment| payment["looks"][0]["remarks"] == json!(["amount_differs"])).await;
}
