//! A draft on the past: each request of the last days is judged once more, and compared with what was asked of it then.
use super::{Case, Human, Need, Policy, Ruling, Version, shortage, store};
use crate::{error::Error, operations::Risk};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Days that are looked at unless somebody says otherwise, and the most.
pub const DAYS: u32 = 90;
pub const MOST_DAYS: u32 = 366;
/// More requests than this are not read; the newest are.
pub const MOST: i64 = 20_000;
const EXAMPLES: usize = 3;

/// What would have been different.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub days: u32,
    /// There were more requests than were looked at.
    pub capped: bool,
    pub all: Sums,
    /// By operation and rule of the draft, the largest change first.
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sums {
    pub requests: usize,
    pub more: usize,
    pub fewer: usize,
    /// As many people, but others.
    pub others: usize,
    /// Would have run without anybody.
    pub at_once: usize,
    /// Nobody of today could approve it.
    pub nobody: usize,
    /// Median seconds from asking to the last approval, of those that were approved.
    pub waited: Option<i64>,
    /// The same under the draft: an estimate.
    pub would_wait: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub operation: String,
    pub rule: String,
    pub needs: Vec<Need>,
    pub sums: Sums,
    /// Numbers of requests that would have been treated differently, newest first; of any if none was.
    pub examples: Vec<i64>,
}

#[derive(Default)]
struct Gathered {
    sums: Sums,
    waited: Vec<i64>,
    would_wait: Vec<i64>,
    changed: Vec<i64>,
    any: Vec<i64>,
}

impl Gathered {
    fn add(&mut self, seen: &Seen) {
        let s = &mut self.sums;
        s.requests += 1;
        s.more += usize::from(seen.more);
        s.fewer += usize::from(seen.fewer);
        s.others += usize::from(seen.others);
        s.at_once += usize::from(seen.at_once);
        s.nobody += usize::from(seen.nobody);
        if let Some((waited, would_wait)) = seen.waits {
            self.waited.push(waited);
            self.would_wait.push(would_wait);
        }
        let examples = if seen.more || seen.fewer || seen.others || seen.nobody { &mut self.changed } else { &mut self.any };
        if examples.len() < EXAMPLES {
            examples.push(seen.id);
        }
    }

    fn sums(mut self) -> (Sums, Vec<i64>) {
        (self.sums.waited, self.sums.would_wait) = (median(&mut self.waited), median(&mut self.would_wait));
        (self.sums, if self.changed.is_empty() { self.any } else { self.changed })
    }
}

struct Seen {
    id: i64,
    more: bool,
    fewer: bool,
    others: bool,
    at_once: bool,
    nobody: bool,
    waits: Option<(i64, i64)>,
}

/// Replays the requests of the last `days` before `now`.
pub async fn replay(conn: &mut PgConnection, draft: &Policy, days: u32, now: DateTime<Utc>) -> Result<Report, Error> {
    let since = now - TimeDelta::days(days.clamp(1, MOST_DAYS).into());
    let mut asked = store::asked(conn, since, MOST + 1).await?;
    let capped = asked.len() as i64 > MOST;
    asked.truncate(MOST as usize);
    let (votes, people) = (store::approvals(conn, since, MOST).await?, store::people(conn).await?);
    let draft = Version { id: 0, hash: String::new(), policy: draft.clone() };
    let gap = gap(&asked, &votes);
    let mut stuck: HashMap<(Vec<Need>, Uuid, bool), bool> = HashMap::new();
    let mut all = Gathered::default();
    let mut groups: BTreeMap<(String, String), (Vec<Need>, Gathered)> = BTreeMap::new();
    for r in &asked {
        let ruling = draft.rule(&r.case());
        let nobody = !ruling.needs.is_empty() && is_stuck(&mut stuck, &ruling, r.requester_human, &people);
        let seen = compare(r, &ruling, nobody, votes.get(&r.id).map_or(&[], Vec::as_slice), gap);
        all.add(&seen);
        let group = groups.entry((r.operation.clone(), ruling.rule.clone()));
        group.or_insert_with(|| (ruling.needs.clone(), Gathered::default())).1.add(&seen);
    }
    let mut lines: Vec<Line> = groups
        .into_iter()
        .map(|((operation, rule), (needs, gathered))| {
            let (sums, examples) = gathered.sums();
            Line { operation, rule, needs, sums, examples }
        })
        .collect();
    lines.sort_by_key(|l| std::cmp::Reverse((l.sums.nobody, l.sums.more + l.sums.fewer + l.sums.others, l.sums.requests)));
    Ok(Report { days, capped, all: all.sums().0, lines })
}

/// So many of the requests that wait are judged anew; with more of them, the answer is about the newest.
pub const LOOKED_AT: i64 = 5_000;

/// Requests that wait now and what a draft would mean for them.
pub struct Caught {
    /// At most [`LOOKED_AT`] of them, the newest.
    pub all: i64,
    /// Of these, how many would need somebody they do not need today.
    pub more: i64,
}

/// What waits now, judged by a draft: tightening a policy reaches requests that wait.
pub async fn waiting(conn: &mut PgConnection, draft: Policy) -> Result<Caught, Error> {
    let draft = Version { id: 0, hash: String::new(), policy: draft };
    let tightened = |r: &store::Asked| {
        let then = &r.policy.0;
        let ruling = draft.rule(&r.case());
        ruling.approvals > 0 && (ruling.approvals > then.approvals || whom(&ruling.needs) != whom(&then.needs))
    };
    // one after the other: what they carry may be long
    let mut asked = store::pending(conn, LOOKED_AT);
    let mut caught = Caught { all: 0, more: 0 };
    while let Some(request) = asked.try_next().await? {
        caught.all += 1;
        caught.more += i64::from(tightened(&request));
    }
    Ok(caught)
}

impl store::Asked {
    fn case(&self) -> Case<'_> {
        Case {
            operation: &self.operation,
            // a risk that is not ours any more is treated as the worst
            risk: Risk::ALL.into_iter().find(|r| r.name() == self.risk).unwrap_or(Risk::Critical),
            roles: &self.requester_roles,
            fields: &self.fields,
            before: &self.before,
            after: &self.after,
            target_type: &self.target_type,
            target_id: &self.target_id,
            target_label: &self.target_label,
            at: self.created_at,
            door: &self.door,
        }
    }
}

fn is_stuck(known: &mut HashMap<(Vec<Need>, Uuid, bool), bool>, ruling: &Ruling, requester: Uuid, people: &[Human]) -> bool {
    let key = (ruling.needs.clone(), requester, ruling.self_approval);
    *known.entry(key).or_insert_with(|| shortage(ruling, requester, people).is_some())
}

fn compare(r: &store::Asked, draft: &Ruling, nobody: bool, votes: &[DateTime<Utc>], gap: i64) -> Seen {
    let then = &r.policy.0;
    let seconds = |at: DateTime<Utc>| (at - r.created_at).num_seconds().max(0);
    let waits = r.decided_at.map(|decided| {
        let needed = usize::from(draft.approvals);
        let would = match (needed, votes.len()) {
            (0, _) => 0,
            (n, _) if n == usize::from(then.approvals) => seconds(decided),
            (n, have) if n <= have => seconds(votes[n - 1]),
            (n, have) => seconds(votes.last().copied().unwrap_or(decided)) + gap * (n - have.max(1)) as i64,
        };
        (seconds(decided), would)
    });
    Seen {
        id: r.id,
        more: draft.approvals > then.approvals,
        fewer: draft.approvals < then.approvals,
        others: draft.approvals == then.approvals && whom(&draft.needs) != whom(&then.needs),
        at_once: draft.approvals == 0 && then.approvals > 0,
        nobody,
        waits,
    }
}

/// Needs without the names of their groups, which may change and mean the same.
fn whom(needs: &[Need]) -> Vec<(Vec<&String>, u8)> {
    let mut all: Vec<_> = needs
        .iter()
        .map(|n| {
            let mut roles: Vec<_> = n.roles.iter().collect();
            roles.sort_unstable();
            (roles, n.count)
        })
        .collect();
    all.sort_unstable();
    all
}

/// Median seconds between one approval and the next; where nobody ever needed a second one, as long as the first took.
fn gap(asked: &[store::Asked], votes: &HashMap<i64, Vec<DateTime<Utc>>>) -> i64 {
    let mut gaps: Vec<i64> = votes.values().flat_map(|v| v.windows(2).map(|w| (w[1] - w[0]).num_seconds())).collect();
    if gaps.is_empty() {
        let first = |r: &store::Asked| Some((votes.get(&r.id)?.first().copied()? - r.created_at).num_seconds());
        gaps = asked.iter().filter_map(first).collect();
    }
    median(&mut gaps).unwrap_or(0).max(0)
}

fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
