-- Personal data that can be erased, and months that can be retired: both without touching a leaf.

-- What an event about a person commits to is encrypted with a key of that person. Without the key it cannot be read any more,
-- wherever it was copied to.
create table ledger.subject_key (
  subject text primary key check (subject ~ '^(user|operator):.'),
  key bytea not null check (octet_length(key) = 32)
);
create trigger append_only before update on ledger.subject_key for each row execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.subject_key for each statement execute function ledger.refuse_change();
alter table ledger.subject_key enable always trigger append_only;
alter table ledger.subject_key enable always trigger no_truncate;
-- the right to update is the right to hold a row; the trigger refuses the update itself
grant select, insert, update (subject) on ledger.subject_key to countersign_app;
grant select on ledger.subject_key to countersign_auditor;

-- A detail stands in clear with its salt, or both are sealed: a nonce of 24 bytes and the ciphertext. What was in clear and was
-- erased is sealed as nothing.
alter table ledger.detail
  alter column salt drop not null,
  alter column data drop not null,
  add column sealed bytea,
  add constraint clear_or_sealed check ((sealed is null) = (salt is not null and data is not null) and (sealed is null or words is null));

create or replace function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and tg_table_schema = 'ledger' and tg_table_name like 'detail\_%' then
    -- a detail from before there were keys is erased; another trigger wants that told
    if new.sealed = '' and new.words is null and (new.event_id, new.recorded_at) = (old.event_id, old.recorded_at) then
      return new;
    end if;
  end if;
  raise exception 'the ledger is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = '55000';
end $$;

-- Nothing is erased without an event that says so, in the same transaction.
create function ledger.require_erasure() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
declare
  whose text;
begin
  if tg_table_name = 'subject_key' then
    whose := old.subject;
  else
    select target_type || ':' || target_id into whose from ledger.event where event_id = old.event_id and recorded_at = old.recorded_at;
  end if;
  if not exists (select from ledger.pending p join ledger.event e on e.event_id = p.event_id and e.recorded_at = p.recorded_at
      where p.xid = pg_current_xact_id() and e.kind = 'subject.erased' and e.target_type = 'subject' and e.target_id = whose) then
    raise exception 'that % was erased was not written to the ledger', whose using errcode = 'CS003';
  end if;
  return null;
end $$;
create constraint trigger erasure_is_told after delete on ledger.subject_key deferrable initially deferred
  for each row execute function ledger.require_erasure();
create constraint trigger erasure_is_told after update on ledger.detail deferrable initially deferred
  for each row execute function ledger.require_erasure();

-- Erases what is kept about somebody, for a request that was countersigned and is being carried out. The only way: the application
-- may delete nothing here by itself. Bindings stay, and what is still open is refused before it comes to this.
create function ledger.erase_subject(request bigint, subject_kind text, subject_id text) returns void
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  -- long enough to be a reason, and read in either language
  gone constant text := '[지워짐 · erased]';
  concerned bigint[];
begin
  if not exists (select from public.request r where r.id = request and r.operation = 'subject.erase'
      and r.state = 'executing' and not r.broke_glass and r.target_type = 'subject' and r.target_id = subject_kind || ':' || subject_id) then
    raise exception 'nobody asked for %:% to be erased', subject_kind, subject_id using errcode = 'CS004';
  end if;
  delete from ledger.subject_key where subject_key.subject = subject_kind || ':' || subject_id;
  update ledger.detail d set salt = null, data = null, words = null, sealed = '' from ledger.event e
    where e.target_id = subject_id and e.target_type = subject_kind and d.event_id = e.event_id and d.recorded_at = e.recorded_at
      and d.data is not null;
  select coalesce(array_agg(r.id), '{}') into concerned from public.request r
    where r.target_type = subject_kind and r.target_id = subject_id and r.target_label <> gone
      and r.state not in ('pending', 'approved', 'executing', 'unknown');
  update public.request r set target_label = gone, reason = gone, emergency = case when r.emergency is not null then gone end,
      fields = '{}', before = '{}', after = '{}',
      outcome = case when r.outcome is not null then jsonb_build_object('code', r.outcome -> 'code') end
    where r.id = any(concerned);
  update public.request_words w set words = lower(r.target_id || ' ' || r.operation) from public.request r
    where r.id = w.request_id and r.id = any(concerned);
  update public.vote v set reason = gone where v.request_id = any(concerned) and v.reason is not null;
  update public.finding f set evidence = gone where f.request_id = any(concerned);
  update public.review v set note = gone where v.request_id = any(concerned);
  update public.attempt a set receipt = null where a.request_id = any(concerned) and a.receipt is not null;
end $$;
revoke all on function ledger.erase_subject(bigint, text, text) from public;
grant execute on function ledger.erase_subject(bigint, text, text) to countersign_app;
alter domain public.emergency drop constraint emergency_check;
alter domain public.emergency add constraint emergency_check check (length(value) between 20 and 2000 or value = '[지워짐 · erased]');

-- A month whose events were exported and dropped, with the leaf that vouches for it: that of its event `ledger.retired`, which may
-- itself be retired one day.
create table ledger.retirement (
  month date primary key check (extract(day from month) = 1),
  event_id uuid not null unique,
  leaf bytea not null
);
create trigger append_only before update or delete on ledger.retirement for each row execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.retirement for each statement execute function ledger.refuse_change();
alter table ledger.retirement enable always trigger append_only;
alter table ledger.retirement enable always trigger no_truncate;
grant select on ledger.retirement to countersign_app, countersign_auditor;

-- From when on all events are still here.
create function ledger.kept_since() returns timestamptz language sql stable set search_path = pg_catalog as $$
  select coalesce(max(month + interval '1 month') at time zone 'UTC', '-infinity') from ledger.retirement
$$;
grant execute on function ledger.kept_since() to countersign_app, countersign_auditor;

-- The event that says that a month was retired vouches for it, if its partitions are gone and it comes from the owner: nobody else
-- could have dropped them.
create function ledger.add_retirement() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if has_table_privilege(session_user, 'ledger.event', 'delete') and to_regclass('ledger.event_' || replace(new.target_id, '-', '_')) is null then
    insert into ledger.retirement (month, event_id, leaf) values ((new.target_id || '-01')::date, new.event_id, new.leaf);
  end if;
  return null;
end $$;
create trigger month_is_retired after insert on ledger.event for each row when (new.kind = 'ledger.retired')
  execute function ledger.add_retirement();
