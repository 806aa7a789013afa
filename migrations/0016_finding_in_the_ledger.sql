-- Finding events: by any combination of what they say about themselves, and by the words behind their commitments.

-- Every kind of event there ever was, with the ways it ended. Few rows: a filter becomes a list of them, and each is then one short
-- look into an index, however rare the combination is.
create table ledger.kind (
  kind text not null,
  outcome text not null,
  primary key (kind, outcome)
);
insert into ledger.kind select distinct kind, outcome from ledger.event;
grant select on ledger.kind to countersign_app, countersign_auditor;

-- One trigger for both: a second one, with a table of the new rows, cost a transaction more than writing its event.
create or replace function ledger.add_pending() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into ledger.pending (event_id, recorded_at) values (new.event_id, new.recorded_at);
  if not exists (select from ledger.kind k where k.kind = new.kind and k.outcome = new.outcome) then
    insert into ledger.kind values (new.kind, new.outcome) on conflict do nothing;
  end if;
  return null;
end $$;

-- each answers one combination without reading another; what was there before read all of an actor to find none of a kind
drop index ledger.event_by_actor;
drop index ledger.event_by_kind;
drop index ledger.event_by_outcome;
create index event_by_actor on ledger.event (actor_id, kind, outcome, event_id desc);
create index event_by_kind on ledger.event (kind text_pattern_ops, outcome, event_id desc);

-- The words of reason, before and after, as people look for them: small letters, and whatever is neither letter nor digit is a blank.
-- Not those of a question that somebody asked the ledger: it would find itself. The application writes them with the rest, where it
-- takes a microsecond (`src/ledger/words.rs`); this function is for what was there before.
create function ledger.words(data jsonb) returns text language plpgsql immutable parallel safe as $$
begin
  return (select ' ' || regexp_replace(lower(string_agg(value #>> '{}', ' ')), '[\s!-/:-@\[-`{-~]+', ' ', 'g') || ' '
          from jsonb_path_query(data - 'query', 'strict $.** ? (@.type() == "string" || @.type() == "number")') value);
end $$;
alter table ledger.detail add column words text generated always as (ledger.words(data)) stored;
alter table ledger.detail alter column words drop expression;
drop function ledger.words(jsonb);
create index detail_by_words on ledger.detail using gin (words gin_trgm_ops);
