//! The payment step of an onboarding: what providers say of its order, first failing and then paid; asked again, doubted, and by hand.
use super::*;
use countersign::tenants::registration;

/// An onboarding whose contract is confirmed already.
async fn at_payment(scene: &Scene, slug: &str, nine: u32, expected: i64) -> String {
    if scene.cs.get("/api/catalog/plans/pro-v3").await.0 == 404 {
        crate::onboarding::sells(&scene.desk).await;
    }
    let sold = json!({
        "biz_reg_no": registration::shown(&registration::completed(nine)), "company": format!("시험고객{nine}"), "slug": slug, "plan": "pro-v3",
        "ai_services": ["kms"], "contract_number": "HB-2026-0001", "expected_amount": expected, "contact_name": "김하늘",
        "contact_email": "sky@customer.example",
    });
    let (status, onboarding) = scene.cs.post("/api/onboarding", &sold).await;
    assert_eq!(status, 201, "{onboarding}");
    let id = onboarding["id"].as_str().unwrap().to_owned();
    let sha256 = format!("{:064x}", uuid::Uuid::now_v7().as_u128());
    let (status, now) = scene
        .cs
        .post(&format!("/api/onboarding/{id}/contract/evidence"), &json!({"contract_number": "HB-2026-0001", "sha256": sha256}))
        .await;
    assert_eq!(status, 200, "{now}");
    assert_eq!(decide(scene, &id, "contract", &now, "pass", "").await.0, 200);
    id
}

fn step<'a>(onboarding: &'a Value, kind: &str) -> &'a Value {
    onboarding["tasks"].as_array().unwrap().iter().find(|t| t["kind"] == kind).unwrap()
}

/// What providers say of it, as the automatic checks have it.
fn said(onboarding: &Value) -> &Value {
    let checks = step(onboarding, "payment")["checks"].as_array().unwrap();
    checks.iter().find(|c| c["code"].as_str().unwrap().starts_with("payment-provider")).unwrap()
}

async fn decide(scene: &Scene, id: &str, kind: &str, now: &Value, decision: &str, reason: &str) -> (u16, Value) {
    let body = json!({"decision": decision, "seen": step(now, kind)["seen"], "reason": reason});
    scene.cs.post(&format!("/api/onboarding/{id}/{kind}/decision"), &body).await
}

async fn hand_in(scene: &Scene, id: &str, order: &str, reference: &str) -> (u16, Value) {
    let body = json!({"order_id": order, "amount": 1_650_000, "reference": reference});
    scene.cs.post(&format!("/api/onboarding/{id}/payment/evidence"), &body).await
}

#[tokio::test]
async fn a_payment_that_fails_is_shown_and_asked_for_again_and_touches_nothing_else() {
    let scene = Scene::open(2).await;
    let id = at_payment(&scene, "fails-first", 300_810_001, 1_650_000).await;
    scene.till.make("portone", "ord-first", 1_650_000, "failed").await;
    let (_, now) = hand_in(&scene, &id, "ord-first", "").await;
    assert_eq!((said(&now)["code"].as_str(), said(&now)["ok"].as_bool()), (Some("payment-provider-unpaid"), Some(false)), "{now:#}");
    let (status, problem) = decide(&scene, &id, "payment", &now, "pass", "").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-checks-failed")), "{problem}");
    let cs = scene.desk.sign_in("cs").await;
    let path = format!("/onboarding/{id}");
    let page = cs.get(&path).await;
    page.sees("결제사에 결제된 금액이 없음").sees("실패").sees("조회");
    assert_eq!((page.count("#payment-pass"), page.count("#payment-ask")), (0, 1));
    let english = cs.at(&cs.base).in_language("en").get(&path).await;
    english.sees("The provider has no money for this order").sees("Ask the provider again");
    // the customer pays, and the provider is out of order just then
    scene.till.becomes("ord-first", "paid").await;
    scene.till.mode("fail").await;
    let sent = cs.post_from(&page, &format!("{path}/payment/ask"), &[]).await;
    assert_eq!((sent.status, sent.location.as_deref()), (303, Some(format!("{path}#payment").as_str())), "{}", sent.text());
    let page = cs.get(&path).await;
    page.sees("결제사의 마지막 답변을 믿을 수 없음").sees("결제사에 장애가 있습니다");
    let (_, now) = scene.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 409);
    scene.till.mode("ok").await;
    assert_eq!(cs.post_from(&page, &format!("{path}/payment/ask"), &[]).await.status, 303);
    let page = cs.get(&path).await;
    page.sees("결제사가 확인한 금액").sees("기준 ₩1,650,000 · 확인 ₩1,650,000");
    assert_eq!(page.count("#payment-pass"), 1);
    let (_, now) = scene.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!(step(&now, "payment")["state"], "running", "deciding is for people");
    let (status, done) = decide(&scene, &id, "payment", &now, "pass", "").await;
    assert_eq!((status, step(&done, "payment")["state"].as_str()), (200, Some("passed")), "{done}");
    assert_eq!(said(&done)["code"], "payment-provider", "what it rests on is kept");
    let states: Vec<_> = done["tasks"].as_array().unwrap().iter().map(|t| t["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["passed", "passed", "pending", "pending"]);
    assert_eq!(scene.desk.count("onboarding.payment.asked").await, 2);
    // what is done is not asked about any more
    assert_eq!(scene.cs.post(&format!("/api/onboarding/{id}/payment/ask"), &json!({})).await.0, 409);
    let auditor = scene.desk.sign_in("auditor").await;
    assert_eq!(auditor.post_from(&page, &format!("{path}/payment/ask"), &[]).await.status, 403);
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn too_little_too_much_and_what_was_taken_back_do_not_pass() {
    let scene = Scene::open(1).await;
    let id = at_payment(&scene, "wrong-sums", 300_820_001, 1_650_000).await;
    for (order, amount, code) in [("ord-short", 1_540_000, "payment-provider-short"), ("ord-over", 1_700_000, "payment-provider-over")] {
        scene.till.make("toss", order, amount, "paid").await;
        let (status, now) = hand_in(&scene, &id, order, "입금확인서 7").await;
        assert_eq!((status, said(&now)["code"].as_str()), (200, Some(code)), "{now:#}");
        assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 409, "a receipt does not outweigh the provider");
    }
    scene.till.make("toss", "ord-back", 1_650_000, "paid").await;
    let (_, seen) = hand_in(&scene, &id, "ord-back", "").await;
    assert_eq!(said(&seen)["code"], "payment-provider", "{seen:#}");
    // given back between looking and deciding, and known by the time of the decision
    scene.till.becomes("ord-back", "cancelled").await;
    let payment = said(&seen)["payment"].as_str().unwrap();
    scene.cs.post(&format!("/api/payments/{payment}/check"), &json!({})).await;
    assert_eq!(decide(&scene, &id, "payment", &seen, "pass", "").await.0, 409);
    let (_, now) = scene.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((said(&now)["code"].as_str(), said(&now)["why"].as_str()), (Some("payment-provider-unpaid"), Some("state-cancelled")));
}

#[tokio::test]
async fn what_no_provider_can_confirm_needs_something_that_people_can_look_at_and_says_so_to_whoever_decides() {
    let scene = Scene::open(1).await;
    let id = at_payment(&scene, "by-hand", 300_830_001, 1_650_000).await;
    let (_, now) = hand_in(&scene, &id, "ord-by-bank", "").await;
    assert_eq!((said(&now)["code"].as_str(), said(&now)["ok"].as_bool()), (Some("payment-provider-unseen"), Some(false)), "{now:#}");
    assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 409);
    let cs = scene.desk.sign_in("cs").await;
    cs.get(&format!("/onboarding/{id}")).await.sees("사람이 확인").sees("‘확인 근거’를 적어");
    let (_, now) = hand_in(&scene, &id, "ord-by-bank", "은행 거래 20260921-7").await;
    assert_eq!((said(&now)["ok"].as_bool(), said(&now)["open"].as_bool()), (Some(true), Some(true)), "{now:#}");
    assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 200);
    let (status, asked) = finish(&scene, &id).await;
    assert_eq!(status, 201, "{asked}");
    let page = scene.desk.sign_in("admin").await.get(&format!("/requests/{}", asked["request"].as_str().unwrap())).await;
    page.sees("결제사가 확인하지 않은 결제입니다.");
}

/// The two steps after the payment, and the approval asked for.
async fn finish(scene: &Scene, id: &str) -> (u16, Value) {
    for (kind, given) in [
        ("permission", json!({"template": "standard", "version": 3})),
        (
            "migration",
            json!({"datasets": [{"name": "문서", "source_rows": 1, "target_rows": 1, "source_checksum": "9f3a", "target_checksum": "9f3a"}]}),
        ),
    ] {
        let (status, now) = scene.cs.post(&format!("/api/onboarding/{id}/{kind}/evidence"), &given).await;
        assert_eq!(status, 200, "{now}");
        assert_eq!(decide(scene, id, kind, &now, "pass", "").await.0, 200);
    }
    ask_approval(scene, id).await
}

async fn ask_approval(scene: &Scene, id: &str) -> (u16, Value) {
    let (_, now) = scene.cs.get(&format!("/api/onboarding/{id}")).await;
    let body = json!({"content": now["content"], "reason": "네 단계를 모두 마쳤고 은행 거래 내역을 대조했습니다."});
    scene.cs.post(&format!("/api/onboarding/{id}/approve"), &body).await
}

/// Money that was there when the step was decided, and is given back before the approval: nobody becomes active on it.
#[tokio::test]
async fn a_payment_that_is_taken_back_after_its_step_makes_the_approval_stale() {
    let scene = Scene::open(1).await;
    let id = at_payment(&scene, "taken-back", 300_860_001, 1_650_000).await;
    scene.till.make("portone", "ord-taken-back", 1_650_000, "paid").await;
    let (_, now) = hand_in(&scene, &id, "ord-taken-back", "").await;
    assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 200);
    let payment = said(&now)["payment"].as_str().unwrap().to_owned();
    let (status, asked) = finish(&scene, &id).await;
    assert_eq!(status, 201, "{asked}");
    let request = asked["request"].as_str().unwrap();
    scene.till.becomes("ord-taken-back", "cancelled").await;
    assert_eq!(scene.cs.post(&format!("/api/payments/{payment}/check"), &json!({})).await.1["state"], "cancelled");
    let admin = scene.desk.token("admin").await;
    assert_eq!(admin.vote(request, "approve", None).await.0, 200);
    let (_, over) = admin.get(&format!("/api/requests/{request}/wait?timeout=30")).await;
    assert_eq!((over["state"].as_str(), over["outcome"]["refusal"].as_str()), (Some("stale"), Some("onboarding-payment-contradicted")));
    let (_, now) = scene.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((now["state"].as_str(), now["tenant"]["status"].as_str()), (Some("open"), Some("provisioning")));
    let (status, refused) = ask_approval(&scene, &id).await;
    assert_eq!((status, refused["errors"][0]["code"].as_str()), (422, Some("onboarding-payment-contradicted")), "{refused}");
    let cs = scene.desk.sign_in("cs").await;
    cs.get(&format!("/requests/{request}")).await.sees("결제사의 답변이 달라졌습니다");

    // nor does a look that fails, or a day that passes, make of a won that is left what was expected
    let id = at_payment(&scene, "partly-back", 300_860_002, 1_650_000).await;
    scene.till.make("portone", "ord-partly-back", 1_650_000, "paid").await;
    let (_, now) = hand_in(&scene, &id, "ord-partly-back", "").await;
    assert_eq!(decide(&scene, &id, "payment", &now, "pass", "").await.0, 200);
    let payment = said(&now)["payment"].as_str().unwrap().to_owned();
    let (status, asked) = finish(&scene, &id).await;
    assert_eq!(status, 201, "{asked}");
    let withdrawn = format!("/api/requests/{}/withdraw", asked["request"].as_str().unwrap());
    assert_eq!(scene.cs.post(&withdrawn, &json!({})).await.0, 200);
    let fields = [("state", "partly_cancelled"), ("cancelled", "1649999"), ("quiet", "yes")];
    scene.till.post("/set/ord-partly-back", &fields).await;
    assert_eq!(scene.cs.post(&format!("/api/payments/{payment}/check"), &json!({})).await.1["state"], "partly_cancelled");
    scene.till.mode("fail").await;
    let (_, troubled) = scene.cs.post(&format!("/api/payments/{payment}/check"), &json!({})).await;
    assert_eq!(troubled["trouble"]["why"], "broken", "{troubled}");
    let (status, refused) = ask_approval(&scene, &id).await;
    assert_eq!((status, refused["errors"][0]["code"].as_str()), (422, Some("onboarding-payment-contradicted")), "{refused}");
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_order_is_one_tenants_also_when_two_hand_it_in_at_once() {
    let scene = Scene::open(2).await;
    scene.till.make("portone", "ord-shared", 1_650_000, "paid").await;
    let one = at_payment(&scene, "first-tenant", 300_840_001, 1_650_000).await;
    let two = at_payment(&scene, "second-tenant", 300_850_001, 1_650_000).await;
    let answers = futures::future::join_all([&one, &two].map(|id| hand_in(&scene, id, "ord-shared", ""))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    statuses.sort();
    assert_eq!(statuses, [200, 422], "{answers:?}");
    let (refused, other) = if answers[0].0 == 422 { (&one, &answers[0].1) } else { (&two, &answers[1].1) };
    assert_eq!((&other["errors"][0]["field"], &other["errors"][0]["code"]), (&json!("order_id"), &json!("onboarding-order-is-anothers")));
    let cs = scene.desk.sign_in("cs").await;
    for (lang, text) in [("ko", "다른 테넌트의 온보딩에 이미 쓰인 주문번호입니다."), ("en", "rests on this order already")]
    {
        let person = cs.at(&cs.base).in_language(lang);
        let page = person.get(&format!("/onboarding/{refused}")).await;
        let sent = person
            .post_from(&page, &format!("/onboarding/{refused}/payment/evidence"), &[("order_id", "ord-shared"), ("amount", "1,650,000")])
            .await;
        assert_eq!((sent.status, sent.find("#payment-order_id")), (422, Some("ord-shared".into())), "what was typed is kept");
        sent.sees(text);
    }
}
