//! What a tenant's people may do: templates of roles with their scopes, published in versions, and the roles that a tenant has from one of
//! them. A shared module: it knows tenants, and slices use it.
pub mod document;
pub mod json;
pub mod matrix;
pub mod publish;
mod store;
pub mod web;

pub use store::{Granted, Published, Template, Version, newest, of_tenant, published, templates, version, versions};

use crate::{
    db::Change,
    documents::tidy,
    error::Error,
    i18n::{Lang, msg},
    ledger::Entry,
    operations::Refusal,
    requests::hex,
};
use document::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// All that a role can hold, in the order of the matrix. What each is called is `tenant-scope-…`.
pub const SCOPES: [&str; 9] = [
    "knowledge:read",
    "knowledge:write",
    "agents:run",
    "agents:manage",
    "billing:view",
    "billing:manage",
    "members:manage",
    "settings:manage",
    "audit:view",
];

/// What a scope is called here.
pub fn scope_name(l: Lang, scope: &str) -> String {
    l.find(&format!("tenant-scope-{}", scope.replace(':', "-"))).unwrap_or_else(|| scope.to_owned())
}

/// What names a document for ever.
pub fn digest(document: &str) -> [u8; 32] {
    Sha256::digest(document.as_bytes()).into()
}

impl Version {
    /// Its roles. One that was published can be read, or something is wrong with the database.
    pub fn roles(&self) -> Result<Vec<Role>, Error> {
        let read = document::read(&tidy(&self.document));
        let read = read.map_err(|faults| anyhow::anyhow!("template {} version {} cannot be read: {faults:?}", self.code, self.version))?;
        Ok(read.roles)
    }

    /// Whether the document is still the one whose hash is kept.
    pub fn is_whole(&self) -> bool {
        digest(&self.document)[..] == self.hash
    }
}

/// Roles as one line each, for before and after.
pub fn lines(roles: &[Role]) -> String {
    roles.iter().map(|role| format!("{}: {}", role.key, role.scopes.join(", "))).collect::<Vec<_>>().join("\n")
}

/// A tenant's people get the roles of this version, and no others. Whoever calls this has locked the tenant; what else belongs to the same
/// change commits with it, or none of it does.
pub async fn apply(change: &mut Change, tenant: &str, code: &str, version: i32) -> Result<(), Refusal> {
    let gone = || Refusal::field("template", msg::permission_template_unknown(code, version));
    let template = store::version(change, code, version).await?.filter(Version::is_whole).ok_or_else(gone)?;
    let roles = template.roles()?;
    let before = granted(&store::of_tenant(change, tenant).await?);
    store::replace(change, tenant, &template, &roles).await?;
    let after = json!({"template": code, "version": version, "roles": lines(&roles)});
    let entry = Entry::of("permissions.applied").on("tenant", tenant).with("template", code).with("version", version);
    change.record(entry.with("hash", hex(&template.hash)).before(before).after(after)).await?;
    Ok(())
}

fn granted(had: &[Granted]) -> Value {
    let roles: Vec<Role> = had.iter().map(Granted::role).collect();
    match had.first() {
        Some(first) => json!({"template": first.template, "version": first.version, "roles": lines(&roles)}),
        None => json!({"template": null, "version": null, "roles": ""}),
    }
}
