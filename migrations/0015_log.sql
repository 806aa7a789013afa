-- The log over the events: a Merkle tree (RFC 6962) whose checkpoints are signed and published. Only the sequencer writes here,
-- and it writes nothing anywhere else.

-- One row for each log; its lock is the lease of whoever sequences, and dies with the connection.
create table ledger.head (
  log smallint primary key default 1 check (log = 1),
  -- names the log in its checkpoints, for ever
  origin text not null,
  size bigint not null default 0 check (size >= 0),
  -- roots of the perfect trees that the leaves fill, the largest first
  frontier bytea not null default '',
  root bytea not null check (octet_length(root) = 32),
  -- how much of it a checkpoint outside of this database covers
  published_size bigint not null default 0 check (published_size between 0 and size),
  published_at timestamptz,
  -- why nothing is signed any more, and since when
  halted text,
  halted_at timestamptz,
  check ((halted is null) = (halted_at is null))
);

-- How people decided that a halted log goes on. It fits the halt that it was decided for, and no other.
create table ledger.way_out (
  request_id bigint primary key references request,
  way text not null check (way in ('replay', 'epoch')),
  -- names the log from then on, if its copy is given up
  origin text check ((way = 'epoch') = (origin is not null)),
  -- how many leaves the database had
  size bigint not null,
  halted_at timestamptz not null
);
call ledger.guard('ledger.way_out');
grant select, insert on ledger.way_out to countersign_app;
grant select on ledger.way_out to countersign_sequencer, countersign_auditor;

create table ledger.leaf (
  leaf_index bigint primary key check (leaf_index >= 0),
  event_id uuid not null unique,
  recorded_at timestamptz not null,
  hash bytea not null check (octet_length(hash) = 32)
);

-- Hashes of the tree, 256 of a level in a row: what a proof is made of, and what others fetch to check the whole.
create table ledger.tile (
  level smallint not null check (level between 0 and 7),
  n bigint not null check (n >= 0),
  hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (level, n)
);

create table ledger.checkpoint (
  size bigint primary key check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  -- the signed note, as it was published
  note text not null,
  signed_at timestamptz not null default clock_timestamp()
);

create trigger append_only before update or delete on ledger.leaf for each row execute function ledger.refuse_change();
create trigger append_only before update or delete on ledger.checkpoint for each row execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.leaf for each statement execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.checkpoint for each statement execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.tile for each statement execute function ledger.refuse_change();
create trigger no_truncate before truncate on ledger.head for each statement execute function ledger.refuse_change();
alter table ledger.leaf enable always trigger append_only;
alter table ledger.leaf enable always trigger no_truncate;
alter table ledger.checkpoint enable always trigger append_only;
alter table ledger.checkpoint enable always trigger no_truncate;

-- A tile only grows, and the head only moves on.
create function ledger.refuse_shrinking() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'the log only grows: delete of %.% is refused', tg_table_schema, tg_table_name using errcode = '55000';
  elsif tg_table_name = 'tile' then
    if substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes or (new.level, new.n) <> (old.level, old.n) then
      raise exception 'the log only grows: a tile would lose hashes' using errcode = '55000';
    end if;
  elsif new.origin <> old.origin and not exists (select from ledger.way_out w where w.halted_at = old.halted_at and w.origin = new.origin) then
    raise exception 'the log keeps its name until people decide otherwise' using errcode = '55000';
  elsif new.size < old.size or new.published_size < old.published_size then
    raise exception 'the log only grows: its head would go back' using errcode = '55000';
  end if;
  return new;
end $$;
create trigger only_grows before update or delete on ledger.tile for each row execute function ledger.refuse_shrinking();
create trigger only_grows before update or delete on ledger.head for each row execute function ledger.refuse_shrinking();
alter table ledger.tile enable always trigger only_grows;
alter table ledger.head enable always trigger only_grows;

grant select, insert on ledger.leaf, ledger.checkpoint to countersign_sequencer;
grant select, insert on ledger.tile, ledger.head to countersign_sequencer;
grant update (hashes) on ledger.tile to countersign_sequencer;
grant update (origin, size, frontier, root, published_size, published_at, halted, halted_at) on ledger.head to countersign_sequencer;
grant select on ledger.leaf, ledger.tile, ledger.head, ledger.checkpoint, ledger.pending to countersign_app;

-- in the order in which the sequencer takes them; a second index would cost every transaction for nothing
drop index ledger.pending_by_transaction;
alter table ledger.pending drop constraint pending_pkey, add primary key (xid, event_id);

grant select on ledger.leaf, ledger.tile, ledger.head, ledger.checkpoint to countersign_auditor;
-- Brings back events that the log's copy has and a restored database has not. Only while a halt that people decided about lasts.
create function ledger.replay(leaves bytea[]) returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  if not exists (select from ledger.head h join ledger.way_out w on w.halted_at = h.halted_at where w.way = 'replay') then
    raise exception 'nobody decided that the log is replayed' using errcode = '55000';
  end if;
  insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, request_id, target_type, target_id, leaf)
  select (l ->> 'id')::uuid, (l ->> 'at')::timestamptz, (l ->> 'v')::smallint, l ->> 'kind', l ->> 'outcome', (l ->> 'actor')::uuid, l ->> 'door',
    substr(l ->> 'request', 4)::bigint, l -> 'target' ->> 'type', l -> 'target' ->> 'id', leaf
  from (select leaf, convert_from(leaf, 'UTF8')::jsonb as l from unnest(leaves) as leaf) kept
  on conflict do nothing;
  delete from ledger.pending where event_id in (select (convert_from(leaf, 'UTF8')::jsonb ->> 'id')::uuid from unnest(leaves) as leaf);
end $$;
revoke execute on function ledger.replay from public;
grant execute on function ledger.replay to countersign_sequencer;

-- whether each job has its request is for the auditor to check, too
grant select on job to countersign_auditor;

-- The founding's leaf said less than its row. No tree has it yet, so now it says everything, as every later leaf does.
do $$
declare
  founding record;
begin
  select tableoid::regclass as partition, * into strict founding from ledger.event where kind = 'house.founded';
  execute format('alter table %s disable trigger append_only', founding.partition);
  update ledger.event set leaf = convert_to(format(
    '{"actor":"%s","at":"%s","door":"%s","id":"%s","kind":"%s","outcome":"%s","target":{"id":"%s","type":"%s"},"v":1}',
    actor_id, to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), door, event_id, kind, outcome, target_id, target_type), 'UTF8')
    where event_id = founding.event_id;
  execute format('alter table %s enable always trigger append_only', founding.partition);
end $$;
