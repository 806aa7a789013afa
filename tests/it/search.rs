//! One field finds everything, and nothing that the reader may not see.
use crate::support::{Desk, ORG, Page, Person, REASON};
use sqlx::Row;

/// Path with the text as a browser would send it.
fn search(q: &str) -> String {
    format!("/search?q={}", url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>())
}

async fn found(person: &Person, q: &str) -> Page {
    let page = person.get(&search(q)).await;
    assert_eq!(page.status, 200, "{q:?}: {}", page.text());
    page
}

fn leads(page: &Page, href: &str) -> bool {
    page.count(&format!("#results a[data-row][href=\"{href}\"]")) == 1
}

/// An organisation's name, and a user's id, name and address.
async fn customers(desk: &Desk) -> (String, String, String, String) {
    let mut owner = desk.owner().await;
    let org: String = sqlx::query_scalar("select name from admin_orgs where id = $1").bind(ORG).fetch_one(&mut owner).await.unwrap();
    let user = sqlx::query("select id, name, email from admin_users order by id limit 1").fetch_one(&mut owner).await.unwrap();
    (org, user.get(0), user.get(1), user.get(2))
}

#[tokio::test]
async fn pages_customers_requests_entries_and_actions_are_found() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let event: uuid::Uuid =
        sqlx::query_scalar("select event_id from ledger.event where kind = 'request.submitted' order by event_id desc limit 1")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
    let (org, user, name, email) = customers(&desk).await;
    let (org_page, user_page, request, entry) =
        (format!("/orgs/{ORG}"), format!("/users/{user}"), format!("/requests/{id}"), format!("/ledger/{event}"));
    for (q, href) in [
        ("승인함", "/inbox"),
        ("INBOX", "/inbox"),
        (ORG, &org_page),
        (&org, &org_page),
        (&user, &user_page),
        (&email, &user_page),
        (&email.to_uppercase(), &user_page),
        (&id, &request),
        (&id.to_lowercase(), &request),
        (id.trim_start_matches("CR-"), &request),
        (&format!("  {id} "), &request),
        ("반영되지 않았습니다", &request),
        (&event.to_string(), &entry),
        ("등급", "/requests/new/org.tier.fix"),
        ("user.plan", "/requests/new/user.plan.grant"),
        ("keyboard", "/help/keyboard"),
    ] {
        let page = found(&admin, q).await;
        assert!(leads(&page, href), "{q:?} does not lead to {href}: {}", page.text());
    }
    assert!(found(&admin, &name).await.text().contains(&name), "people are found by name");
    // nobody wants all of them
    assert!(found(&admin, "example").await.count("#results a[href^=\"/users/\"]") <= 5);
    assert_eq!(found(&admin, "김").await.count("#results a[href^=\"/users/\"]"), 0, "one letter is in nearly every name");
}

#[tokio::test]
async fn nothing_typed_shows_where_to_go_and_what_to_do_and_nothing_found_says_what_to_type() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    for (lang, lead, nothing) in
        [("ko", "요청 번호나 내용", "맞는 결과가 없습니다."), ("en", "Type a request's number or words", "Nothing matches")]
    {
        let admin = admin.at(&admin.base).in_language(lang);
        let page = admin.get("/search").await;
        page.sees(lead);
        assert!(
            leads(&page, "/")
                && leads(&page, "/ledger")
                && leads(&page, "/requests/new/org.tier.fix")
                && leads(&page, "/requests/new/user.plan.grant")
        );
        assert_eq!(page.count("#results section h2"), 2, "pages and actions: {}", page.text());
        let page = found(&admin, "쀍쀍쀍").await;
        page.sees(nothing).sees("쀍쀍쀍");
        assert_eq!(page.count("#results a"), 0);
    }
}

#[tokio::test]
async fn the_form_and_its_answers_need_no_script() {
    let desk = Desk::open().await;
    let page = desk.sign_in("ops").await.get("/search?q=org").await;
    assert_eq!(page.count("form[method=get][action=\"/search\"] input[name=q][value=org]"), 1);
    assert_eq!(page.count("form[action=\"/search\"] button[type=submit]"), 1);
    // every group is named by its heading
    assert_eq!(page.count("#results section[aria-labelledby]"), page.count("#results section h2[id]"));
    assert!(page.count("#results a[href] .result-name") > 0);
    let nobody = Person::new(desk.base(0)).get("/search?q=org").await;
    assert_eq!((nobody.status, nobody.location.as_deref()), (303, Some("/login?next=%2Fsearch%3Fq%3Dorg")));
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let event: uuid::Uuid = sqlx::query_scalar("select event_id from ledger.event order by event_id desc limit 1")
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    let (org, user, _, email) = customers(&desk).await;
    // customer support may not read the ledger, an auditor may ask for nothing, an engineer not for this
    assert!(leads(&found(&admin, &event.to_string()).await, &format!("/ledger/{event}")));
    assert_eq!(found(&desk.sign_in("cs").await, &event.to_string()).await.count("#results a"), 0);
    for (who, not) in [("auditor", ""), ("sre", "org"), ("sre", "user")] {
        let person = desk.sign_in(who).await;
        for q in ["", "org.tier", "등급"] {
            assert_eq!(found(&person, q).await.count(&format!("#results a[href^=\"/requests/new/{not}\"]")), 0, "{who}: {q:?}");
        }
    }
    assert_eq!(found(&desk.sign_in("auditor").await, "새 요청").await.count("#results a"), 0);
    // a token that may use the portal and nothing else
    let token = desk.token_at(0, "admin", &["portal:use"]).await;
    for q in ["", ORG, &org, &user, &email, &id, "반영되지 않았습니다", &event.to_string(), "등급", "원장"] {
        let page = admin.send(token.http.get(format!("{}{}", token.base, search(q))).bearer_auth(&token.secret)).await;
        assert_eq!(page.status, 200);
        for hidden in ["/orgs", "/users", "/requests", "/ledger", "/inbox", "/access"] {
            assert_eq!(page.count(&format!("#results a[href^=\"{hidden}\"]")), 0, "{q:?} shows {hidden}");
        }
    }
}

#[tokio::test]
async fn whatever_is_typed_gets_an_answer() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let (long, wide) = ("a".repeat(10_000), "가".repeat(5_000));
    for q in [
        "%",
        "%%%",
        "_",
        "___",
        "'",
        "\"",
        "';drop table request;--",
        "\\",
        "\\\\%",
        "<script>alert(1)</script>",
        "\0",
        "a\0b",
        "CR-",
        "CR-0",
        "99999999999999999999",
        "org_",
        "usr_%",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "\u{202e}\u{200b}",
        "😀😀😀",
        &long,
        &wide,
    ] {
        let page = found(&admin, q).await;
        assert!(!page.body.contains("<script>alert"), "{q:?}");
        // patterns stand for themselves
        assert!(!["%%%", "___"].contains(&q) || page.count("#results a") == 0, "{q:?}: {}", page.text());
    }
    for text in [&long, &wide] {
        assert_eq!(found(&admin, text).await.find("#search-q").unwrap().chars().count(), 100);
    }
    for raw in ["/search?q=%ff%fe", "/search?q=%00", "/search?q", "/search?q=a&q=b", "/search?&&=%"] {
        assert_eq!(admin.get(raw).await.status, 200, "{raw}");
    }
}
