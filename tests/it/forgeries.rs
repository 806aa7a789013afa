//! What somebody could write who owns the database and does not have the file outside: none of it runs, and `verify` names all of it.
use crate::{
    log::{fix, history, sealed, tamper, verify},
    support::{Desk, ORG, REASON, write_in_clear},
};
use countersign::{
    auth::Service,
    ledger::{Entry, Sealed, seal},
};
use serde_json::json;
use sqlx::PgConnection;

fn number(id: &str) -> i64 {
    id.trim_start_matches("CR-").parse().unwrap()
}

/// An event of now, as the application writes it.
fn event(entry: Entry) -> Sealed {
    let now = chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 3);
    seal(Service::Executor.id(), "worker", None, now, 1, entry).unwrap()
}

async fn run(owner: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(owner).await.unwrap();
}

#[tokio::test]
async fn what_pages_show_of_a_request_is_held_against_the_ledger() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let mut owner = desk.owner().await;
    let (id, voter): (i64, uuid::Uuid) = sqlx::query_as(
        "select r.id, v.voter_id from request r join vote v on v.request_id = r.id where r.state = 'succeeded' order by r.id desc limit 1",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    let (whole, said) = verify(&desk).await;
    assert!(whole, "{said}");
    for (what, table, change, undo, expected) in [
        (
            "another reason",
            "request",
            format!("update request set reason = '지난달에 이미 합의한 내용을 반영합니다.' where id = {id}"),
            format!("update request set reason = '{REASON}' where id = {id}"),
            "its reason is not the one in the ledger".to_owned(),
        ),
        (
            "other values",
            "request",
            format!("update request set after = after || '{{\"credit\": 1}}' where id = {id}"),
            format!("update request set after = after || jsonb_build_object('credit', fields -> 'credit') where id = {id}"),
            "what it asks for is not what the ledger says was asked for".into(),
        ),
        (
            "another state",
            "request",
            format!("update request set state = 'failed' where id = {id}"),
            format!("update request set state = 'succeeded' where id = {id}"),
            "it is failed after 4 steps, and the ledger tells succeeded after 4".into(),
        ),
        (
            "another vote",
            "vote",
            format!("update vote set decision = 'reject', reason = '승인하지 않았습니다. 다시 확인하세요.' where request_id = {id}"),
            format!("update vote set decision = 'approve', reason = null where request_id = {id}"),
            format!("the vote of {voter} is not the one in the ledger"),
        ),
    ] {
        tamper(&mut owner, table, &change).await;
        let (whole, said) = verify(&desk).await;
        assert!(!whole && said.contains(&format!("CR-{id}: {expected}")), "{what}: {said}");
        tamper(&mut owner, table, &undo).await;
        let (whole, said) = verify(&desk).await;
        assert!(whole, "{what}, undone: {said}");
    }
    // what it set, set to something else
    tamper(&mut owner, "admin_orgs", &format!("update admin_orgs set credit = credit + 1 where id = '{ORG}'")).await;
    let (whole, said) = verify(&desk).await;
    assert!(!whole && said.contains(&format!("no request changed it: CR-{id}")), "{said}");
    tamper(&mut owner, "admin_orgs", &format!("update admin_orgs set credit = credit - 1 where id = '{ORG}'")).await;
    // a vote that is gone
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let denied = fix(&ops, 4_711).await;
    assert_eq!(approver.vote(&denied, "reject", Some("고객에게 확인하지 않은 금액입니다.")).await.0, 200);
    sealed(&desk).await;
    tamper(&mut owner, "vote", &format!("delete from vote where request_id = {}", number(&denied))).await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains(&format!("{denied}: the ledger tells of a vote of")), "{said}");
}

/// Gives an approved request what another one asks for, and has the votes be for that.
async fn swap(owner: &mut PgConnection, this: i64, that: i64) {
    let columns = "fields, before, after, binding, binding_salt, policy, expires_at, not_before";
    let change = format!("update request set ({columns}) = (select {columns} from request where id = {that}) where id = {this}");
    tamper(owner, "request", &change).await;
    tamper(owner, "vote", &format!("update vote set binding = (select binding from request where id = {that}) where request_id = {this}"))
        .await;
}

#[tokio::test]
async fn what_was_approved_runs_and_nothing_else() {
    let desk = Desk::open().await;
    let mut owner = desk.owner().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let ask = async |credit: i64, not_before: Option<chrono::DateTime<chrono::Utc>>| {
        let fields = json!({"org_id": ORG, "credit": credit});
        let (status, request) = ops
            .post("/api/requests", &json!({"operation": "org.tier.fix", "fields": fields, "reason": REASON, "not_before": not_before}))
            .await;
        assert_eq!(status, 201, "{request}");
        request["id"].as_str().unwrap().to_owned()
    };
    let later = || Some(chrono::Utc::now() + chrono::TimeDelta::seconds(5));
    for forges_the_leaf in [false, true] {
        let id = ask(10, later()).await;
        assert_eq!(approver.vote(&id, "approve", None).await.0, 200);
        let other = ask(999_999, None).await;
        let (this, that) = (number(&id), number(&other));
        let was: String =
            sqlx::query_scalar("select encode(binding, 'hex') from request where id = $1").bind(this).fetch_one(&mut owner).await.unwrap();
        sealed(&desk).await;
        swap(&mut owner, this, that).await;
        if forges_the_leaf {
            // the event and its hash as well: everything but what was signed and published
            let (event, partition): (uuid::Uuid, String) = sqlx::query_as(
                "select event_id, tableoid::regclass::text from ledger.event where request_id = $1 and kind = 'request.approved'",
            )
            .bind(this)
            .fetch_one(&mut owner)
            .await
            .unwrap();
            let leaf = format!(
                "convert_to(replace(convert_from(leaf, 'UTF8'), '{was}', (select encode(binding, 'hex') from request where id = {that})), 'UTF8')"
            );
            tamper(&mut owner, &partition, &format!("update {partition} set leaf = {leaf} where event_id = '{event}'")).await;
            let hash = format!("(select sha256('\\x00'::bytea || leaf) from ledger.event where event_id = '{event}')");
            tamper(&mut owner, "ledger.leaf", &format!("update ledger.leaf set hash = {hash} where event_id = '{event}'")).await;
        }
        desk.sign_in("ops").await.until(&id, "stale").await.sees("승인된 내용과 맞지 않습니다");
        sealed(&desk).await;
        let (whole, said) = verify(&desk).await;
        assert!(!whole && said.contains(&format!("{id}: what it asks for is not what the ledger says was asked for")), "{said}");
    }
}

#[tokio::test]
async fn events_that_nobody_should_write_are_named() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let mut owner = desk.owner().await;
    let id: i64 = sqlx::query_scalar("select max(id) from request where state = 'succeeded'").fetch_one(&mut owner).await.unwrap();
    // one that hides behind a request that is over, and one on something else
    write_in_clear(&mut owner, &event(Entry::of("org.tier.fixed").on("org", ORG).request(id).because(REASON))).await;
    sealed(&desk).await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains(&format!("org.tier.fixed by CR-{id}, which was over")), "{said}");
    // the same id at another time: not by the application, and found where the owner of the tables did it
    let again = "insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, request_id, leaf)
        select event_id, recorded_at + interval '1 millisecond', 1, 'request.approved', 'success', actor_id, 'web', null, leaf
        from ledger.event where kind = 'session.opened' order by event_id desc limit 1";
    let refused = sqlx::raw_sql(again).execute(&mut owner).await.unwrap_err().to_string();
    assert!(refused.contains("id_tells_the_time"), "{refused}");
    run(&mut owner, "alter table ledger.event drop constraint id_tells_the_time").await;
    run(&mut owner, again).await;
    run(&mut owner, "delete from ledger.pending").await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains("it has no leaf and waits for none"), "{said}");
}

#[tokio::test]
async fn what_the_log_is_said_to_have_lost_or_given_up_needs_an_event_that_says_so() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let mut owner = desk.owner().await;
    let id: i64 = sqlx::query_scalar("select max(id) from request").fetch_one(&mut owner).await.unwrap();
    let size: i64 = sqlx::query_scalar("select size from ledger.head").fetch_one(&mut owner).await.unwrap();
    // filters that do not find what happened
    run(&mut owner, "delete from ledger.kind where kind = 'org.tier.fixed'").await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains("kind org.tier.fixed: filters do not find its events"), "{said}");
    run(&mut owner, "insert into ledger.kind values ('org.tier.fixed', 'success')").await;
    // a checkpoint that was published and is gone
    let taken = "create table taken as select * from ledger.checkpoint where size = (select published_size from ledger.head)";
    run(&mut owner, taken).await;
    tamper(&mut owner, "ledger.checkpoint", "delete from ledger.checkpoint where size in (select size from taken)").await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains("it was published, and is not there any more"), "{said}");
    run(&mut owner, "insert into ledger.checkpoint select * from taken").await;
    assert!(verify(&desk).await.0);
    // a month of which chosen events are gone: an event vouches for it, and that month is not old, nor gone
    let month = chrono::Utc::now().format("%Y-%m").to_string();
    let voucher = event(
        Entry::of("ledger.retired")
            .on("month", &month)
            .with("month", month.as_str())
            .with("events", 1)
            .with("first", 5)
            .with("last", 5)
            .because(REASON),
    );
    write_in_clear(&mut owner, &voucher).await;
    sealed(&desk).await;
    sqlx::query("insert into ledger.retirement (month, event_id, leaf) values ($1::date, $2, $3)")
        .bind(format!("{month}-01"))
        .bind(voucher.id)
        .bind(&voucher.leaf)
        .execute(&mut owner)
        .await
        .unwrap();
    let (_, said) = verify(&desk).await;
    assert!(said.contains(&format!("retired month {month}: ")) && said.contains("checks begin at another time"), "{said}");
    tamper(&mut owner, "ledger.retirement", "delete from ledger.retirement").await;
    assert!(verify(&desk).await.0);
    // a log that is said to have gone on under another name, without its end
    let cut = size - 3;
    tamper(
        &mut owner,
        "ledger.way_out",
        &format!("insert into ledger.way_out (request_id, way, origin, size, halted_at) values ({id}, 'epoch', 'x/2', {cut}, now())"),
    )
    .await;
    tamper(&mut owner, "ledger.head", "update ledger.head set origin = 'x/2'").await;
    let (_, said) = verify(&desk).await;
    assert!(said.contains("the log is named x/2, and no key has that name") && !said.contains("were given up"), "{said}");
}
