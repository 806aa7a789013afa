//! A realistic company to try things on: Hanbit, its operators, its customers, and a year of requests. The same seed gives
//! the same people and the same history, up to today.
mod addons;
mod calls;
mod emergencies;
mod history;
mod load;
mod matters;
mod names;
mod onboarding;
pub mod product;
mod rights;
mod shelf;
mod subscriptions;
pub mod till;

use crate::{
    auth::Role,
    config::{Config, Supplier},
    connectors::admin_api::Settings,
    db::{
        embedded::{Durability, Postgres},
        migrations,
    },
    ledger::{log, note::SigningKey},
    operations::Guarantee,
    payments,
    tenants::registration,
    tools,
};
use anyhow::Context;
use secrecy::ExposeSecret;
use std::{
    fs,
    io::BufRead,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub use load::fill;

/// The password of every demo sign-in. Refused outside the demo: nothing else creates these accounts.
pub const PASSWORD: &str = "countersign-demo";

/// Somebody of the demo company.
pub struct Person {
    pub email: &'static str,
    pub name: &'static str,
    pub roles: &'static [Role],
}

/// The demo sign-ins.
pub const PEOPLE: &[Person] = &[
    Person { email: "admin@hanbit.example", name: "홍서진", roles: &[Role::Admin] },
    Person { email: "approver@hanbit.example", name: "이서연", roles: &[Role::Approver, Role::Billing] },
    Person { email: "ops@hanbit.example", name: "오태경", roles: &[Role::Ops] },
    Person { email: "sre@hanbit.example", name: "박지훈", roles: &[Role::Sre] },
    Person { email: "cs@hanbit.example", name: "최민아", roles: &[Role::Cs] },
    Person { email: "security@hanbit.example", name: "정도윤", roles: &[Role::Security] },
    Person { email: "auditor@hanbit.example", name: "한유진", roles: &[Role::Auditor] },
];

/// The organisation whose tier and credit were not applied.
pub const PROBLEM_ORG: &str = "org_hanbit0001";

/// What the demo company has decided. Its history was made under it.
pub const POLICY: &str = include_str!("policy.toml");

/// What tools can do at the demo company.
pub(crate) fn tools() -> tools::Settings {
    let table = include_str!("tools.toml").parse().expect("the demo's table is TOML");
    tools::Settings { risks: tools::Risks::read(&table).expect("the demo's table says what it means"), ..tools::Settings::default() }
}

/// A log of its own, with key and copy beside the database: good enough to try it.
pub(crate) fn a_log(postgres: &Postgres, database: &str, home: &Path) -> anyhow::Result<log::Settings> {
    let file = home.join("ledger.key");
    if !file.exists() {
        fs::write(&file, SigningKey::generate("demo.countersign.example/ledger")?.secret().expose_secret())?;
    }
    Ok(log::Settings {
        database_url: postgres.url("countersign_sequencer", database).into(),
        key: fs::read_to_string(&file)?.into(),
        next_key: None,
        old_keys: Vec::new(),
        copy: home.join("checkpoints.ndjson"),
        webhook: None,
        every: std::time::Duration::from_secs(1),
    })
}

/// Broken glasses of this morning: how many minutes ago, whether that was justified, and what the reviewer found.
const BROKEN: [(i64, Option<(bool, &str)>); 3] = [
    (352, Some((false, "당시 승인자 두 명이 접속해 있었습니다. 기다릴 수 있는 변경이었으므로 다음부터는 승인을 요청하세요."))),
    (341, Some((true, "고객사 서비스 중단 시각과 실행 시각이 일치합니다. 계약서의 등급과 같은 값인 것도 확인했습니다."))),
    (330, None),
];

/// The newest that wait: minutes ago, and minutes until they expire where that is soon.
const WAITING: [(i64, Option<i64>); 10] =
    [(310, None), (205, None), (160, Some(200)), (122, None), (95, None), (61, None), (44, None), (27, None), (12, None), (4, None)];

/// How much history there is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub companies: usize,
    pub orgs: usize,
    pub users: usize,
    pub requests: usize,
    /// How many of them wait now, at least ten.
    pub waiting: usize,
    /// Plans of people are granted by the product, which promises to do it once for each key.
    pub product: bool,
    /// Whether tools were called, too.
    pub calls: bool,
    /// Whether plans and add-ons are sold.
    pub catalog: bool,
}

impl Scale {
    pub const DEMO: Scale =
        Scale { companies: 60, orgs: 400, users: 6_000, requests: 3_000, waiting: 210, product: true, calls: true, catalog: true };
    /// Enough for a test to have something of everything.
    pub const TEST: Scale =
        Scale { companies: 6, orgs: 60, users: 120, requests: 80, waiting: 10, product: false, calls: false, catalog: false };
}

/// A demo that is being prepared: its database runs, and it goes when this is dropped.
pub struct Demo {
    pub config: Config,
    postgres: Postgres,
    /// The identity provider, the product and the till; they end when their input closes.
    neighbours: Vec<Child>,
    /// Where the demo's payments can be made and broken.
    pub till: Option<url::Url>,
}

impl Demo {
    /// Starts the private database in `folder`, migrates it, and fills it the first time.
    pub async fn prepare(folder: &Path, reset: bool, listen: std::net::SocketAddr, provider: Option<PathBuf>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "the demo has well-known passwords and may only listen on this machine, not on {listen}"
        );
        let home = crate::db::embedded::place(folder)?;
        if reset && home.exists() {
            fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
        }
        let postgres = Postgres::start(&home, Durability::Safe).await?;
        const NAME: &str = "countersign";
        if !postgres.exists(NAME).await? {
            postgres.create(NAME, None).await?;
        }
        migrations::run(&postgres.owner_url(NAME)).await?;
        fill(&postgres.owner_url(NAME), Scale::DEMO).await?;
        let url = postgres.app_url(NAME);
        let mut config = Config::read(|name| (name == "DATABASE_URL").then(|| url.clone()), "")?;
        config.ledger = Some(a_log(&postgres, NAME, &home)?);
        config.listen = listen;
        config.public_url = format!("http://{listen}").parse()?;
        config.environment = Some("demo".into());
        config.demo = true;
        config.supplier = Some(Supplier { name: "한빛AI".into(), number: registration::completed(220_810_011) });
        config.policy = POLICY.to_owned();
        config.tools = tools();
        // short, so that somebody who breaks the product sees within half a minute what comes of it
        config.lease = std::time::Duration::from_secs(4);
        let mut demo = Self { config, postgres, neighbours: Vec::new(), till: None };
        demo.start_product(&home).await?;
        demo.start_till(&home).await?;
        if let Some(script) = provider {
            demo.start_provider(&script);
        }
        Ok(demo)
    }

    /// As the application role; for those who want to look.
    pub fn database_url(&self) -> String {
        self.postgres.app_url("countersign")
    }

    /// The product runs as a process of its own; plans of people are granted through its admin API.
    async fn start_product(&mut self, home: &Path) -> anyhow::Result<()> {
        let file = home.join("product.json");
        if !file.exists() {
            fs::write(&file, serde_json::to_vec(&load::product(&self.postgres.owner_url("countersign")).await?)?)?;
        }
        let token = crate::auth::sessions::secret();
        let (child, url) = start_product(&std::env::current_exe()?, &file, &token)?;
        self.neighbours.push(child);
        self.config.admin_api = Some(Settings {
            url: url.parse()?,
            token: token.into(),
            guarantee: Guarantee::Keyed,
            operations: Some(vec!["user.plan.grant".into()]),
        });
        Ok(())
    }

    /// Where customers pay is a process of its own, too. It tells of its payments once somebody listens.
    async fn start_till(&mut self, home: &Path) -> anyhow::Result<()> {
        let file = home.join("payments.json");
        if !file.exists() {
            fs::write(&file, serde_json::to_vec(&load::payments(&self.postgres.owner_url("countersign")).await?)?)?;
        }
        let secret = crate::auth::sessions::secret;
        let webhook = format!("whsec_{}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, secret()));
        let secrets = till::Secrets { portone: secret(), toss: format!("live_sk_{}", secret()), webhook, key: secret() };
        let (child, url) =
            start_till(&std::env::current_exe()?, &file, 0, &secrets, &[self.config.public_url.as_str().trim_end_matches('/')])?;
        self.neighbours.push(child);
        let url: url::Url = url.parse()?;
        self.config.payments = payments_at(&url, &secrets)?;
        self.till = Some(url);
        Ok(())
    }

    /// The local identity provider is a Node script; without Node, passwords still work.
    fn start_provider(&mut self, script: &Path) {
        match provider(script, &self.config) {
            Ok((child, oidc)) => {
                self.neighbours.push(child);
                self.config.oidc = Some(oidc);
            }
            Err(error) => eprintln!("No local identity provider ({error:#}); sign in with a password."),
        }
    }
}

/// Starts a product with its data in this file; answers its address. `program` is this binary.
pub fn start_product(program: &Path, file: &Path, token: &str) -> anyhow::Result<(Child, String)> {
    let mut child = Command::new(program)
        .arg("product")
        .arg(file)
        .env("PRODUCT_TOKEN", token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("the product cannot be started")?;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().context("it has no output")?).read_line(&mut line)?;
    let url = line.trim().strip_prefix("ready ").context("the product did not start")?.to_owned();
    Ok((child, url))
}

/// Starts what customers pay at, with its data in this file, telling whoever is at these addresses; answers its own. `program` is this
/// binary.
pub fn start_till(program: &Path, file: &Path, port: u16, secrets: &till::Secrets, tells: &[&str]) -> anyhow::Result<(Child, String)> {
    let mut child = Command::new(program)
        .arg("till")
        .arg(file)
        .args(["--port", &port.to_string()])
        .env("TILL_SECRETS", [&secrets.portone, &secrets.toss, &secrets.webhook, &secrets.key].map(String::as_str).join(" "))
        .env("TILL_TELLS", tells.join(" "))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("the till cannot be started")?;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().context("it has no output")?).read_line(&mut line)?;
    let url = line.trim().strip_prefix("ready ").context("the till did not start")?.to_owned();
    Ok((child, url))
}

/// How to ask it, as both providers.
pub fn payments_at(url: &url::Url, secrets: &till::Secrets) -> anyhow::Result<payments::Settings> {
    let webhook = payments::signature::Secrets::read(&secrets.webhook).map_err(anyhow::Error::msg)?;
    let portone = payments::portone::Settings { url: url.clone(), secret: secrets.portone.clone().into(), webhook, tests_count: false };
    let toss = payments::toss::Settings {
        url: url.clone(),
        secret: secrets.toss.clone().into(),
        webhook: secrets.key.clone().into(),
        tests_count: false,
    };
    Ok(payments::Settings { portone: Some(portone), toss: Some(toss) })
}

fn provider(script: &Path, config: &Config) -> anyhow::Result<(Child, crate::config::Oidc)> {
    let secret = crate::auth::sessions::secret();
    let mut child = Command::new("node")
        .arg(script)
        .env("PORT", "0")
        .env("CLIENT_SECRET", &secret)
        .env("REDIRECT_URIS", config.public_url.join("/auth/callback")?.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("Node is not installed")?;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().context("it has no output")?).read_line(&mut line)?;
    let issuer =
        line.trim().strip_prefix("ready ").context("it did not start; are its packages installed? (`make demo` does that)")?.to_owned();
    let oidc = crate::config::Oidc {
        issuer,
        client_id: "countersign".into(),
        client_secret: secret.into(),
        roles_claim: "roles".into(),
        scopes: "email profile roles".into(),
    };
    Ok((child, oidc))
}

impl Drop for Demo {
    fn drop(&mut self) {
        for mut child in self.neighbours.drain(..) {
            // it ends when its input closes; a kill makes sure
            drop(child.stdin.take());
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
