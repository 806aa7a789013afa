//! The command line. Exit codes: 0 done, 1 failure, 2 wrong usage, 3 refused, 4 timed out or expired, 5 outcome unknown.
mod client;
mod doctor;
mod ledger;
mod operators;
mod policy;
mod retire;
mod server;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use uuid::Uuid;

/// A privileged change is asked for, countersigned, done once, and written down for good.
#[derive(Parser)]
#[command(name = "countersign", version)]
struct Cli {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine, with a realistic company to try things on.
    Demo {
        /// Port of the portal; 0 picks a free one.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Where the private database lives.
        #[arg(long, default_value = ".countersign")]
        data: PathBuf,
        /// Forget everything and start over.
        #[arg(long)]
        reset: bool,
        /// A Node script that is an OpenID provider for the demo people.
        #[arg(long)]
        identity_provider: Option<PathBuf>,
    },
    /// Run a replica: pages, API and worker.
    Serve {
        /// Serve without running jobs.
        #[arg(long, conflicts_with = "worker_only")]
        no_worker: bool,
        /// Run jobs without serving.
        #[arg(long)]
        worker_only: bool,
    },
    /// Bring the database of DATABASE_OWNER_URL up to date.
    Migrate,
    /// Check configuration, database, roles, clock and identity provider.
    Doctor,
    /// Bootstrap and break-glass accounts; needs DATABASE_OWNER_URL.
    Operators {
        #[command(subcommand)]
        command: Operators,
    },
    /// Personal API tokens; needs DATABASE_OWNER_URL.
    Tokens {
        #[command(subcommand)]
        command: Tokens,
    },
    /// What can be asked for.
    Ops {
        #[command(subcommand)]
        command: Ops,
    },
    /// Ask for something.
    Request {
        #[command(subcommand)]
        command: Request,
    },
    /// Look at requests and decide them.
    Requests {
        #[command(subcommand)]
        command: Requests,
    },
    /// Check what was written down, or take it away.
    Ledger {
        #[command(subcommand)]
        command: Ledger,
    },
    /// The demo company's product, with its data in this file; its token comes from PRODUCT_TOKEN.
    #[command(hide = true)]
    Product {
        file: PathBuf,
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Where the demo company's customers pay, with its data in this file. Its secrets come from TILL_SECRETS: PortOne's, Toss's, the
    /// webhooks', and the key in the address; whom it tells from TILL_TELLS.
    #[command(hide = true)]
    Till {
        file: PathBuf,
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Look at the policy, and try a draft of it on the past.
    Policy {
        #[command(subcommand)]
        command: Policy,
    },
    /// Start an empty, migrated database, run a command with DATABASE_URL set, and remove the database.
    #[command(hide = true)]
    ScratchDatabase {
        /// Fill it with this many requests first, for load tests.
        #[arg(long, default_value_t = 0)]
        requests: usize,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Ledger {
    /// Check the whole log, and what must be true of requests, votes and attempts: the database's of DATABASE_URL, which may be the
    /// auditor's, or with --from an export, for which no server and no database is needed.
    Verify {
        /// An export of the whole ledger, as NDJSON.
        #[arg(long)]
        from: Option<PathBuf>,
        /// A verifying key whose signatures count; again for each. Otherwise those of the configuration.
        #[arg(long)]
        key: Vec<String>,
        /// A file of published checkpoints, from outside of the database. Otherwise that of the configuration.
        #[arg(long)]
        copy: Option<PathBuf>,
    },
    /// Export a month that is long over to a new file and drop it; needs DATABASE_OWNER_URL. What proves its events stays.
    Retire {
        /// Such as 2025-01, in UTC.
        month: String,
        #[arg(long)]
        export: PathBuf,
    },
    /// Make a signing key for the log; it is printed, and the verifying key beside it.
    Key {
        /// Names the log in its checkpoints, for ever: such as countersign.example.com/ledger.
        name: String,
    },
    /// Fetch what proves an event to anybody: EVENT.tlog-proof and the exact bytes it is about, EVENT.leaf; needs COUNTERSIGN_TOKEN.
    Prove {
        event: uuid::Uuid,
        /// The folder for both files.
        #[arg(long, default_value = ".")]
        out: PathBuf,
    },
    /// Print the newest published checkpoint, as it was signed; needs COUNTERSIGN_TOKEN.
    Checkpoint,
    /// Write the ledger, or a part of it, to a file or to standard output; needs COUNTERSIGN_TOKEN.
    Export(Box<ledger::Export>),
}

#[derive(Subcommand)]
enum Operators {
    /// Add a person; the password is read from standard input.
    Add {
        email: String,
        #[arg(long)]
        name: String,
        /// One or more of: admin, approver, ops, sre, cs, billing, security, auditor.
        #[arg(long, value_delimiter = ',', required = true)]
        roles: Vec<String>,
    },
    /// Disable a person; sessions and tokens stop working at once.
    Disable { email: String },
    /// Let a disabled person in again.
    Enable { email: String },
    /// Give a person exactly these roles.
    Roles {
        email: String,
        #[arg(value_delimiter = ',', required = true)]
        roles: Vec<String>,
    },
    /// Set a new password, read from standard input; ends every session.
    ResetPassword { email: String },
}

#[derive(Subcommand)]
enum Tokens {
    /// Make a token for a person; the secret is printed once.
    Create {
        email: String,
        #[arg(long)]
        name: String,
        /// Without any, all that the person's roles hold.
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
        /// Days until it expires.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
    Revoke {
        id: Uuid,
    },
    List {
        email: String,
    },
}

#[derive(Subcommand)]
enum Ops {
    List,
    Show { name: String },
}

#[derive(Subcommand)]
enum Request {
    /// Ask for an operation: `request submit org.tier.fix --org_id … --tier pro --reason "…"`.
    Submit {
        /// The operation's name.
        name: String,
        /// Its fields as `--field value`, and `--reason`; `--wait` to wait for the outcome. In an emergency `--break-glass` with
        /// `--emergency "…"`, to run at once without approvals and be reviewed afterwards.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        fields: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Requests {
    List {
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        operation: Option<String>,
        #[arg(long)]
        q: Option<String>,
    },
    Show {
        id: String,
    },
    Approve {
        id: String,
        #[arg(long)]
        reason: Option<String>,
    },
    Reject {
        id: String,
        #[arg(long)]
        reason: String,
    },
    Withdraw {
        id: String,
    },
    /// Take your own approval back, as long as the request waits for others.
    Unvote {
        id: String,
    },
    /// Say whether breaking the glass was justified.
    Review {
        id: String,
        #[arg(long, value_parser = ["justified", "not-justified"])]
        verdict: String,
        #[arg(long)]
        note: String,
    },
    /// Print a line for each change, until interrupted.
    Watch,
    /// Wait for the outcome.
    Wait {
        id: String,
        /// Seconds.
        #[arg(long, default_value_t = 300)]
        timeout: u64,
    },
}

#[derive(Subcommand)]
enum Policy {
    /// Print the document in force.
    Show,
    /// Replay the requests of the last days under another document.
    Simulate {
        /// The draft, in TOML.
        file: PathBuf,
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
}

/// Why a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    TimedOut = 4,
    Unknown = 5,
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    crate::telemetry::init();
    crate::crash::arm();
    // one TLS implementation for everything; installing it twice is no harm
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("countersign: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(end) => ExitCode::from(end as u8),
        Err(error) => {
            eprintln!("countersign: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<End> {
    match cli.command {
        Command::Demo { port, data, reset, identity_provider } => server::demo(port, &data, reset, identity_provider).await,
        Command::Serve { no_worker, worker_only } => server::serve(!worker_only, !no_worker).await,
        Command::Migrate => server::migrate().await,
        Command::Doctor => doctor::run().await,
        Command::Operators { command } => operators::operators(command).await,
        Command::Tokens { command } => operators::tokens(command, cli.json).await,
        Command::Ops { command } => client::ops(command, cli.json).await,
        Command::Request { command: Request::Submit { name, fields } } => client::submit(&name, &fields, cli.json).await,
        Command::Requests { command } => client::requests(command, cli.json).await,
        Command::Ledger { command: Ledger::Verify { from: None, key, copy } } => server::verify(cli.json, &key, copy).await,
        Command::Ledger { command: Ledger::Verify { from: Some(from), key, copy } } => ledger::verify(&from, &key, copy, cli.json),
        Command::Ledger { command: Ledger::Prove { event, out } } => ledger::prove(event, &out).await,
        Command::Ledger { command: Ledger::Checkpoint } => ledger::checkpoint().await,
        Command::Ledger { command: Ledger::Retire { month, export } } => retire::run(&month, &export, cli.json).await,
        Command::Ledger { command: Ledger::Export(export) } => ledger::export(*export).await,
        Command::Ledger { command: Ledger::Key { name } } => server::ledger_key(&name),
        Command::Product { file, port } => {
            let token = std::env::var("PRODUCT_TOKEN").map_err(|_| anyhow::anyhow!("PRODUCT_TOKEN is not set"))?;
            crate::demo::product::serve(file, port, token).await.map(|()| End::Done)
        }
        Command::Till { file, port } => {
            let words = |name| std::env::var(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let [portone, toss, webhook, key] =
                words("TILL_SECRETS").try_into().map_err(|_| anyhow::anyhow!("TILL_SECRETS has no four words"))?;
            let secrets = crate::demo::till::Secrets { portone, toss, webhook, key };
            crate::demo::till::serve(file, port, secrets, words("TILL_TELLS")).await.map(|()| End::Done)
        }
        Command::Policy { command } => policy::policy(command, cli.json).await,
        Command::ScratchDatabase { requests, command } => server::scratch_database(requests, &command).await,
    }
}
