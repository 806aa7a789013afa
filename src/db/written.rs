//! What a transaction writes besides its change: events, outbox rows, jobs and notices. It is gathered, and sent in one statement.
use super::Actor;
use crate::{
    error::Error,
    ledger::{SCHEMA, Sealed, subjects, words},
    live::Signal,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// So many rows go in one statement.
const FULL: usize = 200;

/// In the order in which it was written.
#[derive(Default)]
pub(super) struct Written {
    pub events: Vec<Sealed>,
    /// Topic, request and payload.
    pub told: Vec<(&'static str, i64, Value)>,
    /// Kind, payload and seconds from now.
    pub jobs: Vec<(&'static str, Value, f64)>,
    /// Kind, request, who asked for it, and whether those who voted are told too.
    pub notices: Vec<(&'static str, i64, Uuid, bool)>,
}

impl Written {
    pub fn is_full(&self) -> bool {
        self.events.len() + self.told.len() + self.jobs.len() + self.notices.len() >= FULL
    }

    /// Writes it and is empty again. Answers the signals to send once it has committed.
    pub async fn send(&mut self, conn: &mut PgConnection, actor: &Actor, now: DateTime<Utc>) -> Result<Vec<Signal>, Error> {
        let Self { events, told, jobs, notices } = std::mem::take(self);
        if events.is_empty() && told.is_empty() && jobs.is_empty() && notices.is_empty() {
            return Ok(Vec::new());
        }
        let opened = details(conn, &events).await?;
        let outbox = sqlx::query_scalar!(
            "with event as (
               insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, request_id, target_type, target_id, leaf)
               select id, at, $1, kind, outcome, $2, $3, request, target_type, target_id, leaf
               from unnest($4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::bytea[])
                 as e (id, at, kind, outcome, request, target_type, target_id, leaf)
             ), detail as (
               insert into ledger.detail (event_id, recorded_at, salt, data, sealed, words, marks)
               select id, at, salt, data, sealed, words, case when words is not null then array[$2::text, mark] end
               from unnest($12::uuid[], $13::timestamptz[], $14::bytea[], $15::jsonb[], $26::bytea[], $27::text[], $28::text[])
                 as d (id, at, salt, data, sealed, words, mark)
             ), queued as (
               insert into job (kind, payload, run_at)
               select kind, payload, now() + make_interval(secs => delay) from unnest($16::text[], $17::jsonb[], $18::float8[]) as j (kind, payload, delay)
             ), concerned as materialized (
               select n.kind, n.request, part.id from unnest($22::text[], $23::bigint[], $24::uuid[], $29::bool[]) as n (kind, request, requester, voters)
               cross join lateral (select n.requester as id union all select voter_id from vote where request_id = n.request and n.voters
                 union all select operator_id from watch where request_id = n.request) part
             ), noticed as (
               insert into notice (operator_id, kind, request_id, actor_id, at)
               select p.id, c.kind, c.request, (select id from operator where id = $2 and kind = 'person'), $25
               from concerned c join operator p on p.id = c.id and p.kind = 'person' and p.disabled_at is null and p.id <> $2
               on conflict do nothing
             )
             insert into outbox (topic, request_id, payload)
             select topic, request, payload
             from unnest($19::text[], $20::bigint[], $21::jsonb[]) with ordinality as t (topic, request, payload, place) order by place
             returning id",
            SCHEMA,
            actor.id,
            actor.door.name(),
            &events.iter().map(|e| e.id).collect::<Vec<_>>(),
            &events.iter().map(|e| e.at).collect::<Vec<_>>(),
            &events.iter().map(|e| e.kind).collect::<Vec<_>>() as _,
            &events.iter().map(|e| e.outcome).collect::<Vec<_>>() as _,
            &events.iter().map(|e| e.request).collect::<Vec<_>>() as _,
            &events.iter().map(|e| e.target.as_ref().map(|(kind, _)| kind.as_str())).collect::<Vec<_>>() as _,
            &events.iter().map(|e| e.target.as_ref().map(|(_, id)| id.as_str())).collect::<Vec<_>>() as _,
            &events.iter().map(|e| e.leaf.as_slice()).collect::<Vec<_>>() as _,
            &opened.iter().map(|o| o.event.id).collect::<Vec<_>>(),
            &opened.iter().map(|o| o.event.at).collect::<Vec<_>>(),
            &opened.iter().map(|o| o.clear.map(|(salt, _)| &salt[..])).collect::<Vec<_>>() as _,
            &opened.iter().map(|o| o.clear.map(|(_, data)| data)).collect::<Vec<_>>() as _,
            &jobs.iter().map(|j| j.0).collect::<Vec<_>>() as _,
            &jobs.iter().map(|j| &j.1).collect::<Vec<_>>() as _,
            &jobs.iter().map(|j| j.2).collect::<Vec<_>>(),
            &told.iter().map(|t| t.0).collect::<Vec<_>>() as _,
            &told.iter().map(|t| t.1).collect::<Vec<_>>(),
            &told.iter().map(|t| &t.2).collect::<Vec<_>>() as _,
            &notices.iter().map(|n| n.0).collect::<Vec<_>>() as _,
            &notices.iter().map(|n| n.1).collect::<Vec<_>>(),
            &notices.iter().map(|n| n.2).collect::<Vec<_>>(),
            now,
            &opened.iter().map(|o| o.sealed.as_deref()).collect::<Vec<_>>() as _,
            &opened.iter().map(|o| o.clear.and_then(|(_, data)| words::of(data))).collect::<Vec<_>>() as _,
            &opened.iter().map(|o| words::mark(o.event.kind, o.event.outcome)).collect::<Vec<_>>(),
            &notices.iter().map(|n| n.3).collect::<Vec<_>>(),
        )
        .fetch_all(conn)
        .await?;
        Ok(std::iter::zip(told, outbox).map(|((_, request, _), outbox)| Signal { request, outbox }).collect())
    }
}

/// A row beside an event: in clear, or sealed where it is about a person.
struct Row<'a> {
    event: &'a Sealed,
    clear: Option<(&'a [u8; 32], &'a Value)>,
    sealed: Option<Vec<u8>>,
}

/// What goes beside the events. Asks the database only where there is a person's key to be had.
async fn details<'a>(conn: &mut PgConnection, events: &'a [Sealed]) -> Result<Vec<Row<'a>>, Error> {
    let subjects: Vec<String> = events.iter().filter_map(Sealed::subject).collect();
    let keys = if subjects.is_empty() { HashMap::new() } else { subjects::keys(conn, subjects).await? };
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let Some((salt, data)) = &event.opening else { continue };
        let key = event.subject().and_then(|subject| keys.get(&subject));
        let sealed = key.map(|key| subjects::lock(key, event.id, salt, data)).transpose()?;
        rows.push(Row { event, clear: sealed.is_none().then_some((salt, data)), sealed });
    }
    Ok(rows)
}
