//! Nothing is committed without an event, and no event is ever changed.
use crate::support::{Desk, ORG, REASON};
use countersign::ledger::{commitment, leaf_hash};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, Row};

async fn code(conn: &mut PgConnection, sql: &'static str) -> String {
    let error = conn.execute(sql).await.expect_err(sql);
    error.as_database_error().and_then(|e| e.code().map(|c| c.into_owned())).unwrap_or_default()
}

#[tokio::test]
async fn a_change_without_an_event_does_not_commit_not_even_for_the_owner() {
    let desk = Desk::open().await;
    for role in ["countersign_app", "countersign_owner"] {
        let mut conn = PgConnection::connect(&desk.url_as(role).await).await.unwrap();
        assert_eq!(code(&mut conn, "update admin_orgs set credit = 1 where id = 'org_hanbit0001'").await, "CS001", "{role}");
        assert_eq!(code(&mut conn, "update operator set name = 'x'").await, "CS001", "{role}");
        assert_eq!(code(&mut conn, "update request set state = 'succeeded' where state = 'pending'").await, "CS001", "{role}");
    }
    assert_eq!(desk.org(ORG).await.1, 0);
}

#[tokio::test]
async fn the_application_cannot_rewrite_the_past_or_what_was_asked_for() {
    let desk = Desk::open().await;
    let mut app = PgConnection::connect(&desk.app_url().await).await.unwrap();
    for sql in [
        "update ledger.event set kind = 'nothing'",
        "delete from ledger.event",
        "truncate ledger.event",
        "delete from ledger.detail",
        "delete from ledger.pending",
        "insert into ledger.pending (event_id, recorded_at) values (gen_random_uuid(), now())",
        "alter table ledger.event disable trigger all",
        "update request set fields = '{}'",
        "update request set requester_id = gen_random_uuid()",
        "delete from request",
        "update admin_orgs set name = 'x'",
        "update company set name = 'x'",
        "update tenant set slug = 'x'",
        "update tenant_subscription set plan_version = 1",
        "update promo_redemption set terms = '{}'",
        "update tenant_role set role = 'x'",
        "delete from company",
        "create table mine ()",
        "alter table admin_orgs disable trigger is_recorded",
    ] {
        assert_eq!(code(&mut app, sql).await, "42501", "{sql}");
    }
    // an approval is taken back while its request waits, and no vote after that
    assert_eq!(code(&mut app, "delete from vote").await, "23514");
}

#[tokio::test]
async fn the_owner_is_stopped_by_triggers_on_every_partition() {
    let desk = Desk::open().await;
    let mut owner = desk.owner().await;
    let partitions: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent in ('ledger.event'::regclass, 'ledger.detail'::regclass)",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(partitions.len() > 24);
    for table in ["ledger.event", "ledger.detail"].map(String::from).iter().chain(&partitions) {
        let error = owner.execute(sqlx::AssertSqlSafe(format!("truncate {table}"))).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "55000", "{table}");
    }
    assert_eq!(code(&mut owner, "update ledger.event set kind = 'nothing'").await, "55000");
    assert_eq!(code(&mut owner, "delete from ledger.event").await, "55000");
}

#[tokio::test]
async fn the_auditor_reads_the_ledger_and_no_secret() {
    let desk = Desk::open().await;
    let mut auditor = PgConnection::connect(&desk.url_as("countersign_auditor").await).await.unwrap();
    auditor.execute("select count(*) from ledger.event").await.unwrap();
    auditor.execute("select email, name from operator").await.unwrap();
    for sql in [
        "select password_hash from operator",
        "select token_hash from api_token",
        "select data from session",
        "update request set state = 'denied'",
    ] {
        assert_eq!(code(&mut auditor, sql).await, "42501", "{sql}");
    }
}

#[tokio::test]
async fn a_leaf_is_canonical_commits_to_what_is_shown_and_is_taken_into_the_log() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let row = sqlx::query(
        "select e.event_id, e.leaf, d.salt, d.data, p.event_id is not null as waits, l.hash from ledger.event e join ledger.detail d using (event_id, recorded_at)
         left join ledger.pending p using (event_id) left join ledger.leaf l using (event_id) where e.kind = 'request.submitted' order by e.event_id desc limit 1"
    ).fetch_one(&mut desk.owner().await).await.unwrap();
    let (leaf, salt, data): (Vec<u8>, Vec<u8>, Value) = (row.get("leaf"), row.get("salt"), row.get("data"));
    let parsed: Value = serde_json::from_slice(&leaf).unwrap();
    assert_eq!(countersign::ledger::canonical(&parsed).unwrap(), leaf, "the bytes are RFC 8785");
    assert_eq!(parsed["request"], json!(id));
    assert!(!String::from_utf8(leaf.clone()).unwrap().contains("결제는"), "no personal data in the leaf");
    assert_eq!(parsed["detail"], json!(commitment(&salt.try_into().unwrap(), &data).unwrap()));
    match row.get::<Option<Vec<u8>>, _>("hash") {
        None => assert!(row.get::<bool, _>("waits")),
        Some(hash) => assert!(hash == leaf_hash(&leaf) && !row.get::<bool, _>("waits"), "it waits, or it is in the log, and not both"),
    }
    let event: uuid::Uuid = row.get("event_id");
    let page = admin.get(&format!("/ledger/{event}")).await;
    page.sees(&countersign::requests::hex(&leaf_hash(&leaf))).sees(REASON).sees("약속값과 일치합니다.");
}

#[tokio::test]
async fn the_ledger_is_filtered_by_actor_kind_target_request_outcome_and_day() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    for (query, rows) in [
        (format!("request={id}"), 1),
        (format!("target={ORG}"), 1),
        ("actor=nobody@hanbit.example".into(), 0),
        ("action=house.".into(), 1),
        ("outcome=failure&action=request.submitted".into(), 0),
        ("request=CR-999999".into(), 0),
        ("request=무엇".into(), 0),
        ("since=2099-01-01".into(), 0),
        ("until=2001-01-01".into(), 0),
        ("actor=홍서진&action=request.submitted&target=org_hanbit0001".into(), 1),
    ] {
        let page = admin.get(&format!("/ledger?{query}")).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.count("tbody tr"), rows, "{query}: {}", page.text());
    }
}
