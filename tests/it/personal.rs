//! Personal data: kept so that it can be erased, erased only by two, and gone everywhere while every proof stays.
use crate::{
    incidents::Log,
    log::{sealed, tamper, verify},
    support::{Desk, Person, REASON, policy_with, write_in_clear},
};
use countersign::{
    auth::Service,
    config::Config,
    ledger::{Entry, seal},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

const TOLD: &str = "홍길동 고객이 전화로 알려 온 내용입니다.";

/// What `countersign ledger verify` says, once all is under a checkpoint.
pub async fn verified(desk: &Desk) -> (bool, String) {
    sealed(desk).await;
    verify(desk).await
}

async fn code(conn: &mut PgConnection, sql: &str) -> String {
    let error = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(conn).await.expect_err(sql);
    error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned()
}

/// A desk where one approver is enough for a fix and two for an erasure.
async fn desk() -> Desk {
    let two = "[[rule]]\nname = 'erasure'\nwhen = { operation = 'subject.erase' }\nneeds = [{ group = 'approvers', count = 2 }]";
    let document = policy_with(two, "needs = [{ group = 'approvers' }]");
    Desk::with(1, move |config: &mut Config| config.policy.clone_from(&document)).await
}

/// A person of the demo whom nothing has been asked for yet: id, name, address and plan.
async fn somebody(desk: &Desk) -> (String, String, String, String) {
    sqlx::query_as(
        "select id, name, email, plan from admin_users u where not exists (select from request where target_id = u.id) order by id limit 1",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap()
}

/// Asks for the other plan, has it approved, and waits until it is done.
async fn granted(ops: &Person, approver: &Person, user: &str, plan: &str) -> String {
    let id = ops.ask("user.plan.grant", &[("user_id", user), ("plan", plan), ("reason", TOLD)]).await;
    assert_eq!(approver.vote(&id, "approve", "홍길동 님과 통화했습니다.").await.status, 303);
    ops.until(&id, "succeeded").await;
    id
}

async fn erased(desk: &Desk, user: &str) -> String {
    let (security, admin, approver) = (desk.sign_in("security").await, desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = security.ask("subject.erase", &[("kind", "user"), ("id", user), ("reason", "삭제 요구서 2026-17호에 따른 처리입니다.")]).await;
    for voter in [admin, approver] {
        assert_eq!(voter.vote(&id, "approve", "").await.status, 303);
    }
    security.until(&id, "succeeded").await;
    id
}

async fn event(desk: &Desk, kind: &str, target: &str) -> Uuid {
    sqlx::query_scalar("select event_id from ledger.event where kind = $1 and target_id = $2 order by event_id desc limit 1")
        .bind(kind)
        .bind(target)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn somebody_is_erased_everywhere_and_every_proof_stays() {
    let desk = desk().await;
    let (user, name, email, plan) = somebody(&desk).await;
    let other = if plan == "pro" { "free" } else { "pro" };
    let (ops, approver, auditor) = (desk.sign_in("ops").await, desk.sign_in("approver").await, desk.sign_in("auditor").await);
    let twice = ops.ask("user.plan.grant", &[("user_id", &user), ("plan", other), ("reason", TOLD)]).await;
    let request = granted(&ops, &approver, &user, other).await;
    // the rule that says no is said with their name
    assert_eq!(approver.vote(&twice, "approve", "").await.status, 303);
    ops.until(&twice, "stale").await;
    let outcome = async || -> Option<String> {
        let id: i64 = twice[3..].parse().unwrap();
        sqlx::query_scalar("select outcome::text from request where id = $1").bind(id).fetch_one(&mut desk.owner().await).await.unwrap()
    };
    assert!(outcome().await.unwrap().contains(&name));

    // sealed, and read by whoever may
    let rows = sqlx::query(
        "select e.event_id, convert_from(e.leaf, 'UTF8') as leaf, d.salt, d.data::text as data, d.sealed from ledger.event e
         join ledger.detail d using (event_id, recorded_at) where e.target_id = $1",
    );
    let rows = rows.bind(&user).fetch_all(&mut desk.owner().await).await.unwrap();
    assert!(rows.len() >= 3);
    for row in &rows {
        let (salt, data, sealed): (Option<Vec<u8>>, Option<String>, Vec<u8>) = (row.get("salt"), row.get("data"), row.get("sealed"));
        assert!(salt.is_none() && data.is_none() && sealed.len() > 72);
        assert!(!String::from_utf8_lossy(&sealed).contains("reason") && !row.get::<String, _>("leaf").contains("홍길동"));
    }
    let submitted = event(&desk, "request.submitted", &user).await;
    auditor.get(&format!("/ledger/{submitted}")).await.sees(TOLD).sees("약속값과 일치합니다.");
    let (whole, said) = verified(&desk).await;
    assert!(whole, "{said}");
    let proof = auditor.get(&format!("/ledger/{submitted}/proof")).await.body;
    let clear: i64 = sqlx::query_scalar("select count(*) from ledger.detail d join ledger.event e using (event_id, recorded_at) where e.target_type in ('user', 'operator') and d.data is not null")
        .fetch_one(&mut desk.owner().await).await.unwrap();
    assert_eq!(clear, 0, "also what the demo wrote");

    // the binding, which stays in leaves, is no hash that a guess could be held against
    let salt = async || -> Option<Vec<u8>> {
        let id: i64 = request[3..].parse().unwrap();
        sqlx::query_scalar("select binding_salt from request where id = $1").bind(id).fetch_one(&mut desk.owner().await).await.unwrap()
    };
    assert_eq!(salt().await.map(|salt| salt.len()), Some(32));

    let erasure = erased(&desk, &user).await;
    assert_eq!(salt().await, None);

    let gone = auditor.get(&format!("/ledger/{submitted}")).await;
    gone.sees("[지워짐]").sees("증명됨");
    assert!(!gone.body.contains("홍길동") && gone.count("#commitment") == 0);
    let by = event(&desk, "subject.erased", &format!("user:{user}")).await;
    assert_eq!(gone.all("#erasure", "href"), [format!("/ledger/{by}")]);
    auditor.clone().in_language("en").get(&format!("/ledger/{submitted}")).await.sees("[erased]");
    auditor.get(&format!("/ledger/{by}")).await.sees("개인정보 삭제");
    // the path may have grown; the index and the leaf are the same
    let again = auditor.get(&format!("/ledger/{submitted}/proof")).await;
    assert_eq!(again.status, 200);
    assert_eq!(proof.lines().nth(1), again.body.lines().nth(1));

    assert!(!outcome().await.unwrap_or_default().contains(&name));
    let list = ops.get(&format!("/inbox?tab=decided&q={user}")).await;
    for request in [&request, &twice] {
        let page = ops.get(&format!("/requests/{request}")).await;
        assert_eq!(page.status, 200);
        let json = desk.token("ops").await.get(&format!("/api/requests/{request}")).await.1.to_string();
        for (what, text) in [("page", &page.body), ("api", &json), ("list", &list.body)] {
            for told in ["홍길동", &name, &email] {
                assert!(!text.contains(told), "{told} is in the {what}: {text}");
            }
            assert!(text.contains("지워짐"), "{what}");
        }
    }
    ops.get(&format!("/requests/{erasure}")).await.sees("삭제 요구서");
    let found = ops.get(&format!("/search?q={}", "%ED%99%8D%EA%B8%B8%EB%8F%99")).await;
    assert!(!found.body.contains(&request), "its words are not found any more");
    let (whole, said) = verified(&desk).await;
    assert!(whole, "{said}");

    // what comes later has a key of its own, and can be erased again
    granted(&ops, &approver, &user, &plan).await;
    let later = event(&desk, "user.plan.granted", &user).await;
    let later = auditor.get(&format!("/ledger/{later}")).await;
    assert!(later.count("#commitment") == 1 && later.count("#gone") == 0);
    auditor.get(&format!("/ledger/{submitted}")).await.sees("[지워짐]");
    let (whole, said) = verified(&desk).await;
    assert!(whole, "{said}");
    let preview = desk.sign_in("security").await;
    let form = preview.get("/requests/new/subject.erase").await;
    let fields = [("kind", "user"), ("id", &*user), ("reason", REASON), ("draft", &form.find("input[name=draft]").unwrap())];
    assert_eq!(preview.check(&form, "/requests/new/subject.erase", &fields).await.status, 200);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_erasure_is_refused_where_it_would_leave_or_take_too_much() {
    let desk = desk().await;
    let (user, _, _, plan) = somebody(&desk).await;
    let (security, admin) = (desk.token("security").await, desk.token("admin").await);
    let ask = |kind: &str, id: &str| json!({"operation": "subject.erase", "fields": {"kind": kind, "id": id}, "reason": REASON});
    let refused = async |body: Value, word: &str| {
        let (status, answer) = security.post("/api/requests", &body).await;
        assert!(status == 422 && answer.to_string().contains(word), "{status} {answer}");
    };
    refused(ask("user", &user), "남아 있는 내용이 없습니다").await;
    refused(ask("user", "usr_%"), "남아 있는 내용이 없습니다").await;
    let me: String = sqlx::query_scalar("select id::text from operator where email = 'ops@hanbit.example'")
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    refused(ask("operator", &me), "중지하세요").await;
    let ops = desk.token("ops").await;
    let (status, _) = ops.post("/api/requests", &ask("user", &user)).await;
    assert_eq!(status, 403);
    let other = if plan == "pro" { "free" } else { "pro" };
    let (status, open) = ops
        .post("/api/requests", &json!({"operation": "user.plan.grant", "fields": {"user_id": user, "plan": other}, "reason": TOLD}))
        .await;
    assert_eq!(status, 201);
    refused(ask("user", &user), open["id"].as_str().unwrap()).await;
    assert_eq!(ops.post(&format!("/api/requests/{}/withdraw", open["id"].as_str().unwrap()), &json!({})).await.0, 200);

    // no emergency is a reason, and what was approved is what is erased
    let mut glass = ask("user", &user);
    glass["break_glass"] = json!(true);
    glass["emergency"] = json!("지금 당장 지워야 할 만큼 급한 일이 생겼습니다.");
    assert_eq!(
        desk.token_at(0, "admin", &["requests:ask", "personal:erase", "requests:break-glass"]).await.post("/api/requests", &glass).await.0,
        403
    );
    let (status, asked) = security.post("/api/requests", &ask("user", &user)).await;
    assert_eq!(status, 201, "{asked}");
    let id = asked["id"].as_str().unwrap();
    assert_eq!(asked["preview"]["after"], json!({"details": 0, "requests": 0}));
    let fix = ops
        .post("/api/requests", &json!({"operation": "user.plan.grant", "fields": {"user_id": user, "plan": other}, "reason": TOLD}))
        .await
        .1;
    assert_eq!(admin.vote(fix["id"].as_str().unwrap(), "approve", None).await.0, 200);
    desk.sign_in("ops").await.until(fix["id"].as_str().unwrap(), "succeeded").await;
    for voter in [&admin, &desk.token("approver").await] {
        assert_eq!(voter.vote(id, "approve", None).await.0, 200);
    }
    desk.sign_in("security").await.until(id, "stale").await;
    assert_eq!(desk.count("subject.erased").await, 0);
}

#[tokio::test]
async fn nobody_erases_behind_the_ledgers_back() {
    let desk = desk().await;
    let (user, _, _, plan) = somebody(&desk).await;
    let other = if plan == "pro" { "free" } else { "pro" };
    granted(&desk.sign_in("ops").await, &desk.sign_in("approver").await, &user, other).await;
    let mut app = PgConnection::connect(&desk.app_url().await).await.unwrap();
    for (sql, expected) in [
        ("delete from ledger.subject_key", "42501"),
        ("update ledger.subject_key set key = decode(repeat('00', 32), 'hex')", "42501"),
        ("update ledger.subject_key set subject = 'user:nobody'", "55000"),
        ("truncate ledger.subject_key", "42501"),
        ("update ledger.detail set sealed = ''", "42501"),
        (&format!("select ledger.erase_subject(1, 'user', '{user}')"), "CS004"),
        ("insert into ledger.retirement values ('2020-01-01', gen_random_uuid(), '')", "42501"),
    ] {
        assert_eq!(code(&mut app, sql).await, expected, "{sql}");
    }
    let mut owner = desk.owner().await;
    let key = format!("where subject = 'user:{user}'");
    assert_eq!(code(&mut owner, &format!("delete from ledger.subject_key {key}")).await, "CS003");
    assert_eq!(code(&mut owner, "update ledger.subject_key set key = decode(repeat('00', 32), 'hex')").await, "55000");
    assert_eq!(
        code(&mut owner, "update ledger.detail set salt = null, data = null, words = null, sealed = '' where data is not null").await,
        "CS003"
    );
    assert_eq!(code(&mut owner, "update ledger.detail set sealed = 'x' where data is null").await, "55000");
    let (whole, said) = verified(&desk).await;
    assert!(whole, "{said}");
    tamper(&mut owner, "ledger.subject_key", &format!("delete from ledger.subject_key {key}")).await;
    let (whole, said) = verified(&desk).await;
    let submitted = event(&desk, "request.submitted", &user).await;
    assert!(!whole && said.contains(&format!("(event {submitted}): what its leaf commits to cannot be opened")), "{said}");
    desk.sign_in("auditor").await.get(&format!("/ledger/{submitted}")).await.sees("지웠다는 기록도 없습니다");
}

#[tokio::test]
async fn what_was_in_clear_before_there_were_keys_is_erased_too() {
    let desk = desk().await;
    let (user, ..) = somebody(&desk).await;
    let now = chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 3);
    let old = seal(Service::Console.id(), "console", None, now, 1, Entry::of("session.opened").on("user", &user).because(TOLD)).unwrap();
    let mut owner = desk.owner().await;
    write_in_clear(&mut owner, &old).await;
    let auditor = desk.sign_in("auditor").await;
    auditor.get(&format!("/ledger/{}", old.id)).await.sees(TOLD);
    erased(&desk, &user).await;
    auditor.get(&format!("/ledger/{}", old.id)).await.sees("[지워짐]");
    let row: (Option<Vec<u8>>, Option<Value>) =
        sqlx::query_as("select salt, data from ledger.detail where event_id = $1").bind(old.id).fetch_one(&mut owner).await.unwrap();
    assert_eq!(row, (None, None));
    let (whole, said) = verified(&desk).await;
    assert!(whole, "{said}");
}

/// What one sees of a person's address.
fn masked(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap();
    format!("{}•••@{domain}", &local[..1])
}

#[tokio::test]
async fn an_address_is_whole_on_the_persons_own_page_and_masked_everywhere_else() {
    let log = Log::keep();
    let desk = desk().await;
    let (user, name, email, plan) = somebody(&desk).await;
    let other = if plan == "pro" { "free" } else { "pro" };
    let typed = "hong.gildong@typed-at-the-door.example";
    let stranger = Person::new(desk.base(0));
    let refused = stranger.post_from(&stranger.get("/login").await, "/login", &[("email", typed), ("password", "wrong")]).await;
    assert_eq!((refused.status, refused.find("input[name=email]").as_deref()), (401, Some(typed)), "what one typed stands there again");
    let forged = stranger.post("/login", &[("email", typed), ("password", "wrong"), ("csrf", "forged")]).await;
    assert!(forged.status >= 400, "{}", forged.status);

    let (ops, approver, token) = (desk.sign_in("ops").await, desk.sign_in("approver").await, desk.token("ops").await);
    // asked for by the whole address, everywhere
    let q = format!("q={}", email.replace('@', "%40"));
    let org: String = sqlx::query_scalar("select org_id from admin_user_orgs where user_id = $1 limit 1")
        .bind(&user)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    for path in [format!("/users?{q}"), format!("/search?{q}"), format!("/orgs/{org}"), format!("/users.csv?{q}")] {
        let page = ops.get(&path).await;
        // but for what was typed: the field and the links that keep it
        let typed = path.starts_with("/users?") || path.starts_with("/search?");
        let shown = if typed { page.texts("th, td, #results a").join(" ") } else { page.body.clone() };
        assert!(shown.contains(&name) && shown.contains(&masked(&email)) && shown.contains(&user), "{path}: {shown}");
        assert!(!shown.contains(&email), "{path}: {shown}");
    }
    let (_, listed) = token.get(&format!("/api/admin/users?{q}")).await;
    let found = &listed["items"][0];
    assert_eq!((&found["id"], &found["name"], &found["email"]), (&json!(user), &json!(name), &json!(masked(&email))));
    for path in [format!("/api/admin/users/{user}"), format!("/api/admin/users/{user}/detail")] {
        assert_eq!(token.get(&path).await.1["email"], email, "{path}");
    }
    ops.get(&format!("/users/{user}")).await.sees(&email).sees(&name);
    // no list says it in a link either
    for path in ["/users?sort=email", "/users?sort=-email", "/users.csv?sort=email"] {
        let page = ops.get(path).await;
        assert!(page.body.contains("•••@") && !page.body.contains("user0") && page.status == 200, "{path}: {}", page.body);
    }
    assert_eq!(ops.get(&format!("/users/{email}")).await.status, 404);
    assert_eq!(token.get(&format!("/api/admin/users/{}", email.replace('@', "%40"))).await.0, 404);

    let request = granted(&ops, &approver, &user, other).await;
    let page = ops.get(&format!("/requests/{request}")).await;
    page.sees(&format!("{name} · {}", masked(&email)));
    let json = token.get(&format!("/api/requests/{request}")).await.1.to_string();
    let (inbox, notices) = (ops.get("/inbox?tab=decided").await.body, ops.get("/notices").await.body);
    for (what, text) in [("page", &page.body), ("api", &json), ("list", &inbox), ("notices", &notices)] {
        assert!(!text.contains(&email), "{what}: {text}");
    }

    let leaves: Vec<String> =
        sqlx::query_scalar("select convert_from(leaf, 'UTF8') from ledger.event").fetch_all(&mut desk.owner().await).await.unwrap();
    assert!(leaves.len() > 10);
    for secret in [typed, &email, "hong.gildong", email.split('@').next().unwrap()] {
        assert_eq!(log.lines(secret), Vec::<String>::new());
        assert!(!leaves.iter().any(|leaf| leaf.contains(secret)), "{secret}");
    }
    assert!(leaves.iter().all(|leaf| !leaf.contains(&name) && !leaf.contains("127.0.0.1")));
    assert_eq!(log.lines(&format!("/users/{}", masked(&email))).len(), 2, "the log is read, and says masked what was asked for");
}
