//! SQL of lists of requests and of the numbers on their tabs.
use crate::{
    auth::{Caller, RequestsDecide, Scope},
    page::list::Slice,
    requests::{State, parse_id},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whose turn it is: somebody, with the roles they may decide with.
#[derive(Clone, Debug)]
pub struct Turn {
    pub operator: Uuid,
    pub roles: Vec<&'static str>,
}

impl Turn {
    /// Nobody's roles count without the scope to decide.
    pub fn of(caller: &Caller) -> Self {
        let decides = caller.may(RequestsDecide::NAME);
        Self { operator: caller.id, roles: caller.roles.iter().filter(|_| decides).map(|r| r.name()).collect() }
    }
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Option<Vec<&'static str>>,
    pub operation: Option<String>,
    pub risk: Option<String>,
    pub requester: Option<Uuid>,
    /// Only those that this person's vote would bring further.
    pub waiting_for: Option<Turn>,
    /// Only those that expire before this time.
    pub expires_before: Option<DateTime<Utc>>,
    pub target: Option<(String, String)>,
    /// Only those that broke the glass: all, those that nobody has reviewed, or the others.
    pub glass: Option<Broken>,
    /// Only those that this person may review now.
    pub reviewed_by: Option<Turn>,
    /// A request's id, a target's id, or words.
    pub q: Option<String>,
}

/// Which of those that broke the glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    All,
    Due,
    Reviewed,
}

impl Broken {
    pub const ALL: [Broken; 3] = [Broken::All, Broken::Due, Broken::Reviewed];

    pub fn name(self) -> &'static str {
        match self {
            Broken::All => "all",
            Broken::Due => "due",
            Broken::Reviewed => "reviewed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.name() == name)
    }
}

/// A request as lists show it.
pub struct Listed {
    pub id: i64,
    pub operation: String,
    pub target_id: String,
    pub target_label: String,
    pub requester: String,
    pub reason: String,
    pub before: Value,
    pub after: Value,
    pub state: State,
    pub risk: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub broke_glass: bool,
}

/// A page of requests, by `created` (their id) or `expires`. The reading pool plans each query with its values, so every
/// `case` below is settled before the plan is made and the order is an index's.
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Listed>> {
    let states: Option<Vec<String>> = f.states.as_ref().map(|s| s.iter().map(|n| (*n).to_owned()).collect());
    let by_id = f.q.as_deref().and_then(|q| parse_id(q).ok());
    let words =
        f.q.as_deref()
            .filter(|_| by_id.is_none())
            .map(|q| format!("%{}%", q.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let (target_type, target_id) = f.target.as_ref().map(|(t, i)| (t.as_str(), i.as_str())).unzip();
    let (turn, roles) = f.waiting_for.as_ref().map(|t| (t.operator, t.roles.clone())).unzip();
    let (reviewer, reviewing) = f.reviewed_by.as_ref().map(|t| (t.operator, t.roles.clone())).unzip();
    let roles = roles.or(reviewing).unwrap_or_default();
    let decides = turn.is_some() && !roles.is_empty();
    let (value, id) = slice.at();
    let (by_expiry, up) = (slice.order.key == "expires", slice.up());
    let cursor = id.and_then(|id| parse_id(id).ok());
    let expiry = value.and_then(|v| v.parse::<DateTime<Utc>>().ok());
    let mut rows: Vec<Listed> = sqlx::query!(
        r#"select r.id, r.operation, r.target_id, r.target_label, o.name as requester, r.reason, r.before, r.after, r.state, r.risk, r.created_at,
             r.expires_at, r.closed_at, r.broke_glass
           from request r join operator o on o.id = r.requester_id left join request_words w on w.request_id = r.id
           where ($1::text[] is null or r.state = any($1)) and ($2::text is null or r.operation = $2) and ($3::uuid is null or r.requester_id = $3)
             and ($4::uuid is null or (r.state = 'pending' and (r.waits_for && $16
                 or ($19 and exists (select from stand_in where delegate_id = $4) and exists (select from stand_in s where s.delegate_id = $4
                   and r.waits_for && s.roles and s.absent_human <> coalesce(o.owner_id, o.id) and coalesce((r.policy ->> 'delegation')::boolean, true))))
               and (r.self_approval or coalesce(o.owner_id, o.id) <> $4)
               and not exists (select from vote v where v.request_id = r.id and v.voter_id = $4)))
             and ($5::text is null or (r.target_type = $5 and r.target_id = $6))
             and ($7::bigint is null or r.id = $7) and ($8::text is null or w.words like $8) and ($9::text is null or r.risk = $9)
             and ($10::timestamptz is null or r.expires_at < $10)
             and ($17::text is null or (r.broke_glass and ($17 = 'all' or ($17 = 'reviewed') = exists (select from review v where v.request_id = r.id))))
             and ($18::uuid is null or (r.broke_glass and r.voter_roles && $16 and coalesce(o.owner_id, o.id) <> $18
               and r.state not in ('approved', 'executing') and not exists (select from review v where v.request_id = r.id)))
             and ($11::bigint is null or case
               when $12 and $13 then (r.expires_at, r.id) > ($14::timestamptz, $11)
               when $12 then (r.expires_at, r.id) < ($14::timestamptz, $11)
               when $13 then r.id > $11 else r.id < $11 end)
           order by case when $12 and $13 then r.expires_at end asc, case when $12 and not $13 then r.expires_at end desc,
             case when $13 then r.id end asc, case when not $13 then r.id end desc limit $15"#,
        states.as_deref(), f.operation, f.requester, turn, target_type, target_id, by_id, words, f.risk, f.expires_before, cursor,
        by_expiry, up, expiry, slice.limit, &roles as &[&str], f.glass.map(Broken::name), reviewer, decides
    ).fetch_all(conn).await?.into_iter().map(|r| Listed {
        id: r.id, operation: r.operation, target_id: r.target_id, target_label: r.target_label, requester: r.requester, reason: r.reason,
        before: r.before, after: r.after, state: State::named(&r.state).expect("the column's check allows no other"), risk: r.risk,
        created_at: r.created_at, expires_at: r.expires_at, closed_at: r.closed_at, broke_glass: r.broke_glass,
    }).collect();
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// How many there are, counted to 100 and no further.
pub struct Counts {
    pub mine: i64,
    pub open: i64,
    pub asked: i64,
    pub unknown: i64,
    pub expiring: i64,
    /// Broken glasses that they may review.
    pub reviews: i64,
}

/// The numbers on the inbox tabs for one person.
pub async fn counts(conn: &mut PgConnection, turn: &Turn) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select
             (select count(*) from (select from request r join operator o on o.id = r.requester_id
               where r.state = 'pending' and (r.waits_for && $2
                 or (cardinality($2) > 0 and exists (select from stand_in where delegate_id = $1) and exists (select from stand_in s where s.delegate_id = $1
                   and r.waits_for && s.roles and s.absent_human <> coalesce(o.owner_id, o.id) and coalesce((r.policy ->> 'delegation')::boolean, true))))
               and (r.self_approval or coalesce(o.owner_id, o.id) <> $1)
               and not exists (select from vote v where v.request_id = r.id and v.voter_id = $1) limit 100) t) as "mine!",
             (select count(*) from (select from request where state in ('pending', 'approved', 'executing', 'unknown') limit 100) t) as "open!",
             (select count(*) from (select from request where requester_id = $1 and state in ('pending', 'approved', 'executing', 'unknown') limit 100) t) as "asked!",
             (select count(*) from (select from request where state = 'unknown' limit 100) t) as "unknown!",
             (select count(*) from (select from request where state = 'pending' and expires_at < now() + interval '4 hours' limit 100) t) as "expiring!",
             (select count(*) from (select from request r join operator o on o.id = r.requester_id
               where r.broke_glass and r.voter_roles && $2 and coalesce(o.owner_id, o.id) <> $1 and r.state not in ('approved', 'executing')
               and not exists (select from review v where v.request_id = r.id) limit 100) t) as "reviews!""#,
        turn.operator, &turn.roles as &[&str]
    ).fetch_one(conn).await
}

/// How many requests were asked for on a day, and how many ended on it, however they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCount {
    pub asked: i64,
    pub closed: i64,
}

/// Counts of the 24 hours from each of these instants, in their order. Counted from the indexes alone, day by day: grouping by the
/// day of each row would work out a time zone for every one of them.
pub async fn per_day(conn: &mut PgConnection, from: &[DateTime<Utc>]) -> sqlx::Result<Vec<DayCount>> {
    sqlx::query_as!(
        DayCount,
        r#"select
             (select count(*) from request where created_at >= d.day and created_at < d.day + interval '24 hours') as "asked!",
             (select count(*) from request where closed_at >= d.day and closed_at < d.day + interval '24 hours') as "closed!"
           from unnest($1::timestamptz[]) with ordinality as d(day, n) order by n"#,
        from
    )
    .fetch_all(conn)
    .await
}
