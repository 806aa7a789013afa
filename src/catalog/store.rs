//! SQL of products, their versions and drafts.
use super::{Currency, Days, Kind, charges::Charge, drafts::Draft, prices};
use crate::{db::Change, documents::tidy, page::list::Slice};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, postgres::types::PgRange};
use std::ops::Bound;
use uuid::Uuid;

/// A plan or an add-on as its list shows it.
#[derive(Clone, Debug)]
pub struct Product {
    pub kind: Kind,
    pub code: String,
    pub name: String,
    /// The version in force, where there is one.
    pub version: Option<i32>,
    pub since: Option<NaiveDate>,
    pub currency: Option<Currency>,
    /// Of its price list, read once.
    pub charges: Vec<Charge>,
    /// When the next version begins.
    pub next: Option<NaiveDate>,
    /// Somebody is at work on another version.
    pub drafted: bool,
}

/// One price list of a product.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i32,
    pub currency: Currency,
    pub days: Days,
    /// The end it was published with, whatever has ended it earlier.
    pub meant_to_end: Option<NaiveDate>,
    pub document: String,
    pub hash: Vec<u8>,
    pub request: i64,
    pub requester: String,
    pub published_at: DateTime<Utc>,
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// The name that came with it, where that was another one.
    pub took_name: Option<Renamed>,
}

/// What a product was called before, and is called since.
#[derive(Clone, Debug)]
pub struct Renamed {
    pub was: String,
    pub is: String,
}

/// The day it is in Korea, by the one clock that all replicas share.
pub(super) async fn today(conn: &mut PgConnection) -> sqlx::Result<NaiveDate> {
    sqlx::query_scalar!(r#"select (clock_timestamp() at time zone 'Asia/Seoul')::date as "today!""#).fetch_one(conn).await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Part of a name or code.
    pub q: Option<String>,
    /// `active`: in force today; `scheduled`: a next version is coming; `draft`: somebody is at work on one.
    pub standing: Option<String>,
}

pub(super) async fn products(
    conn: &mut PgConnection,
    kind: Kind,
    today: NaiveDate,
    f: &Filter,
    slice: Slice<'_>,
) -> sqlx::Result<Vec<Product>> {
    let (name, code) = slice.at();
    let up = slice.up();
    let mut rows = sqlx::query!(
        r#"select p.code as "code!", p.name as "name!", v.version as "version?", lower(v.valid) as since, v.currency as "currency?", v.document as "document?",
             (select min(lower(n.valid)) from product_version n
              where n.kind = $1 and n.code = p.code and n.withdrawn_at is null and lower(n.valid) > $2::date) as next,
             exists (select from product_draft d where d.kind = $1 and d.code = p.code) as "drafted!"
           from (select code, name from product where kind = $1
             union all select d.code, d.name from product_draft d where d.kind = $1
               and not exists (select from product o where o.kind = d.kind and o.code = d.code)) p
           left join lateral (select version, valid, currency, document from product_version v
             where v.kind = $1 and v.code = p.code and v.withdrawn_at is null and v.valid @> $2::date
             order by currency limit 1) v on true
           where ($3::text is null or strpos(lower(p.name), lower($3)) > 0 or strpos(p.code, lower($3)) > 0)
             and case $4::text
               when 'active' then v.version is not null
               when 'scheduled' then exists (select from product_version n
                 where n.kind = $1 and n.code = p.code and n.withdrawn_at is null and lower(n.valid) > $2::date)
               when 'draft' then exists (select from product_draft d where d.kind = $1 and d.code = p.code)
               else true end
             and ($5::text is null or case when $6 then (p.name, p.code) > ($7, $5) else (p.name, p.code) < ($7, $5) end)
           order by case when $6 then p.name end, case when $6 then p.code end, p.name desc, p.code desc
           limit $8"#,
        kind.name(),
        today,
        f.q,
        f.standing,
        code,
        up,
        name,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows
        .into_iter()
        .map(|r| Product {
            kind,
            code: r.code,
            name: r.name,
            version: r.version,
            since: r.since,
            currency: r.currency.as_deref().and_then(Currency::named),
            charges: r.document.and_then(|document| prices::read(&tidy(&document)).ok()).unwrap_or_default(),
            next: r.next,
            drafted: r.drafted,
        })
        .collect())
}

/// What a product is called; nothing if there is none.
pub(super) async fn name(conn: &mut PgConnection, kind: Kind, code: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select name from product where kind = $1 and code = $2", kind.name(), code).fetch_optional(conn).await
}

/// All versions of a product, newest first.
pub(super) async fn versions(conn: &mut PgConnection, kind: Kind, code: &str) -> sqlx::Result<Vec<Version>> {
    let rows = sqlx::query!(
        r#"select v.version, v.currency, lower(v.valid) as "starts!", upper(v.valid) as ends, (r.fields->>'ends')::date as meant_to_end,
             v.document, v.hash, v.request_id, o.name as requester,
             v.published_at, v.withdrawn_at, r.before ->> 'name' as was, r.after ->> 'name' as is
           from product_version v join request r on r.id = v.request_id join operator o on o.id = r.requester_id
           where v.kind = $1 and v.code = $2 order by v.version desc"#,
        kind.name(),
        code
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Version {
            version: r.version,
            currency: Currency::named(&r.currency).unwrap_or_default(),
            days: Days { starts: r.starts, ends: r.ends },
            meant_to_end: r.meant_to_end,
            document: r.document,
            hash: r.hash,
            request: r.request_id,
            requester: r.requester,
            published_at: r.published_at,
            withdrawn_at: r.withdrawn_at,
            took_name: r.was.zip(r.is).filter(|(was, is)| was != is).map(|(was, is)| Renamed { was, is }),
        })
        .collect())
}

/// Requests whose versions say something else than what was published by them: another operation's, never told of, with another price
/// list, ended by nobody, or withdrawn by nobody.
pub(super) async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select e.request_id, e.kind, e.target_type, e.target_id, coalesce(convert_from(e.leaf, 'UTF8')::jsonb -> 'facts', '{}') as facts
             from ledger.event e where e.kind in ('catalog.published', 'catalog.withdrawn') and e.outcome = 'success')
           select v.request_id from product_version v join request r on r.id = v.request_id
           where r.operation <> 'catalog.publish' or r.state not in ('executing', 'succeeded')
             or (r.fields ->> 'kind', r.fields ->> 'code', coalesce(r.fields ->> 'currency', 'KRW'), r.fields ->> 'starts')
               is distinct from (v.kind, v.code, v.currency, lower(v.valid)::text)
             or v.hash <> pg_catalog.sha256(convert_to(v.document, 'UTF8'))
             or (v.published_at >= ledger.kept_since() and not exists (select from told t
               where t.request_id = v.request_id and t.kind = 'catalog.published'
                 and (not t.facts ? 'prices' or t.facts ->> 'prices' = encode(v.hash, 'hex'))
                 and (not t.facts ? 'version' or t.facts ->> 'version' = v.version::text)))
             or (upper(v.valid)::text is distinct from r.fields ->> 'ends' and not exists (select from product_version n
               where n.kind = v.kind and n.code = v.code and n.currency = v.currency and lower(n.valid) = upper(v.valid)))
             or (v.withdrawn_at >= ledger.kept_since() and not exists (select from told t
               where t.kind = 'catalog.withdrawn' and t.target_type = v.kind and t.target_id = v.code and t.facts ->> 'version' = v.version::text))
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// One change of a product at a time, until the transaction ends.
pub(super) async fn lock(change: &mut Change, kind: Kind, code: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtext('product'), hashtext($1 || '/' || $2)) as "locked!: ()""#, kind.name(), code)
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

/// The product is there with this name.
pub(super) async fn call(change: &mut Change, kind: Kind, code: &str, name: &str) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into product (kind, code, name, created_at) values ($1, $2, $3, $4) on conflict (kind, code) do update set name = excluded.name",
        kind.name(),
        code,
        name,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// A version as it is added.
pub(super) struct New<'a> {
    pub version: i32,
    pub currency: Currency,
    pub days: Days,
    pub document: &'a str,
    pub hash: &'a [u8],
}

pub(super) async fn add(change: &mut Change, kind: Kind, code: &str, new: &New<'_>) -> sqlx::Result<()> {
    let (now, request) = (change.now(), change.request());
    sqlx::query!(
        "insert into product_version (kind, code, version, currency, valid, document, hash, request_id, published_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        kind.name(),
        code,
        new.version,
        new.currency.code(),
        range(new.days),
        new.document,
        new.hash,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// A version ends then, or no more.
pub(super) async fn end(change: &mut Change, kind: Kind, code: &str, version: i32, ends: Option<NaiveDate>) -> sqlx::Result<()> {
    sqlx::query!(
        "update product_version set valid = daterange(lower(valid), $4) where kind = $1 and code = $2 and version = $3",
        kind.name(),
        code,
        version,
        ends
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn withdraw(change: &mut Change, kind: Kind, code: &str, version: i32) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update product_version set withdrawn_at = $4 where kind = $1 and code = $2 and version = $3",
        kind.name(),
        code,
        version,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn draft(conn: &mut PgConnection, kind: Kind, code: &str) -> sqlx::Result<Option<Draft>> {
    sqlx::query_as!(
        Draft,
        r#"select d.version, d.name, d.currency, d.starts, d.ends, d.document, o.name as saved_by, d.saved_at, d.revision
           from product_draft d join operator o on o.id = d.saved_by where d.kind = $1 and d.code = $2"#,
        kind.name(),
        code
    )
    .fetch_optional(conn)
    .await
}

pub(super) async fn save(change: &mut Change, kind: Kind, code: &str, by: Uuid, d: &Draft) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into product_draft (kind, code, version, name, currency, starts, ends, document, saved_by, saved_at, revision)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (kind, code) do update set version = excluded.version, name = excluded.name, currency = excluded.currency,
           starts = excluded.starts, ends = excluded.ends, document = excluded.document, saved_by = excluded.saved_by,
           saved_at = excluded.saved_at, revision = excluded.revision",
        kind.name(),
        code,
        d.version,
        d.name,
        d.currency,
        d.starts,
        d.ends,
        d.document,
        by,
        now,
        d.revision
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// A draft is of this version from now on.
pub(super) async fn renumber(change: &mut Change, kind: Kind, code: &str, version: i32) -> sqlx::Result<()> {
    sqlx::query!("update product_draft set version = $3 where kind = $1 and code = $2", kind.name(), code, version)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// Whether there was one.
pub(super) async fn discard(change: &mut Change, kind: Kind, code: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from product_draft where kind = $1 and code = $2", kind.name(), code).execute(&mut **change).await?;
    Ok(done.rows_affected() > 0)
}

fn range(days: Days) -> PgRange<NaiveDate> {
    PgRange { start: Bound::Included(days.starts), end: days.ends.map_or(Bound::Unbounded, Bound::Excluded) }
}
