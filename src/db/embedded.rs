//! A private PostgreSQL for `countersign demo` and for the tests: found among what is installed, never downloaded. It
//! listens on a Unix socket only, runs as an unprivileged user even when started by root, and stops with its owner,
//! however that ends: a shell that waits on a pipe stops it when the pipe closes.
use anyhow::{Context, bail};
use sqlx::{Connection, Executor, PgConnection};
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The oldest major version that is tried.
const OLDEST: u32 = 14;
const OWNER: &str = "countersign_owner";

/// Whether data must survive a power cut. Tests may be quicker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Safe,
    Fast,
}

/// A running private server. Dropping it stops it cleanly.
pub struct Postgres {
    guard: Child,
    socket: PathBuf,
}

impl Postgres {
    /// Starts the server whose data lives in `folder`, making it first if it is not there.
    pub async fn start(folder: &Path, durability: Durability) -> anyhow::Result<Self> {
        let server = Server::find()?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        let user = unprivileged(&folder)?;
        let data = folder.join("data");
        if let Ok(made_by) = fs::read_to_string(data.join("PG_VERSION")) {
            if made_by.trim() != server.major.to_string() {
                bail!(
                    "{} was made by PostgreSQL {}, but {} is installed; install that version or start over with --reset",
                    data.display(),
                    made_by.trim(),
                    server.major
                );
            }
        } else {
            server.init(&data, user, durability)?;
        }
        let socket = socket_folder(&folder, user)?;
        // a server whose owner was killed may still be stopping: it gives the folder free within a moment
        let mut tries = 0;
        let this = loop {
            let mut guard = server.spawn(&data, &socket, &folder.join("postgres.log"), user, durability)?;
            match wait_until_ready(&socket, &mut guard).await {
                Ok(()) => break Self { guard, socket },
                Err(_) if tries < 10 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Err(error) => {
                    let log = fs::read_to_string(folder.join("postgres.log")).unwrap_or_default();
                    let tail: Vec<_> = log.lines().rev().take(8).collect();
                    bail!("PostgreSQL did not start: {error}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
                }
            }
        };
        this.make_owner().await?;
        Ok(this)
    }

    /// The owner is no superuser: it could not switch off the ledger's triggers by `session_replication_role`.
    async fn make_owner(&self) -> anyhow::Result<()> {
        let mut conn = PgConnection::connect(&self.url("postgres", "postgres")).await?;
        let known: bool =
            sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)").bind(OWNER).fetch_one(&mut conn).await?;
        if !known {
            conn.execute("create role countersign_owner login createdb createrole").await?;
        }
        Ok(conn.close().await?)
    }

    /// Creates a database, empty or as a copy of another.
    pub async fn create(&self, name: &str, template: Option<&str>) -> anyhow::Result<()> {
        let mut conn = PgConnection::connect(&self.owner_url("postgres")).await?;
        let from = template.map(|t| format!("template \"{t}\"")).unwrap_or_default();
        sqlx::query(sqlx::AssertSqlSafe(format!("create database \"{name}\" {from}"))).execute(&mut conn).await?;
        Ok(conn.close().await?)
    }

    pub async fn exists(&self, name: &str) -> anyhow::Result<bool> {
        let mut conn = PgConnection::connect(&self.owner_url("postgres")).await?;
        let found =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name).fetch_one(&mut conn).await?;
        conn.close().await?;
        Ok(found)
    }

    /// As the owner of the tables, for migrations.
    pub fn owner_url(&self, database: &str) -> String {
        self.url(OWNER, database)
    }

    /// As the application.
    pub fn app_url(&self, database: &str) -> String {
        self.url("countersign_app", database)
    }

    /// As any role.
    pub fn url(&self, role: &str, database: &str) -> String {
        let host: String = url::form_urlencoded::byte_serialize(self.socket.as_os_str().as_encoded_bytes()).collect();
        format!("postgres://{role}@localhost/{database}?host={host}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // closing the pipe tells the guard to stop the server; it ends when the server has
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

struct Server {
    bin: PathBuf,
    major: u32,
}

impl Server {
    /// The newest server binaries on PATH or where Debian and Homebrew put them.
    fn find() -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        for pattern in
            ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/Applications/Postgres.app/Contents/Versions", "/usr"]
        {
            let entries = fs::read_dir(pattern).into_iter().flatten().flatten();
            folders.extend(
                entries.filter(|e| pattern != "/usr" || e.file_name().to_string_lossy().starts_with("pgsql")).map(|e| e.path().join("bin")),
            );
        }
        let found = folders.into_iter().filter(|f| f.join("initdb").is_file()).filter_map(|bin| {
            let said = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
            let said = String::from_utf8(said.stdout).ok()?;
            let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
            let major = version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
            (major >= OLDEST).then_some(Self { bin, major })
        });
        found.max_by_key(|s| s.major).with_context(|| format!(
            "no PostgreSQL server (version {OLDEST} or newer) is installed; on Debian or Ubuntu run `apt-get install postgresql`, on macOS `brew install postgresql@17`"
        ))
    }

    fn command(&self, program: &str, user: Option<(u32, u32)>) -> Command {
        let mut command = Command::new(self.bin.join(program));
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn init(&self, data: &Path, user: Option<(u32, u32)>, durability: Durability) -> anyhow::Result<()> {
        let mut command = self.command("initdb", user);
        // the folder is closed to others, so that trust on its socket is trust in its owner
        command
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
                "--pgdata",
            ])
            .arg(data);
        if durability == Durability::Fast {
            command.arg("--no-sync");
        }
        let done = command.current_dir("/").stdin(Stdio::null()).output().context("cannot run initdb")?;
        if !done.status.success() {
            let _ = fs::remove_dir_all(data);
            bail!("initdb failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    fn spawn(&self, data: &Path, socket: &Path, log: &Path, user: Option<(u32, u32)>, durability: Durability) -> anyhow::Result<Child> {
        let log_file = fs::OpenOptions::new().create(true).append(true).open(log)?;
        // SIGINT is Postgres' fast shutdown; the shell outlives our own death and sends it
        let script = "\"$@\" & pid=$!; cat >/dev/null; kill -INT $pid 2>/dev/null; wait $pid";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(self.bin.join("postgres")).arg("-D").arg(data);
        let socket = socket.display();
        let mut settings = vec![
            format!("unix_socket_directories={socket}"),
            "listen_addresses=".into(),
            "max_connections=300".into(),
            "logging_collector=off".into(),
        ];
        if durability == Durability::Fast {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"].map(String::from));
        }
        settings.iter().for_each(|s| {
            command.args(["-c", s]);
        });
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        // a group of its own: Ctrl-C is for us, and we stop the server when we are done with it
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(log_file.try_clone()?).stderr(log_file);
        command.spawn().context("cannot start PostgreSQL")
    }
}

/// The folder itself, unless we are root and PostgreSQL's own user cannot get there (a checkout under `/root`): then one
/// under `/var/lib`, named after it.
pub fn place(folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let closed = folder.ancestors().skip(1).any(|a| fs::metadata(a).is_ok_and(|m| m.mode() & 0o001 == 0));
    if !(root && closed) {
        return Ok(folder.join("postgres"));
    }
    use sha2::{Digest, Sha256};
    let name = Sha256::digest(folder.as_os_str().as_encoded_bytes()).iter().take(6).fold(String::new(), |s, b| s + &format!("{b:02x}"));
    Ok(Path::new("/var/lib/countersign").join(name))
}

/// PostgreSQL refuses to run as root: as root, the folder is given to `postgres` or `nobody`, who then runs it.
fn unprivileged(folder: &Path) -> anyhow::Result<Option<(u32, u32)>> {
    let owner = fs::metadata("/proc/self").or_else(|_| fs::metadata(folder))?.uid();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    if owner != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let account = ["postgres", "nobody"].iter().find_map(|name| {
        let line = accounts.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    let (uid, gid) = account.context("there is neither a `postgres` nor a `nobody` account to run PostgreSQL as")?;
    chown(folder, Some(uid), Some(gid))?;
    // everything above must let that user through
    if let Some(closed) = folder.ancestors().skip(1).find(|a| fs::metadata(a).is_ok_and(|m| m.mode() & 0o001 == 0 && m.uid() != uid)) {
        bail!("PostgreSQL runs as another user, who cannot get through {}; choose a folder elsewhere with --data", closed.display());
    }
    Ok(Some((uid, gid)))
}

/// The data folder itself, or a short one where a socket path may not be so long.
fn socket_folder(folder: &Path, user: Option<(u32, u32)>) -> anyhow::Result<PathBuf> {
    if folder.as_os_str().len() < 80 {
        return Ok(folder.to_owned());
    }
    let short = std::env::temp_dir().join(format!("countersign-{}", std::process::id()));
    fs::create_dir_all(&short)?;
    fs::set_permissions(&short, fs::Permissions::from_mode(0o700))?;
    if let Some((uid, gid)) = user {
        chown(&short, Some(uid), Some(gid))?;
    }
    Ok(short)
}

async fn wait_until_ready(socket: &Path, guard: &mut Child) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    let host: String = url::form_urlencoded::byte_serialize(socket.as_os_str().as_encoded_bytes()).collect();
    let url = format!("postgres://postgres@localhost/postgres?host={host}");
    loop {
        match PgConnection::connect(&url).await {
            Ok(conn) => return Ok(conn.close().await?),
            Err(error) if Instant::now() > end => bail!("{error}"),
            Err(_) => {}
        }
        if let Some(status) = guard.try_wait()? {
            bail!("it ended with {status}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
