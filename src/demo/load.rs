//! Writes the demo's history as the owner of the tables, in one transaction that is itself in the ledger.
use super::{
    BROKEN, PASSWORD, PEOPLE, Scale, WAITING,
    history::{Actor, Story, World},
    rights,
    shelf::{self, Deed},
};
use crate::{
    auth::{Service, password_hash},
    catalog::today,
    ledger::{self, Entry, Sealed, subjects, words},
    operations::{Guarantee, registry::Registry},
    policy::Version,
    tenants::registration,
};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Requests are written in bunches of this many.
const BUNCH: usize = 5_000;

/// Fills an empty database; does nothing if somebody is there already.
pub async fn fill(owner_url: &str, scale: Scale) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(owner_url).await?;
    if sqlx::query_scalar!(r#"select exists (select from operator where kind = 'person') as "filled!""#).fetch_one(&mut conn).await? {
        return Ok(());
    }
    sqlx::query_scalar!("select ledger.prepare_partitions((current_date - interval '13 months')::date, 3)").execute(&mut conn).await?;
    let mut world = World::new(scale, Service::Executor.id());
    let people = people(&mut conn).await?;
    let (registry, policy, now) = (Registry::through(None, super::tools()), Version::first(super::POLICY)?, Utc::now());
    let mut id = 0;
    let plans = ("user.plan.grant", if scale.product { Guarantee::Keyed } else { Guarantee::Transactional });
    if scale.catalog {
        deeds(&mut conn, rights::old(now), &mut world, &mut id, &people, (&registry, &policy)).await?;
        deeds(&mut conn, shelf::old(now, today()), &mut world, &mut id, &people, (&registry, &policy)).await?;
    }
    // most of what waits came in over the last two days, between requests that have been decided since
    let mut times: Vec<_> = world.times(scale.requests, now).into_iter().map(|at| (at, false)).collect();
    let more = scale.waiting.saturating_sub(WAITING.len());
    times.extend((0..more).map(|n| (now - TimeDelta::minutes(360 + (n * 2_400 / more) as i64), true)));
    times.sort_unstable();
    for bunch in times.chunks(BUNCH) {
        let stories: Vec<Story> = bunch
            .iter()
            .map(|(at, waits)| {
                id += 1;
                match waits {
                    true => world.waiting(id, *at, None, &people, &registry, &policy),
                    false => world.past(id, *at, &people, &registry, &policy),
                }
            })
            .collect();
        write(&mut conn, &stories, plans).await?;
    }
    if scale.catalog {
        deeds(&mut conn, shelf::new(now, today()), &mut world, &mut id, &people, (&registry, &policy)).await?;
        let mut tx = conn.begin().await?;
        let (kind, code, version) = shelf::draft(&mut tx, people[1].id).await?;
        events(&mut tx, &[&seal(Entry::of("draft.saved").on(kind, code).with("version", version).with("revision", 1))?]).await?;
        tx.commit().await?;
    }
    let broken: Vec<Story> = BROKEN
        .into_iter()
        .map(|(minutes_ago, said)| world.broken(next(&mut id), now - TimeDelta::minutes(minutes_ago), said, &people, &registry, &policy))
        .collect();
    write(&mut conn, &broken, plans).await?;
    if scale.calls {
        let calls = world.calls(&mut || next(&mut id), now, &people, &registry, &policy, false);
        write(&mut conn, &calls, plans).await?;
    }
    let waiting: Vec<Story> = WAITING
        .into_iter()
        .map(|(minutes_ago, left)| world.waiting(next(&mut id), now - TimeDelta::minutes(minutes_ago), left, &people, &registry, &policy))
        .collect();
    write(&mut conn, &waiting, plans).await?;
    if scale.calls {
        let calls = world.calls(&mut || next(&mut id), now, &people, &registry, &policy, true);
        write(&mut conn, &calls, plans).await?;
    }
    let (stories, tenancies) = super::onboarding::all(&mut world, &mut || next(&mut id), now, &people, (&registry, &policy), scale.catalog);
    write(&mut conn, &stories, plans).await?;
    customers(&mut conn, &world).await?;
    for tenancy in &tenancies {
        let mut tx = conn.begin().await?;
        super::onboarding::store::write(&mut tx, tenancy).await?;
        events(&mut tx, &tenancy.events.iter().collect::<Vec<_>>()).await?;
        tx.commit().await?;
    }
    if scale.catalog {
        let (redeemed, mut tx) = (rights::redemptions(now, people[4].id), conn.begin().await?);
        rights::store::leave(&mut tx, &redeemed).await?;
        events(&mut tx, &redeemed.iter().map(|r| &r.event).collect::<Vec<_>>()).await?;
        tx.commit().await?;
    }
    super::onboarding::store::finish(&mut conn).await?;
    if scale.catalog {
        let mut tx = conn.begin().await?;
        super::subscriptions::store::begin(&mut tx).await?;
        events(&mut tx, &[&seal(Entry::of("demo.loaded").with("subscriptions", true))?]).await?;
        tx.commit().await?;
        super::subscriptions::store::finish(&mut conn).await?;
        let last = super::subscriptions::planned(now, today()).into_iter().chain(super::addons::all(now, today()));
        let last = last.chain(super::subscriptions::moving(now, today())).collect();
        deeds(&mut conn, last, &mut world, &mut id, &people, (&registry, &policy)).await?;
    }
    sqlx::query_scalar!("select setval(pg_get_serial_sequence('request', 'id'), $1)", id).fetch_one(&mut conn).await?;
    sqlx::raw_sql("analyze company, tenant, tenant_subscription, tenant_onboarding_request, tenant_onboarding_task, request, request_words, vote, attempt, admin_orgs, admin_users, admin_user_orgs, ledger.event, ledger.detail")
        .execute(&mut conn)
        .await?;
    Ok(conn.close().await?)
}

fn next(id: &mut i64) -> i64 {
    *id += 1;
    *id
}

/// Each as the operation previews it, with what it leaves behind.
async fn deeds(
    conn: &mut PgConnection,
    deeds: Vec<Deed>,
    world: &mut World,
    id: &mut i64,
    people: &[Actor],
    (registry, policy): (&Registry, &Version),
) -> anyhow::Result<()> {
    for deed in deeds {
        let mut tx = conn.begin().await?;
        let preview = deed.preview(&mut tx, registry).await?;
        let story = world.deed(next(id), &deed, preview, people, registry, policy);
        write(&mut tx, std::slice::from_ref(&story), ("", Guarantee::Transactional)).await?;
        if story.ended.is_some() {
            shelf::leave(&mut tx, &story.request, story.ended).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// What the product knows of the customers when the demo begins: the same as we do.
pub(super) async fn product(owner_url: &str) -> anyhow::Result<serde_json::Value> {
    let mut conn = PgConnection::connect(owner_url).await?;
    let orgs = sqlx::query_scalar!(
        r#"select coalesce(jsonb_object_agg(o.id, jsonb_build_object('id', o.id, 'name', o.name, 'company', c.name, 'tier', o.tier, 'credit', o.credit)), '{}') as "all!"
           from admin_orgs o join company c on c.id = o.company_id"#
    ).fetch_one(&mut conn).await?;
    let users = sqlx::query_scalar!(
        r#"select coalesce(jsonb_object_agg(id, jsonb_build_object('id', id, 'name', name, 'email', email, 'plan', plan, 'plan_until', plan_until)), '{}') as "all!"
           from admin_users"#
    ).fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(json!({"orgs": orgs, "users": users}))
}

/// What the demo's customers have paid when it begins: some of everything, of real companies of the demo.
pub(super) async fn payments(owner_url: &str) -> anyhow::Result<serde_json::Value> {
    let mut conn = PgConnection::connect(owner_url).await?;
    let companies = sqlx::query_scalar!("select name from company order by id limit 36").fetch_all(&mut conn).await?;
    conn.close().await?;
    let now = Utc::now();
    let states =
        ["paid", "paid", "paid", "awaiting_deposit", "paid", "partly_cancelled", "paid", "failed", "paid", "cancelled", "ready", "paid"];
    let payments = companies.into_iter().enumerate().map(|(n, payer)| {
        let (state, order) = (states[n % states.len()], format!("HB-2026-{:04}", 1_001 + n));
        let amount = [1_650_000, 3_158_546, 990_000, 13_200_000, 528_000][n % 5];
        let cancelled = match state {
            "partly_cancelled" => amount / 4,
            "cancelled" => amount,
            _ => 0,
        };
        let at = now - TimeDelta::minutes(47 * n as i64);
        let paid_at = ["paid", "partly_cancelled", "cancelled"].contains(&state).then_some(at);
        let payment = json!({
            "provider": if n % 3 == 2 { "toss" } else { "portone" }, "order": order, "key": format!("tviva2026{n:04}"), "state": state, "amount": amount,
            "cancelled": cancelled, "payer": payer, "at": at, "paid_at": paid_at, "secret": format!("ps_demo{n:04}"),
        });
        (order, payment)
    });
    Ok(json!({"payments": payments.collect::<serde_json::Map<_, _>>()}))
}

async fn people(conn: &mut PgConnection) -> anyhow::Result<Vec<Actor>> {
    let hash = password_hash(PASSWORD.into()).await?;
    let mut tx = conn.begin().await?;
    let mut people = Vec::new();
    for (n, person) in PEOPLE.iter().enumerate() {
        let id = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0100 + n as u128);
        sqlx::query!("insert into operator (id, email, name, password_hash) values ($1, $2, $3, $4)", id, person.email, person.name, hash)
            .execute(&mut *tx)
            .await?;
        for role in person.roles {
            sqlx::query!("insert into operator_role (operator_id, role) values ($1, $2)", id, role.name()).execute(&mut *tx).await?;
        }
        let entry = Entry::of("operator.added")
            .on("operator", &id.to_string())
            .after(json!({"email": person.email, "name": person.name, "roles": person.roles.iter().map(|r| r.name()).collect::<Vec<_>>()}));
        events(&mut tx, &[&seal(entry)?]).await?;
        people.push(Actor { id, name: person.name.into(), roles: person.roles.to_vec() });
    }
    tx.commit().await?;
    Ok(people)
}

fn seal(entry: Entry) -> anyhow::Result<Sealed> {
    let now = chrono::SubsecRound::trunc_subsecs(Utc::now(), 3);
    Ok(ledger::seal(Service::Console.id(), "console", None, now, 1, entry)?)
}

async fn customers(conn: &mut PgConnection, world: &World) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    let since = Utc::now() - TimeDelta::days(400);
    let (ids, names): (Vec<_>, Vec<_>) = world.companies.iter().cloned().unzip();
    // numbers of corporations, from different tax offices
    let numbers: Vec<_> = (0..ids.len() as u32).map(|n| registration::completed(101_810_011 + n * 1_000_037)).collect();
    sqlx::query!(
        "insert into company (id, name, created_at, biz_reg_no) select i, n, $3, b from unnest($1::text[], $2::text[], $4::text[]) t (i, n, b)",
        &ids,
        &names,
        since,
        &numbers
    )
    .execute(&mut *tx)
    .await?;
    let id: Vec<_> = world.orgs.iter().map(|o| o.id.clone()).collect();
    let company: Vec<_> = world.orgs.iter().map(|o| world.companies[o.company].0.clone()).collect();
    let name: Vec<_> = world.orgs.iter().map(|o| o.name.clone()).collect();
    let tier: Vec<_> = world.orgs.iter().map(|o| o.tier.to_owned()).collect();
    let credit: Vec<_> = world.orgs.iter().map(|o| o.credit).collect();
    sqlx::query!(
        "insert into admin_orgs (id, company_id, name, tier, credit, created_at)
         select i, c, n, t, k, $6 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) x (i, c, n, t, k)",
        &id,
        &company,
        &name,
        &tier,
        &credit,
        since
    )
    .execute(&mut *tx)
    .await?;
    let id: Vec<_> = world.users.iter().map(|u| u.id.clone()).collect();
    let name: Vec<_> = world.users.iter().map(|u| u.name.clone()).collect();
    let email: Vec<_> = world.users.iter().map(|u| u.email.clone()).collect();
    let plan: Vec<_> = world.users.iter().map(|u| u.plan.to_owned()).collect();
    sqlx::query!(
        "insert into admin_users (id, name, email, plan, created_at) select i, n, e, p, $5 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) x (i, n, e, p)",
        &id, &name, &email, &plan, since
    ).execute(&mut *tx).await?;
    let memberships = || {
        world
            .users
            .iter()
            .flat_map(|u| u.member_of.iter().map(move |(org, role)| (u.id.clone(), world.orgs[*org].id.clone(), (*role).to_owned())))
    };
    let user: Vec<_> = memberships().map(|m| m.0).collect();
    let org: Vec<_> = memberships().map(|m| m.1).collect();
    let role: Vec<_> = memberships().map(|m| m.2).collect();
    sqlx::query!(
        "insert into admin_user_orgs (user_id, org_id, role) select * from unnest($1::text[], $2::text[], $3::text[])",
        &user,
        &org,
        &role
    )
    .execute(&mut *tx)
    .await?;
    let entry =
        Entry::of("demo.loaded").with("companies", world.companies.len()).with("orgs", world.orgs.len()).with("users", world.users.len());
    events(&mut tx, &[&seal(entry)?]).await?;
    Ok(tx.commit().await?)
}

/// `product` is the operation that the product carries out from now on, with what it promises; the past was our own.
async fn write(conn: &mut PgConnection, stories: &[Story], product: (&str, Guarantee)) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    let rows: Vec<_> = stories.iter().map(|s| {
        let r = &s.request;
        json!({
            "id": r.id, "operation": r.operation, "operation_version": r.operation_version, "fields": r.fields, "reason": r.reason, "risk": r.risk,
            "requester_id": r.requester_id, "target_type": r.target_type, "target_id": r.target_id, "target_label": r.target_label,
            "before": r.before, "after": r.after, "policy": r.ruling, "approvals_needed": r.ruling.approvals, "self_approval": r.ruling.self_approval,
            "binding": format!("\\x{}", r.binding_hex()), "created_at": r.created_at, "expires_at": r.expires_at, "state": r.state.name(), "version": r.version,
            "execute_by": r.execute_by, "decided_at": r.decided_at, "closed_at": r.closed_at, "outcome": r.outcome,
            "voter_roles": r.ruling.voter_roles(), "waits_for": r.waits_for,
            "emergency": r.glass.as_ref().map(|g| &g.emergency), "review_due_at": r.glass.as_ref().map(|g| g.review_due_at),
            "guarantee": if r.state.is_open() && r.operation == product.0 { product.1.name() } else { Guarantee::Transactional.name() },
        })
    }).collect();
    sqlx::query!(
        "insert into request (id, operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label,
           before, after, policy, approvals_needed, self_approval, binding, created_at, expires_at, state, version, execute_by, decided_at, closed_at, outcome,
           voter_roles, waits_for, broke_glass, emergency, review_due_at, guarantee)
         overriding system value
         select id, operation, operation_version, fields, reason, risk, requester_id, 'web', target_type, target_id, target_label,
           before, after, policy, approvals_needed, self_approval, binding, created_at, expires_at, state, version, execute_by, decided_at, closed_at, outcome,
           voter_roles, waits_for, emergency is not null, emergency, review_due_at, guarantee
         from jsonb_to_recordset($1) r (id bigint, operation text, operation_version smallint, fields jsonb, reason text, risk text, requester_id uuid,
           target_type text, target_id text, target_label text, before jsonb, after jsonb, policy jsonb, approvals_needed smallint, self_approval boolean,
           binding bytea, created_at timestamptz, expires_at timestamptz, state text, version int, execute_by timestamptz, decided_at timestamptz,
           closed_at timestamptz, outcome jsonb, voter_roles text[], waits_for text[], emergency text, review_due_at timestamptz, guarantee text)", json!(rows)
    ).execute(&mut *tx).await?;
    let votes: Vec<_> = stories.iter().filter_map(|s| s.vote.as_ref().map(|v| json!({
        "request_id": s.request.id, "voter_id": v.voter, "decision": if v.approves { "approve" } else { "reject" },
        "binding": format!("\\x{}", s.request.binding_hex()), "reason": v.reason, "at": v.at, "requester_id": s.request.requester_id, "self_approval": s.request.ruling.self_approval,
    }))).collect();
    sqlx::query!(
        "insert into vote (request_id, voter_id, decision, binding, reason, door, at, requester_id, self_approval)
         select request_id, voter_id, decision, binding, reason, 'web', at, requester_id, self_approval
         from jsonb_to_recordset($1) v (request_id bigint, voter_id uuid, decision text, binding bytea, reason text, at timestamptz, requester_id uuid, self_approval boolean)",
        json!(votes)
    ).execute(&mut *tx).await?;
    let reviews: Vec<_> = stories.iter().filter_map(|s| s.review.as_ref().map(|v| json!({
        "request_id": s.request.id, "reviewer_id": v.reviewer, "verdict": if v.justified { "justified" } else { "not_justified" }, "note": v.note,
        "at": v.at, "requester_id": s.request.requester_id,
    }))).collect();
    sqlx::query!(
        "insert into review (request_id, reviewer_id, verdict, note, door, at, requester_id)
         select request_id, reviewer_id, verdict, note, 'web', at, requester_id
         from jsonb_to_recordset($1) v (request_id bigint, reviewer_id uuid, verdict text, note text, at timestamptz, requester_id uuid)",
        json!(reviews)
    )
    .execute(&mut *tx)
    .await?;
    // most people read first; one in ten decides unread, as in companies that are real
    let decided: Vec<i64> = stories.iter().map(|s| s.request.id).collect();
    sqlx::query!(
        "insert into request_seen (request_id, operator_id, first_seen_at)
         select request_id, voter_id, at - make_interval(secs => case when request_id % 17 = 3 then 3 else 8 + request_id * 7919 % 240 end)
         from vote where request_id = any($1) and request_id % 23 <> 5",
        &decided
    )
    .execute(&mut *tx)
    .await?;
    let (ids, ends): (Vec<_>, Vec<_>) = stories.iter().filter_map(|s| Some((s.request.id, s.ended?))).unzip();
    sqlx::query!(
        r#"insert into attempt (request_id, epoch, replica, started_at, ended_at, outcome, receipt)
           select i, 1, 'demo', e, e, 'succeeded', '{"code": "done"}' from unnest($1::bigint[], $2::timestamptz[]) x (i, e)"#,
        &ids,
        &ends
    )
    .execute(&mut *tx)
    .await?;
    let all: Vec<&Sealed> = stories.iter().flat_map(|s| &s.events).collect();
    events(&mut tx, &all).await?;
    Ok(tx.commit().await?)
}

async fn events(conn: &mut PgConnection, events: &[&Sealed]) -> anyhow::Result<()> {
    let id: Vec<_> = events.iter().map(|e| e.id).collect();
    let at: Vec<_> = events.iter().map(|e| e.at).collect();
    let kind: Vec<_> = events.iter().map(|e| e.kind.to_owned()).collect();
    let outcome: Vec<_> = events.iter().map(|e| e.outcome.to_owned()).collect();
    let actor: Vec<_> = events.iter().map(|e| e.actor).collect();
    let door: Vec<_> = events.iter().map(|e| e.door.to_owned()).collect();
    let request: Vec<_> = events.iter().map(|e| e.request).collect();
    let target_type: Vec<_> = events.iter().map(|e| e.target.as_ref().map(|t| t.0.clone())).collect();
    let target_id: Vec<_> = events.iter().map(|e| e.target.as_ref().map(|t| t.1.clone())).collect();
    let leaf: Vec<_> = events.iter().map(|e| e.leaf.clone()).collect();
    sqlx::query!(
        "insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, request_id, target_type, target_id, leaf)
         select i, a, 1, k, o, c, d, r, t, g, l from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bytea[])
           x (i, a, k, o, c, d, r, t, g, l)",
        &id, &at, &kind, &outcome, &actor, &door, &request as &[Option<i64>], &target_type as &[Option<String>], &target_id as &[Option<String>], &leaf
    ).execute(&mut *conn).await?;
    let subjects: Vec<String> = events.iter().filter_map(|e| e.subject()).collect();
    let keys = subjects::keys(conn, subjects).await?;
    let (mut id, mut at, mut salt, mut data, mut sealed, mut found_by) = (vec![], vec![], vec![], vec![], vec![], vec![]);
    let (mut actor, mut mark) = (vec![], vec![]);
    for event in events {
        let Some((own, value)) = &event.opening else { continue };
        let key = event.subject().map(|subject| keys[&subject]);
        id.push(event.id);
        at.push(event.at);
        salt.push(key.is_none().then(|| own.to_vec()));
        data.push(key.is_none().then(|| value.clone()));
        found_by.push(if key.is_none() { words::of(value) } else { None });
        actor.push(event.actor.to_string());
        mark.push(words::mark(event.kind, event.outcome));
        sealed.push(key.map(|key| subjects::lock(&key, event.id, own, value)).transpose()?);
    }
    sqlx::query!(
        "insert into ledger.detail (event_id, recorded_at, salt, data, sealed, words, marks)
         select i, a, s, d, l, w, case when w is not null then array[c, m] end
         from unnest($1::uuid[], $2::timestamptz[], $3::bytea[], $4::jsonb[], $5::bytea[], $6::text[], $7::text[], $8::text[])
           x (i, a, s, d, l, w, c, m)",
        &id,
        &at,
        &salt as &[Option<Vec<u8>>],
        &data as &[Option<serde_json::Value>],
        &sealed as &[Option<Vec<u8>>],
        &found_by as &[Option<String>],
        &actor,
        &mark
    )
    .execute(conn)
    .await?;
    Ok(())
}
