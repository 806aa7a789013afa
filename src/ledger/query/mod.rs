//! What to look for in the ledger: as one line, `actor:민수 -outcome:success since:7d 환불`, or as the fields of a form. Both are
//! the same thing in two spellings, and each can be made from the other.
mod line;
mod when;

pub use line::Mistake;

use super::{Outcome, browse::Filter};
use crate::{error::Problem, i18n::msg, requests};
use chrono::{DateTime, Utc};

/// What stands before the colon, in the order of the form; `q` is what stands without any.
pub const KEYS: [&str; 8] = ["actor", "action", "target", "request", "outcome", "since", "until", "range"];

/// A period of days that is called by its name.
pub const RANGES: [&str; 4] = ["today", "week", "last-week", "month"];

/// Values of one key: one of these, and none of those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub is: Vec<String>,
    pub not: Vec<String>,
}

impl Terms {
    /// This and nothing else.
    pub fn only(value: &str) -> Self {
        Self { is: vec![value.to_owned()], not: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.is.is_empty() && self.not.is_empty()
    }
}

/// What is looked for. Everything in it is well-formed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub actor: Terms,
    pub action: Terms,
    pub target: Terms,
    pub request: Terms,
    pub outcome: Terms,
    pub since: Option<String>,
    pub until: Option<String>,
    pub range: Option<String>,
    /// Words and phrases, all of which occur.
    pub text: Vec<String>,
}

impl Query {
    /// From the fields of a form or of a URL. What is wrong is told with the name of its field.
    pub fn from_fields<'a>(get: impl Fn(&str) -> &'a str) -> Result<Self, Problem> {
        let mut query = Self::default();
        // an older name, which links and saved views may still have
        let of = |key: &str| if key == "action" && get(key).is_empty() { get("kind") } else { get(key) };
        for key in KEYS {
            line::field(&mut query, key, of(key)).map_err(|mistake| Problem::new(key, mistake.text))?;
        }
        line::words(&mut query, get("q")).map_err(|mistake| Problem::new("q", mistake.text))?;
        Ok(query)
    }

    /// From one line.
    pub fn from_line(text: &str) -> Result<Self, Mistake> {
        line::parse(text)
    }

    /// The same as one line, always spelt in the same way.
    pub fn line(&self) -> String {
        line::written(self)
    }

    /// The same as fields with their values; empty ones, too.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<_> = KEYS.into_iter().map(|key| (key, line::value(self, key))).collect();
        fields.push(("q", line::text(self)));
        fields
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn filter(&self, now: DateTime<Utc>) -> Filter {
        let (first, last) = self.range.as_deref().map_or((None, None), |range| when::range(range, now));
        let numbers = |ids: &[String]| ids.iter().filter_map(|id| requests::parse_id(id).ok()).collect();
        Filter {
            actors: self.actor.clone(),
            actions: self.action.clone(),
            targets: self.target.clone(),
            requests: (numbers(&self.request.is), numbers(&self.request.not)),
            outcomes: self.outcome.clone(),
            since: self.since.as_deref().and_then(|since| when::since(since, now)).or(first),
            until: self.until.as_deref().and_then(|until| when::until(until, now)).or(last),
            text: self.text.clone(),
        }
    }

    fn terms(&self, key: &str) -> Option<&Terms> {
        match key {
            "actor" => Some(&self.actor),
            "action" => Some(&self.action),
            "target" => Some(&self.target),
            "request" => Some(&self.request),
            "outcome" => Some(&self.outcome),
            _ => None,
        }
    }

    fn terms_mut(&mut self, key: &str) -> Option<&mut Terms> {
        match key {
            "actor" => Some(&mut self.actor),
            "action" => Some(&mut self.action),
            "target" => Some(&mut self.target),
            "request" => Some(&mut self.request),
            "outcome" => Some(&mut self.outcome),
            _ => None,
        }
    }

    fn time(&self, key: &str) -> Option<&String> {
        match key {
            "since" => self.since.as_ref(),
            "until" => self.until.as_ref(),
            _ => self.range.as_ref(),
        }
    }

    /// Takes one value in, if it is one; `at` is where it stands.
    fn put(&mut self, key: &'static str, not: bool, value: String, at: usize) -> Result<(), Mistake> {
        let wrong = |text| Err(Mistake { at, text });
        let place = at as i64;
        match key {
            "outcome" if !Outcome::NAMES.contains(&value.as_str()) => {
                return wrong(msg::ledger_line_outcome(place, Outcome::NAMES.join(", "), value));
            }
            "request" if requests::parse_id(&value).is_err() => return wrong(msg::ledger_line_request(place, value)),
            "since" | "until" if when::since(&value, Utc::now()).is_none() => return wrong(msg::ledger_line_day(place, value)),
            "range" if !RANGES.contains(&value.as_str()) => return wrong(msg::ledger_line_range(place, RANGES.join(", "), value)),
            _ => {}
        }
        let value = if key == "request" { requests::parse_id(&value).map(requests::short_id).unwrap_or(value) } else { value };
        if let Some(terms) = self.terms_mut(key) {
            let terms = if not { &mut terms.not } else { &mut terms.is };
            if !terms.contains(&value) {
                terms.push(value);
            }
            return if terms.len() > 20 { wrong(msg::ledger_line_many(place)) } else { Ok(()) };
        }
        let slot = match key {
            "since" => &mut self.since,
            "until" => &mut self.until,
            _ => &mut self.range,
        };
        match (not, slot.replace(value)) {
            (true, _) => wrong(msg::ledger_line_no_not(place, key)),
            (_, Some(_)) => wrong(msg::ledger_line_twice(place, key)),
            _ => Ok(()),
        }
    }
}
