//! The style page and its upload: there in the demo, in every dress, and nowhere else.
use crate::support::{Desk, Page, Person};

async fn demo() -> Desk {
    Desk::with(1, |config| config.demo = true).await
}

const BOUNDARY: &str = "a-line-between";

/// A form with a token and a file, as a browser sends it.
async fn upload(person: &Person, csrf: &str, name: &str, content: &str, accept: &str) -> Page {
    let body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"{name}\"\r\ncontent-type: application/octet-stream\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
    );
    let request = person.http.post(format!("{}/style/upload", person.base));
    person
        .send(request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")).header("accept", accept).body(body))
        .await
}

#[tokio::test]
async fn every_dress_is_drawn_from_the_url_and_nothing_is_kept() {
    let desk = demo().await;
    let person = desk.sign_in("cs").await;
    for lang in ["ko", "en"] {
        for theme in ["system", "light", "dark"] {
            for density in ["default", "compact", "comfortable"] {
                let page = person.get(&format!("/style?lang={lang}&theme={theme}&density={density}")).await;
                assert_eq!(page.status, 200, "{lang} {theme} {density}");
                assert_eq!(page.count(&format!("html[lang={lang}][data-theme={theme}][data-density={density}]")), 1);
                let kept: Vec<_> = page.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect();
                assert!(kept.iter().all(|c| ["lang=", "theme=", "density="].iter().all(|name| !c.starts_with(name))), "{kept:?}");
            }
        }
    }
    let page = person.get("/style").await;
    let ids: Vec<&str> = page.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let once: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    let twice: Vec<_> = once.iter().filter(|id| ids.iter().filter(|other| other == id).count() > 1).collect();
    assert!(twice.is_empty(), "two elements have one id: {twice:?}");
    assert_eq!(page.count("figure.chart"), 5);
    assert_eq!(page.count(".state"), page.count("#badges .state") + page.count("#table .state"));
}

#[tokio::test]
async fn outside_the_demo_there_is_no_such_page() {
    let desk = Desk::open().await;
    let person = desk.sign_in("admin").await;
    assert_eq!(person.get("/style").await.status, 404);
    let csrf = person.get("/").await.find("input[name=csrf]").unwrap();
    assert_eq!(upload(&person, &csrf, "a.txt", "a", "application/json").await.status, 404);
}

#[tokio::test]
async fn a_file_is_hashed_recognised_and_forgotten() {
    let desk = demo().await;
    let person = desk.sign_in("cs").await;
    let csrf = person.get("/style").await.find("#sample-upload input[name=csrf]").unwrap();
    let told = |page: &Page| serde_json::from_str::<serde_json::Value>(&page.body).unwrap();
    let first = told(&upload(&person, &csrf, "C:\\docs\\a.txt", "abc", "application/json").await);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(first, serde_json::json!({"name": "a.txt", "size": 3, "sha256": abc, "duplicate": false}));
    assert_eq!(told(&upload(&person, &csrf, "b.txt", "abc", "application/json").await)["duplicate"], true);

    // without a script: back to the page, which says what came
    let sent = upload(&person, &csrf, "c.txt", "def", "text/html").await;
    assert_eq!((sent.status, sent.location.as_deref()), (303, Some("/style#upload")));
    person.get("/style").await.sees("c.txt (SHA-256 cb8379ac2098…)");
    let none = upload(&person, &csrf, "", "", "text/html").await;
    assert_eq!(none.status, 303);
    person.get("/style").await.sees("올릴 파일을 먼저 고르세요.");
}

#[tokio::test]
async fn an_upload_needs_its_token_and_has_a_limit() {
    let desk = demo().await;
    let person = desk.sign_in("cs").await;
    let csrf = person.get("/style").await.find("#sample-upload input[name=csrf]").unwrap();
    let forged = desk.count("access.forged").await;
    assert_eq!(upload(&person, "not the token", "a.txt", "abc", "application/json").await.status, 403);
    assert_eq!(upload(&person, "", "a.txt", "abc", "application/json").await.status, 403);
    assert_eq!(desk.count("access.forged").await, forged + 2);
    let stranger = Person::new(desk.base(0));
    assert_eq!(upload(&stranger, &csrf, "a.txt", "abc", "application/json").await.status, 401);

    // more than other forms may hold, and less than this one may
    assert_eq!(upload(&person, &csrf, "a.bin", &"x".repeat(4 << 20), "application/json").await.status, 200);
    let large = upload(&person, &csrf, "b.bin", &"x".repeat(5 << 20), "text/html").await;
    assert_eq!(large.status, 413);
    large.sees("5 MiB");
    assert_eq!(person.get("/style").await.status, 200);
}

#[tokio::test]
async fn the_dashboard_draws_a_month_and_shows_around() {
    let desk = Desk::open().await;
    let approver = desk.sign_in("approver").await;
    let page = approver.get("/").await;
    assert_eq!(page.count("#activity tbody tr"), 30);
    assert_eq!(page.count("#activity svg[role=img] polyline.line"), 2);
    assert!(page.find("#activity-finding").unwrap().starts_with("지난 30일 동안 요청 "));
    // the tour is about what is there, and only what this person may do
    assert_eq!(page.count("#tour li"), 3);
    assert_eq!(desk.sign_in("auditor").await.get("/").await.count("#tour li"), 1);
    let next = page.body.split("id=\"tour-1\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert_eq!(approver.get(&next).await.count("#approve"), 1);
    approver.post_from(&page, "/preferences", &[("tour", "off"), ("back", "/")]).await;
    assert_eq!(approver.get("/").await.count("#tour"), 0);

    // today is counted anew
    let today = |page: &Page| page.find("#activity tbody tr:last-child td").unwrap().parse::<i64>().unwrap();
    let before = today(&page);
    let cs = desk.sign_in("cs").await;
    cs.ask("org.tier.fix", &[("org_id", crate::support::ORG), ("tier", "enterprise"), ("reason", crate::support::REASON)]).await;
    assert_eq!(today(&approver.get("/").await), before + 1);
}
