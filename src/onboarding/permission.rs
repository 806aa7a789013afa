//! The third step: which template of roles the tenant's people get. Its evidence names a version together with its hash, so that whoever
//! approves knows which one it was.
use super::{Kind, Onboarding, Progress, Task, evidence::Check, store};
use crate::{
    db::Change,
    error::Error,
    i18n::{Lang, msg},
    operations::{Preview, Refusal},
    permissions::{self, Granted, Version, document::Role, matrix::Matrix},
    requests::hex,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, types::Json};

/// The version that evidence names, if there is one.
async fn named(conn: &mut PgConnection, evidence: &Value) -> Result<Option<Version>, Error> {
    let (Some(code), Some(number)) = (evidence["template"].as_str(), evidence["version"].as_i64()) else { return Ok(None) };
    let Ok(number) = i32::try_from(number) else { return Ok(None) };
    Ok(permissions::version(conn, code, number).await?)
}

/// The same evidence with the hash of what it names.
pub(super) async fn with_hash(conn: &mut PgConnection, mut evidence: Value) -> Result<Value, Error> {
    let found = named(conn, &evidence).await?;
    evidence["hash"] = json!(found.map(|version| hex(&version.hash)));
    Ok(evidence)
}

/// Whether it was published, is the newest, and is what was published.
pub(super) async fn checks(conn: &mut PgConnection, evidence: &Value) -> Result<Vec<Check>, Error> {
    let found = named(conn, evidence).await?;
    let exists = Check { code: "permission-exists".into(), ok: found.is_some(), ..Check::default() };
    let Some(version) = found else { return Ok(vec![exists]) };
    let newest = permissions::newest(conn, &version.code).await?.unwrap_or(version.version);
    let short = |hash: &[u8]| hex(hash)[..12].to_owned();
    let whole = Check::of("permission-hash", short(&version.hash), short(&permissions::digest(&version.document)));
    Ok(vec![exists, Check::of("permission-newest", format!("v{newest}"), format!("v{}", version.version)), whole])
}

/// Looks once more, since another version may have been published; whether something is different.
pub(super) async fn renew(conn: &mut PgConnection, task: &mut Task) -> Result<bool, Error> {
    let Some(evidence) = &task.evidence else { return Ok(false) };
    let now = Json(checks(conn, evidence).await?);
    let changed = task.checks.0 != now.0;
    task.checks = now;
    Ok(changed)
}

/// What the step rests on, where it was not left out.
fn evidence(tasks: &[Task]) -> Option<&Value> {
    tasks.iter().find(|task| task.kind == Kind::Permission && task.state == Progress::Passed)?.evidence.as_ref()
}

/// The version whose roles the tenant's people get; nothing if the step was left out. It must still be the one that was handed in.
async fn wanted(conn: &mut PgConnection, tasks: &[Task]) -> Result<Option<Version>, Refusal> {
    let Some(evidence) = evidence(tasks) else { return Ok(None) };
    let found = named(conn, evidence).await?;
    match found.filter(|version| version.is_whole() && evidence["hash"].as_str() == Some(&hex(&version.hash))) {
        Some(version) => Ok(Some(version)),
        None => {
            let (code, number) = (evidence["template"].as_str().unwrap_or_default(), evidence["version"].as_i64().unwrap_or_default());
            Err(Refusal::field("onboarding_id", msg::onboarding_template_moved(code, number)))
        }
    }
}

/// What an approval changes for the tenant's people, role by role, beside all else that it shows.
pub(super) async fn show_in(conn: &mut PgConnection, preview: &mut Preview, tasks: &[Task]) -> Result<(), Refusal> {
    let had = permissions::of_tenant(conn, &preview.target.id).await?;
    let called = |code: &str, version: i32| format!("{code} v{version}");
    let before = (had.first().map(|g| called(&g.template, g.version)), permissions::lines(&roles(&had)));
    let after = match wanted(conn, tasks).await? {
        Some(version) => (Some(called(&version.code, version.version)), permissions::lines(&version.roles()?)),
        None => before.clone(),
    };
    for (side, (template, roles)) in [(&mut preview.before, before), (&mut preview.after, after)] {
        side.insert("template".into(), json!(template));
        side.insert("roles".into(), json!(roles));
    }
    Ok(())
}

/// The tenant's people get their roles, as the tenant becomes active.
pub(super) async fn apply(change: &mut Change, onboarding: &Onboarding) -> Result<(), Refusal> {
    let tasks = store::tasks(change, onboarding.id).await?;
    match wanted(change, &tasks).await? {
        Some(version) => permissions::apply(change, &onboarding.tenant_id, &version.code, version.version).await,
        None => Ok(()),
    }
}

fn roles(had: &[Granted]) -> Vec<Role> {
    had.iter().map(Granted::role).collect()
}

/// What the tenant's people would get against what they have, for the step's panel.
pub(super) async fn matrix(conn: &mut PgConnection, l: Lang, o: &Onboarding, tasks: &[Task]) -> Result<Option<Matrix>, Error> {
    let task = tasks.iter().find(|task| task.kind == Kind::Permission && task.state != Progress::Waived);
    let Some(evidence) = task.and_then(|task| task.evidence.as_ref()) else { return Ok(None) };
    let Some(version) = named(conn, evidence).await? else { return Ok(None) };
    let had = permissions::of_tenant(conn, &o.tenant_id).await?;
    Ok(Some(Matrix::diff(l, &roles(&had), &version.roles()?)))
}

/// All that can be chosen: `code@version`, and how it is called. The newest of each comes first.
pub(super) async fn choices(conn: &mut PgConnection, l: Lang) -> Result<Vec<(String, String)>, Error> {
    let published = permissions::published(conn).await?;
    let called = |p: &permissions::Published| match p.newest {
        true => l.onboarding_permission_option(&p.code, &p.name, p.version),
        false => l.onboarding_permission_option_old(&p.code, &p.name, p.version),
    };
    Ok(published.iter().map(|p| (format!("{}@{}", p.code, p.version), called(p))).collect())
}

/// One of those choices back in its two fields.
pub(super) fn chosen<'a>(typed: &'a str, field: &str) -> &'a str {
    let (code, version) = typed.split_once('@').unwrap_or((typed, ""));
    if field == "version" { version } else { code }
}
