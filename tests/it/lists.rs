//! Lists: order, pages, columns, saved views, export, and deciding many at once.
use crate::support::{Desk, ORG, Page, Person, REASON};
use serde_json::json;
use std::collections::HashSet;

/// The ids of the rows, in order.
fn rows(page: &Page) -> Vec<String> {
    page.all("tr[data-id]", "data-id")
}

/// Every row from the first page to the last, and back again: nothing twice, nothing left out.
async fn walk(person: &Person, path: &str) -> Vec<String> {
    let (mut page, mut seen, mut pages) = (person.get(path).await, Vec::new(), Vec::new());
    loop {
        assert_eq!(page.status, 200, "{}", page.text());
        let ids = rows(&page);
        seen.extend(ids.clone());
        pages.push(ids);
        match page.all("#next", "href").pop() {
            Some(next) => page = person.get(&next).await,
            None => break,
        }
    }
    pages.pop();
    while let Some(expected) = pages.pop() {
        let back = page.all("#previous", "href").pop().expect("a later page leads back");
        page = person.get(&back).await;
        assert_eq!(rows(&page), expected, "{back}");
    }
    assert!(page.all("#previous", "href").is_empty(), "the first page leads no further back");
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{path}: no row twice");
    seen
}

#[tokio::test]
async fn every_order_of_every_list_walks_through_all_rows_both_ways() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    for (list, orders, total) in [
        ("/orgs", vec!["", "name", "-name", "credit", "-credit"], "select count(*) from admin_orgs"),
        ("/users", vec!["", "-name", "email", "-email"], "select count(*) from admin_users"),
        (
            "/inbox?tab=decided",
            vec!["", "created", "expires", "-expires"],
            "select count(*) from request where state not in ('pending', 'approved', 'executing', 'unknown')",
        ),
        ("/ledger", vec!["created"], "select count(*) from ledger.event"),
        (
            "/ledger?action=request.,org.",
            vec!["", "created"],
            "select count(*) from ledger.event where kind like 'request.%' or kind like 'org.%'",
        ),
        (
            "/ledger?actor=approver@hanbit.example",
            vec!["", "created"],
            "select count(*) from ledger.event where actor_id = (select id from operator where email = 'approver@hanbit.example')",
        ),
        ("/ledger?q=pro", vec!["", "created"], "select count(*) from ledger.detail where words like '%pro%'"),
    ] {
        let total: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(total)).fetch_one(&mut desk.owner().await).await.unwrap();
        let mut first = HashSet::new();
        for order in orders {
            let path = if list.contains('?') { format!("{list}&sort={order}") } else { format!("{list}?sort={order}") };
            let ids = walk(&admin, &path).await;
            assert_eq!(ids.len() as i64, total, "{path}");
            first.insert(ids[0].clone());
        }
        assert!(list.starts_with("/ledger") || first.len() > 1, "{list}: another order begins with another row");
    }
}

#[tokio::test]
async fn a_list_is_sorted_as_its_head_says() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let page = admin.get("/orgs?sort=-credit").await;
    assert_eq!(page.all("th[aria-sort=descending] a", "href"), ["/orgs?sort=credit"], "the same head turns the order round");
    let credits: Vec<i64> = page.texts("td.num[data-label=크레딧]").iter().map(|t| t.replace(',', "").parse().expect("a number")).collect();
    assert!(credits.len() > 10 && credits.is_sorted_by(|a, b| a >= b), "{credits:?}");
}

#[tokio::test]
async fn filters_are_chips_that_can_be_taken_away_one_by_one() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let page = admin.get("/orgs?q=org_hanbit0001&tier=free").await;
    assert_eq!(rows(&page), [ORG]);
    assert_eq!(page.all("a.chip", "href"), ["/orgs?tier=free", "/orgs?q=org_hanbit0001"]);
    let nothing = admin.get("/orgs?q=org_hanbit0001&tier=enterprise").await;
    nothing.sees("조건에 맞는 항목이 없습니다.");
    assert_eq!(nothing.find("#clear").as_deref(), Some("필터 초기화"));
}

#[tokio::test]
async fn columns_are_chosen_in_the_url_and_the_name_always_stands() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let heads = |page: &Page| page.texts("table.data thead th");
    let own = heads(&admin.get("/users").await);
    let chosen = heads(&admin.get("/users?cols=name&cols=id&cols=since").await);
    assert_eq!(chosen, ["이름", "ID", "등록일"]);
    assert_ne!(own, chosen);
    assert_eq!(heads(&admin.get("/users?cols=nonsense").await), ["이름"]);
}

#[tokio::test]
async fn a_saved_view_is_a_named_url_of_ones_own() {
    let desk = Desk::open().await;
    let (admin, other) = (desk.sign_in("admin").await, desk.sign_in("sre").await);
    let page = admin.get("/orgs?tier=pro&sort=-credit").await;
    let state = page.find("#views input[name=state]").unwrap();
    let save = |name: &'static str, state: String| {
        let (admin, page) = (admin.clone(), page.clone());
        async move { admin.post_from(&page, "/views", &[("list", "orgs"), ("name", name), ("state", &state)]).await }
    };
    let saved = save("프로 등급", state.clone()).await;
    assert_eq!((saved.status, saved.location.as_deref()), (303, Some("/orgs?tier=pro&sort=-credit")));
    let again = admin.get("/orgs?tier=pro&sort=-credit").await;
    assert_eq!(again.all("#views .saved a[aria-current]", "href"), ["/orgs?tier=pro&sort=-credit"]);
    assert!(other.get("/orgs").await.all("#views .saved a", "href").is_empty(), "nobody else sees it");

    // the same name again is the same view, changed
    save("프로 등급", "tier=free".into()).await;
    assert_eq!(admin.get("/orgs").await.all("#views .saved a", "href"), ["/orgs?tier=free"]);
    let gone = admin.post_from(&page, "/views/remove", &[("list", "orgs"), ("name", "프로 등급"), ("back", "//evil.example")]).await;
    assert_eq!(gone.location.as_deref(), Some("/"), "and never leads elsewhere");
    assert!(admin.get("/orgs").await.all("#views .saved a", "href").is_empty());

    assert_eq!(save("  ", state.clone()).await.status, 422);
    let elsewhere = admin.post_from(&page, "/views", &[("list", "operator"), ("name", "x"), ("state", "")]).await;
    assert_eq!(elsewhere.status, 404);
    for name in (0..30).map(|n| format!("보기 {n}")) {
        admin.post_from(&page, "/views", &[("list", "orgs"), ("name", &name), ("state", &state)]).await;
    }
    let full = save("하나 더", state).await;
    assert_eq!(full.status, 409);
    full.sees("보기를 30개까지");
}

#[tokio::test]
async fn an_export_honours_filter_order_and_columns_and_is_written_down() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let before = desk.count("list.exported").await;
    let file = admin.get("/orgs.csv?tier=free&sort=-credit&cols=name&cols=id&cols=credit&after=ignored~x").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().contains("countersign-orgs-"));
    let text = file.body.strip_prefix('\u{feff}').expect("Excel needs the mark");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("조직,ID,크레딧"));
    let shown = walk(&admin, "/orgs?tier=free&sort=-credit").await;
    let exported: Vec<&str> = lines.map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(exported, shown, "the same rows in the same order, from the beginning");
    assert_eq!(desk.count("list.exported").await, before + 1);
}

#[tokio::test]
async fn many_are_decided_after_a_dry_run_each_with_its_own_outcome() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let ops = desk.token("ops").await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let (_, request) = ops.fix(json!({"org_id": ORG, "credit": 1000 + n})).await;
        ids.push(request["id"].as_str().unwrap().to_owned());
    }
    let own = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;

    // the requester of one of them sees that this one is not theirs to decide
    let inbox = admin.get("/inbox?tab=open").await;
    let chosen: Vec<(&str, &str)> = ids.iter().chain([&own]).map(|id| ("id", id.as_str())).collect();
    let dry = admin.post_from(&inbox, "/requests/bulk", &chosen).await;
    assert_eq!(dry.all("input[name=item]", "value").len(), 3);
    dry.sees("본인이 요청한 건은 승인할 수 없습니다.").sees("결정할 수 있는 요청 3건, 결정할 수 없는 요청 1건");
    assert_eq!(desk.story(&ids[0]).await, ["request.submitted"], "a dry run decides nothing");

    // rejecting needs a reason; what was typed and chosen stays
    let items: Vec<String> = dry.all("input[name=item]", "value");
    let two: Vec<(&str, &str)> = items[..2].iter().map(|v| ("item", v.as_str())).collect();
    let short = approver
        .post_from(
            &approver.get("/inbox").await,
            "/requests/bulk/votes",
            &[two.as_slice(), &[("decision", "reject"), ("reason", "짧다")]].concat(),
        )
        .await;
    assert_eq!(short.status, 422);
    assert_eq!(short.find("#bulk-reason").as_deref(), Some("짧다"));
    assert_eq!(short.all("input[name=item]", "value").len(), 2);

    // meanwhile somebody else decides the first one
    desk.token("approver").await.vote(&ids[0], "reject", Some("다른 경로로 이미 처리했습니다.")).await;
    let done = admin.post_from(&dry, "/requests/bulk/votes", &[two.as_slice(), &[("decision", "approve")]].concat()).await;
    done.sees("2건 중 1건을 승인했고 1건을 건너뛰었습니다.").sees("먼저 결정했습니다.");
    approver.until(&ids[1], "succeeded").await;
    assert_eq!(desk.story(&ids[2]).await, ["request.submitted"], "what was not chosen is not touched");

    // a binding of something else counts for nothing
    let forged = format!("{}:{}", ids[2], "0".repeat(64));
    let refused = approver.post_from(&dry_of(&approver).await, "/requests/bulk/votes", &[("item", &forged), ("decision", "approve")]).await;
    refused.sees("1건 중 0건을 승인했고 1건을 건너뛰었습니다.");
}

async fn dry_of(person: &Person) -> Page {
    person.get("/inbox").await
}

#[tokio::test]
async fn all_that_match_the_filter_is_a_choice_of_its_own() {
    let desk = Desk::open().await;
    let approver = desk.sign_in("approver").await;
    let page = approver.get("/inbox?tab=open&operation=org.tier.fix").await;
    let state = page.find("#bulk input[name=state]").unwrap();
    let dry = approver.post_from(&page, "/requests/bulk", &[("all", "1"), ("state", &state), ("id", "CR-1")]).await;
    let listed: HashSet<String> = dry.all(".dry-run a.mono", "href").into_iter().collect();
    let matching: HashSet<String> =
        walk(&approver, "/inbox?tab=open&operation=org.tier.fix").await.into_iter().map(|id| format!("/requests/{id}")).collect();
    assert_eq!(listed, matching);
    let none = approver.post_from(&page, "/requests/bulk", &[]).await;
    none.sees("선택한 요청이 없습니다.");
}

#[tokio::test]
async fn going_back_reloading_and_changing_the_language_lose_nothing() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let path = "/requests/new/org.tier.fix";
    let form = admin.get(path).await;
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("credit", "120000"), ("reason", REASON), ("draft", draft.as_str())];
    let step = admin.post_from(&form, path, &fields).await.location.unwrap();
    assert_eq!(step, format!("{path}?draft={draft}&step=check"));
    for person in [&admin, &admin.at(&admin.base).in_language("en")] {
        let check = person.get(&step).await;
        assert_eq!(check.find("#request-form input[name=credit]").as_deref(), Some("120000"));
        let back = person.get(&check.all("#edit", "href")[0]).await;
        assert_eq!(back.find("#field-credit").as_deref(), Some("120000"));
        assert_eq!(back.find("#reason").as_deref(), Some(REASON));
    }
    // somebody else's address of it leads to a blank form
    let other = desk.sign_in("ops").await.get(&step).await;
    assert_eq!(other.location.as_deref(), Some(path));
    // and a sent one is gone
    let check = admin.get(&step).await;
    let confirm = check.find("[name=confirm]").unwrap();
    admin.post_from(&check, path, &[fields.as_slice(), &[("confirm", &confirm)]].concat()).await;
    assert_eq!(admin.get(&step).await.location.as_deref(), Some(path));
}

#[tokio::test]
async fn preferences_are_cookies_of_known_values_and_the_page_is_drawn_with_them() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let page = admin.get("/orgs").await;
    let answer = admin
        .post_from(&page, "/preferences", &[("density", "compact"), ("nav", "folded"), ("theme", "pink"), ("back", "/orgs?q=x")])
        .await;
    assert_eq!(answer.location.as_deref(), Some("/orgs?q=x"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap().split(';').next().unwrap()).collect();
    assert!(cookies.contains(&"density=compact") && cookies.contains(&"nav=folded"), "{cookies:?}");
    assert!(!cookies.iter().any(|c| c.starts_with("theme")), "{cookies:?}");
    let drawn = admin.get("/orgs").await;
    assert_eq!(drawn.all("html", "data-density"), ["compact"]);
    assert_eq!(drawn.all("html", "data-nav"), ["folded"]);
}

#[tokio::test]
async fn a_session_says_when_it_ends_and_can_be_made_longer() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let idle = "update session set last_seen_at = now() - interval '27 minutes' where operator_id is not null";
    sqlx::query(idle).execute(&mut desk.owner().await).await.unwrap();
    let page = admin.refreshed("/").await;
    let end = |page: &Page| page.all("body", "data-session-end").pop();
    assert_eq!(end(&page), None, "a refresh has no body");
    let csrf_page = admin.get("/").await;
    let first: chrono::DateTime<chrono::Utc> = end(&csrf_page).unwrap().parse().unwrap();
    assert!(first > chrono::Utc::now() + chrono::TimeDelta::minutes(28), "looking at a page is doing something");
    let answer = admin.post_from(&csrf_page, "/session/extend", &[]).await;
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(said["extends"], true);
    assert!(said["end"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap() >= first);
    let old = "update session set created_at = now() - interval '11 hours', expires_at = now() + interval '4 minutes' where operator_id is not null";
    sqlx::query(old).execute(&mut desk.owner().await).await.unwrap();
    assert_eq!(admin.get("/").await.all("body", "data-session-extends"), ["false"], "twelve hours are the most");
}

#[tokio::test]
async fn an_approver_goes_from_one_waiting_request_to_the_next() {
    let desk = Desk::open().await;
    let approver = desk.sign_in("approver").await;
    let inbox = approver.get("/inbox").await;
    let waiting: Vec<String> = inbox.all("tr[data-id]", "data-id");
    assert!(waiting.len() > 2, "{waiting:?}");
    let mut seen = vec![waiting[0].clone()];
    let mut page = approver.get(&format!("/requests/{}", waiting[0])).await;
    assert_eq!(page.count("#newer"), 0, "the first has nothing before it");
    while let Some(next) = page.all("#older", "href").first() {
        seen.push(next.rsplit('/').next().unwrap().to_owned());
        page = approver.get(next).await;
        assert_eq!(page.all("#newer", "href"), [format!("/requests/{}", seen[seen.len() - 2])]);
    }
    assert_eq!(seen, waiting);
    // what is decided is stepped over, and who decides nothing is not led anywhere
    approver.vote(&waiting[1], "reject", "한 건을 먼저 반려합니다.").await;
    let first = approver.get(&format!("/requests/{}", waiting[0])).await;
    assert_eq!(first.all("#older", "href"), [format!("/requests/{}", waiting[2])]);
    assert_eq!(desk.sign_in("cs").await.get(&format!("/requests/{}", waiting[0])).await.count("#older"), 0);
}
