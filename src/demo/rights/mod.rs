//! What the demo's customers may do: two templates of roles, one of them in two versions, and who redeemed a promotion.
pub mod store;

use super::shelf::Deed;
use crate::{
    auth::Service,
    catalog::{
        charges::Kind,
        pricing::{Off, Promotion},
    },
    ledger::{self, Entry, Sealed},
    onboarding::evidence::Check,
    permissions,
    requests::hex,
};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What every onboarding of the demo has chosen: the newest version.
pub const CODE: &str = "standard";
pub const VERSION: i32 = 2;
const FIRST: &str = include_str!("standard-1.toml");
const NEWEST: &str = include_str!("../../permissions/template.toml");
const LOCKED: &str = include_str!("regulated.toml");

/// Published before the year of requests begins.
pub fn old(now: DateTime<Utc>) -> Vec<Deed> {
    let deed = |hours: i64, code: &str, document: &str, reason| Deed {
        operation: "permissions.publish",
        fields: json!({"code": code, "document": document}),
        at: now - TimeDelta::days(379) + TimeDelta::hours(hours),
        reason,
        waits: false,
    };
    vec![
        deed(0, CODE, FIRST, "테넌트 구성원의 기본 역할을 정합니다. (SEC-41)"),
        deed(1, "regulated", LOCKED, "금융·의료 고객사는 감사 담당자를 따로 둡니다. (SEC-44)"),
        deed(2, CODE, NEWEST, "관리자 역할을 나누고 소유자에게만 청구 관리를 맡깁니다. (SEC-58)"),
    ]
}

/// The evidence of an onboarding's third step, as it is when it is handed in.
pub fn evidence() -> Value {
    json!({"template": CODE, "version": VERSION, "hash": hex(&permissions::digest(NEWEST))})
}

/// And what the machine makes of it.
pub fn checks() -> Vec<Check> {
    let check = |code: &str, said: String| Check { code: code.into(), ok: true, expected: said.clone(), found: said, ..Check::default() };
    vec![
        check("permission-exists", String::new()),
        check("permission-newest", format!("v{VERSION}")),
        check("permission-hash", hex(&permissions::digest(NEWEST))[..12].to_owned()),
    ]
}

/// That a tenant's people got their roles, for the request that activated it.
pub fn applied(tenant: &str, request: i64, at: DateTime<Utc>) -> Sealed {
    let roles = permissions::document::read(NEWEST).map(|read| permissions::lines(&read.roles)).expect("the demo's template can be read");
    let entry = Entry::of("permissions.applied").on("tenant", tenant).request(request).with("template", CODE).with("version", VERSION);
    let entry = entry.with("hash", hex(&permissions::digest(NEWEST)));
    let entry = entry
        .before(json!({"template": null, "version": null, "roles": ""}))
        .after(json!({"template": CODE, "version": VERSION, "roles": roles}));
    // before the end of the request, which is the ninth
    super::history::seal(Service::Executor.id(), "worker", at, 8, entry)
}

/// The tenants that have redeemed the demo's promotion, and who did it for them.
pub struct Redemption {
    pub tenant: &'static str,
    pub hash: Vec<u8>,
    pub by: Uuid,
    pub at: DateTime<Utc>,
    pub event: Sealed,
}

pub const PROMOTION: &str = "LAUNCH15";

pub fn redemptions(now: DateTime<Utc>, by: Uuid) -> Vec<Redemption> {
    let terms = Promotion { code: PROMOTION.into(), off: Off::Share(Decimal::new(15, 2)), on: [Kind::Base, Kind::Usage].into() };
    let canonical = ledger::canonical(&json!(terms)).expect("terms are small");
    let hash = Sha256::digest(canonical).to_vec();
    let one = |(n, tenant): (i32, &'static str)| {
        let at = now - TimeDelta::minutes(300 - 40 * i64::from(n));
        let entry = Entry::of("promotion.redeemed").on("tenant", tenant).with("promotion", PROMOTION).with("terms", hex(&hash));
        let state =
            |off: Value, redeemed: i32| json!({"promotion": PROMOTION, "off": off, "plan": "pro", "redeemed": redeemed, "most": 100});
        let entry = entry.before(state(Value::Null, n)).after(state(json!(terms.off), n + 1));
        Redemption { tenant, hash: hash.clone(), by, at, event: super::history::seal(by, "web", at, 1, entry) }
    };
    [(0, "tnt_demoonb000"), (1, "tnt_demoonb001")].into_iter().map(one).collect()
}
