//! The API's shapes, as `docs/api.md` promises them.
use crate::support::{Desk, ORG, Person, answer};
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_has_the_promised_shape() {
    let desk = Desk::open().await;
    let ops = desk.token("ops").await;
    let response = ops
        .http
        .post(format!("{}/api/requests", ops.base))
        .bearer_auth(&ops.secret)
        .header("idempotency-key", "\"shape\"")
        .json(&json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": crate::support::REASON}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let r: Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/requests/{}", r["id"].as_str().unwrap()));
    for (pointer, expected) in [
        ("/operation", json!("org.tier.fix")),
        ("/fields", json!({"org_id": ORG, "tier": "pro"})),
        ("/state", json!("pending")),
        ("/risk", json!("high")),
        ("/requester/name", json!("오태경")),
        ("/target/type", json!("org")),
        ("/target/id", json!(ORG)),
        ("/preview/before", json!({"tier": "free", "credit": 0})),
        ("/preview/after", json!({"tier": "pro", "credit": 0})),
        ("/policy/rule", json!("default")),
        ("/policy/needs", json!([{"group": "approvers", "roles": ["admin", "approver"], "count": 1}])),
        ("/votes", json!([])),
        ("/attempts", json!([])),
    ] {
        assert_eq!(r.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(r["binding"].as_str().unwrap().len(), 64);
    assert_eq!(ops.get(&location).await.1, r);
}

#[tokio::test]
async fn lists_are_items_and_next_and_go_on_without_gap_or_overlap() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    for path in ["/api/requests", "/api/admin/users", "/api/admin/orgs"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = auditor
                .get(&format!("{path}?cursor={}", url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect::<String>()))
                .await;
            assert_eq!(status, if cursor.is_empty() && path == "/api/requests" { 400 } else { 200 }, "{page}");
            if status == 400 {
                // an empty number is no cursor
                let (_, page) = auditor.get(path).await;
                seen.extend(page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
                cursor = page["next"].as_str().unwrap_or_default().to_owned();
            } else {
                seen.extend(page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
                cursor = page["next"].as_str().unwrap_or_default().to_owned();
            }
            if cursor.is_empty() {
                break;
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{path}");
        let expected: i64 = sqlx::query_scalar(match path {
            "/api/requests" => "select count(*) from request",
            "/api/admin/users" => "select count(*) from admin_users",
            _ => "select count(*) from admin_orgs",
        })
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
        assert_eq!(seen.len() as i64, expected, "{path}");
    }
}

#[tokio::test]
async fn requests_are_found_by_state_operation_id_and_words() {
    let desk = Desk::open().await;
    let (ops, auditor) = (desk.token("ops").await, desk.token("auditor").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    for query in [
        format!("q={id}"),
        format!("q={ORG}"),
        "q=한빛&state=pending&operation=org.tier.fix".into(),
        "q=반영되지 않았습니다&state=pending,approved".into(),
    ] {
        let (_, page) = auditor.get(&format!("/api/requests?{query}")).await;
        assert!(page["items"].as_array().unwrap().iter().any(|i| i["id"] == id), "{query}: {page}");
    }
    let (_, none) = auditor.get("/api/requests?q=100%25_nothing").await;
    assert_eq!(none["items"], json!([]));
    assert_eq!(auditor.get("/api/requests?state=lost").await.0, 400);
}

#[tokio::test]
async fn a_browser_session_works_like_a_token() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let post = |site: &'static str| {
        admin
            .http
            .post(format!("{}/api/requests", admin.base))
            .header("sec-fetch-site", site)
            .header("idempotency-key", "session")
            .json(&json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": crate::support::REASON}))
    };
    assert_eq!(answer(post("same-origin")).await.0, 201);
    let (status, problem) = answer(post("cross-site")).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forged")));
    // a form on another site can send a body, but not as JSON
    let plain = admin.http.post(format!("{}/api/requests", admin.base)).header("content-type", "text/plain").body("{}");
    assert_eq!(answer(plain).await.0, 400);
    // a bearer header that is wrong is not replaced by the cookie
    assert_eq!(answer(admin.http.get(format!("{}/api/requests", admin.base)).bearer_auth("cst_wrong")).await.0, 401);
}

#[tokio::test]
async fn operations_describe_themselves_in_both_languages() {
    let desk = Desk::open().await;
    let sre = desk.token("sre").await;
    let (_, ko) = sre.get("/api/operations/org.tier.fix").await;
    assert_eq!((ko["title"].as_str(), ko["permitted"].as_bool()), (Some("조직 등급·크레딧 정정"), Some(false)));
    let (_, en) =
        answer(sre.http.get(format!("{}/api/operations/org.tier.fix", sre.base)).bearer_auth(&sre.secret).header("accept-language", "en"))
            .await;
    assert_eq!(en["title"], "Fix an organisation's tier or credit");
    assert_eq!(ko["schema"]["properties"]["tier"]["enum"], json!(["free", "starter", "pro", "enterprise"]));
    assert_eq!(ko["schema"]["properties"]["credit"]["maximum"], 1_000_000_000);
    assert_eq!(ko["effect"], "transactional");
    assert_eq!(sre.get("/api/operations").await.1["items"].as_array().unwrap().len(), 18);
}

#[tokio::test]
async fn the_admin_api_reads_people_and_organisations() {
    let desk = Desk::open().await;
    let cs = desk.token("cs").await;
    let (_, org) = cs.get(&format!("/api/admin/orgs/{ORG}")).await;
    assert_eq!((org["tier"].as_str(), org["credit"].as_i64()), (Some("free"), Some(0)));
    let (_, users) = cs.get("/api/admin/users").await;
    let id = users["items"][0]["id"].as_str().unwrap();
    assert_eq!(cs.get(&format!("/api/admin/users/{id}")).await.1["id"], id);
    assert!(cs.get(&format!("/api/admin/users/{id}/detail")).await.1["orgs"].is_array());
    assert_eq!(cs.get("/api/admin/users/usr_0000000000").await.0, 404);
    assert_eq!(cs.get("/api/admin/orgs?cursor=nonsense").await.0, 400);
}

#[tokio::test]
async fn health_is_told_to_anybody_and_nothing_else_is() {
    let desk = Desk::open().await;
    let nobody = Person::new(desk.base(0));
    assert_eq!(nobody.get("/healthz").await.status, 200);
    assert_eq!(nobody.get("/readyz").await.status, 200);
}
