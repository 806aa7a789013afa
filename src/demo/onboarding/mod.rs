//! Tenants on their way in: at each of the four steps, waiting for approval, done, sent back and asked for again.
pub(super) mod store;

use super::{
    history::{Actor, Story, World, seal, truncated},
    matters::Matter,
    rights,
};
use crate::{
    auth::Role,
    ledger::{Entry, Outcome, Sealed},
    onboarding::{
        Kind,
        evidence::{self, Check},
    },
    operations::registry::Registry,
    policy::Version,
    requests::hex,
    tenants::registration,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One tenant of the demo, and how far it has come.
struct Seed {
    company: &'static str,
    slug: &'static str,
    plan: &'static str,
    amount: i64,
    contact: &'static str,
    /// Days since it was written down.
    days: i64,
    state: &'static str,
    /// Of each step: `.` nothing yet, `e` evidence that waits, `x` evidence that failed its check, `p` passed, `f` rejected, `w` waived.
    steps: &'static str,
    waits: Option<(&'static str, &'static str)>,
    /// What somebody said when it was sent back.
    reason: Option<&'static str>,
    /// Another revision follows, as far along as this.
    again: Option<&'static str>,
}

const NEW: Seed = Seed {
    company: "",
    slug: "",
    plan: "pro",
    amount: 1_650_000,
    contact: "",
    days: 1,
    state: "open",
    steps: "....",
    waits: None,
    reason: None,
    again: None,
};

/// Somebody who has been a customer since before the plan's third version.
const EARLY: Seed = Seed { days: 128, state: "approved", steps: "pppp", amount: 1_320_000, ..NEW };

const SEEDS: [Seed; 16] = [
    Seed { company: "하늘바이오", slug: "haneul-bio", contact: "김하늘", days: 41, state: "approved", steps: "pppp", ..NEW },
    Seed {
        company: "다산로보틱스",
        slug: "dasan-robotics",
        contact: "정다산",
        days: 33,
        state: "approved",
        steps: "pppw",
        amount: 4_950_000,
        ..NEW
    },
    Seed {
        company: "청람데이터",
        slug: "cheongram",
        contact: "박청하",
        days: 12,
        state: "rejected",
        steps: "pppp",
        reason: Some("입금자명이 계약 상대와 다릅니다. 입금 확인서를 다시 받아 주세요."),
        again: Some("p..."),
        ..NEW
    },
    Seed { company: "솔빛커머스", slug: "solbit", contact: "이솔비", days: 9, steps: "pppp", amount: 2_200_000, ..NEW },
    Seed {
        company: "한울헬스케어",
        slug: "hanul-health",
        contact: "최한울",
        days: 8,
        steps: "pppx",
        plan: "enterprise",
        amount: 9_900_000,
        ..NEW
    },
    Seed { company: "온새미푸드", slug: "onsaemi", contact: "윤온유", days: 6, steps: "ppe.", ..NEW },
    Seed {
        company: "비단길물류", slug: "bidangil", contact: "한비단", days: 5, steps: "px..", amount: 3_300_000, waits: None, ..NEW
    },
    Seed {
        company: "누리봄교육",
        slug: "nuribom",
        contact: "서누리",
        days: 4,
        waits: Some(("customer", "대표자 서명이 있는 계약서 원본")),
        ..NEW
    },
    Seed { company: "가온미디어랩", slug: "gaon-media", contact: "조가온", steps: "e...", ..NEW },
    Seed {
        company: "별빛금융", slug: "byeolbit", contact: "임별", days: 1, state: "draft", plan: "enterprise", amount: 12_100_000, ..NEW
    },
    Seed { company: "새온소재", slug: "saeon", contact: "신새온", days: 70, state: "expired", steps: "p...", ..NEW },
    Seed { company: "물결소프트", slug: "mulgyeol", contact: "강물결", ..EARLY },
    Seed { company: "달빛제약", slug: "dalbit-pharm", contact: "문달빛", ..EARLY },
    Seed { company: "한결금속", slug: "hangyeol", contact: "오한결", ..EARLY },
    Seed { company: "푸른솔출판", slug: "pureunsol", contact: "송푸름", ..EARLY },
    Seed { company: "참나래여행", slug: "chamnarae", contact: "나여행", ..EARLY },
];

/// What is written for one tenant.
pub(super) struct Tenancy {
    pub company: Value,
    pub tenant: Value,
    /// Each with its `tasks`.
    pub revisions: Vec<Value>,
    pub events: Vec<Sealed>,
}

/// Every tenant, and the countersigned requests about them.
pub(super) fn all(
    world: &mut World,
    next: &mut impl FnMut() -> i64,
    now: DateTime<Utc>,
    people: &[Actor],
    (registry, policy): (&Registry, &Version),
    catalog: bool,
) -> (Vec<Story>, Vec<Tenancy>) {
    let cs = people.iter().find(|p| p.roles.contains(&Role::Cs)).expect("the demo has support");
    let approver = people.iter().find(|p| p.roles.contains(&Role::Approver)).expect("the demo has an approver").id;
    let (mut stories, mut tenancies) = (Vec::new(), Vec::new());
    for (n, seed) in SEEDS.iter().enumerate() {
        let began = truncated(now - TimeDelta::days(seed.days) - TimeDelta::minutes(37 * n as i64));
        let (company, tenant) = (format!("cmp_demoonb{n:03}"), format!("tnt_demoonb{n:03}"));
        let label = format!("{} · {}", seed.company, seed.slug);
        let mut decided = None;
        if let "approved" | "rejected" = seed.state {
            let at = began + TimeDelta::days(3);
            let steps = |onboarding: &str, tenant: &str| {
                let mut shown = json!({"onboarding": onboarding, "tenant": tenant, "revision": 1, "plan": seed.plan, "ai_services": ["kms"], "contract_number": contract(n),
                    "expected_amount": seed.amount, "contract": "passed", "payment": "passed", "permission": "passed",
                    "migration": if seed.steps.ends_with('w') { "waived" } else { "passed" }, "evidence": &hex(&Sha256::digest(seed.slug))[..16]});
                if catalog && seed.state == "approved" {
                    super::subscriptions::sold(onboarding == "approved", seed.days).into_iter().for_each(|(key, value)| shown[key] = value);
                }
                shown
            };
            let matter = Matter {
                operation: "onboarding.approve",
                fields: json!({"onboarding_id": format!("ON-{}", store::FIRST + n as i64)}),
                target: ("tenant", tenant.clone(), label),
                before: steps("open", "provisioning"),
                after: steps("approved", "active"),
                reason: "네 단계를 모두 마쳤고 계약서와 입금 내역을 대조했습니다.".into(),
            };
            let id = next();
            let mut story = World::story(id, at, cs, matter, registry, policy);
            match seed.reason {
                Some(reason) => world.denied_because(&mut story, approver, at + TimeDelta::minutes(52), reason),
                None => {
                    world.approved(&mut story, approver, at + TimeDelta::minutes(52));
                    world.executed(&mut story, at + TimeDelta::minutes(53));
                }
            }
            stories.push(story);
            decided = Some((id, at + TimeDelta::minutes(53)));
        }
        tenancies.push(tenancy(n, seed, (&company, &tenant), began, decided, cs.id, approver));
    }
    (stories, tenancies)
}

fn contract(n: usize) -> String {
    format!("HB-2026-{:04}", 117 + n * 13)
}

fn tenancy(
    n: usize,
    seed: &Seed,
    (company, tenant): (&str, &str),
    began: DateTime<Utc>,
    decided: Option<(i64, DateTime<Utc>)>,
    cs: Uuid,
    approver: Uuid,
) -> Tenancy {
    let number = registration::completed(101_810_000 + n as u32 * 3_001_177);
    let after = json!({"name": seed.company, "biz_reg_no": number});
    let mut events = vec![
        seal(cs, "web", began, 1, Entry::of("company.added").on("company", company).after(after)),
        seal(cs, "web", began, 2, Entry::of("tenant.added").on("tenant", tenant).after(json!({"slug": seed.slug}))),
    ];
    let id = store::FIRST + n as i64;
    let mut revisions = vec![revision(n, seed, (id, 1, None), tenant, (seed.state, seed.steps), began, decided, cs, &mut events)];
    if let Some(steps) = seed.again {
        if let (Some(reason), Some((request, at))) = (seed.reason, decided) {
            let entry = about(tenant, "onboarding.returned", id, 1).request(request).because(reason);
            events.push(seal(approver, "web", at - TimeDelta::minutes(1), 8, entry));
        }
        let after = began + TimeDelta::days(4);
        let parent = revisions[0]["tasks"].clone();
        let mut next = revision(n, seed, (id + 100, 2, Some(id)), tenant, ("open", steps), after, None, cs, &mut events);
        // what was good is carried over, with its evidence
        if let (Some(tasks), Some(old)) = (next["tasks"].as_array_mut(), parent.as_array()) {
            for (task, old) in tasks.iter_mut().zip(old).filter(|(task, _)| task["state"] == "passed") {
                task["evidence"] = old["evidence"].clone();
                task["evidence_hash"] = old["evidence_hash"].clone();
                task["carried"] = json!(true);
            }
        }
        revisions.push(next);
    }
    let active = seed.state == "approved";
    Tenancy {
        company: json!({"id": company, "name": seed.company, "biz_reg_no": number, "created_at": began}),
        tenant: json!({"id": tenant, "company_id": company, "slug": seed.slug, "status": if active { "active" } else { "provisioning" }, "created_at": began,
            "activated_at": decided.filter(|_| active).map(|d| d.1)}),
        revisions,
        events,
    }
}

fn about(tenant: &str, kind: &'static str, id: i64, revision: i16) -> Entry {
    Entry::of(kind).on("tenant", tenant).with("onboarding", format!("ON-{id}")).with("revision", revision)
}

#[allow(clippy::too_many_arguments)]
fn revision(
    n: usize,
    seed: &Seed,
    (id, revision, parent): (i64, i16, Option<i64>),
    tenant: &str,
    (state, steps): (&str, &str),
    began: DateTime<Utc>,
    decided: Option<(i64, DateTime<Utc>)>,
    cs: Uuid,
    events: &mut Vec<Sealed>,
) -> Value {
    let about = |kind| about(tenant, kind, id, revision);
    let sold = json!({"plan": seed.plan, "ai_services": ["kms"], "contract_number": contract(n), "expected_amount": seed.amount});
    events.push(seal(cs, "web", began, 3, about("onboarding.drafted").after(sold)));
    let opened = (state != "draft").then_some(began);
    if opened.is_some() {
        events.push(seal(cs, "web", began, 4, about("onboarding.opened")));
    }
    let closed = match state {
        "expired" => Some(began + TimeDelta::days(60)),
        _ => decided.map(|d| d.1),
    };
    let mut tasks = Vec::new();
    for ((kind, step), nth) in Kind::ALL.into_iter().zip(steps.chars()).zip(0..) {
        let at = began + TimeDelta::hours(3 + 14 * nth);
        let carried = revision > 1 && step == 'p';
        let given = (step != '.').then(|| given(n, seed, kind, step == 'x'));
        let state = match step {
            '.' => "pending",
            'p' => "passed",
            'f' => "failed",
            'w' => "waived",
            _ => "running",
        };
        if let (Some((evidence, checks)), false) = (&given, carried) {
            let failed = checks.iter().filter(|c| !c.ok).count();
            let outcome = if failed == 0 { Outcome::Success } else { Outcome::Failure };
            let entry = about("onboarding.evidence.submitted").outcome(outcome).with("step", kind.name()).with("checks", checks.len());
            events.push(seal(cs, "web", at, 1, entry.with("failed", failed).detail("evidence", json!(hex(&evidence.hash)))));
            if let 'p' | 'w' = step {
                let told = if step == 'p' { "onboarding.evidence.passed" } else { "onboarding.step.waived" };
                let mut entry = about(told).with("step", kind.name());
                if step == 'w' {
                    entry = entry.because(WAIVED);
                }
                events.push(seal(cs, "web", at + TimeDelta::minutes(25), 1, entry));
            }
        }
        let (on, what) = seed.waits.filter(|_| nth == 0).unzip();
        if let (Some(on), Some(what)) = (on, what) {
            events.push(seal(cs, "web", at, 2, about("onboarding.step.blocked").with("on", on).because(what).with("step", kind.name())));
        }
        let (evidence, checks) = given.unzip();
        tasks.push(json!({
            "seq": kind.seq(), "kind": kind.name(), "state": state, "evidence": evidence.as_ref().map(|e| &e.value),
            "evidence_hash": evidence.as_ref().map(|e| format!("\\x{}", hex(&e.hash))), "checks": checks.unwrap_or_default(),
            "submitted_at": evidence.as_ref().map(|_| at), "decided_at": (step == 'p' || step == 'w').then(|| at + TimeDelta::minutes(25)),
            "reason": (step == 'w').then_some(WAIVED), "waits_on": on, "waits_for": what, "carried": carried,
            "due_at": opened.map(|at| at + TimeDelta::days(kind.days())),
        }));
    }
    if state == "expired" {
        events.push(seal(crate::auth::Service::Executor.id(), "worker", began + TimeDelta::days(60), 1, about("onboarding.expired")));
    }
    json!({
        "id": id, "tenant_id": tenant, "revision": revision, "parent_id": parent, "state": state, "plan_code": seed.plan, "contract_number": contract(n),
        "expected_amount": seed.amount, "contact_name": seed.contact, "contact_email": format!("contact@{}.example", seed.slug), "person": cs,
        "created_at": began, "opened_at": opened, "due_at": opened.map(|at| at + TimeDelta::days(14)), "expires_at": opened.map(|at| at + TimeDelta::days(60)),
        "closed_at": closed, "reason": seed.reason.filter(|_| state == "rejected"), "decided_in": decided.map(|d| d.0), "tasks": tasks,
    })
}

const WAIVED: &str = "신규 도입이라 옮길 데이터가 없습니다. 고객사와 서면으로 확인했습니다.";

/// What was handed in for a step, and what the machine made of it.
fn given(n: usize, seed: &Seed, kind: Kind, fails: bool) -> (evidence::Evidence, Vec<Check>) {
    let check = |code: &str, about: &str, expected: String, found: String| Check {
        code: code.into(),
        about: about.into(),
        ok: expected == found,
        expected,
        found,
        ..Check::default()
    };
    let sum = hex(&Sha256::digest(format!("{}-{n}", seed.slug)));
    let paid = if fails { seed.amount - 110_000 } else { seed.amount };
    let rows = 8_412 + 731 * n as i64;
    let here = if fails { rows - 3 } else { rows };
    let text = |field: &str| match field {
        "contract_number" => contract(n),
        "sha256" => sum.clone(),
        "file_name" => format!("{}-계약서.pdf", seed.company),
        "order_id" => format!("ord-2026-{:05}", 40_012 + n * 77),
        "amount" => paid.to_string(),
        "payer" => seed.company.to_owned(),
        "template" => rights::CODE.into(),
        "version" => rights::VERSION.to_string(),
        "datasets" => format!("문서, {rows}, {here}, {0}, {0}\n사용자, 212, 212, {0}, {0}", &sum[..12]),
        _ => String::new(),
    };
    let checks = match kind {
        Kind::Contract => {
            vec![check("contract-number", "", contract(n), contract(n)), check("contract-file", "", String::new(), String::new())]
        }
        Kind::Payment => vec![check("payment-amount", "", seed.amount.to_string(), paid.to_string())],
        Kind::Permission => rights::checks(),
        Kind::Migration => vec![
            check("migration-rows", "문서", rows.to_string(), here.to_string()),
            check("migration-checksum", "문서", sum[..12].into(), sum[..12].into()),
            check("migration-rows", "사용자", "212".into(), "212".into()),
            check("migration-checksum", "사용자", sum[..12].into(), sum[..12].into()),
        ],
    };
    let read = match kind {
        Kind::Permission => evidence::of(rights::evidence()),
        _ => evidence::read(kind, text).map_err(|_| crate::error::Error::NotFound),
    };
    (read.expect("the demo's evidence is well-formed"), checks)
}
