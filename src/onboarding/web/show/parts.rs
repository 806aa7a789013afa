//! The parts of an onboarding's page: one step with its evidence and its forms, and the story.
use super::Trouble;
use crate::{
    i18n::Lang,
    ledger::{browse::Whole, subjects::Detail, web::kind_label},
    onboarding::{
        Kind, Onboarding, Progress, Task,
        evidence::{self, Dataset, as_lines},
        is_in_order, steps, waits,
        web::called,
    },
    page::{Badge, Fact, Field, Fields, Link, When, money},
    permissions::matrix::Matrix,
    requests::{hex, view::Step as Past},
};
use serde_json::Value;

/// What the steps of one page share.
pub(super) struct Tools<'a> {
    pub l: Lang,
    pub trouble: &'a Trouble,
    /// Whether the reader may work on it, and there is something to work on.
    pub works: bool,
    pub workers: &'a [(String, String)],
    /// What can be chosen for the tenant's people.
    pub templates: &'a [(String, String)],
    /// There are payment providers who can be asked.
    pub asks: bool,
    /// Whether the reader may look at payments.
    pub payments: bool,
}

impl Tools<'_> {
    /// Before the ids of a step's fields.
    pub fn prefix(&self, step: Option<Kind>) -> String {
        step.map_or_else(|| "decide-".into(), |kind| format!("{}-", kind.name()))
    }
}

/// One step as the page draws it.
pub(super) struct StepView {
    pub kind: &'static str,
    pub number: i16,
    pub title: String,
    pub progress: &'static str,
    pub icon: &'static str,
    pub state: Badge,
    pub owner: String,
    pub due: Option<When>,
    pub late: bool,
    /// On whom it waits, and why.
    pub note: String,
    pub facts: Vec<Fact>,
    /// What the tenant's people would get, against what they have.
    pub matrix: Option<Matrix>,
    pub hash: Option<String>,
    pub submitted: Option<(String, When)>,
    pub checks: Vec<CheckRow>,
    /// There is nothing that a machine could compare it with.
    pub unchecked: bool,
    /// Nobody but people says that money came in.
    pub manual: bool,
    /// Providers can be asked again.
    pub asks: bool,
    pub decided: Option<(String, When)>,
    pub reason: Option<String>,
    pub forms: Option<Forms>,
}

pub(super) struct CheckRow {
    pub ok: bool,
    /// No machine could say.
    pub open: bool,
    pub text: String,
    pub found: String,
    /// Of when a provider's answer is.
    pub at: Option<When>,
    pub payment: Option<Link>,
}

/// What can be done with a step.
pub(super) struct Forms {
    pub fields: Vec<Field>,
    /// A file can be sent instead of its hash.
    pub file: bool,
    pub again: bool,
    pub evidence_open: bool,
    pub decision: Option<Decision>,
    pub wait: Vec<Field>,
    pub wait_open: bool,
    pub assign: Vec<Field>,
    pub assign_open: bool,
}

pub(super) struct Decision {
    pub seen: String,
    pub reason: String,
    pub error: Option<String>,
    pub can_pass: bool,
    /// There is evidence that can be confirmed or rejected.
    pub evidence: bool,
    pub open: bool,
}

pub(super) fn step_view(t: &Tools, o: &Onboarding, tasks: &[Task], task: &Task) -> StepView {
    let l = t.l;
    let (progress, note) = waits::progress(l, o, tasks, task);
    let turn = is_in_order(tasks, task.kind);
    let failed = task.checks.iter().any(|c| !c.ok);
    let key = match task.state {
        Progress::Passed => "succeeded",
        Progress::Failed => "failed",
        Progress::Running if failed => "unknown",
        Progress::Running => "pending",
        Progress::Pending | Progress::Waived => "expired",
    };
    StepView {
        kind: task.kind.name(),
        number: task.kind.seq(),
        title: waits::step(l, task.kind.name()),
        progress: progress.name(),
        icon: progress.icon(),
        state: Badge { key, label: called(l, "step", task.state.name()), icon: progress.icon() },
        owner: task.owner.clone(),
        due: task.due_at.filter(|_| !task.state.is_done()).map(|at| When::new(l, at)),
        late: !task.state.is_done() && o.closed_at.is_none() && task.due_at.is_some_and(|at| at < chrono::Utc::now()),
        note,
        facts: task.evidence.as_ref().map(|e| facts(l, task.kind, e)).unwrap_or_default(),
        matrix: None,
        hash: task.evidence_hash.as_deref().map(hex),
        submitted: task.submitted_by.clone().zip(task.submitted_at.map(|at| When::new(l, at))),
        checks: task.checks.iter().map(|c| check(t, c)).collect(),
        unchecked: task.evidence.is_some() && task.checks.is_empty(),
        manual: task.kind == Kind::Payment && turn && !task.state.is_done() && !t.asks,
        asks: task.kind == Kind::Payment && turn && t.works && t.asks && task.state == Progress::Running,
        decided: task.decided_by.clone().zip(task.decided_at.map(|at| When::new(l, at))),
        reason: task.reason.clone(),
        forms: (t.works && turn).then(|| forms(t, task, failed)),
    }
}

fn check(t: &Tools, c: &evidence::Check) -> CheckRow {
    let l = t.l;
    let text = l.find(&format!("onboarding-check-{}", c.code)).unwrap_or_else(|| c.code.clone());
    let said = |value: &str| match value.parse::<i64>() {
        Ok(won) if c.code.starts_with("payment-") => money::full(won),
        Ok(rows) if c.code.ends_with("-rows") => crate::operations::form::grouped(rows),
        _ => value.to_owned(),
    };
    let found = (!c.expected.is_empty() || !c.found.is_empty()).then(|| {
        if c.payment.is_some() {
            l.onboarding_check_confirmed(said(&c.expected), said(&c.found))
        } else {
            l.onboarding_check_found(said(&c.expected), said(&c.found))
        }
    });
    let why = (!c.why.is_empty()).then(|| l.find(&format!("payment-{}", c.why))).flatten();
    CheckRow {
        ok: c.ok,
        open: c.open,
        text: if c.about.is_empty() { text } else { format!("{} · {text}", c.about) },
        found: found.into_iter().chain(why).collect::<Vec<_>>().join(" · "),
        at: c.at.map(|at| When::new(l, at)),
        payment: c.payment.as_ref().filter(|_| t.payments).map(|id| Link { label: id.clone(), href: format!("/payments/{id}") }),
    }
}

fn facts(l: Lang, kind: Kind, value: &Value) -> Vec<Fact> {
    if kind == Kind::Migration {
        return Vec::new();
    }
    let said = |field: &str| match (&value[field], field) {
        (Value::Number(n), "amount") => n.as_i64().map(money::full),
        (Value::Number(n), _) => Some(n.to_string()),
        (Value::String(text), _) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    evidence::fields(kind).iter().filter_map(|field| Some(Fact::new(label(l, field), said(field)?))).collect()
}

fn label(l: Lang, field: &str) -> String {
    l.find(&format!("onboarding-field-{}", field.replace('_', "-"))).unwrap_or_else(|| field.to_owned())
}

fn forms(t: &Tools, task: &Task, failed: bool) -> Forms {
    let l = t.l;
    let prefix = t.prefix(Some(task.kind));
    let here = |form: &str| t.trouble.step == Some(task.kind) && t.trouble.form == form;
    let nothing = (crate::auth::Submitted::default(), Vec::new());
    let of = |form: &str| Fields {
        l,
        prefix: &prefix,
        typed: if here(form) { &t.trouble.typed } else { &nothing.0 },
        problems: if here(form) { &t.trouble.problems } else { &nothing.1 },
    };
    let (hand_in, wait, assign) = (of("evidence"), of("wait"), of("assign"));
    // what is put right begins with what was there
    let was = |field: &str| match task.evidence.as_ref().map(|e| &e[field]) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(n)) => n.to_string(),
        Some(sets @ Value::Array(_)) => {
            serde_json::from_value::<Vec<Dataset>>(sets.clone()).map(|sets| as_lines(&sets)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let chosen = task.evidence.as_ref().map(|e| format!("{}@{}", e["template"].as_str().unwrap_or_default(), e["version"]));
    let fields = evidence::fields(task.kind)
        .iter()
        .filter(|name| task.kind != Kind::Permission || **name == "template")
        .map(|name| {
            if *name == "template" {
                let choices = [(String::new(), l.onboarding_permission_choose())].into_iter().chain(t.templates.iter().cloned()).collect();
                let hint =
                    if t.templates.is_empty() { l.onboarding_permission_none_published() } else { l.onboarding_field_template_hint() };
                return hand_in.choice(name, label(l, name), hint, choices, chosen.as_deref().unwrap_or_default());
            }
            let hint = l.find(&format!("onboarding-field-{}-hint", name.replace('_', "-"))).unwrap_or_default();
            let kind = match *name {
                "datasets" => "lines",
                "amount" | "version" => "integer",
                "paid_on" => "date",
                _ => "text",
            };
            let field = hand_in.of(name, kind, label(l, name), hint, &was(name));
            if evidence::optional(name) || *name == "sha256" { field.optional() } else { field }
        })
        .collect();
    let outside = steps::OUTSIDE.map(|on| (on.to_owned(), waits::outside(l, on)));
    let nobody = [(String::new(), l.onboarding_wait_nobody())];
    let waits_on = task.waits_on.clone().unwrap_or_default();
    let owner = task.owner_id.to_string();
    let mut workers = t.workers.to_vec();
    if workers.iter().all(|(id, _)| *id != owner) {
        workers.push((owner.clone(), task.owner.clone()));
    }
    let done = task.state.is_done();
    Forms {
        fields,
        file: task.kind == Kind::Contract,
        again: task.evidence.is_some(),
        evidence_open: here("evidence") || (!done && (task.evidence.is_none() || failed || task.state == Progress::Failed)),
        decision: (!done).then(|| Decision {
            seen: steps::seen(task),
            reason: t.trouble.typed.get("reason").filter(|_| here("decision")).unwrap_or_default().to_owned(),
            error: t.trouble.problems.iter().find(|p| here("decision") && p.field == "reason").map(|p| l.say(&p.text)),
            can_pass: task.state == Progress::Running && !failed,
            evidence: task.state == Progress::Running,
            open: here("decision") || task.state == Progress::Running,
        }),
        wait: if done {
            Vec::new()
        } else {
            vec![
                wait.choice("waits_on", l.onboarding_wait(), String::new(), nobody.into_iter().chain(outside).collect(), &waits_on)
                    .optional(),
                wait.text(
                    "waits_for",
                    l.onboarding_wait_for(),
                    l.onboarding_wait_for_hint(),
                    task.waits_for.as_deref().unwrap_or_default(),
                )
                .optional(),
            ]
        },
        wait_open: here("wait"),
        assign: if done {
            Vec::new()
        } else {
            vec![
                assign.choice("owner", l.onboarding_owner(), String::new(), workers, &owner),
                assign.of("due", "datetime", l.onboarding_due(), l.onboarding_assign_due_hint(), "").optional(),
            ]
        },
        assign_open: here("assign"),
    }
}

/// The story of the tenant so far, each line with its event for those who may read the ledger.
pub(super) fn history(l: Lang, events: &[Whole], sees_ledger: bool) -> Vec<Past> {
    let line = |whole: &Whole| {
        let leaf: Value = serde_json::from_slice(&whole.leaf).unwrap_or_default();
        let kind = &*whole.event.kind;
        let title = kind_label(l, kind);
        let step = leaf["facts"]["step"].as_str().map(|step| waits::step(l, step));
        let (icon, tone) = look(kind, &whole.event.outcome);
        Past {
            icon,
            tone,
            title: step.map_or_else(|| title.clone(), |step| format!("{title} · {step}")),
            actor: whole.event.actor.clone(),
            at: Some(When::new(l, whole.event.at)),
            reason: match &whole.detail {
                Detail::Gone => Some(l.erased()),
                detail => detail.value().and_then(|value| value["reason"].as_str()).map(str::to_owned),
            },
            href: sees_ledger.then(|| format!("/ledger/{}", whole.event.id)),
            future: false,
        }
    };
    events.iter().map(line).collect()
}

fn look(kind: &str, outcome: &str) -> (&'static str, &'static str) {
    match kind {
        "onboarding.approved" | "tenant.activated" | "request.succeeded" => ("circle-check", "succeeded"),
        "onboarding.evidence.passed" | "request.approved" => ("check", "approved"),
        "onboarding.evidence.submitted" if outcome == "failure" => ("triangle-alert", "failed"),
        "onboarding.evidence.submitted" => ("upload", "neutral"),
        "onboarding.evidence.rejected" | "onboarding.rejected" | "onboarding.returned" | "request.denied" => ("x", "rejected"),
        "onboarding.step.waived" => ("minus", "neutral"),
        "onboarding.payment.asked" => ("refresh-cw", "neutral"),
        "onboarding.step.blocked" | "onboarding.step.overdue" => ("clock", "neutral"),
        "onboarding.expired" | "onboarding.withdrawn" | "request.stale" | "request.expired" | "request.withdrawn" => {
            ("clock-alert", "expired")
        }
        "onboarding.opened" | "onboarding.drafted" | "tenant.added" | "request.submitted" => ("plus", "neutral"),
        "request.voted" => ("user", "neutral"),
        "request.started" => ("loader", "neutral"),
        _ => ("pencil", "neutral"),
    }
}
