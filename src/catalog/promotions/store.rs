//! SQL of promotions.
use crate::{
    catalog::{Days, charges::Kind, pricing::Off},
    db::Change,
    page::list::Slice,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, postgres::types::PgRange, types::Json};
use std::{collections::BTreeSet, ops::Bound};

/// What is off, and on which kinds of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub off: Off,
    pub on: BTreeSet<Kind>,
}

/// A promotion as it is offered.
#[derive(Clone, Debug)]
pub struct Offer {
    pub code: String,
    pub name: String,
    pub terms: Terms,
    /// The plans it is for; every plan, if there is none.
    pub plans: Vec<String>,
    /// None once it was closed before it began.
    pub days: Option<Days>,
    pub most: Option<i32>,
    pub redeemed: i32,
    pub request: i64,
    pub created_at: DateTime<Utc>,
}

/// As a row says it.
struct Row {
    code: String,
    name: String,
    terms: Json<Terms>,
    plans: Vec<String>,
    starts: Option<NaiveDate>,
    ends: Option<NaiveDate>,
    most: Option<i32>,
    redeemed: i32,
    request_id: i64,
    created_at: DateTime<Utc>,
}

impl From<Row> for Offer {
    fn from(r: Row) -> Self {
        Offer {
            days: r.starts.map(|starts| Days { starts, ends: r.ends }),
            code: r.code,
            name: r.name,
            terms: r.terms.0,
            plans: r.plans,
            most: r.most,
            redeemed: r.redeemed,
            request: r.request_id,
            created_at: r.created_at,
        }
    }
}

pub async fn find(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<Offer>> {
    let row = sqlx::query_as!(
        Row,
        r#"select code, name, terms as "terms: Json<Terms>", plans, lower(valid) as starts, upper(valid) as ends, most, redeemed, request_id, created_at
           from promotion where code = $1"#,
        code
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Offer::from))
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub q: Option<String>,
    /// `active`, `scheduled`, `exhausted` or `ended`.
    pub standing: Option<String>,
}

/// A page of them by code.
pub(super) async fn list(conn: &mut PgConnection, today: NaiveDate, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Offer>> {
    let (_, code) = slice.at();
    let up = slice.up();
    let mut rows = sqlx::query_as!(
        Row,
        r#"select code, name, terms as "terms: Json<Terms>", plans, lower(valid) as starts, upper(valid) as ends, most, redeemed, request_id, created_at
           from promotion
           where ($1::text is null or strpos(code, upper($1)) > 0 or strpos(lower(name), lower($1)) > 0)
             and case $2::text
               when 'scheduled' then lower(valid) > $3::date
               when 'ended' then isempty(valid) or upper(valid) <= $3::date
               when 'exhausted' then valid @> $3::date and redeemed >= most
               when 'active' then valid @> $3::date and (most is null or redeemed < most)
               else true end
             and ($4::text is null or case when $5 then code > $4 else code < $4 end)
           order by case when $5 then code end, code desc
           limit $6"#,
        f.q,
        f.standing,
        today,
        code,
        up,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows.into_iter().map(Offer::from).collect())
}

/// One change of a promotion at a time, until the transaction ends.
pub(super) async fn lock(change: &mut Change, code: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtext('promotion'), hashtext($1)) as "locked!: ()""#, code)
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

/// One more has redeemed it, if as many more may and it can be redeemed on this day. Answers how many have, and nothing if it may not.
pub async fn count(change: &mut Change, code: &str, today: NaiveDate) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "update promotion set redeemed = redeemed + 1 where code = $1 and valid @> $2::date and (most is null or redeemed < most) returning redeemed",
        code,
        today
    )
    .fetch_optional(&mut **change)
    .await
}

/// A promotion as it is opened.
pub(super) struct New<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub terms: &'a Terms,
    pub plans: &'a [String],
    pub days: Days,
    pub most: Option<i32>,
}

pub(super) async fn add(change: &mut Change, new: &New<'_>) -> sqlx::Result<()> {
    let (now, request) = (change.now(), change.request());
    let valid = PgRange { start: Bound::Included(new.days.starts), end: new.days.ends.map_or(Bound::Unbounded, Bound::Excluded) };
    sqlx::query!(
        "insert into promotion (code, name, terms, plans, valid, most, request_id, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.code,
        new.name,
        Json(new.terms) as _,
        new.plans,
        valid,
        new.most,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// It can be redeemed until then and no more; never, if that is before it begins.
pub(super) async fn end(change: &mut Change, code: &str, ends: NaiveDate) -> sqlx::Result<()> {
    sqlx::query!("update promotion set valid = valid * daterange(null, $2) where code = $1", code, ends)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// The plans among these codes that do not exist.
pub(super) async fn unknown_plans(conn: &mut PgConnection, codes: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select c as "code!" from unnest($1::text[]) c where not exists (select from product where kind = 'plan' and code = c)"#,
        codes
    )
    .fetch_all(conn)
    .await
}

/// Requests whose promotions say something else than what was opened by them: another operation's, never told of, with other terms, more
/// generous, or ended by nobody.
pub(super) async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select e.request_id, e.kind, e.target_id, coalesce(convert_from(e.leaf, 'UTF8')::jsonb -> 'facts', '{}') as facts from ledger.event e
             where e.kind in ('promotion.opened', 'promotion.closed') and e.outcome = 'success')
           select p.request_id from promotion p join request r on r.id = p.request_id
           where r.operation <> 'promotion.open' or r.state not in ('executing', 'succeeded')
             or upper(trim(r.fields ->> 'code')) <> p.code or (r.fields ->> 'most')::int is distinct from p.most
             or (not isempty(p.valid) and lower(p.valid)::text <> r.fields ->> 'starts')
             or (p.created_at >= ledger.kept_since() and not exists (select from told t
               where t.request_id = p.request_id and t.kind = 'promotion.opened'
                 and (not t.facts ? 'terms' or t.facts -> 'terms' = jsonb_build_object('terms', p.terms, 'plans', to_jsonb(p.plans)))))
             or ((isempty(p.valid) or upper(p.valid)::text is distinct from r.fields ->> 'ends') and p.created_at >= ledger.kept_since()
               and not exists (select from told t where t.kind = 'promotion.closed' and t.target_id = p.code))
           limit 100"#
    )
    .fetch_all(conn)
    .await
}
