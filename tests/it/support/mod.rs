//! A desk to test at: one database, one or more replicas, people who sign in through the door that people use.
mod callers;

pub use callers::{Page, Person, Token, answer};

use countersign::{
    app::App,
    config::Config,
    db::{
        embedded::{Durability, Postgres},
        migrations,
    },
    demo::{self, PASSWORD, Scale},
    ledger::{Sealed, note::SigningKey, words},
    operations::registry::Registry,
};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, Row};
use std::{
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
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
            publish_templates(&owner).await;
            postgres
        })
        .await
}

/// The template of roles that onboardings choose, in three versions, as requests of the demo could have published them.
async fn publish_templates(owner: &str) {
    let mut owner = PgConnection::connect(owner).await.unwrap();
    sqlx::query("alter table permission_template_version disable trigger is_recorded").execute(&mut owner).await.unwrap();
    for version in 1..=3 {
        let document = include_str!("../../../src/permissions/template.toml").replace("표준", &format!("표준 {version}"));
        sqlx::query(
            "insert into permission_template_version (code, version, name, document, hash, request_id, published_at)
             select 'standard', $1, '표준 ' || $1, $2, sha256(convert_to($2, 'UTF8')), id, now() from request order by id offset $1 limit 1",
        )
        .bind(version)
        .bind(document)
        .execute(&mut owner)
        .await
        .unwrap();
    }
    sqlx::query("alter table permission_template_version enable trigger is_recorded").execute(&mut owner).await.unwrap();
    owner.close().await.unwrap();
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

    /// A database of its own with a demo of this size, and nobody serving it yet.
    pub async fn filled(scale: Scale) -> Self {
        let database = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let postgres = cluster().await;
        postgres.create(&database, None).await.unwrap();
        let owner = postgres.owner_url(&database);
        migrations::run(&owner).await.unwrap();
        demo::fill(&owner, scale).await.unwrap();
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
        use countersign::{payments, requests::invariants};
        let mut findings = invariants::check(&mut self.owner().await).await.unwrap();
        findings.push(invariants::written_past(payments::overwritten(&mut self.owner().await).await.unwrap()));
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

/// SQL of an id and a time of now, as an event has them.
pub const NOW: &str =
    "select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid as id, at
  from (select date_trunc('milliseconds', clock_timestamp()) as at) now";

/// Writes an event as it was written before details were sealed, at whatever time: it waits for the sequencer like any other.
pub async fn write_in_clear(owner: &mut PgConnection, event: &Sealed) {
    let (kind, id) = event.target.as_ref().map(|(kind, id)| (kind, id)).unzip();
    sqlx::query("insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, target_type, target_id, leaf, request_id)
         values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(event.id).bind(event.at).bind(event.kind).bind(event.outcome).bind(event.actor).bind(event.door).bind(kind).bind(id).bind(&event.leaf).bind(event.request)
        .execute(&mut *owner).await.unwrap();
    let (salt, data) = event.opening.as_ref().unwrap();
    sqlx::query("insert into ledger.detail (event_id, recorded_at, salt, data, words, marks) values ($1, $2, $3, $4, $5, $6)")
        .bind(event.id)
        .bind(event.at)
        .bind(&salt[..])
        .bind(data)
        .bind(words::of(data))
        .bind([event.actor.to_string(), words::mark(event.kind, event.outcome)])
        .execute(owner)
        .await
        .unwrap();
}
