-- The house: who may do what to the database, and the ledger's first part.
--
-- The owner (who runs this) owns every table. The application, the sequencer and the auditor are separate roles with
-- only the rights listed here, so that a compromised application cannot rewrite the past.
do $$
declare
  name text;
begin
  foreach name in array array['countersign_app', 'countersign_sequencer', 'countersign_auditor'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I login', name);
    end if;
  end loop;
end $$;

create extension if not exists pg_trgm;

revoke all on schema public from public;
create schema ledger;
grant usage on schema public to countersign_app, countersign_auditor;
grant usage on schema ledger to countersign_app, countersign_sequencer, countersign_auditor;
grant select on _sqlx_migrations to countersign_app, countersign_auditor;

-- One row for each fact. `leaf` holds the exact bytes that the Merkle log will cover: RFC 8785 JSON without personal
-- data. `event_id` is a UUIDv7 whose time is `recorded_at`, so its order is the order of time.
create table ledger.event (
  event_id uuid not null,
  recorded_at timestamptz not null,
  schema_v smallint not null,
  kind text not null,
  outcome text not null check (outcome in ('success', 'failure', 'partial', 'denied', 'unknown')),
  actor_id uuid not null,
  door text not null,
  request_id bigint,
  target_type text,
  target_id text,
  leaf bytea not null check (octet_length(leaf) between 2 and 16384),
  primary key (event_id, recorded_at)
) partition by range (recorded_at);
create index event_by_actor on ledger.event (actor_id, event_id desc);
create index event_by_target on ledger.event (target_type, target_id, event_id desc);
create index event_by_target_id on ledger.event (target_id, event_id desc);
create index event_by_kind on ledger.event (kind text_pattern_ops, event_id desc);
create index event_by_request on ledger.event (request_id, event_id desc);
create index event_by_outcome on ledger.event (event_id desc) where outcome <> 'success';

-- What the leaf only commits to: reason, before and after. Kept apart so that erasure, when it comes, touches no leaf.
create table ledger.detail (
  event_id uuid not null,
  recorded_at timestamptz not null,
  salt bytea not null check (octet_length(salt) = 32),
  data jsonb not null,
  primary key (event_id, recorded_at)
) partition by range (recorded_at);

-- Committed events that no checkpoint covers yet. The sequencer empties it; nothing is ordered by a watermark.
create table ledger.pending (
  event_id uuid primary key,
  recorded_at timestamptz not null,
  xid xid8 not null default pg_current_xact_id()
);
create index pending_by_transaction on ledger.pending (xid, event_id);

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = '55000';
end $$;

create function ledger.add_pending() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into ledger.pending (event_id, recorded_at) values (new.event_id, new.recorded_at);
  return null;
end $$;
create trigger event_is_pending after insert on ledger.event for each row execute function ledger.add_pending();

-- Monthly partitions from `since` until `months` ahead, each guarded. Replicas call it at start and every hour.
create function ledger.prepare_partitions(since date, months int) returns void
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  month date := date_trunc('month', since);
  name text;
  parent text;
begin
  while month <= current_date + make_interval(months => months) loop
    foreach parent in array array['event', 'detail'] loop
      name := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
      if to_regclass('ledger.' || name) is null then
        begin
          execute format('create table ledger.%I partition of ledger.%I for values from (%L) to (%L)', name, parent,
            month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
          execute format('create trigger append_only before update or delete on ledger.%I for each row execute function ledger.refuse_change()', name);
          execute format('create trigger no_truncate before truncate on ledger.%I for each statement execute function ledger.refuse_change()', name);
          execute format('alter table ledger.%I enable always trigger append_only', name);
          execute format('alter table ledger.%I enable always trigger no_truncate', name);
        exception when duplicate_table then null; -- another replica was faster
        end;
      end if;
    end loop;
    month := (month + interval '1 month')::date;
  end loop;
end $$;
revoke all on function ledger.prepare_partitions(date, int) from public;
grant execute on function ledger.prepare_partitions(date, int) to countersign_app;
select ledger.prepare_partitions(current_date, 3);

create trigger no_truncate before truncate on ledger.event for each statement execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.detail for each statement execute function ledger.refuse_change();

grant select, insert on ledger.event, ledger.detail to countersign_app;
grant select on ledger.event to countersign_sequencer, countersign_auditor;
grant select on ledger.detail to countersign_auditor;
grant select, delete on ledger.pending to countersign_sequencer;
grant select on ledger.pending to countersign_auditor;

-- No event, no commit: a transaction that touched a privileged table must have written to the ledger.
create function ledger.require_event() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if not exists (select from ledger.pending where xid = pg_current_xact_id()) then
    raise exception 'a change to %.% was not written to the ledger', tg_table_schema, tg_table_name using errcode = 'CS001';
  end if;
  return null;
end $$;

create procedure ledger.guard(guarded regclass) language plpgsql as $$
begin
  execute format('create constraint trigger is_recorded after insert or update or delete on %s
    deferrable initially deferred for each row execute function ledger.require_event()', guarded);
  execute format('create trigger no_truncate before truncate on %s
    for each statement execute function ledger.refuse_change()', guarded);
end $$;
