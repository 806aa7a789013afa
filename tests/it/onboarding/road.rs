//! From the first evidence to the approval: sent back, asked for again, and carried over.
use super::*;
use std::collections::HashSet;

#[tokio::test]
async fn cs_takes_a_tenant_through_four_steps_with_a_failure_and_a_rejection_and_an_admin_approves() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, admin) = (desk.sign_in("cs").await, desk.sign_in("admin").await);
    cs.get("/onboarding").await.sees("온보딩 시작").sees("데이터 이전 확인");
    let form = cs.get("/onboarding/new").await;
    let number = registration::completed(123_810_001);
    let typed = [
        ("biz_reg_no", number.as_str()),
        ("company", "새길소프트"),
        ("slug", "saegil"),
        ("region", "kr"),
        ("time_zone", "Asia/Seoul"),
        ("plan", "pro-v3"),
        ("ai_services", "kms, advisor"),
        ("contract_number", "HB-2026-0001"),
        ("expected_amount", "1,650,000"),
        ("contact_name", "김하늘"),
        ("contact_email", "sky@customer.example"),
        ("note", ""),
        ("as", "open"),
    ];
    let sent = send(&cs, &form, "/onboarding/new", &typed).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let href = sent.location.unwrap();
    let page = cs.get(&href).await;
    page.sees("진행 중").sees("계약 확인 단계의 증빙을 제출하세요.").sees("내 차례입니다").sees("앞 단계인 계약 확인이 끝나야");
    assert_eq!(page.count("#payment-evidence-form"), 0, "steps open one after the other");
    let tenant = page.all("#tenant", "href").remove(0).rsplit('/').next().unwrap().to_owned();

    // the contract's file is hashed and thrown away
    let file = reqwest::multipart::Part::bytes(b"%PDF-1.7 signed".to_vec()).file_name("contract.pdf");
    let csrf = page.find("input[name=csrf]").unwrap();
    let upload = reqwest::multipart::Form::new().text("csrf", csrf).text("contract_number", "HB-2026-0001").part("file", file);
    let sent = cs.send(cs.http.post(format!("{}{href}/contract/evidence", cs.base)).multipart(upload)).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let page = cs.get(&href).await;
    page.sees("contract.pdf").sees("계약번호가 등록된 계약과 같음").sees("결정을 기다립니다");
    let seen = |page: &Page, kind: &str| page.find(&format!("#{kind}-decision-form input[name=seen]")).unwrap();
    let sent =
        send(&cs, &page, &format!("{href}/contract/decision"), &[("decision", "pass"), ("seen", &seen(&page, "contract")), ("reason", "")])
            .await;
    assert_eq!(sent.status, 303, "{}", sent.text());

    // the payment fails its check: it is shown, nothing else is touched, and it is tried again
    let page = cs.get(&href).await;
    let sent = send(&cs, &page, &format!("{href}/payment/evidence"), &[("order_id", "ord-1"), ("amount", "1,540,000")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let page = cs.get(&href).await;
    page.sees("불일치").sees("₩1,650,000").sees("₩1,540,000").sees("자동 확인에 실패했습니다.").sees("다른 단계에는 영향이 없습니다.");
    assert_eq!(page.count("#payment-pass"), 0, "what failed cannot be confirmed");
    let sent = send(&cs, &page, &format!("{href}/payment/decision"), &[("decision", "pass"), ("seen", &seen(&page, "payment"))]).await;
    assert_eq!(sent.status, 409);
    sent.sees("자동 확인에 실패한 증빙은 확인할 수 없습니다.");
    for (kind, given) in [
        ("payment", vec![("order_id", "ord-1"), ("amount", "1,650,000")]),
        ("permission", vec![("template", "standard"), ("version", "3")]),
        ("migration", vec![("datasets", "문서, 10, 10, 9f3a, 9f3a\n사용자, 2, 2, 77aa, 77aa")]),
    ] {
        let page = cs.get(&href).await;
        let sent = send(&cs, &page, &format!("{href}/{kind}/evidence"), &given).await;
        assert_eq!(sent.status, 303, "{kind}: {}", sent.text());
        let page = cs.get(&href).await;
        let sent =
            send(&cs, &page, &format!("{href}/{kind}/decision"), &[("decision", "pass"), ("seen", &seen(&page, kind)), ("reason", "")])
                .await;
        assert_eq!(sent.status, 303, "{kind}: {}", sent.text());
    }

    // asked for, and sent back in the inbox
    let ask = async |href: &str| {
        let page = cs.get(href).await;
        page.sees("네 단계를 모두 마쳤습니다. 승인을 요청하세요.");
        let content = page.find("#decide-form input[name=content]").unwrap();
        let short = send(&cs, &page, &format!("{href}/approve"), &[("content", &content), ("reason", "짧음")]).await;
        assert_eq!((short.status, short.find("#decide-reason")), (422, Some("짧음".into())), "what was typed is kept");
        let sent = send(&cs, &page, &format!("{href}/approve"), &[("content", &content), ("reason", WHY)]).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        let page = cs.get(href).await;
        page.sees("승인함에서 결정을 기다립니다.");
        page.find("#request").unwrap()
    };
    let first = ask(&href).await;
    admin.get(&format!("/requests/{first}")).await.sees("새길소프트 · saegil").sees("온보딩 승인").sees("첫 결제 ₩1,650,000");
    assert_eq!(admin.vote(&first, "reject", "입금 확인서를 첨부한 뒤 다시 요청해 주세요.").await.status, 303);
    let page = cs.get(&href).await;
    page.sees("반려됨").sees("입금 확인서를 첨부한 뒤 다시 요청해 주세요.").sees("고칠 내용을 확인하고 다시 요청하세요.");
    assert_eq!(cs.get(&format!("/requests/{first}")).await.all("#again", "href"), [href.as_str()], "asking again begins at the onboarding");

    // again: what did not change is carried over
    let form = cs.get(&format!("{href}/again")).await;
    let value = |name: &str| form.find(&format!("[name={name}]")).unwrap_or_default();
    let again = ["plan", "ai_services", "contract_number", "expected_amount", "contact_name", "contact_email", "note"]
        .map(|name| (name, value(name)));
    let mut fields: Vec<(&str, &str)> = again.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields[0].1 = "pro-v3";
    fields.extend([("redo", "payment"), ("as", "open")]);
    let sent = send(&cs, &form, &format!("{href}/again"), &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let second = sent.location.unwrap();
    let page = cs.get(&second).await;
    page.sees("2회차").sees("이전 회차의 증빙을 그대로 이어받았습니다.").sees("결제 확인 단계의 증빙을 제출하세요.");
    send(&cs, &page, &format!("{second}/payment/evidence"), &[("order_id", "ord-1"), ("amount", "1650000"), ("reference", "입금확인서 7")])
        .await;
    let page = cs.get(&second).await;
    send(&cs, &page, &format!("{second}/payment/decision"), &[("decision", "pass"), ("seen", &seen(&page, "payment"))]).await;
    let request = ask(&second).await;
    assert_eq!(admin.vote(&request, "approve", "").await.status, 303);
    cs.until(&request, "succeeded").await;
    cs.get(&second).await.sees("온보딩을 마쳤습니다. 테넌트를 사용할 수 있습니다.");
    cs.get(&format!("/tenants/{tenant}")).await.sees("사용 중");
    admin.get("/companies?q=새길소프트").await.sees(&registration::shown(&number));

    // the ledger tells it in order
    let evidence = ["onboarding.evidence.submitted", "onboarding.evidence.passed"];
    let request_road = |end: &[&'static str]| [&["request.submitted", "request.voted"], end].concat();
    let expected: Vec<&str> = [
        vec!["tenant.added", "onboarding.drafted", "onboarding.opened"],
        evidence.to_vec(),
        vec!["onboarding.evidence.submitted"],
        evidence.to_vec(),
        evidence.to_vec(),
        evidence.to_vec(),
        request_road(&["onboarding.returned", "request.denied"]),
        vec!["onboarding.drafted", "onboarding.opened"],
        evidence.to_vec(),
        request_road(&[
            "request.approved",
            "request.started",
            "tenant.activated",
            "subscription.begun",
            "tenant.services.set",
            "permissions.applied",
            "onboarding.approved",
            "request.succeeded",
        ]),
    ]
    .concat();
    assert_eq!(story(&desk, &tenant).await, expected);
    admin.get(&format!("/ledger?target={tenant}")).await.sees("증빙 확인").sees("테넌트 활성화").sees("온보딩 승인");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

/// Case 10 of the acceptance numbers.
#[tokio::test]
async fn a_re_request_carries_what_did_not_change_and_tells_six_people_once() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, approver, page) = (desk.token("cs").await, desk.token("approver").await, desk.sign_in("cs").await);
    let notices = async || -> Vec<String> {
        let mut all = Vec::new();
        for who in ["cs", "approver", "admin"] {
            let (_, told) = desk.token(who).await.get("/api/notices").await;
            all.extend(told["items"].as_array().unwrap().iter().map(|n| n["key"].as_str().unwrap().to_owned()));
        }
        all
    };
    let before: HashSet<String> = notices().await.into_iter().collect();
    let first = begun(&cs, "case-ten", 200_810_001).await;
    passed(&cs, &first, &["contract"]).await;
    // an empty reason, through both doors, with what was typed kept
    let (status, problem) = decided(&cs, &first, "payment", &evidence("payment"), "fail", "").await;
    assert_eq!((status, &problem["errors"][0]["field"], &problem["errors"][0]["code"]), (422, &json!("reason"), &json!("reason-missing")));
    let shown = page.get(&format!("/onboarding/{first}")).await;
    let seen = shown.find("#payment-decision-form input[name=seen]").unwrap();
    let path = format!("/onboarding/{first}/payment/decision");
    let short = send(&page, &shown, &path, &[("decision", "fail"), ("seen", &seen), ("reason", "불일치")]).await;
    assert_eq!((short.status, short.find("#payment-reason")), (422, Some("불일치".into())));
    short.sees("무엇이 맞지 않는지 5자 이상 입력하세요.");
    let sent = send(&page, &shown, &path, &[("decision", "fail"), ("seen", &seen), ("reason", MISMATCH)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let (_, now) = cs.get(&format!("/api/onboarding/{first}")).await;
    assert_eq!(states(&now), ["passed", "failed", "pending", "pending"]);
    let contract = step(&now, "contract")["evidence_hash"].clone();

    let (status, problem) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-open-as")), "it is open still");
    let request = asked(&cs, &first, "reject", WHY).await;
    assert_eq!(approver.vote(&request, "approve", None).await.0, 200);
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    assert_eq!(state(&cs, &first).await, "rejected");

    let (status, second) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!(status, 201, "{second}");
    assert_eq!((&second["revision"], states(&second)), (&json!(2), vec!["passed", "pending", "pending", "pending"]));
    assert_eq!((&step(&second, "contract")["carried"], &step(&second, "contract")["evidence_hash"]), (&json!(true), &contract));
    let (status, problem) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-open-as")));
    let id = second["id"].as_str().unwrap();
    passed(&cs, id, &["payment", "permission", "migration"]).await;
    let request = asked(&cs, id, "approve", WHY).await;
    assert_eq!(approver.vote(&request, "approve", None).await.0, 200);
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    let (_, done) = cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((done["state"].as_str(), done["tenant"]["status"].as_str()), (Some("approved"), Some("active")));

    let told: Vec<String> = notices().await.into_iter().filter(|key| !before.contains(key)).collect();
    assert_eq!((told.len(), told.iter().collect::<HashSet<_>>().len()), (6, 6), "{told:?}");
    let rows: i64 = sqlx::query_scalar(
        "select count(*) from notice where request_id is not null and kind <> 'reminded' and request_id in
          (select id from request where target_id = $1)",
    )
    .bind(done["tenant"]["id"].as_str().unwrap())
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(rows, 6);
    let counted: i64 = sqlx::query_scalar("select count(*) from tenant_onboarding_request where tenant_id = $1 and state = 'approved'")
        .bind(done["tenant"]["id"].as_str().unwrap())
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(counted, 1, "it counts as one success");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}
