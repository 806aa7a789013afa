//! Bad input and those who may not: each has its answer, in both languages, with what was typed kept; denials are recorded.
use crate::{
    road::expire,
    support::{Desk, NOW, ORG, Person, REASON},
};
use serde_json::json;

/// What the form says to these fields, in a language.
async fn said(desk: &Desk, lang: &'static str, operation: &str, fields: &[(&str, &str)]) -> (u16, String, String) {
    let person = desk.sign_in("admin").await.in_language(lang);
    let path = format!("/requests/new/{operation}");
    let form = person.get(&path).await;
    let page = person.check(&form, &path, fields).await;
    (page.status, page.text(), page.body)
}

#[tokio::test]
async fn each_wrong_field_is_told_in_both_languages_and_what_was_typed_is_kept() {
    let desk = Desk::open().await;
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);
    let cases: &[Case] = &[
        (&[("org_id", "org_0000000000"), ("tier", "pro")], "org_0000000000 조직이 없습니다.", "There is no organisation org_0000000000."),
        (&[("org_id", "한빛"), ("tier", "pro")], "영문 소문자나 숫자 10자가 이어지는 형식입니다.", "ten lower-case letters or digits."),
        (
            &[("org_id", ORG), ("tier", "platinum")],
            "다음 중 하나를 고르세요: free, starter, pro, enterprise",
            "Choose one of: free, starter, pro, enterprise",
        ),
        (&[("org_id", ORG), ("credit", "-1")], "0 이상 1,000,000,000 이하의 숫자를 입력하세요.", "Enter a number from 0 to 1,000,000,000."),
        (
            &[("org_id", ORG), ("credit", "99999999999999999999999999999999999999999")],
            "소수점 없는 숫자로 입력하세요.",
            "Enter a whole number",
        ),
        (&[("org_id", ORG), ("credit", "1000000001")], "0 이상 1,000,000,000 이하", "from 0 to 1,000,000,000"),
        (&[("org_id", ORG), ("credit", "12.5")], "소수점 없는 숫자로 입력하세요.", "Enter a whole number"),
        (&[("org_id", ORG)], "등급과 크레딧 중 하나 이상을 입력하세요.", "Give a tier, a credit, or both."),
        (&[("org_id", ORG), ("tier", "free")], "바꿀 것이 없습니다.", "There is nothing to change."),
        (&[("tier", "pro")], "값을 입력하세요.", "Fill this in."),
    ];
    for (fields, ko, en) in cases {
        for (lang, expected) in [("ko", ko), ("en", en)] {
            let fields: Vec<_> = fields.iter().copied().chain([("reason", REASON)]).collect();
            let (status, text, body) = said(&desk, lang, "org.tier.fix", &fields).await;
            assert_eq!(status, 422, "{fields:?}: {text}");
            assert!(text.contains(expected), "{fields:?} in {lang}: {text}");
            assert!(body.contains(REASON), "the reason is kept");
            for (name, value) in fields.iter().filter(|(n, _)| *n != "tier" && *n != "reason") {
                assert!(body.contains(&format!("value=\"{value}\"")), "{name} is kept: {body}");
            }
        }
    }
}

#[tokio::test]
async fn a_missing_reason_is_asked_for_and_the_fields_are_kept() {
    let desk = Desk::open().await;
    for (lang, reason, expected) in [
        ("ko", "", "사유를 입력하세요."),
        ("en", "", "Give a reason."),
        ("ko", "짧다", "사유를 10자 이상 입력하세요."),
        ("en", "short", "10 characters or more"),
    ] {
        let (status, text, body) = said(&desk, lang, "org.tier.fix", &[("org_id", ORG), ("credit", "120000"), ("reason", reason)]).await;
        assert_eq!(status, 422);
        assert!(text.contains(expected), "{text}");
        assert!(body.contains("value=\"120000\"") && body.contains(ORG));
    }
}

#[tokio::test]
async fn a_plan_that_is_granted_already_and_a_day_that_is_past_are_refused() {
    let desk = Desk::open().await;
    let (user, plan): (String, String) =
        sqlx::query_as("select id, plan from admin_users where plan = 'pro' limit 1").fetch_one(&mut desk.owner().await).await.unwrap();
    let cases = [
        (vec![("user_id", user.as_str()), ("plan", plan.as_str())], "이미 같은 조건으로 적용되어 있습니다.", "with these terms already."),
        (vec![("user_id", user.as_str()), ("plan", "pro"), ("until", "2020-01-01")], "오늘이나 그 이후여야 합니다.", "today or later"),
        (vec![("user_id", user.as_str()), ("plan", "free"), ("until", "2099-01-01")], "만료일을 둘 수 없습니다.", "has no end"),
        (vec![("user_id", user.as_str()), ("plan", "pro"), ("until", "내일")], "2026-12-31 형식으로", "such as 2026-12-31"),
        (vec![("user_id", "usr_0000000000"), ("plan", "pro")], "사용자가 없습니다.", "There is no person"),
    ];
    for (fields, ko, en) in cases {
        for (lang, expected) in [("ko", ko), ("en", en)] {
            let fields: Vec<_> = fields.iter().copied().chain([("reason", REASON)]).collect();
            let (status, text, _) = said(&desk, lang, "user.plan.grant", &fields).await;
            assert_eq!(status, 422, "{fields:?}");
            assert!(text.contains(expected), "{fields:?}: {text}");
        }
    }
}

#[tokio::test]
async fn the_api_tells_every_problem_with_its_field_and_code() {
    let desk = Desk::open().await;
    let ops = desk.token("ops").await;
    let body =
        json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "credit": -5, "tier": "gold", "colour": "red"}, "reason": "짧다"});
    let (status, problem) = ops.post("/api/requests", &body).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("invalid")));
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
    for expected in
        [("credit", "field-out-of-range"), ("tier", "field-not-a-choice"), ("colour", "field-unknown"), ("reason", "reason-too-short")]
    {
        assert!(fields.contains(&expected), "{expected:?} in {fields:?}");
    }
    assert_eq!(ops.post("/api/requests", &json!({"operation": "org.tier.break", "fields": {}, "reason": REASON})).await.0, 404);
    assert_eq!(ops.post("/api/requests", &json!({"operation": "org.tier.fix"})).await.0, 400);
    let plain = ops.http.post(format!("{}/api/requests", ops.base)).bearer_auth(&ops.secret).body("{}").send().await.unwrap();
    assert_eq!(plain.status(), 400);
    assert_eq!(plain.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn ones_own_request_cannot_be_decided_and_the_try_is_recorded() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let page = admin.get(&format!("/requests/{id}")).await;
    page.sees("본인이 요청한 건은 승인할 수 없습니다.").sees("이서연");
    let token = desk.token("admin").await;
    let (status, problem) = token.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    let forced = admin
        .post_from(
            &page,
            &format!("/requests/{id}/votes"),
            &[("decision", "approve"), ("binding", token.get(&format!("/api/requests/{id}")).await.1["binding"].as_str().unwrap())],
        )
        .await;
    assert_eq!(forced.status, 403);
    forced.sees("본인이 요청한 건은 승인하거나 반려할 수 없습니다.");
    assert_eq!(desk.story(&id).await, ["request.submitted", "access.denied", "access.denied"]);
}

#[tokio::test]
async fn a_vote_on_something_else_than_what_was_seen_does_not_count() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let page = approver.get(&format!("/requests/{id}")).await;
    for (lang, expected) in [("ko", "열어 본 뒤 내용이 바뀌었습니다."), ("en", "This changed after you opened it.")] {
        let stale = approver.at(&approver.base).in_language(lang);
        let answer = stale
            .post_from(
                &page,
                &format!("/requests/{id}/votes"),
                &[("decision", "approve"), ("binding", &"00".repeat(32)), ("reason", "확인했습니다")],
            )
            .await;
        assert_eq!(answer.status, 409);
        answer.sees(expected);
        assert_eq!(answer.find("textarea[name=reason]").unwrap(), "확인했습니다");
    }
    assert_eq!(desk.story(&id).await, ["request.submitted"]);
}

#[tokio::test]
async fn a_vote_after_the_end_expires_the_request_itself() {
    let desk = Desk::closed().await;
    let mut desk = desk;
    desk.start_replica(&|_| {}).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    expire(&desk, id).await;
    let (status, problem) = approver.vote(id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-expired")), "{problem}");
    assert_eq!(desk.story(id).await, ["request.submitted", "request.expired"]);
    assert_eq!(desk.org(ORG).await.0, "free");
}

#[tokio::test]
async fn the_second_vote_is_harmless_and_the_opposite_one_a_conflict() {
    let desk = Desk::open().await;
    let (ops, approver, admin) = (desk.token("ops").await, desk.token("approver").await, desk.token("admin").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    assert_eq!(approver.vote(id, "approve", None).await.1["vote"], "counted");
    ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!(approver.vote(id, "approve", None).await.1["vote"], "already_counted");
    assert_eq!(admin.vote(id, "approve", None).await.1["vote"], "already_decided");
    let (status, problem) = admin.vote(id, "reject", Some("역시 안 되겠습니다. 반려합니다.")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-decided-already")));
}

#[tokio::test]
async fn who_lacks_the_scope_is_refused_and_written_down() {
    let desk = Desk::open().await;
    let auditor = desk.sign_in("auditor").await;
    for (lang, expected) in [("ko", "권한이 없습니다."), ("en", "You may not do this.")] {
        let page = auditor.at(&auditor.base).in_language(lang).get("/requests/new").await;
        assert_eq!(page.status, 403);
        page.sees(expected).sees("requests:ask");
    }
    // may ask, but not for this
    let (status, problem) = desk.token("sre").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")));
    assert_eq!(desk.count("access.denied").await, 3);
}

#[tokio::test]
async fn a_forged_form_is_refused_and_gives_back_what_was_typed() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    for (lang, expected) in [("ko", "보낸 내용을 확인하지 못했습니다."), ("en", "What you sent could not be verified.")] {
        let page = admin
            .at(&admin.base)
            .in_language(lang)
            .post("/requests/new/org.tier.fix", &[("org_id", ORG), ("reason", REASON), ("csrf", "forged")])
            .await;
        assert_eq!(page.status, 403);
        page.sees(expected).sees(REASON).sees(ORG);
    }
    let elsewhere =
        admin.send(admin.http.post(format!("{}/logout", admin.base)).header("sec-fetch-site", "cross-site").form(&[("csrf", "x")])).await;
    assert_eq!(elsewhere.status, 403);
    assert_eq!(desk.count("access.forged").await, 2);
}

#[tokio::test]
async fn without_a_session_pages_lead_to_sign_in_and_posts_give_the_text_back() {
    let desk = Desk::open().await;
    let nobody = Person::new(desk.base(0));
    let page = nobody.get("/inbox?tab=mine").await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/login?next=%2Finbox%3Ftab%3Dmine")));
    let htmx = nobody.send(nobody.http.get(format!("{}/inbox", nobody.base)).header("hx-request", "true")).await;
    assert_eq!((htmx.status, htmx.headers["hx-redirect"].to_str().unwrap()), (401, "/login?next=%2Finbox"));
    for (lang, expected) in [("ko", "로그인이 필요합니다."), ("en", "Sign in first.")] {
        let page = nobody.at(&nobody.base).in_language(lang).post("/requests/new/org.tier.fix", &[("reason", REASON)]).await;
        assert_eq!(page.status, 401);
        page.sees(expected).sees(REASON);
    }
    let api = nobody.get("/api/requests").await;
    assert_eq!((api.status, api.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
}

#[tokio::test]
async fn a_session_that_was_revoked_meanwhile_opens_nothing() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let page = approver.get(&format!("/requests/{id}")).await;
    sqlx::query("delete from session where operator_id = (select id from operator where email = 'approver@hanbit.example')")
        .execute(&mut desk.owner().await)
        .await
        .unwrap();
    let binding = page.find("#decide-form input[name=binding]").unwrap();
    let late = approver
        .post_from(
            &page,
            &format!("/requests/{id}/votes"),
            &[("decision", "approve"), ("binding", &binding), ("reason", "확인한 내용입니다")],
        )
        .await;
    assert_eq!(late.status, 401);
    late.sees("로그인이 필요합니다.").sees("확인한 내용입니다");
    assert_eq!(desk.story(&id).await, ["request.submitted"]);
    let remaining: i64 = sqlx::query_scalar(
        "select count(*) from session s join operator o on o.id = s.operator_id where o.email = 'approver@hanbit.example'",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(remaining, 0, "answering does not bring the session back");
}

#[tokio::test]
async fn sessions_end_after_twelve_hours_and_after_thirty_idle_minutes() {
    let desk = Desk::open().await;
    for change in ["expires_at = now() - interval '1 second'", "last_seen_at = now() - interval '31 minutes'"] {
        let admin = desk.sign_in("admin").await;
        assert_eq!(admin.get("/").await.status, 200);
        sqlx::query(sqlx::AssertSqlSafe(format!("update session set {change}"))).execute(&mut desk.owner().await).await.unwrap();
        assert_eq!(admin.get("/").await.status, 303, "{change}");
    }
    let hours: f64 = {
        desk.sign_in("admin").await;
        sqlx::query_scalar("select extract(epoch from max(expires_at - created_at))::float8 / 3600 from session")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap()
    };
    assert_eq!(hours, 12.0);
}

#[tokio::test]
async fn a_token_never_does_more_than_it_was_made_for() {
    let desk = Desk::open().await;
    let reader = desk.token_at(0, "admin", &["requests:read"]).await;
    assert_eq!(reader.get("/api/requests").await.0, 200);
    assert_eq!(reader.fix(json!({"org_id": ORG, "tier": "pro"})).await.0, 403);
    let asker = desk.token_at(0, "admin", &["requests:ask", "requests:read"]).await;
    assert_eq!(asker.fix(json!({"org_id": ORG, "tier": "pro"})).await.0, 403, "the operation's own scope is missing");
    let event = format!(
        "with n as ({NOW}) insert into ledger.event
         select n.id, n.at, 1, 'test', 'success', actor_id, 'console', null, null, null, leaf from ledger.event, n limit 1"
    );
    sqlx::query(sqlx::AssertSqlSafe(event)).execute(&mut desk.owner().await).await.unwrap();
    let mut owner = desk.owner().await;
    sqlx::raw_sql("begin; alter table api_token disable trigger is_recorded; update api_token set expires_at = now(); alter table api_token enable trigger is_recorded; commit").execute(&mut owner).await.unwrap();
    assert_eq!(reader.get("/api/requests").await.0, 401);
}

#[tokio::test]
async fn the_same_idempotency_key_fifty_times_makes_one_request() {
    let desk = Desk::with(2, |_| {}).await;
    let token = std::sync::Arc::new(desk.token("ops").await);
    let bases = [desk.base(0).to_owned(), desk.base(1).to_owned()];
    let send = |n: usize, credit: i64| {
        let (token, base) = (token.clone(), bases[n % 2].clone());
        async move {
            let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "credit": credit}, "reason": REASON});
            let request =
                token.http.post(format!("{base}/api/requests")).bearer_auth(&token.secret).header("idempotency-key", "\"k-1\"").json(&body);
            crate::support::answer(request).await
        }
    };
    let answers = futures::future::join_all((0..50).map(|n| send(n, 700))).await;
    let ids: std::collections::HashSet<_> = answers
        .iter()
        .map(|(status, body)| {
            assert_eq!(*status, 201, "{body}");
            body["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    let (status, problem) = send(0, 701).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("idempotency-key-reused")));
    assert_eq!(desk.count("request.submitted").await - demo_requests(&desk).await, 1);
}

/// Requests of the demo's history, which are there from the beginning.
async fn demo_requests(desk: &Desk) -> i64 {
    let first: i64 = sqlx::query_scalar("select max(id) - 1 from request").fetch_one(&mut desk.owner().await).await.unwrap();
    sqlx::query_scalar("select count(*) from request where id <= $1").bind(first).fetch_one(&mut desk.owner().await).await.unwrap()
}

#[tokio::test]
async fn a_double_click_makes_one_request() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let path = "/requests/new/org.tier.fix";
    let form = admin.get(path).await;
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", draft.as_str())];
    let checked = admin.check(&form, path, &fields).await;
    let confirm = checked.find("[name=confirm]").unwrap();
    let all: Vec<_> = fields.iter().copied().chain([("confirm", confirm.as_str())]).collect();
    let (one, two) = tokio::join!(admin.post_from(&checked, path, &all), admin.post_from(&checked, path, &all));
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(one.location, two.location);
}

#[tokio::test]
async fn while_the_database_is_away_everything_says_so_and_when_to_come_back() {
    let mut desk = Desk::closed().await;
    let nowhere: fn(&mut countersign::config::Config) =
        |config| config.database_url = "postgres://countersign_app@127.0.0.1:1/gone".to_owned().into();
    desk.start_replica(&nowhere).await;
    let nobody = Person::new(desk.base(0));
    assert_eq!(nobody.get("/healthz").await.status, 200);
    for path in ["/readyz", "/login", "/inbox", "/api/requests"] {
        let request = nobody.http.get(format!("{}{path}", nobody.base)).header("cookie", "countersign=AAAAAAAAAAAAAAAAAAAAAA");
        let page = nobody.send(request).await;
        assert_eq!(page.status, 503, "{path}: {}", page.text());
        assert_eq!(page.headers["retry-after"], "2", "{path}");
    }
    nobody.get("/login").await.sees("데이터베이스에 연결하지 못했습니다.");
}
