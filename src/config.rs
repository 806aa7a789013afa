//! Configuration, read once in `main`: environment variables `COUNTERSIGN_*` first, then `countersign.toml`.
//! Every error is reported together, and a secret may come from a file named by `*_FILE`.
use crate::{
    connectors::admin_api,
    i18n::Lang,
    ledger::log,
    operations::Guarantee,
    payments::{self, portone, signature, toss},
    policy,
    tenants::BizRegNo,
    tools,
};
use secrecy::{ExposeSecret, SecretString};
use std::{net::SocketAddr, str::FromStr, time::Duration};
use url::Url;

/// What a replica needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: Postgres as the application role.
    pub database_url: SecretString,
    /// `COUNTERSIGN_LISTEN`: address and port of the portal. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `COUNTERSIGN_PUBLIC_URL`: what a browser types. Default `http://` and the listen address.
    pub public_url: Url,
    /// `COUNTERSIGN_ENVIRONMENT`: shown in the header of every page; empty in production.
    pub environment: Option<String>,
    /// `COUNTERSIGN_OIDC_*`: sign-in at the identity provider. Without it only break-glass sign-in works.
    pub oidc: Option<Oidc>,
    /// `COUNTERSIGN_POLICY_FILE`: the document that becomes version 1 of the policy, at the first start alone. Default: the
    /// one that is built in.
    pub policy: String,
    /// `COUNTERSIGN_METRICS_TOKEN`: the bearer token for `/metrics`. Without it there is no such page.
    pub metrics_token: Option<SecretString>,
    /// `COUNTERSIGN_ADMIN_API_*`: another system that carries out changes of customers. Without it they are made in our database.
    pub admin_api: Option<admin_api::Settings>,
    /// `COUNTERSIGN_LEASE_SECONDS`: how long an attempt in another system belongs to the replica that began it, 2 to 600. Default 30.
    /// Half of it is how long such a system may take to answer.
    pub lease: Duration,
    /// `APPROVAL_WORKFLOW_ENABLED`, `APPROVAL_TIMEOUT`, `COUNTERSIGN_TOOL_RISKS`: calls of tools.
    pub tools: tools::Settings,
    /// `COUNTERSIGN_LEDGER_*`: how the log over the ledger is signed and published. Nothing that was approved runs without it.
    pub ledger: Option<log::Settings>,
    /// `COUNTERSIGN_PORTONE_*`, `COUNTERSIGN_TOSS_*`: whom payments are asked for. What is not set is not there: its events get 404.
    pub payments: payments::Settings,
    /// `COUNTERSIGN_SUPPLIER_NAME`, `COUNTERSIGN_SUPPLIER_NUMBER`: our own company and its registration number, as invoices say them.
    pub supplier: Option<Supplier>,
    /// Set by `countersign demo` alone: shows the demo sign-ins on the login page.
    pub demo: bool,
}

/// Whoever sells.
#[derive(Clone, Debug)]
pub struct Supplier {
    pub name: String,
    /// Ten digits.
    pub number: String,
}

/// How to reach the identity provider.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// `COUNTERSIGN_OIDC_ISSUER`: exactly as the provider's discovery document says it.
    pub issuer: String,
    /// `COUNTERSIGN_OIDC_CLIENT_ID`.
    pub client_id: String,
    /// `COUNTERSIGN_OIDC_CLIENT_SECRET` or `COUNTERSIGN_OIDC_CLIENT_SECRET_FILE`.
    pub client_secret: SecretString,
    /// `COUNTERSIGN_OIDC_ROLES_CLAIM`: the claim of the ID token that lists role names. Default `roles`.
    pub roles_claim: String,
    /// `COUNTERSIGN_OIDC_SCOPES`: what is asked for besides `openid`, with spaces between. Default `email profile`.
    pub scopes: String,
}

/// All that is wrong with the configuration, one line each.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {} problem(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct Problems(Vec<String>);

impl Config {
    /// Reads the process environment and `countersign.toml` in the working folder, if there is one.
    pub fn load() -> Result<Self, Problems> {
        let file = match std::fs::read_to_string("countersign.toml") {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Problems(vec![format!("countersign.toml: {error}")])),
        };
        Self::read(|name| std::env::var(name).ok(), &file)
    }

    /// The same from any environment, so that every refusal can be tested.
    pub fn read(env: impl Fn(&str) -> Option<String>, file: &str) -> Result<Self, Problems> {
        let mut reader = Reader { env: &env, file: toml::Table::new(), problems: Vec::new() };
        match file.parse() {
            Ok(table) => reader.file = table,
            Err(error) => reader.problems.push(format!("countersign.toml: {error}")),
        }
        let database_url = reader.required("DATABASE_URL");
        let listen = reader.parsed("COUNTERSIGN_LISTEN").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url = reader.parsed::<Url>("COUNTERSIGN_PUBLIC_URL");
        let public_url = public_url.unwrap_or_else(|| Url::parse(&format!("http://{listen}")).expect("an address makes a URL"));
        let environment = reader.text("COUNTERSIGN_ENVIRONMENT");
        let oidc = reader.text("COUNTERSIGN_OIDC_ISSUER").map(|issuer| Oidc {
            issuer,
            client_id: reader.required("COUNTERSIGN_OIDC_CLIENT_ID"),
            client_secret: reader.required("COUNTERSIGN_OIDC_CLIENT_SECRET").into(),
            roles_claim: reader.text("COUNTERSIGN_OIDC_ROLES_CLAIM").unwrap_or_else(|| "roles".into()),
            scopes: reader.text("COUNTERSIGN_OIDC_SCOPES").unwrap_or_else(|| "email profile".into()),
        });
        let admin_api = reader.admin_api();
        let lease = reader.parsed::<u64>("COUNTERSIGN_LEASE_SECONDS").unwrap_or(30);
        if !(2..=600).contains(&lease) {
            reader.problems.push(format!("COUNTERSIGN_LEASE_SECONDS is {lease}; it must be 2 to 600"));
        }
        if reader.file.contains_key("policy") || env("COUNTERSIGN_POLICY").is_some() {
            // silently ignored, what somebody made stricter would be loose again
            reader.problems.push("the policy is a document of its own now: name it by COUNTERSIGN_POLICY_FILE".into());
        }
        let metrics_token = reader.text("COUNTERSIGN_METRICS_TOKEN");
        if metrics_token.as_ref().is_some_and(|token| token.len() < 16) {
            reader.problems.push("COUNTERSIGN_METRICS_TOKEN must have 16 characters or more".into());
        }
        let policy = reader.policy();
        let tools = reader.tools();
        let ledger = reader.ledger();
        let payments = reader.payments();
        let supplier = reader.supplier();
        if !reader.problems.is_empty() {
            return Err(Problems(reader.problems));
        }
        Ok(Self {
            database_url: database_url.into(),
            listen,
            public_url,
            environment,
            oidc,
            policy,
            metrics_token: metrics_token.map(Into::into),
            admin_api,
            lease: Duration::from_secs(lease),
            tools,
            ledger,
            payments,
            supplier,
            demo: false,
        })
    }

    /// Whether cookies may travel over TLS only.
    pub fn secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// The database URL for those who connect; never log it.
    pub fn database(&self) -> &str {
        self.database_url.expose_secret()
    }
}

struct Reader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    file: toml::Table,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The variable, or the file that `NAME_FILE` points at, or the key of the same name in `countersign.toml`
    /// (`COUNTERSIGN_OIDC_ISSUER` is `oidc_issuer`).
    fn text(&mut self, name: &str) -> Option<String> {
        if let Some(value) = self.environment(name) {
            return Some(value);
        }
        let key = name.strip_prefix("COUNTERSIGN_").unwrap_or(name).to_lowercase();
        match self.file.get(&key)? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(yes) => Some(yes.to_string()),
            _ => {
                self.problems.push(format!("{key} in countersign.toml must be text, a number or a boolean"));
                None
            }
        }
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        if let Some(value) = (self.env)(name).filter(|v| !v.is_empty()) {
            return Some(value);
        }
        if let Some(path) = (self.env)(&format!("{name}_FILE")) {
            return match std::fs::read_to_string(&path) {
                Ok(text) => Some(text.trim_end().to_owned()),
                Err(error) => {
                    self.problems.push(format!("{name}_FILE: cannot read {path}: {error}"));
                    None
                }
            };
        }
        None
    }

    fn required(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.problems.push(format!("{name}: {text:?} is not valid: {error}"))).ok()
    }

    fn admin_api(&mut self) -> Option<admin_api::Settings> {
        let url = self.parsed::<Url>("COUNTERSIGN_ADMIN_API_URL")?;
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !here {
            self.problems.push("COUNTERSIGN_ADMIN_API_URL must be https: a credential travels with every call".into());
        }
        let token = self.required("COUNTERSIGN_ADMIN_API_TOKEN").into();
        let name = self.text("COUNTERSIGN_ADMIN_API_GUARANTEE").unwrap_or_else(|| "keyed".into());
        let guarantee = Guarantee::named(&name).filter(|g| *g != Guarantee::Transactional).unwrap_or_else(|| {
            self.problems.push(format!("COUNTERSIGN_ADMIN_API_GUARANTEE is {name:?}; it must be keyed, probeable or opaque"));
            Guarantee::Opaque
        });
        let operations = self.text("COUNTERSIGN_ADMIN_API_OPERATIONS");
        let operations = operations.map(|names| names.split(',').map(|name| name.trim().to_owned()).collect());
        Some(admin_api::Settings { url, token, guarantee, operations })
    }

    /// The names without a prefix are those of the system before this one.
    fn tools(&mut self) -> tools::Settings {
        let usual = tools::Settings::default();
        let held = self.parsed("APPROVAL_WORKFLOW_ENABLED").unwrap_or(usual.held);
        let timeout = self.parsed("APPROVAL_TIMEOUT").unwrap_or(usual.timeout);
        if !(1..=604_800).contains(&timeout) {
            self.problems.push(format!("APPROVAL_TIMEOUT is {timeout}; it must be 1 to 604800 seconds"));
        }
        let table = match self.environment("COUNTERSIGN_TOOL_RISKS") {
            Some(text) => text.parse().map_err(|error| vec![format!("{error}")]),
            None => match self.file.get("tools") {
                None => Ok(toml::Table::new()),
                Some(toml::Value::Table(table)) => Ok(table.clone()),
                Some(_) => Err(vec!["tools in countersign.toml must be a table".to_owned()]),
            },
        };
        let risks = table.and_then(|table| tools::Risks::read(&table)).unwrap_or_else(|wrong| {
            self.problems.extend(wrong.iter().map(|what| format!("COUNTERSIGN_TOOL_RISKS: {what}")));
            usual.risks
        });
        tools::Settings { held, timeout, risks }
    }

    fn ledger(&mut self) -> Option<log::Settings> {
        let key = self.text("COUNTERSIGN_LEDGER_KEY")?;
        let old_keys = self.text("COUNTERSIGN_LEDGER_OLD_KEYS").unwrap_or_default();
        let webhook = self.parsed::<Url>("COUNTERSIGN_LEDGER_WEBHOOK");
        let here = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if webhook.as_ref().is_some_and(|url| url.scheme() != "https" && !(url.scheme() == "http" && here(url))) {
            self.problems.push("COUNTERSIGN_LEDGER_WEBHOOK must be an https address".into());
        }
        Some(log::Settings {
            database_url: self.required("COUNTERSIGN_LEDGER_DATABASE_URL").into(),
            key: key.into(),
            next_key: self.text("COUNTERSIGN_LEDGER_NEXT_KEY").map(Into::into),
            old_keys: old_keys.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect(),
            copy: self.required("COUNTERSIGN_LEDGER_COPY").into(),
            webhook,
            every: Duration::from_millis(self.parsed("COUNTERSIGN_LEDGER_MILLISECONDS").unwrap_or(1_000)),
        })
    }

    fn payments(&mut self) -> payments::Settings {
        let tests_count = self.parsed("COUNTERSIGN_TEST_PAYMENTS").unwrap_or(false);
        let portone = self.provider("PORTONE", "https://api.portone.io").map(|(url, secret, webhook)| {
            let webhook = signature::Secrets::read(&webhook)
                .map_err(|wrong| self.problems.push(format!("COUNTERSIGN_PORTONE_WEBHOOK_SECRET: {wrong}")));
            webhook.ok().map(|webhook| portone::Settings { url, secret: secret.into(), webhook, tests_count })
        });
        let toss = self.provider("TOSS", "https://api.tosspayments.com").map(|(url, secret, webhook)| {
            if webhook.len() < 16 {
                self.problems.push("COUNTERSIGN_TOSS_WEBHOOK_SECRET must have 16 characters or more".into());
            }
            if !webhook.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b)) {
                self.problems
                    .push("COUNTERSIGN_TOSS_WEBHOOK_SECRET stands in an address: A-Z, a-z, 0-9 and . _ ~ - are what it can have".into());
            }
            toss::Settings { url, secret: secret.into(), webhook: webhook.into(), tests_count }
        });
        payments::Settings { portone: portone.flatten(), toss }
    }

    /// Address, API secret and webhook secret of a payment provider; nothing if it has no API secret.
    fn provider(&mut self, name: &str, usual: &str) -> Option<(Url, String, String)> {
        let webhook = format!("COUNTERSIGN_{name}_WEBHOOK_SECRET");
        let Some(secret) = self.text(&format!("COUNTERSIGN_{name}_API_SECRET")) else {
            if self.text(&webhook).is_some() {
                self.problems.push(format!("{webhook} is set, and COUNTERSIGN_{name}_API_SECRET is not"));
            }
            return None;
        };
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            self.problems.push(format!("COUNTERSIGN_{name}_API_SECRET has a blank or something else that no header takes"));
        }
        let url = self.parsed::<Url>(&format!("COUNTERSIGN_{name}_API_URL")).unwrap_or_else(|| Url::parse(usual).expect("it is one"));
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            self.problems.push(format!("COUNTERSIGN_{name}_API_URL must be https: a secret travels with every question"));
        }
        Some((url, secret, self.required(&webhook)))
    }

    fn supplier(&mut self) -> Option<Supplier> {
        let name = self.text("COUNTERSIGN_SUPPLIER_NAME").filter(|name| !name.trim().is_empty())?;
        match BizRegNo::read(&self.required("COUNTERSIGN_SUPPLIER_NUMBER")) {
            Ok(number) => Some(Supplier { name: name.trim().to_owned(), number: number.digits().to_owned() }),
            Err(text) => {
                self.problems.push(format!("COUNTERSIGN_SUPPLIER_NUMBER: {}", Lang::En.say(&text)));
                None
            }
        }
    }

    fn policy(&mut self) -> String {
        let Some(path) = self.text("COUNTERSIGN_POLICY_FILE") else { return policy::BUILT_IN.to_owned() };
        let document = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            self.problems.push(format!("COUNTERSIGN_POLICY_FILE: cannot read {path}: {error}"));
            policy::BUILT_IN.to_owned()
        });
        if let Err(faults) = policy::check(&document) {
            self.problems.extend(faults.iter().map(|fault| format!("COUNTERSIGN_POLICY_FILE: {path}: {}", Lang::En.say(&fault.text))));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once_and_secrets_are_not() {
        let env = |name: &str| match name {
            "COUNTERSIGN_LISTEN" => Some("nowhere".into()),
            "COUNTERSIGN_OIDC_ISSUER" => Some("https://id.example".into()),
            "COUNTERSIGN_POLICY_FILE" => Some("/nowhere/policy.toml".into()),
            "COUNTERSIGN_METRICS_TOKEN" => Some("short".into()),
            "APPROVAL_WORKFLOW_ENABLED" => Some("perhaps".into()),
            "APPROVAL_TIMEOUT" => Some("0".into()),
            "COUNTERSIGN_TOOL_RISKS" => Some("'db/query' = 'tiny'".into()),
            _ => None,
        };
        let said = Config::read(env, "").unwrap_err().to_string();
        for expected in [
            "DATABASE_URL is not set",
            "COUNTERSIGN_LISTEN",
            "COUNTERSIGN_OIDC_CLIENT_ID",
            "COUNTERSIGN_OIDC_CLIENT_SECRET",
            "COUNTERSIGN_POLICY_FILE",
            "COUNTERSIGN_METRICS_TOKEN",
            "APPROVAL_WORKFLOW_ENABLED",
            "APPROVAL_TIMEOUT",
            "COUNTERSIGN_TOOL_RISKS",
        ] {
            assert!(said.contains(expected), "{said}");
        }
        let env = |name: &str| (name == "DATABASE_URL").then(|| "postgres://app:hunter2@db/countersign".into());
        let config = Config::read(env, "listen = '127.0.0.1:9000'").unwrap();
        assert_eq!(config.listen.port(), 9000);
        assert_eq!(config.policy, policy::BUILT_IN);
        assert!(Config::read(env, "[policy]\nself_approval = []").is_err(), "what was strict once is not dropped silently");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
