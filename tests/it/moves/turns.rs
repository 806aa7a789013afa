//! Turn by turn: who is left out meanwhile, and whoever or whatever dies on the way.
use super::{counts, many, tomorrow, wish};
use crate::subscriptions::Office;
use chrono::Days;
use countersign::catalog::today;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
#[cfg(feature = "failpoints")]
use std::time::Duration;

/// Between approval and its turn a tenant gets another plan: it keeps that, and the others are moved.
#[tokio::test]
async fn a_tenant_that_changes_before_its_turn_is_left_out_with_the_reason() {
    let office = Office::with_next().await;
    let mut tenants = [office.tenant("turn-a", 210_820_041).await, office.tenant("turn-b", 210_820_042).await];
    tenants.sort();
    let change = json!({"tenant_id": tenants[1], "plan": "enterprise", "from": today() + Days::new(3)});
    let changes = office.asked("subscription.change", change).await;
    let id = office.asked("subscription.migrate", wish(tomorrow())).await;
    // the first of them is held, so that the job waits before it comes to the second; to write its row down is not in the way of that
    let mut owner = office.desk.owner().await;
    let mut holds = owner.begin().await.unwrap();
    sqlx::query("select from tenant where id = $1 for no key update").bind(&tenants[0]).execute(&mut *holds).await.unwrap();
    assert_eq!(office.approved(&id).await["state"], "succeeded");
    let cs = office.desk.sign_in("cs").await;
    let href = format!("/subscriptions/migrations/{id}");
    let running = cs.get(&href).await;
    running.sees("전체 2개 가운데 0개 처리 (0%)").sees("진행 중").sees("대기");
    assert_eq!((running.all("main", "data-on"), running.count("[data-request]")), (vec![id.clone()], 1));
    let again = office.refused("subscription.migrate", wish(tomorrow())).await;
    assert_eq!(again, ("plan".to_owned(), "migration-runs-already".to_owned()));
    assert_eq!(office.approved(&changes).await["state"], "succeeded");
    holds.rollback().await.unwrap();
    let told = office.finished(&id).await;
    assert_eq!(told["counts"], counts(0, 1, 1));
    let items = told["items"].as_array().unwrap();
    assert_eq!((&items[0]["tenant"]["id"], &items[0]["state"]), (&json!(tenants[0]), &json!("moved")));
    assert_eq!((&items[1]["state"], &items[1]["reason"]), (&json!("skipped"), &json!("changes")), "{told}");
    assert!(items[1]["message"].as_str().unwrap().contains("변경"), "{told}");
    assert_eq!(office.of(&tenants[1]).await["next"]["to"], json!({"plan": "enterprise", "version": 1}));
    cs.get(&format!("{href}?state=skipped")).await.sees("다른 변경이 예정되었거나 그사이 변경됨");
    let (_, only) = office.cs.get(&format!("/api/subscriptions/migrations/{id}?state=skipped")).await;
    assert_eq!(only["items"].as_array().unwrap().len(), 1);
    assert_eq!((office.overwritten().await, office.desk.broken_invariants().await), (Vec::new(), Vec::new()));
}

/// The version is withdrawn before anybody had a turn: the database refuses each of them alone, and all stay as they are.
#[tokio::test]
async fn what_the_database_refuses_is_left_out_and_undoes_nothing_else() {
    let office = Office::with_next().await;
    let mut tenants = [office.tenant("fails-a", 210_820_051).await, office.tenant("fails-b", 210_820_052).await];
    tenants.sort();
    let id = office.asked("subscription.migrate", wish(tomorrow())).await;
    let mut owner = office.desk.owner().await;
    let mut holds = owner.begin().await.unwrap();
    sqlx::query("select from tenant where id = $1 for no key update").bind(&tenants[0]).execute(&mut *holds).await.unwrap();
    assert_eq!(office.approved(&id).await["state"], "succeeded");
    let withdrawn = json!({"kind": "plan", "code": "pro-v3", "version": 2});
    assert_eq!(office.done("catalog.withdraw", withdrawn).await["state"], "succeeded");
    holds.rollback().await.unwrap();
    let told = office.finished(&id).await;
    assert_eq!((&told["counts"], &told["items"][1]["reason"]), (&counts(0, 0, 2), &json!("failed")), "{told}");
    for tenant in &tenants {
        let now = office.of(tenant).await;
        assert_eq!((&now["current"]["version"], &now["current"]["until"]), (&json!(1), &Value::Null), "{now}");
    }
    assert_eq!(office.desk.story(&id).await.last().unwrap(), "subscription.migration.finished");
    assert_eq!((office.overwritten().await, office.desk.broken_invariants().await), (Vec::new(), Vec::new()));
}

/// The job waits over midnight: who has not moved by then stays, since nothing begins in the past.
#[tokio::test]
async fn who_waits_until_the_day_has_passed_is_left_out_as_late() {
    let office = Office::with_next().await;
    let mut stuck = office.stuck(25).await;
    // what the clock does to the day is done to the day instead
    let passes =
        |days: i32| format!("set session_replication_role = replica; update subscription_migration set from_day = from_day - {days}");
    stuck.cut_off().await;
    sqlx::raw_sql(AssertSqlSafe(passes(2))).execute(&mut stuck.watcher).await.unwrap();
    stuck.let_go().await;
    let told = office.finished(&stuck.id).await;
    assert_eq!(told["counts"], counts(0, 20, 5));
    let (_, late) = office.cs.get(&format!("/api/subscriptions/migrations/{}?state=skipped", stuck.id)).await;
    let late = late["items"].as_array().unwrap();
    assert!(late.len() == 5 && late.iter().all(|row| row["reason"] == "late"), "{late:?}");
    assert_eq!(office.of("tnt_m000000021").await["next"], Value::Null);
    sqlx::raw_sql(AssertSqlSafe(passes(-2))).execute(&mut stuck.watcher).await.unwrap();
    office.is_as_told().await;
}

/// Between one tenant and the next the connection is gone: none of the twenty has moved, and all of them come again.
#[tokio::test]
async fn a_database_that_goes_away_within_a_batch_leaves_it_pending_and_each_moves_once() {
    let office = Office::with_next().await;
    let mut stuck = office.stuck(25).await;
    stuck.cut_off().await;
    // as long as the 22nd is held nobody gets any further
    assert_eq!(office.migration(&stuck.id).await["counts"], counts(5, 20, 0));
    assert_eq!((office.of("tnt_m000000021").await["next"].clone(), office.desk.count("subscription.migrated").await), (Value::Null, 20));
    stuck.let_go().await;
    assert_eq!(office.finished(&stuck.id).await["counts"], counts(0, 25, 0));
    assert_eq!(office.desk.count("subscription.migrated").await, 25);
    office.is_as_told().await;
}

/// Killed in the middle of the second batch, and again as it commits: what had committed stands, and the rest is done once.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_replica_that_is_killed_on_the_way_is_replaced_and_each_tenant_moves_once() {
    use crate::process::Process;
    use std::os::unix::process::ExitStatusExt;
    let mut office = Office::with_next().await;
    many(&office.desk, 45).await;
    let id = office.asked("subscription.migrate", wish(tomorrow())).await;
    office.desk.stop_all().await;
    let spare = Process::start(&office.desk, &["--no-worker"], &[]).await;
    office.admin.base.clone_from(&spare.base);
    assert_eq!(office.admin.vote(&id, "approve", None).await.0, 200);
    let mut owner = office.desk.owner().await;
    let count = "select count(*) filter (where state = 'moved'), count(*) filter (where state = 'pending') from subscription_migration_row";
    for (trap, left) in [("migration.row=22*off->return", (20_i64, 25_i64)), ("migration.committing=return", (20, 25))] {
        let mut doomed = Process::start(&office.desk, &[], &[("FAILPOINTS", trap)]).await;
        let status = doomed.ended(Duration::from_secs(30)).await.unwrap_or_else(|| panic!("{trap} was never reached"));
        assert_eq!(status.signal(), Some(9), "{trap}: {status:?}");
        assert_eq!(sqlx::query_as::<_, (i64, i64)>(count).fetch_one(&mut owner).await.unwrap(), left, "{trap}");
    }
    let other = Process::start(&office.desk, &[], &[]).await;
    office.cs.base.clone_from(&other.base);
    let told = office.finished(&id).await;
    assert_eq!(told["counts"], counts(0, 45, 0));
    let (_, page) = office.cs.get(&format!("/api/subscriptions/migrations/{id}?cursor=tnt_m000000040")).await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (5, &Value::Null));
    let twice: i64 = sqlx::query_scalar(
        "select count(*) from (select tenant_id from tenant_subscription where plan_version = 2 group by tenant_id having count(*) <> 1
           union all select target_id from ledger.event where kind = 'subscription.migrated' group by target_id having count(*) <> 1) wrong",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!((twice, office.desk.count("subscription.migrated").await), (0, 45));
    let story = office.desk.story(&id).await;
    let batches = story.iter().filter(|kind| kind.starts_with("subscription.migration.")).cloned().collect::<Vec<_>>();
    assert_eq!(
        batches,
        [
            "subscription.migration.begun",
            "subscription.migration.advanced",
            "subscription.migration.advanced",
            "subscription.migration.finished"
        ]
    );
    assert_eq!(office.desk.broken_invariants().await, Vec::<String>::new());
}
