-- Words together with who did what. The rarest filter of all is one that is asked for with words that are everywhere: it has to be in
-- the index of the words, or all that they lead to is read to find nothing.

-- The actor, and the kind with the way it ended: `request.denied denied`. Where there are words, and only there.
alter table ledger.detail add column marks text[];

-- What is there gets its marks. The triggers that guard it are set aside for that, within this transaction.
do $$
declare
  partition regclass;
begin
  for partition in select inhrelid::regclass from pg_inherits where inhparent = 'ledger.detail'::regclass loop
    execute format('alter table %s disable trigger user', partition);
    execute format('update %s d set marks = array[e.actor_id::text, e.kind || '' '' || e.outcome] from ledger.event e
      where e.event_id = d.event_id and e.recorded_at = d.recorded_at and d.words is not null', partition);
    execute format('alter table %s enable trigger user', partition);
    execute format('alter table %s enable always trigger append_only', partition);
    execute format('alter table %s enable always trigger no_truncate', partition);
  end loop;
end $$;
drop index ledger.detail_by_words;
create index detail_by_words on ledger.detail using gin (words gin_trgm_ops, marks);
