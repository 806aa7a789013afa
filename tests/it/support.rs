//! A desk to test at: one database, one or more replicas, people who sign in through the door that people use.
use countersign::{
    app::App,
    config::Config,
    db::{
        embedded::{Durability, Postgres},
        migrations,
    },
    demo::{self, PASSWORD, Scale},
    ledger::note::SigningKey,
    operations::registry::Registry,
};
use scraper::{Html, Selector};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use std::{
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::OnceCell, task::JoinHandle};

static CLUSTER: OnceCell<Postgres> = OnceCell::const_new();
static LOG_KEY: LazyLock<String> =
    LazyLock::new(|| SigningKey::generate("test.countersign.example/ledger").unwrap().secret().expose_secret().to_owned());
static NEXT: AtomicUsize = AtomicUsize::new(1);
const TEMPLATE: &str = "template_countersign";
/// An organisation of the demo whose tier and credit were not applied.
pub const ORG: &str = demo::PROBLEM_ORG;
pub const REASON: &str = "결제는 완료되었으나 등급이 반영되지 않았습니다.";

/// One server for all tests of this run. It stops when the test process ends, however that ends.
async fn cluster() -> &'static Postgres {
    CLUSTER
        .get_or_init(|| async {
            let _ = rustls::crypto::ring::default_provider().install_default();
            remove_old_folders();
            let folder = std::env::temp_dir().join(format!("countersign-it-{}", std::process::id()));
            let postgres = Postgres::start(&folder, Durability::Fast).await.expect("PostgreSQL starts");
            postgres.create(TEMPLATE, None).await.unwrap();
            let owner = postgres.owner_url(TEMPLATE);
            migrations::run(&owner).await.unwrap();
            demo::fill(&owner, Scale::TEST).await.unwrap();
            postgres
        })
        .await
}

/// Folders of runs whose process is gone.
fn remove_old_folders() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("countersign-it-").and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A policy with these rules before the usual default: one approver.
pub fn policy(rules: &str) -> String {
    policy_with(rules, "needs = [{ group = 'approvers' }]")
}

pub fn policy_with(rules: &str, default: &str) -> String {
    let groups =
        "approvers = ['admin', 'approver']\nbilling = ['billing']\nsecurity = ['security']\nguardians = ['admin', 'approver', 'security']";
    format!("[groups]\n{groups}\n\n{rules}\n\n[default]\n{default}\n")
}

/// Two approvers for everything.
pub fn two_approvers() -> String {
    policy_with("", "needs = [{ group = 'approvers', count = 2 }]")
}

pub struct Desk {
    pub database: String,
    replicas: Vec<Replica>,
}

struct Replica {
    base: String,
    app: App,
    task: JoinHandle<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.replicas.iter().for_each(|r| r.task.abort());
        let _ = std::fs::remove_file(self.copy());
    }
}

impl Desk {
    /// One replica with a worker.
    pub async fn open() -> Self {
        Self::with(1, |_| {}).await
    }

    /// Several replicas on one database, each with its configuration changed as the test wants.
    pub async fn with(replicas: usize, change: impl Fn(&mut Config)) -> Self {
        let mut desk = Self::closed().await;
        for _ in 0..replicas {
            desk.start_replica(&change).await;
        }
        desk
    }

    /// A database of its own, and nobody serving it yet.
    pub async fn closed() -> Self {
        let database = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster().await.create(&database, Some(TEMPLATE)).await.unwrap();
        Self { database, replicas: Vec::new() }
    }

    /// The same as this one is now, as a backup is. Nobody may be connected to either.
    pub async fn backup(&self) -> Self {
        let database = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster().await.create(&database, Some(&self.database)).await.unwrap();
        Self { database, replicas: Vec::new() }
    }

    pub async fn start_replica(&mut self, change: &impl Fn(&mut Config)) {
        self.start_replica_on(0, change).await;
    }

    pub async fn start_replica_on(&mut self, port: u16, change: &impl Fn(&mut Config)) {
        self.start(port, None, change).await;
    }

    /// A replica that knows operations of a test's own.
    pub async fn start_replica_with(&mut self, port: u16, registry: Registry, change: &impl Fn(&mut Config)) {
        self.start(port, Some(registry), change).await;
    }

    async fn start(&mut self, port: u16, registry: Option<Registry>, change: &impl Fn(&mut Config)) {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let listen = listener.local_addr().unwrap();
        let (url, log) = (self.app_url().await, self.log().await);
        let mut config = Config::read(
            |name| match name {
                "DATABASE_URL" => Some(url.clone()),
                "COUNTERSIGN_LISTEN" => Some(listen.to_string()),
                name => log.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
            },
            "",
        )
        .unwrap();
        change(&mut config);
        let (app, born_here) = match registry {
            Some(registry) => App::with(&config, registry).await.unwrap(),
            None => App::new(&config).await.unwrap(),
        };
        let running = app.clone();
        let task = tokio::spawn(async move {
            running.run(&config, Some(listener), true, born_here, std::future::pending()).await.unwrap();
        });
        self.replicas.push(Replica { base: format!("http://{listen}"), app, task });
    }

    /// Stops the replicas of this process, so that only those started as processes work.
    pub async fn stop_all(&mut self) {
        while !self.replicas.is_empty() {
            self.stop(0).await;
        }
    }

    /// Stops one replica of this process.
    pub async fn stop(&mut self, replica: usize) {
        let replica = self.replicas.remove(replica);
        replica.task.abort();
        let _ = replica.task.await;
        replica.app.db.close().await;
        if let Some(log) = &replica.app.log {
            log.close().await;
        }
    }

    pub async fn app_url(&self) -> String {
        cluster().await.app_url(&self.database)
    }

    pub async fn owner_url(&self) -> String {
        cluster().await.owner_url(&self.database)
    }

    pub async fn url_as(&self, role: &str) -> String {
        cluster().await.url(role, &self.database)
    }

    pub fn base(&self, replica: usize) -> &str {
        &self.replicas[replica].base
    }

    pub fn app(&self) -> &App {
        &self.replicas[0].app
    }

    /// How every replica of this desk numbers and signs: quickly, since tests wait for it.
    pub async fn log(&self) -> [(&'static str, String); 4] {
        [
            ("COUNTERSIGN_LEDGER_DATABASE_URL", self.url_as("countersign_sequencer").await),
            ("COUNTERSIGN_LEDGER_KEY", LOG_KEY.clone()),
            ("COUNTERSIGN_LEDGER_COPY", self.copy().display().to_string()),
            ("COUNTERSIGN_LEDGER_MILLISECONDS", "20".into()),
        ]
    }

    /// Where its checkpoints are published.
    pub fn copy(&self) -> PathBuf {
        std::env::temp_dir().join(format!("countersign-{}-{}.ndjson", std::process::id(), self.database))
    }

    /// A connection as the owner of the tables, to look behind the scenes or to break something.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.owner_url().await).await.unwrap()
    }

    /// Somebody of the demo company, signed in at the first replica.
    pub async fn sign_in(&self, who: &str) -> Person {
        self.sign_in_at(0, who).await
    }

    pub async fn sign_in_at(&self, replica: usize, who: &str) -> Person {
        let person = Person::new(self.base(replica));
        let page = person.get("/login").await;
        let email = format!("{who}@hanbit.example");
        let page = person.post_from(&page, "/login", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 303, "{who} signs in: {}", page.text());
        person
    }

    /// A bearer token for somebody, made at the console.
    pub async fn token(&self, who: &str) -> Token {
        self.token_at(0, who, &[]).await
    }

    pub async fn token_at(&self, replica: usize, who: &str, scopes: &[&str]) -> Token {
        let db = countersign::db::Db::connect(&self.owner_url().await, countersign::live::Live::new().0).await.unwrap();
        let console = countersign::auth::Service::Console.operator();
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let (id, secret) =
            countersign::auth::tokens::create(&db, &console, &format!("{who}@hanbit.example"), "test", &scopes, 1).await.unwrap();
        db.close().await;
        Token { base: self.base(replica).to_owned(), id, secret, http: reqwest::Client::new() }
    }

    /// Another version of the policy, as the owner of the tables would write it.
    pub async fn replace_policy(&self, document: &str) {
        let mut owner = self.owner().await;
        // the first version comes with the first replica
        while sqlx::query("select from policy_version").fetch_optional(&mut owner).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sqlx::query("alter table policy_version disable trigger is_recorded, drop constraint if exists first_is_adopted")
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query("insert into policy_version (id, document, hash, created_at) select max(id) + 1, $1, sha256(convert_to($1, 'UTF8')), now() from policy_version")
            .bind(document)
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query("alter table policy_version enable trigger is_recorded").execute(&mut owner).await.unwrap();
    }

    /// Somebody has another role from now on, as an administrator of access would give it.
    pub async fn moves(&self, who: &str, from: &str, to: &str) {
        let mut owner = self.owner().await;
        sqlx::query("alter table operator_role disable trigger is_recorded").execute(&mut owner).await.unwrap();
        let moved = sqlx::query(
            "update operator_role set role = $3 where role = $2 and operator_id = (select id from operator where email = $1 || '@hanbit.example')",
        );
        assert_eq!(moved.bind(who).bind(from).bind(to).execute(&mut owner).await.unwrap().rows_affected(), 1);
        sqlx::query("alter table operator_role enable trigger is_recorded").execute(&mut owner).await.unwrap();
    }

    /// Kinds of the events of a request, oldest first.
    pub async fn story(&self, id: &str) -> Vec<String> {
        let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
        sqlx::query("select kind from ledger.event where request_id = $1 order by event_id")
            .bind(number)
            .fetch_all(&mut self.owner().await)
            .await
            .unwrap()
            .iter()
            .map(|r| r.get(0))
            .collect()
    }

    /// What `countersign ledger verify` finds.
    pub async fn broken_invariants(&self) -> Vec<String> {
        let findings = countersign::requests::invariants::check(&mut self.owner().await).await.unwrap();
        findings.into_iter().filter(|f| !f.requests.is_empty()).map(|f| format!("{}: {:?}", f.means, f.requests)).collect()
    }

    /// How many events of a kind there are.
    pub async fn count(&self, kind: &str) -> i64 {
        sqlx::query_scalar("select count(*) from ledger.event where kind = $1").bind(kind).fetch_one(&mut self.owner().await).await.unwrap()
    }

    /// Tier and credit of an organisation.
    pub async fn org(&self, id: &str) -> (String, i64) {
        sqlx::query_as("select tier, credit from admin_orgs where id = $1").bind(id).fetch_one(&mut self.owner().await).await.unwrap()
    }
}

/// Somebody at a browser: cookies, and forms that are filled in and sent.
#[derive(Clone)]
pub struct Person {
    pub base: String,
    pub http: reqwest::Client,
    lang: &'static str,
}

#[derive(Clone)]
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Page {
    /// What a reader sees, without markup.
    pub fn text(&self) -> String {
        let html = Html::parse_document(&self.body);
        html.root_element().text().map(str::trim).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The value or text of the first match.
    pub fn find(&self, selector: &str) -> Option<String> {
        let html = Html::parse_document(&self.body);
        let element = html.select(&Selector::parse(selector).unwrap()).next()?;
        Some(element.value().attr("value").map_or_else(|| element.text().collect::<String>().trim().to_owned(), str::to_owned))
    }

    /// This attribute of every element that has it.
    pub fn all(&self, selector: &str, attribute: &str) -> Vec<String> {
        let (html, selector) = (Html::parse_document(&self.body), Selector::parse(selector).unwrap());
        html.select(&selector).filter_map(|e| e.value().attr(attribute)).map(str::to_owned).collect()
    }

    /// The text of every element, trimmed.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let (html, selector) = (Html::parse_document(&self.body), Selector::parse(selector).unwrap());
        html.select(&selector).map(|e| e.text().collect::<String>().trim().to_owned()).collect()
    }

    pub fn count(&self, selector: &str) -> usize {
        Html::parse_document(&self.body).select(&Selector::parse(selector).unwrap()).count()
    }

    #[track_caller]
    pub fn sees(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{text:?} is not on the page ({}): {}", self.status, self.text());
        self
    }

    fn csrf(&self) -> String {
        self.find("input[name=csrf]").expect("a form with a token")
    }
}

impl Person {
    pub fn new(base: &str) -> Self {
        // the first client of a test may be made before anything else
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { base: base.to_owned(), http, lang: "ko" }
    }

    pub fn in_language(mut self, lang: &'static str) -> Self {
        self.lang = lang;
        self
    }

    /// The same cookies at another replica.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), http: self.http.clone(), lang: self.lang }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// As a page that follows changes fetches itself.
    pub async fn refreshed(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.base)).header("hx-request", "true")).await
    }

    /// Sends a form with the token of the page it was on.
    pub async fn post_from(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = page.csrf();
        self.post(path, &fields.iter().copied().chain([("csrf", csrf.as_str())]).collect::<Vec<_>>()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.http.post(format!("{}{path}", self.base)).form(fields)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let response = request.header("accept-language", self.lang).send().await.unwrap();
        let location = response.headers().get("location").map(|v| v.to_str().unwrap().to_owned());
        Page { status: response.status().as_u16(), location, headers: response.headers().clone(), body: response.text().await.unwrap() }
    }

    /// Fills the form of an operation in, checks it, and sends it; answers the request's id.
    pub async fn ask(&self, operation: &str, fields: &[(&str, &str)]) -> String {
        let path = format!("/requests/new/{operation}");
        let form = self.get(&path).await;
        let draft = form.find("input[name=draft]").unwrap();
        let checked = self.check(&form, &path, &[fields, &[("draft", &draft)]].concat()).await;
        assert_eq!(checked.status, 200, "{}", checked.text());
        let confirm = checked.find("[name=confirm]").expect("the check offers to send");
        let sent = self.post_from(&checked, &path, &[fields, &[("draft", &draft), ("confirm", &confirm)]].concat()).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        sent.location.unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Sends a filled-in form and goes where it leads: to the check, unless something is wrong with it.
    pub async fn check(&self, form: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.post_from(form, path, fields).await;
        match &answer.location {
            Some(location) if answer.status == 303 => self.get(location).await,
            _ => answer,
        }
    }

    /// Opens a request and votes on what it shows.
    pub async fn vote(&self, id: &str, decision: &str, reason: &str) -> Page {
        let page = self.get(&format!("/requests/{id}")).await;
        let binding = page.find("#decide-form input[name=binding]").unwrap_or_default();
        self.post_from(&page, &format!("/requests/{id}/votes"), &[("decision", decision), ("binding", &binding), ("reason", reason)]).await
    }

    /// Waits until the request page says this state.
    pub async fn until(&self, id: &str, state: &str) -> Page {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let page = self.get(&format!("/requests/{id}")).await;
            if page.count(&format!(".request-head [data-state={state}]")) > 0 {
                return page;
            }
            assert!(Instant::now() < end, "{id} never became {state}: {}", page.text());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// A client of the API.
pub struct Token {
    pub base: String,
    pub id: uuid::Uuid,
    pub secret: String,
    pub http: reqwest::Client,
}

impl Token {
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("accept-language", "ko")).await
    }

    /// With a new idempotency key, which asking requires and nothing else minds.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let key = uuid::Uuid::now_v7().to_string();
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("idempotency-key", key);
        answer(request.header("accept-language", "ko").json(body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.http.delete(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("accept-language", "ko")).await
    }

    pub async fn fix(&self, fields: Value) -> (u16, Value) {
        self.post("/api/requests", &serde_json::json!({"operation": "org.tier.fix", "fields": fields, "reason": REASON})).await
    }

    /// Votes on what the API shows.
    pub async fn vote(&self, id: &str, decision: &str, reason: Option<&str>) -> (u16, Value) {
        let (_, request) = self.get(&format!("/api/requests/{id}")).await;
        self.post(
            &format!("/api/requests/{id}/votes"),
            &serde_json::json!({"decision": decision, "binding": request["binding"], "reason": reason}),
        )
        .await
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
