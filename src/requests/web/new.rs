//! Asking: choose an operation, fill its form in, see before and after, send.
use super::{
    choose::OperationRow,
    drafts::{self, Draft},
};
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsAsk, Submitted},
    error::{self, Error, Problem},
    i18n::{Lang, msg},
    operations::{Definition, Preview, form as schema},
    page::{self, Diff, Opt, Shell, Visit, list::Asked},
    policy::{Ruling, words},
    requests::{
        State as Standing, explain, glass, hex, parse_id, short_id, store,
        submit::{self, Ask, Prospect},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The two steps of asking: what (`fill`), and whether that is meant (`check`).
#[derive(Template)]
#[template(path = "requests/new.html")]
struct New {
    shell: Shell,
    operation: OperationRow,
    /// Where the steps are: each has its own address.
    fill_href: String,
    draft: String,
    fields: Vec<FieldView>,
    reason: String,
    reason_hint: String,
    reason_error: Option<String>,
    /// The request that this one is made again from.
    again: Option<String>,
    /// It takes back what was done there.
    reversal: Option<String>,
    errors: Vec<ProblemView>,
    check: Option<Check>,
}

/// The second step: before and after, who has to approve, and what the button does.
struct Check {
    target: String,
    diff: Diff,
    impact: Vec<String>,
    policy: Vec<String>,
    /// Why it could never be approved; then there is no button.
    stuck: Option<String>,
    effect: String,
    confirm: String,
    glass: Option<Emergency>,
}

/// The second way: to break the glass.
struct Emergency {
    /// Who would have to approve it, and is passed over.
    skips: String,
    told: String,
    span: String,
    /// Where to sign in again, if the policy wants that.
    sign_in_again: Option<String>,
    text: String,
    /// What is wrong with it, which opens it.
    error: Option<String>,
    unread: Option<String>,
    tried: bool,
}

struct FieldView {
    name: String,
    id: String,
    label: String,
    hint: String,
    kind: &'static str,
    required: bool,
    value: String,
    /// The value as people read it.
    shown: String,
    error: Option<String>,
    options: Vec<Opt>,
    lookup: Option<String>,
}

struct ProblemView {
    href: String,
    text: String,
}

/// Links may fill fields in: `/requests/new/org.tier.fix?org_id=…`; `draft` goes on where somebody stopped, and `step=check`
/// shows what it would do.
pub(super) async fn form(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(name): Path<String>,
    asked: Asked,
    Query(given): Query<Submitted>,
) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name).await?;
    let begun = asked.some("draft").map(|id| id.parse::<Uuid>().unwrap_or_default());
    let draft = match begun {
        None => Draft { id: Uuid::now_v7(), typed: filled(&app, &name, given).await?, operation: name },
        Some(id) => match drafts::find(&visit.session, id, &name).await? {
            Some(draft) => draft,
            // sent already, or of a session that has ended
            None => return Ok(Redirect::to(&format!("/requests/new/{name}")).into_response()),
        },
    };
    let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
    if begun.is_none() || asked.get("step") != "check" {
        return wizard.page(&[], None, StatusCode::OK).await;
    }
    match submit::preview(&app, &operator, &ask_of(definition, &draft, false)).await {
        Ok(prospect) => wizard.page(&[], Some((prospect, None)), StatusCode::OK).await,
        Err(Error::Invalid(problems)) => wizard.page(&problems, None, StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(other) => Err(other),
    }
}

/// The first step leads to the second; the second, with `confirm`, makes the request.
pub(super) async fn ask(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(name): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name).await?;
    let id = form.get("draft").and_then(|id| id.parse().ok()).unwrap_or_else(Uuid::now_v7);
    let confirmed = form.some("confirm").map(str::to_owned);
    let mut draft = Draft { id, operation: name, typed: form.without(&["csrf", "confirm", "draft", "break_glass"]) };
    let breaks = form.get("break_glass").is_some();
    if let Some(problem) = drafts::keep(&visit.session, draft.clone()).await? {
        let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
        return wizard.page(&[problem], None, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let sent = |id: i64| Ok(Redirect::to(&format!("/requests/{}", short_id(id))).into_response());
    match submit::preview(&app, &operator, &ask_of(definition, &draft, false)).await {
        Ok(prospect) if confirmed.as_ref() == Some(&fingerprint(&prospect.preview)?) => {
            let unread =
                (breaks && draft.typed.get("understood").is_none()).then(|| Problem::new("understood", msg::glass_not_understood()));
            let submitted = match &unread {
                Some(problem) => {
                    Err(Error::Invalid(glass::problems(&ask_of(definition, &draft, true)).into_iter().chain([problem.clone()]).collect()))
                }
                None => submit::submit(&app, &operator, ask_of(definition, &draft, breaks)).await,
            };
            match submitted {
                Ok(submitted) => {
                    drafts::drop(&visit.session, id).await?;
                    visit.say("success", visit.l.request_submitted_now(short_id(submitted.id))).await?;
                    sent(submitted.id)
                }
                Err(Error::Invalid(problems)) => {
                    // a key that was used for something else would be refused for ever
                    if problems.iter().any(|p| p.field == "idempotency_key") {
                        draft.id = Uuid::now_v7();
                    }
                    let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
                    let shown = breaks.then_some((prospect, None));
                    wizard.page(&problems, shown, StatusCode::UNPROCESSABLE_ENTITY).await
                }
                Err(problem @ (Error::Refused(_) | Error::NotPermitted(_))) if breaks => {
                    let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
                    wizard.page(&[], Some((prospect, Some(error::sentence(&problem, visit.l)))), problem.status()).await
                }
                Err(other) => Err(other),
            }
        }
        Ok(prospect) if confirmed.is_some() => {
            // confirmed something else: the target has changed since it was shown
            let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
            wizard.page(&[], Some((prospect, Some(visit.l.request_preview_changed()))), StatusCode::CONFLICT).await
        }
        Ok(_) => Ok(Redirect::to(&format!("{}&step=check", fill_href(&draft))).into_response()),
        Err(Error::Invalid(problems)) => {
            // the request this very form made is there already: a double click, or the back button
            if confirmed.is_some()
                && let Ok(submitted) = submit::submit(&app, &operator, ask_of(definition, &draft, breaks)).await
            {
                return sent(submitted.id);
            }
            let wizard = Wizard { app: &app, visit: &visit, definition, draft: &draft };
            wizard.page(&problems, None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other),
    }
}

fn ask_of(definition: &dyn Definition, draft: &Draft, breaks: bool) -> Ask {
    Ask {
        operation: draft.operation.clone(),
        fields: schema::from_text(&definition.schema(), |field| draft.typed.get(field)),
        reason: draft.typed.text("reason").to_owned(),
        not_before: None,
        break_glass: breaks.then(|| draft.typed.text("emergency").to_owned()),
        again_from: draft.typed.get("again").and_then(|id| parse_id(id).ok()),
        idempotency_key: Some(draft.id.to_string()),
    }
}

/// With `again`, what was asked for then; with `reverse` besides, what was there before it.
async fn filled(app: &App, operation: &str, given: Submitted) -> Result<Submitted, Error> {
    let Some(id) = given.get("again").and_then(|id| parse_id(id).ok()) else { return Ok(given) };
    let mut conn = app.db.read().await?;
    let Some(old) = store::find(&mut conn, id).await?.filter(|r| r.operation == operation) else { return Ok(given) };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // the reverse of what was done has a reason of its own
    let (fields, reason) = match given.get("reverse") {
        Some(_) if old.state == Standing::Succeeded => {
            let proposal = explain::proposal(app.registry.find(operation), &old.fields);
            (proposal.and_then(|p| p.reverse(&old.before)).unwrap_or_default(), None)
        }
        _ => (old.fields, Some(("reason".to_owned(), old.reason))),
    };
    let fields = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let mut typed = given;
    typed.0.extend(fields.map(|(name, value)| (name.clone(), text(value))).chain(reason));
    Ok(typed)
}

fn fill_href(draft: &Draft) -> String {
    format!("/requests/new/{}?draft={}", draft.operation, draft.id)
}

/// What the confirmation is about: target, before and after.
fn fingerprint(preview: &Preview) -> Result<String, Error> {
    use sha2::{Digest, Sha256};
    let shown: Value = json!({"target": preview.target.id, "before": preview.before, "after": preview.after});
    Ok(hex(&Sha256::digest(crate::ledger::canonical(&shown)?)))
}

/// One way from a blank form to a request.
struct Wizard<'a> {
    app: &'a App,
    visit: &'a Visit,
    definition: &'a dyn Definition,
    draft: &'a Draft,
}

impl Wizard<'_> {
    /// The form with its problems, or, with a preview, the check; a conflict says why the check is shown again.
    async fn page(
        &self,
        problems: &[Problem],
        prospect: Option<(Prospect, Option<String>)>,
        status: StatusCode,
    ) -> Result<Response, Error> {
        let l = self.visit.l;
        let problem = |name: &str| problems.iter().find(|p| p.field == name).map(|p| l.say(&p.text));
        let mut errors: Vec<ProblemView> =
            problems.iter().map(|p| ProblemView { href: anchor(&p.field), text: self.named(l, p) }).collect();
        let prompt = match &prospect {
            Some((prospect, _)) => prospect.ruling.reason_prompt.clone(),
            None => self.prompt().await?,
        };
        let check = match prospect {
            Some((prospect, conflict)) => {
                errors.extend(conflict.map(|text| ProblemView { href: "#preview".into(), text }));
                Some(self.check(l, prospect, &problem).await?)
            }
            None => None,
        };
        let page = New {
            shell: self.visit.shell(self.app).await?,
            operation: OperationRow::new(l, self.definition),
            fill_href: fill_href(self.draft),
            draft: self.draft.id.to_string(),
            fields: schema::fields(&self.definition.schema()).into_iter().map(|f| self.field(l, f, &problem)).collect(),
            reason: self.draft.typed.text("reason").to_owned(),
            reason_hint: prompt.unwrap_or_else(|| l.form_reason_hint()),
            reason_error: problem("reason"),
            again: self.draft.typed.get("again").map(str::to_owned),
            reversal: self.draft.typed.get("reverse").and(self.draft.typed.get("again")).map(|id| l.form_reversal(id)),
            errors,
            check,
        };
        let mut response = page::html(&page)?;
        *response.status_mut() = status;
        Ok(response)
    }

    /// A problem as the summary tells it: with the name of its field.
    fn named(&self, l: Lang, problem: &Problem) -> String {
        let known = schema::fields(&self.definition.schema()).into_iter().find(|f| f.name == problem.field);
        let label = match problem.field.as_str() {
            "reason" => Some(l.form_reason()),
            "emergency" => Some(l.glass_why()),
            _ => known.map(|f| self.definition.label(l, &f.name)),
        };
        label.map_or_else(|| l.say(&problem.text), |label| format!("{label}: {}", l.say(&problem.text)))
    }

    /// What the policy asks to be written, as far as that is known before anything is filled in.
    async fn prompt(&self) -> Result<Option<String>, Error> {
        let mut conn = self.app.db.read().await?;
        let caller = self.visit.caller()?;
        Ok(submit::usual_ruling(self.app, &mut conn, caller, self.definition).await?.reason_prompt)
    }

    async fn check(&self, l: Lang, prospect: Prospect, problem: &impl Fn(&str) -> Option<String>) -> Result<Check, Error> {
        let Prospect { preview, ruling, stuck, glass } = prospect;
        let typed = |name: &str| self.draft.typed.get(name);
        let glass = glass.map(|way| Emergency {
            skips: l.glass_skips(words::needs(l, &ruling.needs)),
            told: way.told.join(", "),
            span: words::span(l, way.review_minutes),
            sign_in_again: way.stale_sign_in.then(|| {
                let next = format!("{}&step=check", fill_href(self.draft));
                format!("/login{}", page::query(&[("again", "1"), ("next", &next)]))
            }),
            text: typed("emergency").unwrap_or_default().to_owned(),
            error: problem("emergency"),
            unread: problem("understood"),
            tried: typed("emergency").is_some(),
        });
        let proposal = self.definition.parse(&ask_of(self.definition, self.draft, false).fields).ok();
        let (before, after) = (json!(preview.before), json!(preview.after));
        let mut conn = self.app.db.read().await?;
        Ok(Check {
            impact: explain::impact(&mut conn, l, proposal.as_deref()).await?,
            diff: explain::diff(&mut conn, l, Some(self.definition), proposal.as_deref(), &before, &after).await?,
            confirm: fingerprint(&preview)?,
            target: preview.target.label,
            policy: words::ruling(l, &self.app.registry, self.definition.name(), &ruling),
            stuck: stuck.map(|s| l.say(&s.text())),
            effect: effect(l, &ruling),
            glass,
        })
    }

    fn field(&self, l: Lang, f: schema::Field, problem: &impl Fn(&str) -> Option<String>) -> FieldView {
        let value = self.draft.typed.get(&f.name).unwrap_or_default().to_owned();
        let called = |option: &str| l.find(&format!("value-{}-{option}", f.name)).unwrap_or_else(|| option.to_owned());
        FieldView {
            id: format!("field-{}", f.name),
            label: self.definition.label(l, &f.name),
            hint: self.definition.text(l, &format!("field-{}-hint", f.name)),
            kind: f.kind.name(),
            required: f.required,
            error: problem(&f.name),
            // nothing is chosen until somebody chooses: a form must not change what nobody touched
            options: std::iter::once(Opt::any(if f.required { l.form_pick() } else { l.form_keep() }, &value))
                .chain(f.options.iter().map(|o| Opt { value: o.clone(), label: called(o), selected: *o == value }))
                .collect(),
            shown: match schema::number(&value).filter(|_| f.kind == schema::Kind::Integer) {
                Some(number) => schema::grouped(number),
                None if value.is_empty() => l.form_keep(),
                None => called(&value),
            },
            lookup: f.lookup,
            value,
            name: f.name,
        }
    }
}

fn effect(l: Lang, ruling: &Ruling) -> String {
    if ruling.approvals == 0 { l.form_submit_runs_now() } else { l.form_submit_waits(u32::from(ruling.approvals)) }
}

/// Where the field of a problem is on the page.
fn anchor(field: &str) -> String {
    match field {
        "reason" | "emergency" | "understood" => format!("#{field}"),
        "idempotency_key" => "#request-form".into(),
        _ => format!("#field-{field}"),
    }
}
