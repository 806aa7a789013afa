//! Asked for, approved and done: what is previewed, what is refused, and what makes it stale.
use super::{counts, many, tomorrow, wish};
use crate::{
    subscriptions::{Office, flat},
    support::REASON,
};
use chrono::Days;
use countersign::catalog::today;
use serde_json::{Value, json};

#[tokio::test]
async fn what_was_previewed_and_approved_is_done_tenant_by_tenant() {
    let office = Office::with_next().await;
    let [one, two, leaving] =
        [office.tenant("one", 210_820_001).await, office.tenant("two", 210_820_002).await, office.tenant("leaving", 210_820_003).await];
    let end = json!({"tenant_id": leaving, "from": today() + Days::new(20)});
    assert_eq!(office.done("subscription.cancel", end).await["state"], "succeeded");

    // seen before it is asked for, in both languages
    let cs = office.desk.sign_in("cs").await;
    let form = "/subscriptions/plans/pro-v3/migrate";
    assert_eq!(cs.get("/subscriptions/plans/pro-v3").await.all("#migrate", "href"), [form]);
    let blank = cs.get(form).await;
    blank.sees("두 버전과 적용일을 고르면");
    assert_eq!(
        (blank.find("#field-from_version option[selected]"), blank.find("#field-to_version option[selected]"), blank.find("#field-from")),
        (Some("1".into()), Some("2".into()), Some(tomorrow().to_string()))
    );
    let day = tomorrow().to_string();
    let typed = [("from_version", "1"), ("to_version", "2"), ("from", day.as_str()), ("tenants", "")];
    let seen = cs.post_from(&blank, form, &typed).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen.sees("v1 · ₩900,000").sees("v2 · ₩1,200,000").sees("₩300,000").sees("₩600,000").sees("해지가 예정됨");
    assert_eq!((seen.find("#moving-count"), seen.find("#staying-count")), (Some("2개".into()), Some("1개".into())));
    assert!(seen.texts("#moving li").iter().all(|text| text.contains("one") || text.contains("two")), "{:?}", seen.texts("#moving li"));
    assert_eq!(seen.all("#compare", "href"), ["/catalog/plans/pro-v3?from=1&to=2#compare"]);
    assert_eq!((seen.count("#ask-form"), seen.find("#ask-form [name=from_version]")), (1, Some("1".into())));
    let english = cs.at(office.desk.base(1)).in_language("en").get(&format!("{form}?from_version=1&to_version=2&from={day}")).await;
    english.sees("Tenants that move").sees("Its end is planned").sees("Difference of a month in all");
    let filled = [&typed[..], &[("plan", "pro-v3"), ("reason", REASON)]].concat();
    let sent = cs.post_from(&seen, "/requests/new/subscription.migrate", &filled).await;
    let check = cs.get(&sent.location.expect("the check")).await;
    check.sees("구독 버전 이동").sees("2개 테넌트의 한 달 기본 금액: ₩900,000 → ₩1,200,000").sees("1개는 해지가 예정되어 있어 제외합니다.");

    // asked for, and approved by somebody else
    let id = cs.ask("subscription.migrate", &[&typed[..3], &[("plan", "pro-v3"), ("reason", REASON)]].concat()).await;
    let (_, request) = office.cs.get(&format!("/api/requests/{id}")).await;
    let (before, after) = (&request["preview"]["before"], &request["preview"]["after"]);
    assert_eq!((&before["version"], &before["base"], &before["moving"]), (&json!(1), &json!(900_000), &Value::Null));
    assert_eq!(
        (&after["version"], &after["base"], &after["moving"], &after["left_out"]),
        (&json!(2), &json!(1_200_000), &json!(2), &json!(1))
    );
    assert_eq!(after["who"].as_str().unwrap().lines().count(), 2, "{after}");
    assert!(after["left"].as_str().unwrap().starts_with("leaving · "), "{after}");
    assert_eq!(after["checksum"].as_str().unwrap().len(), 64);
    assert_eq!(office.cs.get(&format!("/api/subscriptions/migrations/{id}")).await.0, 404, "it has not begun");
    assert_eq!(office.of(&one).await["next"], Value::Null);
    assert_eq!(office.approved(&id).await["state"], "succeeded");
    let told = office.finished(&id).await;
    assert_eq!((&told["counts"], &told["plan"], &told["from"]), (&counts(0, 2, 0), &json!("pro-v3"), &json!(tomorrow())));
    for tenant in [&one, &two] {
        let now = office.of(tenant).await;
        assert_eq!((&now["current"]["version"], &now["current"]["until"]), (&json!(1), &json!(tomorrow())), "{now}");
        assert_eq!(now["next"], json!({"what": "change", "on": tomorrow(), "to": {"plan": "pro-v3", "version": 2}}));
        assert_eq!((&now["history"][0]["request"], &now["history"][0]["anchor_day"]), (&json!(id), &json!(1)));
    }
    assert_eq!(office.of(&leaving).await["next"]["what"], "cancel", "as it was planned");
    let story = office.desk.story(&id).await;
    let asked = ["request.submitted", "request.voted", "request.approved", "request.started", "subscription.migration.begun"];
    let moved = ["request.succeeded", "subscription.migrated", "subscription.migrated", "subscription.migration.finished"];
    assert_eq!(story, [&asked[..], &moved[..]].concat());

    // its pages
    let page = cs.get(&format!("/requests/{id}")).await;
    let href = format!("/subscriptions/migrations/{id}");
    assert_eq!(page.all("#followed", "href"), [href.as_str()]);
    let timeline = page.texts(".timeline").join(" ");
    assert!(timeline.contains("구독 버전 이동 시작") && timeline.contains("구독 버전 이동 완료"), "{timeline}");
    let shown = cs.get(&href).await;
    shown.sees("전체 2개 가운데 2개 처리 (100%)").sees("완료").sees("모든 테넌트를 처리했습니다.").sees("v1 → v2");
    assert_eq!((shown.count("#rows tbody tr"), shown.all("#progress", "value"), shown.count("main[data-on]")), (2, vec!["2".into()], 0));
    assert_eq!(cs.get(&format!("{href}?state=skipped")).await.count("#rows tbody tr"), 0);
    cs.get(&format!("{href}?state=skipped")).await.sees("필터 초기화");
    let csv = cs.get(&format!("{href}/rows.csv?state=moved")).await;
    assert!(csv.body.lines().count() == 3 && csv.body.contains(&two) && csv.body.contains("moved"), "{}", csv.body);
    cs.at(office.desk.base(1)).in_language("en").get(&href).await.sees("2 of 2 done (100%)").sees("Every tenant has had its turn.");
    cs.get("/subscriptions/plans/pro-v3").await.sees("버전 이동 기록").sees(&id);
    cs.get("/notices").await.sees("테넌트별 처리까지 모두 끝났습니다.");

    // what was planned for one of them is taken back as any other change
    assert_eq!(office.done("subscription.undo", json!({"tenant_id": one})).await["state"], "succeeded");
    assert_eq!((office.of(&one).await["next"].clone(), office.overwritten().await), (Value::Null, Vec::new()));
    assert_eq!(office.desk.broken_invariants().await, Vec::<String>::new());
    // nobody but that one is left to be moved
    let (_, request) = office.ask("subscription.migrate", wish(tomorrow())).await;
    assert_eq!((&request["preview"]["after"]["moving"], &request["preview"]["after"]["left_out"]), (&json!(1), &json!(2)), "{request}");
}

/// Where the day is today, what a tenant may use follows at once; and only those who are named are moved.
#[tokio::test]
async fn those_who_are_named_move_today_and_their_services_follow() {
    let office = Office::open().await;
    let [named, other] = [office.tenant("named", 210_820_011).await, office.tenant("other", 210_820_012).await];
    office.behind_the_scenes(&format!("update tenant_subscription set during = '[2026-01-01,)' where tenant_id = '{named}'")).await;
    office.publish_today(&flat(1_000_000).replace("5_000_000", "7_000_000")).await;
    let mut fields = wish(today());
    fields["tenants"] = json!("named");
    let id = office.asked("subscription.migrate", fields).await;
    assert_eq!(office.approved(&id).await["state"], "succeeded");
    assert_eq!(office.finished(&id).await["counts"], counts(0, 1, 0));
    let (now, stays) = (office.of(&named).await, office.of(&other).await);
    assert_eq!((&now["current"]["version"], &now["ai_services"][0]["token_quota"]), (&json!(2), &json!(7_000_000)));
    assert_eq!((&stays["current"]["version"], &stays["ai_services"][0]["token_quota"]), (&json!(1), &json!(5_000_000)));
    let story = office.desk.story(&id).await;
    assert_eq!(story[6..], ["tenant.services.set", "subscription.migrated", "subscription.migration.finished"]);
    let cs = office.desk.sign_in("cs").await;
    assert!(!cs.get(&format!("/requests/{id}")).await.texts(".timeline").join(" ").contains("AI 서비스 적용"), "told by its own page");

    // whoever writes past the portal is found
    office
        .finds(
            &id,
            &[
                "update subscription_migration_row set state = 'skipped', reason = 'ends', new_id = null",
                "update subscription_migration set from_day = from_day + 1",
                "update subscription_migration set finished_at = null",
                "delete from subscription_migration_row",
            ],
        )
        .await;
    // and the database keeps each to one turn
    let mut owner = office.desk.owner().await;
    for (sql, state) in [
        ("update subscription_migration_row set state = 'pending', new_id = null, done_at = null", "23514"),
        ("delete from subscription_migration_row", "23514"),
        ("update subscription_migration set finished_at = now()", "CS001"),
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut owner).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some(state), "{sql}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_told_by_its_field() {
    let office = Office::with_next().await;
    let said = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let refused = async |change: Value| {
        let mut fields = wish(tomorrow());
        fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        office.refused("subscription.migrate", fields).await
    };
    assert_eq!(refused(json!({})).await, said("from_version", "migration-nobody"));
    let tenant = office.tenant("refused", 210_820_021).await;
    office.publish("enterprise", &tomorrow().to_string(), &flat(2_000_000)).await;
    for (change, field, code) in [
        (json!({"plan": "nothing"}), "plan", "migration-plan-unknown"),
        (json!({"plan": "NO\u{0}"}), "plan", "migration-plan-unknown"),
        (json!({"to_version": 1}), "to_version", "migration-same-version"),
        (json!({"from_version": 9}), "from_version", "migration-version-unknown"),
        (json!({"to_version": 9}), "to_version", "migration-version-unknown"),
        (json!({"from": today()}), "to_version", "migration-version-not-in-force"),
        (json!({"from": today() - Days::new(1)}), "from", "subscription-day-past"),
        (json!({"from": today() + Days::new(400)}), "from", "subscription-day-too-far"),
        (json!({"from_version": 2, "to_version": 1}), "to_version", "migration-version-not-in-force"),
        (json!({"plan": "enterprise"}), "from_version", "migration-nobody"),
        (json!({"tenants": "refused, nobody-here"}), "tenants", "migration-tenants-unknown"),
        (json!({"tenants": "a\u{0}b"}), "tenants", "migration-tenants-unknown"),
        (json!({"plan": "enterprise", "tenants": tenant}), "tenants", "migration-tenants-elsewhere"),
        (json!({"tenants": (0..1001).map(|n| format!("t{n} ")).collect::<String>()}), "tenants", "migration-too-many-named"),
        (json!({"tenants": "x".repeat(20_001)}), "tenants", "field-too-long"),
    ] {
        assert_eq!(refused(change.clone()).await, said(field, code), "{change}");
    }
    let withdrawn = json!({"kind": "plan", "code": "enterprise", "version": 2});
    assert_eq!(office.done("catalog.withdraw", withdrawn).await["state"], "succeeded");
    assert_eq!(refused(json!({"plan": "enterprise"})).await, said("to_version", "migration-version-withdrawn"));
    let ends = json!({"tenant_id": tenant, "from": today() + Days::new(9)});
    assert_eq!(office.done("subscription.cancel", ends).await["state"], "succeeded");
    assert_eq!(refused(json!({})).await, said("from_version", "migration-all-left-out"));
    many(&office.desk, 20_001).await;
    assert_eq!(refused(json!({})).await, said("tenants", "migration-too-many"));
    let (status, request) = office.ask("subscription.migrate", json!({"plan": "pro-v3", "from_version": 1, "to_version": 2, "from": tomorrow(), "tenants": (1..=1000).map(|n| format!("many-{n}\n")).collect::<String>()})).await;
    assert_eq!((status, &request["preview"]["after"]["moving"], &request["preview"]["after"]["who"]), (201, &json!(1000), &Value::Null));

    // what was typed stands there again, with what is wrong beside it
    let path = "/subscriptions/plans/pro-v3/migrate";
    for (lang, text) in [("ko", "이런 테넌트가 없습니다: nobody-here."), ("en", "There are no such tenants: nobody-here.")] {
        let page = office.desk.sign_in("cs").await.in_language(lang);
        let form = page.get(path).await;
        let day = tomorrow().to_string();
        let typed = [("from_version", "1"), ("to_version", "2"), ("from", day.as_str()), ("tenants", "refused\nnobody-here")];
        let told = page.post_from(&form, path, &typed).await;
        assert_eq!(
            (told.status, told.count("#ask-form"), told.count("#tenants-error"), told.count("#errors a[href='#field-tenants']")),
            (422, 0, 1, 1)
        );
        told.sees(text).sees("nobody-here");
        let odd = page.get(&format!("{path}?from_version=x&to_version=%3Cb%3E&from=soon")).await;
        assert_eq!((odd.status, odd.find("#field-from"), odd.count("#errors li")), (422, Some("soon".into()), 3));
        assert_eq!(page.get("/subscriptions/plans/nothing/migrate").await.status, 404);
        assert_eq!(page.get("/subscriptions/migrations/CR-1").await.status, 404);
    }
    // more than anybody reads are in the list of subscriptions
    let all = office.desk.sign_in("cs").await.get(&format!("{path}?from_version=1&to_version=2&from={}", tomorrow())).await;
    assert_eq!(
        (all.status, all.count("#moving li"), all.all("#moving-more", "href")),
        (422, 50, vec!["/subscriptions?plan=pro-v3&version=1".into()])
    );
    // of one more than can be moved, it depends on which those are how many of them stay behind
    let moving: i64 = all.find("#moving-count").unwrap().replace([',', '개'], "").parse().unwrap();
    assert!((19_990..=20_001).contains(&moving), "{moving}");
    all.sees("20,000개보다 많습니다. 대상 테넌트를 1,000개 이하로");
    all.sees(&format!("나머지 {}개는 구독 목록에서 보기", countersign::operations::form::grouped(moving - 50)));
    // whoever may not ask sees who would move, and why there is no button
    let looks = office.desk.sign_in("auditor").await;
    let shown = looks.get(&format!("{path}?from_version=1&to_version=2&from={}&tenants=many-1", tomorrow())).await;
    assert_eq!((shown.status, shown.count("#ask-form"), shown.find("#moving-count")), (200, 0, Some("1개".into())));
    shown.sees("구독 변경을 요청할 권한이 없습니다.");
    assert_eq!(looks.get("/subscriptions/plans/pro-v3").await.count("#migrate"), 0);
    let sre = office.desk.token("sre").await;
    let body = json!({"operation": "subscription.migrate", "fields": wish(tomorrow()), "reason": REASON});
    assert_eq!(sre.post("/api/requests", &body).await.0, 403);
    assert_eq!(sre.get("/api/subscriptions/migrations/CR-1?state=gone").await.0, 400);
    assert_eq!(sre.get("/api/subscriptions/migrations/CR-1").await.0, 404);
}

#[tokio::test]
async fn somebody_who_joins_or_leaves_before_it_runs_makes_it_stale() {
    let office = Office::with_next().await;
    let first = office.tenant("first", 210_820_031).await;
    let id = office.asked("subscription.migrate", wish(tomorrow())).await;
    office.tenant("joins-late", 210_820_032).await;
    let stale = office.approved(&id).await;
    assert_eq!((&stale["state"], &stale["outcome"]["code"]), (&json!("stale"), &json!("target_moved")), "{stale}");
    assert_eq!((&stale["outcome"]["was"]["moving"], &stale["outcome"]["is"]["moving"]), (&json!(1), &json!(2)));
    office.desk.sign_in("cs").await.get(&format!("/requests/{id}")).await.sees("joins-late");
    assert_eq!(office.cs.get(&format!("/api/subscriptions/migrations/{id}")).await.0, 404);
    let id = office.asked("subscription.migrate", wish(tomorrow())).await;
    let ends = json!({"tenant_id": first, "from": today() + Days::new(9)});
    assert_eq!(office.done("subscription.cancel", ends).await["state"], "succeeded");
    assert_eq!(office.approved(&id).await["state"], "stale");
    assert_eq!(office.of(&first).await["next"]["what"], "cancel");
    assert_eq!(office.desk.broken_invariants().await, Vec::<String>::new());
}
