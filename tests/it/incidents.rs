//! What went wrong can be found in the log by the number that was shown; and what browsers refused is written there, within limits.
use crate::support::{Desk, Person};
use countersign::csp;
use serde_json::json;
use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that this process has logged since the first call.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    pub fn keep() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Log::default();
            tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO).with_writer(log.clone()).init();
            log
        })
    }

    pub fn lines(&self, with: &str) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn every_error_page_has_a_number_that_is_in_the_log() {
    let log = Log::keep();
    let desk = Desk::open().await;
    let (auditor, nobody) = (desk.sign_in("auditor").await, Person::new(desk.base(0)));
    for (lang, sentence) in [("ko", "이 오류 번호로 로그에서"), ("en", "This incident number finds in the log")] {
        for (page, status) in [
            (auditor.at(&auditor.base).in_language(lang).get("/requests/CR-999999?q=secret").await, 404),
            (auditor.at(&auditor.base).in_language(lang).get("/requests/new").await, 403),
            (auditor.at(&auditor.base).in_language(lang).post("/logout", &[("csrf", "forged")]).await, 403),
            (nobody.at(&nobody.base).in_language(lang).get("/nowhere").await, 404),
            (nobody.at(&nobody.base).in_language(lang).post("/requests/new/org.tier.fix", &[("reason", "x")]).await, 401),
        ] {
            assert_eq!(page.status, status);
            let number = page.sees(sentence).find("#incident code").unwrap();
            number.parse::<uuid::Uuid>().unwrap();
            let lines = log.lines(&number);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(
                lines[0].contains(" INFO ") && lines[0].contains(&format!("status={status}")) && !lines[0].contains("secret"),
                "{lines:?}"
            );
        }
    }
    // no line for those who are only sent to sign in
    let before = log.lines("/only-to-sign-in").len();
    assert_eq!(nobody.get("/requests/only-to-sign-in").await.status, 303);
    assert_eq!(log.lines("/only-to-sign-in").len(), before);
}

#[tokio::test]
async fn every_problem_of_the_api_has_its_number_too() {
    let log = Log::keep();
    let desk = Desk::open().await;
    let ops = desk.token("ops").await;
    for (path, status) in [("/api/requests/CR-999999", 404), ("/api/requests?cursor=x%0Ay", 400)] {
        let (answered, problem) = ops.get(path).await;
        assert_eq!(answered, status, "{problem}");
        let number = problem["instance"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
        assert_eq!(log.lines(number).len(), 1);
    }
}

#[tokio::test]
async fn error_pages_keep_the_navigation_of_those_who_are_signed_in() {
    let desk = Desk::open().await;
    let auditor = desk.sign_in("auditor").await;
    for page in [
        auditor.get("/nowhere").await,
        auditor.get("/requests/new").await,
        auditor.post("/requests/CR-1/votes", &[("csrf", "forged")]).await,
    ] {
        assert_eq!(page.count("#nav a[href=\"/ledger\"]"), 1, "{}", page.text());
        assert_eq!(page.count("#nav a[href=\"/requests/new\"]"), 0);
        assert_eq!(page.count("#me"), 1);
    }
    // what was posted is nowhere to come back to
    let forged = auditor.post("/requests/CR-1/votes", &[("csrf", "forged")]).await;
    assert_eq!(forged.find("form.language input[name=back]").as_deref(), Some("/"));
    let nobody = Person::new(desk.base(0)).get("/nowhere").await;
    assert_eq!((nobody.status, nobody.count("#nav"), nobody.headers.get("set-cookie")), (404, 0, None));
}

/// Sends a report as a browser does, with these headers besides.
async fn report(person: &Person, kind: &str, body: String, headers: &[(&str, &str)]) -> u16 {
    let request = person.http.post(format!("{}{}", person.base, csp::REPORTS)).header("content-type", kind).body(body);
    person.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await.status
}

#[tokio::test]
async fn browsers_may_report_violations_from_anywhere_and_only_there() {
    let log = Log::keep();
    let desk = Desk::open().await;
    let browser = Person::new(desk.base(0));
    let policy = browser.get("/login").await.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.ends_with("report-uri /csp-reports"), "{policy}");
    let one = |mark: &str| {
        json!({"csp-report": {"document-uri": format!("http://x.example/{mark}?q=secret"), "blocked-uri": "inline", "effective-directive": "style-src-attr"}}).to_string()
    };
    let list = |mark: &str| {
        json!([{"type": "csp-violation", "url": "http://x.example/", "body": {"documentURL": format!("http://x.example/{mark}"), "blockedURL": "eval", "effectiveDirective": "script-src"}}]).to_string()
    };
    for (n, headers) in [
        &[][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://x.example")],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(report(&browser, "application/csp-report", one(&format!("old-{n}-x")), headers).await, 204);
        assert_eq!(report(&browser, "application/reports+json; charset=utf-8", list(&format!("new-{n}-x")), headers).await, 204);
        for (mark, directive) in [(format!("/old-{n}-x\""), "style-src-attr"), (format!("/new-{n}-x\""), "script-src")] {
            let lines = log.lines(&mark);
            assert!(
                lines.len() == 1 && lines[0].contains("csp violation") && lines[0].contains(directive) && !lines[0].contains("secret"),
                "{lines:?}"
            );
        }
    }
    assert_eq!(
        browser.send(browser.http.post(format!("{}/login", browser.base)).header("origin", "null").form(&[("email", "x")])).await.status,
        403
    );
    assert_eq!(report(&browser, "application/json", one("json"), &[]).await, 415);
    assert_eq!(report(&browser, "application/csp-report", "{".into(), &[]).await, 400);
    assert_eq!(report(&browser, "application/csp-report", one(&"x".repeat(9000)), &[]).await, 413);
    assert_eq!(browser.get(csp::REPORTS).await.status, 404);
}

#[tokio::test]
async fn reports_cannot_fill_the_log() {
    let log = Log::keep();
    let desk = Desk::open().await;
    let browser = Person::new(desk.base(0));
    let flood = |n: usize| json!({"type": "csp-violation", "body": {"documentURL": format!("/flood-{n}"), "blockedURL": "eval\r\nforged", "effectiveDirective": "x"}});
    for round in 0..10 {
        let reports: Vec<_> = (0..20).map(|n| flood(round * 20 + n)).collect();
        assert_eq!(report(&browser, "application/reports+json", json!(reports).to_string(), &[]).await, 204);
    }
    let lines = log.lines("/flood-");
    assert_eq!(lines.len(), 60);
    assert!(lines[0].contains("evalforged") && lines[59].contains("left_this_minute=0"), "{lines:?}");
}
