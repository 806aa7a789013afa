//! Signing in and out: passwords, their limits, and a real OpenID provider that can misbehave.
use crate::support::{Desk, Page, Person};
use std::{path::PathBuf, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_get_one_answer() {
    let desk = Desk::open().await;
    for (lang, expected) in [("ko", "이메일 또는 비밀번호가 맞지 않습니다."), ("en", "The e-mail address or password is not right.")]
    {
        for email in ["admin@hanbit.example", "nobody@hanbit.example"] {
            let person = Person::new(desk.base(0)).in_language(lang);
            let page = person.get("/login").await;
            let refused = person.post_from(&page, "/login", &[("email", email), ("password", "wrong")]).await;
            assert_eq!(refused.status, 401);
            refused.sees(expected);
            assert_eq!(refused.find("input[name=email]").unwrap(), email, "the address is kept");
            assert!(!refused.body.contains("wrong"), "the password is not");
        }
    }
    assert_eq!(desk.count("session.refused").await, 4);
}

#[tokio::test]
async fn guessing_gets_slower_and_is_told_when_to_come_back() {
    let desk = Desk::open().await;
    let person = Person::new(desk.base(0));
    let mut last = 0;
    for _ in 0..8 {
        let page = person.get("/login").await;
        let answer = person.post_from(&page, "/login", &[("email", "cs@hanbit.example"), ("password", "guess")]).await;
        last = answer.status;
        if last == 429 {
            assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            answer.sees("시도가 너무 많습니다.");
            break;
        }
    }
    assert_eq!(last, 429);
    // others are not affected
    desk.sign_in("admin").await;
}

#[tokio::test]
async fn signing_in_changes_the_session_and_signing_out_ends_it_on_the_server() {
    let desk = Desk::open().await;
    let person = Person::new(desk.base(0));
    let page = person.get("/login").await;
    let before = cookie(&page);
    let welcome = person
        .post_from(&page, "/login", &[("email", "admin@hanbit.example"), ("password", "countersign-demo"), ("next", "//evil.example")])
        .await;
    assert_eq!(welcome.location.as_deref(), Some("/"), "no way out through next");
    let after = cookie(&welcome);
    assert_ne!(before, after, "a session that was there before is worth nothing after");
    let set = welcome.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"));
    let dashboard = person.get("/").await;
    assert_eq!(dashboard.status, 200);
    assert_eq!(person.post_from(&dashboard, "/logout", &[]).await.status, 303);
    let again = person.send(person.http.get(format!("{}/", person.base)).header("cookie", &after)).await;
    assert_eq!(again.status, 303, "the old cookie opens nothing");
    assert_eq!((desk.count("session.opened").await, desk.count("session.closed").await), (1, 1));
}

fn cookie(page: &Page) -> String {
    page.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    for path in ["/login", "/", "/inbox", "/nothing", "/api/requests", "/healthz"] {
        let page = admin.get(path).await;
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.starts_with("default-src 'none'") && !csp.contains("unsafe"), "{path}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
    }
    assert_eq!(admin.get("/inbox").await.headers["cache-control"], "private, no-store");
}

/// The npm package `oidc-provider`, with the demo people.
struct Provider {
    issuer: String,
    secret: &'static str,
    _child: Child,
}

impl Provider {
    async fn start(redirect: &str) -> Option<Self> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/oidc.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("PORT", "0")
            .env("CLIENT_SECRET", "test-secret")
            .env("REDIRECT_URIS", redirect)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stdout.take()?).lines();
        let issuer = lines.next_line().await.ok()??.strip_prefix("ready ")?.to_owned();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { issuer, secret: "test-secret", _child: child })
    }

    async fn misbehave(&self, mode: &str) {
        let answer = reqwest::Client::new()
            .post(format!("{}/misbehave", self.issuer))
            .json(&serde_json::json!({"mode": mode}))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{mode}");
    }
}

/// A desk whose replica signs in at a provider of its own.
async fn with_provider() -> (Desk, Provider) {
    // the callback's port must be known to the provider before the replica listens
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let provider = Provider::start(&format!("http://127.0.0.1:{port}/auth/callback"))
        .await
        .expect("Node and the packages of tests/ are installed; `make test` does that");
    let mut desk = Desk::closed().await;
    desk.start_replica_on(port, &|config| {
        config.oidc = Some(countersign::config::Oidc {
            issuer: provider.issuer.clone(),
            client_id: "countersign".into(),
            client_secret: provider.secret.to_owned().into(),
            roles_claim: "roles".into(),
            scopes: "email profile roles".into(),
        });
    })
    .await;
    (desk, provider)
}

/// Goes through the provider's pages as a browser would; answers the page after the callback.
async fn sign_in_at_provider(desk: &Desk, email: &str) -> (Person, Page) {
    let person = Person::new(desk.base(0));
    let start = person.get("/auth/start?next=/inbox").await;
    let mut at = start.location.expect("a way to the provider");
    let mut posted = false;
    for _ in 0..10 {
        let url = if at.starts_with("http") { at.clone() } else { format!("{}{at}", at_origin(&person, &at)) };
        let page = if url.contains("/interaction/") && !posted {
            posted = true;
            person.send(person.http.post(&url).form(&[("login", email)])).await
        } else {
            person.send(person.http.get(&url)).await
        };
        if url.contains("/auth/callback") {
            return (person, page);
        }
        let next = page.location.unwrap_or_else(|| panic!("{url} leads nowhere: {}", page.body));
        at = if next.starts_with("http") { next } else { url::Url::parse(&url).unwrap().join(&next).unwrap().to_string() };
    }
    panic!("never came back");
}

fn at_origin(person: &Person, _: &str) -> String {
    person.base.clone()
}

#[tokio::test]
async fn signing_in_at_the_provider_brings_the_roles_along() {
    let (desk, _provider) = with_provider().await;
    let (person, page) = sign_in_at_provider(&desk, "approver@hanbit.example").await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/inbox")), "{}", page.text());
    person.get("/inbox").await.sees("이서연");
    assert_eq!(person.get("/requests/new").await.status, 200);
    assert_eq!(desk.count("operator.identity.bound").await, 1);
    // the second time the account is known
    let (_, page) = sign_in_at_provider(&desk, "approver@hanbit.example").await;
    assert_eq!(page.status, 303);
    assert_eq!(desk.count("operator.identity.bound").await, 1);
    let (auditor, _) = sign_in_at_provider(&desk, "auditor@hanbit.example").await;
    assert_eq!(auditor.get("/requests/new").await.status, 403);
}

#[tokio::test]
async fn a_provider_that_misbehaves_signs_nobody_in() {
    let (desk, provider) = with_provider().await;
    for mode in [
        "wrong-nonce",
        "no-nonce",
        "expired",
        "wrong-audience",
        "wrong-issuer",
        "bad-signature",
        "alg-none",
        "alg-hs256",
        "no-roles",
        "unavailable",
        "access-denied",
    ] {
        provider.misbehave(mode).await;
        let (person, page) = sign_in_at_provider(&desk, "admin@hanbit.example").await;
        assert_eq!(page.status, 401, "{mode}: {}", page.text());
        assert_eq!(person.get("/").await.status, 303, "{mode}");
    }
    assert_eq!(desk.count("session.opened").await, 0);
    assert_eq!(desk.count("session.refused").await, 11);
}

#[tokio::test]
async fn an_answer_counts_once_and_only_for_the_session_that_asked() {
    let (desk, _provider) = with_provider().await;
    let stranger = Person::new(desk.base(0));
    let page = stranger.get("/auth/callback?code=stolen&state=guessed").await;
    assert_eq!(page.status, 401);
    let start = stranger.get("/auth/start").await;
    assert!(start.location.unwrap().contains("code_challenge_method=S256"));
    let page = stranger.get("/auth/callback?code=stolen&state=guessed").await;
    assert_eq!(page.status, 401);
    let page = stranger.get("/auth/callback?code=stolen&state=guessed").await;
    page.sees("처음부터 다시 로그인하세요.");
}

#[tokio::test]
async fn while_the_provider_is_down_passwords_still_work() {
    let mut desk = Desk::closed().await;
    desk.start_replica(&|config| {
        config.oidc = Some(countersign::config::Oidc {
            issuer: "http://localhost:9".into(),
            client_id: "countersign".into(),
            client_secret: "x".to_owned().into(),
            roles_claim: "roles".into(),
            scopes: "email profile roles".into(),
        });
    })
    .await;
    let page = Person::new(desk.base(0)).get("/auth/start").await;
    assert_eq!(page.status, 401);
    page.sees("통합 로그인 서버에 연결하지 못했습니다.");
    desk.sign_in("admin").await;
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_not_a_hundred_chances() {
    let desk = Desk::open().await;
    let person = Person::new(desk.base(0));
    let csrf = person.get("/login").await.find("input[name=csrf]").unwrap();
    let fields = [("email", "cs@hanbit.example"), ("password", "guess"), ("csrf", csrf.as_str())];
    let answers = futures::future::join_all((0..100).map(|_| person.post("/login", &fields))).await;
    let looked_at = answers.iter().filter(|page| page.status == 401).count();
    assert!(looked_at <= 6, "{looked_at} of 100 guesses were looked at");
    assert_eq!(desk.count("session.refused").await as usize, looked_at, "what was not looked at fills no ledger");
}

#[tokio::test]
async fn disabling_ends_sessions_and_tokens_for_good() {
    use countersign::auth::{Service, operators};
    let desk = Desk::open().await;
    let (person, token) = (desk.sign_in("cs").await, desk.token("cs").await);
    let db = countersign::db::Db::connect(&desk.owner_url().await, countersign::live::Live::new().0).await.unwrap();
    operators::disable(&db, &Service::Console.operator(), "cs@hanbit.example").await.unwrap();
    assert_eq!((person.get("/").await.status, token.get("/api/requests").await.0), (303, 401));
    operators::enable(&db, &Service::Console.operator(), "cs@hanbit.example").await.unwrap();
    assert_eq!((person.get("/").await.status, token.get("/api/requests").await.0), (303, 401), "what was ended stays ended");
    desk.sign_in("cs").await;
}

#[tokio::test]
async fn a_login_page_left_open_too_long_says_so_and_works_again() {
    let desk = Desk::open().await;
    let person = Person::new(desk.base(0));
    let page = person.get("/login").await;
    sqlx::query("delete from session").execute(&mut desk.owner().await).await.unwrap();
    let fields = [("email", "cs@hanbit.example"), ("password", countersign::demo::PASSWORD)];
    let late = person.post_from(&page, "/login", &fields).await;
    assert_eq!(late.status, 403);
    late.sees("보안 토큰이 없거나");
    assert_eq!(person.post_from(&late, "/login", &fields).await.status, 303);
}
