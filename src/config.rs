//! Configuration, read once in `main`: environment variables `COUNTERSIGN_*` first, then `countersign.toml`.
//! Every error is reported together, and a secret may come from a file named by `*_FILE`.
use crate::requests::policy::Policy;
use secrecy::{ExposeSecret, SecretString};
use std::{net::SocketAddr, str::FromStr};
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
    /// `[policy]` in `countersign.toml`, or `COUNTERSIGN_POLICY_FILE`: how many people countersign what.
    pub policy: Policy,
    /// `COUNTERSIGN_METRICS_TOKEN`: the bearer token for `/metrics`. Without it there is no such page.
    pub metrics_token: Option<SecretString>,
    /// Set by `countersign demo` alone: shows the demo sign-ins on the login page.
    pub demo: bool,
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
        let metrics_token = reader.text("COUNTERSIGN_METRICS_TOKEN");
        if metrics_token.as_ref().is_some_and(|token| token.len() < 16) {
            reader.problems.push("COUNTERSIGN_METRICS_TOKEN must have 16 characters or more".into());
        }
        let policy = reader.policy();
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

    fn policy(&mut self) -> Policy {
        let table = self.file.get("policy").cloned().unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
        let policy = match self.environment("COUNTERSIGN_POLICY") {
            Some(text) => toml::from_str(&text),
            None => table.try_into(),
        };
        policy.map_err(|error| error.to_string()).and_then(|policy: Policy| policy.checked()).unwrap_or_else(|error| {
            self.problems.push(format!("policy: {error}"));
            Policy::default()
        })
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
            "COUNTERSIGN_POLICY" => Some("approvals = { high = 10 }".into()),
            "COUNTERSIGN_METRICS_TOKEN" => Some("short".into()),
            _ => None,
        };
        let said = Config::read(env, "").unwrap_err().to_string();
        for expected in [
            "DATABASE_URL is not set",
            "COUNTERSIGN_LISTEN",
            "COUNTERSIGN_OIDC_CLIENT_ID",
            "COUNTERSIGN_OIDC_CLIENT_SECRET",
            "policy",
            "COUNTERSIGN_METRICS_TOKEN",
        ] {
            assert!(said.contains(expected), "{said}");
        }
        let env = |name: &str| (name == "DATABASE_URL").then(|| "postgres://app:hunter2@db/countersign".into());
        let config = Config::read(env, "listen = '127.0.0.1:9000'").unwrap();
        assert_eq!(config.listen.port(), 9000);
        let config = Config::read(env, "[policy]\nself_approval = ['org.tier.fix']").unwrap();
        assert!(format!("{:?}", config.policy).contains("org.tier.fix"), "a table in the file is a policy");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
