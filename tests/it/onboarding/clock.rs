//! What is late is told once, and what nobody finished ends.
use super::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_clock_tells_of_what_is_late_once_and_ends_what_nobody_finished() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let cs = desk.token("cs").await;
    let id = begun(&cs, "late-one", 200_810_011).await;
    let number: i64 = id.trim_start_matches("ON-").parse().unwrap();
    let mut owner = desk.owner().await;
    let set = async |owner: &mut sqlx::PgConnection, table: &str, what: &str, key: &str| {
        let sql = [
            format!("alter table {table} disable trigger is_recorded"),
            format!("update {table} set {what} where {key} = {number}"),
            format!("alter table {table} enable trigger is_recorded"),
        ];
        for sql in sql {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *owner).await.unwrap();
        }
    };
    set(&mut owner, "tenant_onboarding_task", "due_at = now() - interval '1 minute'", "onboarding_id").await;
    let end = Instant::now() + Duration::from_secs(20);
    while desk.count("onboarding.step.overdue").await == 0 {
        assert!(Instant::now() < end, "nobody was told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, told) = cs.get("/api/notices").await;
    let late =
        told["items"].as_array().unwrap().iter().filter(|n| n["kind"] == "step-overdue" && n["topic"] == format!("{id}/contract")).count();
    assert_eq!(late, 1, "of the step whose turn it is, and of no other: {told}");
    desk.sign_in("cs").await.get("/notices").await.sees("온보딩 단계의 기한이 지났습니다.");
    set(
        &mut owner,
        "tenant_onboarding_request",
        "opened_at = now() - interval '90 days', due_at = now() - interval '60 days', expires_at = now() - interval '1 second'",
        "id",
    )
    .await;
    while state(&cs, &id).await != "expired" {
        assert!(Instant::now() < end + Duration::from_secs(20), "it never expired");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(desk.count("onboarding.step.overdue").await, 1, "once");
    let (status, again) = cs.post(&format!("/api/onboarding/{id}/again"), &json!({"draft": true})).await;
    assert_eq!((status, again["revision"].as_i64()), (201, Some(2)), "{again}");
}
