//! Processes of their own: replicas to be killed, and the product whose admin API carries changes out.
use crate::support::Desk;
use countersign::{config::Config, connectors::admin_api::Settings, operations::Guarantee};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A replica as a process of its own.
pub struct Process {
    child: Child,
    pub base: String,
}

impl Process {
    pub async fn start(desk: &Desk, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("serve")
            .args(arguments)
            .env("DATABASE_URL", desk.app_url().await)
            .envs(desk.log().await)
            .env("COUNTERSIGN_LISTEN", format!("127.0.0.1:{port}"))
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("ready") {
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, base: format!("http://127.0.0.1:{port}") }
    }

    /// SIGKILL: no goodbye.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// `STOP` puts it to sleep, `CONT` wakes it.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().await.unwrap().success());
    }

    /// How it ended, if it ends within this time.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(within, self.child.wait()).await.ok().map(|status| status.unwrap())
    }
}

/// The product with data of its own.
pub struct Product {
    child: std::process::Child,
    pub url: String,
    file: PathBuf,
    http: reqwest::Client,
}

const TOKEN: &str = "product-token";
/// Its organisation, by the name under which the demo's data have it too.
pub const USER: &str = "usr_product001";

impl Product {
    pub fn start(desk: &Desk) -> Self {
        let file = std::env::temp_dir().join(format!("countersign-product-{}-{}.json", std::process::id(), desk.database));
        let org = json!({"id": crate::support::ORG, "name": "플랫폼팀", "company": "한빛소프트", "tier": "free", "credit": 0});
        let user = json!({"id": USER, "name": "김하늘", "email": "sky@customer.example", "plan": "free", "plan_until": null});
        std::fs::write(&file, json!({"orgs": {(crate::support::ORG): org}, "users": {(USER): user}}).to_string()).unwrap();
        let (child, url) = countersign::demo::start_product(env!("CARGO_BIN_EXE_countersign").as_ref(), &file, TOKEN).unwrap();
        Self { child, url, file, http: reqwest::Client::new() }
    }

    /// Sends the changes of this desk's replicas through the product.
    pub fn configure(&self, guarantee: Guarantee) -> impl Fn(&mut Config) + use<> {
        let settings = Settings { url: self.url.parse().unwrap(), token: TOKEN.into(), guarantee, operations: None };
        move |config| {
            config.admin_api = Some(settings.clone());
            config.lease = Duration::from_secs(2);
        }
    }

    /// The same for a replica that is a process.
    pub fn environment(&self, guarantee: Guarantee) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERSIGN_ADMIN_API_URL", self.url.clone()),
            ("COUNTERSIGN_ADMIN_API_TOKEN", TOKEN.into()),
            ("COUNTERSIGN_ADMIN_API_GUARANTEE", guarantee.name().into()),
            ("COUNTERSIGN_LEASE_SECONDS", "2".into()),
        ]
    }

    pub async fn mode(&self, mode: &str) {
        let status = self.http.post(format!("{}/mode/{mode}", self.url)).send().await.unwrap().status();
        assert!(status.is_success() || status.is_redirection(), "{mode}: {status}");
    }

    /// What it has really done, oldest first.
    pub async fn effects(&self) -> Vec<Value> {
        self.http.get(format!("{}/effects", self.url)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn tier(&self) -> String {
        let org: Value = self
            .http
            .get(format!("{}/api/admin/orgs/{}", self.url, crate::support::ORG))
            .bearer_auth(TOKEN)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        org["tier"].as_str().unwrap().to_owned()
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}
