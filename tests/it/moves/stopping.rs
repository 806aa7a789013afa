//! Stopped on its way: what has moved stays, those who wait are left out, and nobody is both.
use super::{counts, many, tomorrow, wish};
use crate::{subscriptions::Office, support::REASON};
use serde_json::{Value, json};

fn path(id: &str) -> String {
    format!("/api/subscriptions/migrations/{id}/stop")
}

#[tokio::test]
async fn whoever_may_ask_for_it_stops_it_and_says_why() {
    let office = Office::with_next().await;
    let (cs, looks, sre) = (office.desk.sign_in("cs").await, office.desk.sign_in("auditor").await, office.desk.token("sre").await);
    let mut stuck = office.stuck(45).await;
    let id = stuck.id.clone();
    let (here, stop) = (format!("/subscriptions/migrations/{id}"), format!("/subscriptions/migrations/{id}/stop"));
    let page = cs.get(&here).await;
    page.sees("전체 45개 가운데 20개 처리").sees("아직 옮기지 않은 테넌트 25개를 제외하고 끝냅니다.");
    assert_eq!((page.count("#stop[open]"), page.count("#stopped")), (0, 0));
    for (typed, wrong) in [("", "사유를 입력하세요."), ("너무 짧음", "사유를 10자 이상 입력하세요.")] {
        let told = cs.post_from(&page, &stop, &[("reason", typed)]).await;
        assert_eq!((told.status, told.count("#stop[open] #stop-error"), told.find("#stop-reason")), (422, 1, Some(typed.into())));
        told.sees(wrong);
    }
    let shown = looks.get(&here).await;
    assert_eq!((shown.count("#stop"), looks.post_from(&shown, &stop, &[("reason", REASON)]).await.status), (0, 403));
    assert_eq!(sre.post(&path(&id), &json!({"reason": REASON})).await.0, 403);
    assert_eq!(office.cs.post(&path("CR-1"), &json!({"reason": REASON})).await.0, 404);
    assert_eq!(office.cs.post(&path(&id), &json!({"reason": "짧음"})).await.1["errors"][0]["code"], "reason-too-short");

    // whoever waits for the 22nd gives up before this does, so none of these twenty has moved
    let mut sent = cs.post_from(&page, &stop, &[("reason", REASON)]).await;
    for _ in 0..10 {
        if sent.status != 503 {
            break;
        }
        sent = cs.post_from(&page, &stop, &[("reason", REASON)]).await;
    }
    assert_eq!((sent.status, sent.location.as_deref()), (303, Some(&*here)));
    let stopped = cs.get(&here).await;
    stopped.sees("이동을 중단했습니다. 남은 테넌트는 지금 버전을 그대로 이용합니다.").sees("님이 이동을 중단했습니다.").sees(REASON);
    assert_eq!((stopped.count("#stop"), stopped.count("#stopped")), (0, 1));
    cs.get(&format!("{here}?state=skipped")).await.sees("차례가 오기 전에 이동이 중단됨");
    let english = cs.at(office.desk.base(1)).in_language("en").get(&here).await;
    english.sees("stopped the move.").sees("Those that had moved stay as they are.");
    let csv = cs.get(&format!("{here}/rows.csv?state=skipped")).await;
    assert_eq!(csv.body.lines().filter(|line| line.contains("stopped")).count(), 25);

    // a second time there is nothing left, before the end and after it
    let nothing = (409, "migration-nothing-to-stop".to_owned());
    let again = async || {
        let (status, problem) = office.cs.post(&path(&id), &json!({"reason": REASON})).await;
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(again().await, nothing);
    stuck.let_go().await;
    let told = office.finished(&id).await;
    assert_eq!((&told["counts"], &told["stopped"]["reason"]), (&counts(0, 20, 25), &json!(REASON)));
    assert_eq!(again().await, nothing);
    cs.post_from(&page, &stop, &[("reason", REASON)]).await.sees("중단할 것이 없습니다.");
    let story = office.desk.story(&id).await;
    assert_eq!(story[story.len() - 2..], ["subscription.migration.stopped", "subscription.migration.finished"]);
    assert_eq!(story.iter().filter(|kind| *kind == "subscription.migrated").count(), 20);
    let timeline = cs.get(&format!("/requests/{id}")).await.texts(".timeline").join(" ");
    assert!(timeline.contains("구독 버전 이동 중단") && !timeline.contains("구독 버전 이동 진행"), "{timeline}");
    office.desk.sign_in("approver").await.get("/notices").await.sees("테넌트별 처리까지 모두 끝났습니다.");

    // those who moved have it as any other change, and those who did not may be asked for again
    let of = async |tenant: &str| office.of(tenant).await["next"]["what"].clone();
    assert_eq!((of("tnt_m000000020").await, of("tnt_m000000021").await), (json!("change"), Value::Null));
    let (_, request) = office.ask("subscription.migrate", wish(tomorrow())).await;
    assert_eq!((&request["preview"]["after"]["moving"], &request["preview"]["after"]["left_out"]), (&json!(25), &json!(20)), "{request}");
    office
        .finds(
            &id,
            &[
                "update subscription_migration_row set state = 'pending', reason = null, done_at = null where reason = 'stopped'",
                "update subscription_migration_row set reason = 'ends' where tenant_id = 'tnt_m000000030'",
                "update subscription_migration_row set state = 'skipped', reason = 'stopped', new_id = null where tenant_id = 'tnt_m000000001'",
                "update subscription_migration set stopped_at = null, stopped_by = null, stopped_why = null",
            ],
        )
        .await;
}

/// Asked to stop while the job is within its twenty: they are waited for, as a whole, and only the others are left out.
#[tokio::test]
async fn those_whose_turn_it_is_are_waited_for() {
    let office = Office::with_next().await;
    let mut stuck = office.stuck(200).await;
    let (id, said) = (stuck.id.clone(), json!({"reason": REASON}));
    let address = path(&id);
    let mut stop = std::pin::pin!(office.cs.post(&address, &said));
    let answer = tokio::select! {
        // the job gave up before
        answer = &mut stop => Some(answer),
        () = stuck.until_one_waits("from subscription_migration where") => None,
    };
    stuck.let_go().await;
    let (status, told) = match answer {
        Some(answer) => answer,
        None => stop.await,
    };
    assert_eq!(status, 200, "{told}");
    // forty, but for a job that gave up, or was quicker once more
    let moved = told["counts"]["moved"].as_i64().unwrap();
    assert!(moved >= 20 && moved % 20 == 0, "{told}");
    assert_eq!(office.finished(&id).await["counts"], counts(0, moved, 200 - moved));
    let mut owner = office.desk.owner().await;
    let begun: Vec<i64> = sqlx::query_scalar(
        "select count(*) from tenant_subscription where plan_version = 2 union all
         select count(distinct tenant_id) from tenant_subscription where plan_version = 2 union all
         select count(*) from ledger.event where kind = 'subscription.migrated'",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(begun, [moved; 3]);
    office.is_as_told().await;
}

#[tokio::test]
async fn thousands_are_begun_and_stopped_at_once() {
    const ALL: i64 = 3_000;
    let office = Office::with_next().await;
    many(&office.desk, ALL as i32).await;
    let (status, request) = office.ask("subscription.migrate", wish(tomorrow())).await;
    assert_eq!((status, &request["preview"]["after"]["moving"], &request["preview"]["after"]["who"]), (201, &json!(ALL), &Value::Null));
    let id = request["id"].as_str().unwrap();
    assert_eq!(office.approved(id).await["state"], "succeeded");
    let mut told = office.cs.post(&path(id), &json!({"reason": REASON})).await;
    // on a busy machine the twenty whose turn it is may take longer than anybody waits for a lock
    for _ in 0..10 {
        if told.0 != 503 {
            break;
        }
        told = office.cs.post(&path(id), &json!({"reason": REASON})).await;
    }
    let moved = told.1["counts"]["moved"].as_i64().unwrap();
    assert_eq!((told.0, &told.1["counts"]), (200, &counts(0, moved, ALL - moved)));
    assert_eq!(office.finished(id).await["counts"], counts(0, moved, ALL - moved));
    office.is_as_told().await;
}
