-- A binding stays in the ledger for good, and is a hash of what was asked: of a plan and a date, say, which are soon guessed. From now on
-- each has a salt, which goes when the person is erased.
alter table request add column binding_salt bytea check (octet_length(binding_salt) = 32);

-- Erases what is kept about somebody, for a request that was countersigned and is being carried out. The only way: the application
-- may delete nothing here by itself. Bindings stay, and what is still open is refused before it comes to this.
create or replace function ledger.erase_subject(request bigint, subject_kind text, subject_id text) returns void
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
      outcome = case when r.outcome is not null then jsonb_build_object('code', r.outcome -> 'code') end, binding_salt = null
    where r.id = any(concerned);
  update public.request_words w set words = lower(r.target_id || ' ' || r.operation) from public.request r
    where r.id = w.request_id and r.id = any(concerned);
  update public.vote v set reason = gone where v.request_id = any(concerned) and v.reason is not null;
  update public.finding f set evidence = gone where f.request_id = any(concerned);
  update public.review v set note = gone where v.request_id = any(concerned);
  update public.attempt a set receipt = null where a.request_id = any(concerned) and a.receipt is not null;
end $$;
