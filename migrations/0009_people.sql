-- The people around a request: who is away and who stands in for them, who is told what, and who wants to know.
create extension if not exists btree_gist;

-- Somebody who decides is away, one stretch at a time, and another person who decides may stand in for them.
create table absence (
  id uuid primary key default gen_random_uuid(),
  operator_id uuid not null references operator,
  from_at timestamptz not null,
  -- half-open; moved to the present when somebody comes back early
  until_at timestamptz not null check (until_at >= from_at),
  delegate_id uuid references operator check (delegate_id <> operator_id),
  note text not null default '' check (length(note) <= 200),
  created_at timestamptz not null,
  cancelled boolean not null default false,
  constraint away_once_at_a_time exclude using gist (operator_id with =, tstzrange(from_at, until_at) with &&) where (not cancelled)
);
create index absence_by_delegate on absence (delegate_id, until_at) where not cancelled;
call ledger.guard('absence');
grant select, insert, update (until_at, cancelled) on absence to countersign_app;
grant select on absence to countersign_auditor;

-- Whose authority somebody has besides their own, now. It does not pass on: a delegate's delegate is nobody.
create view stand_in as
  select a.delegate_id, a.operator_id as absent_id, coalesce(o.owner_id, o.id) as absent_human, o.name as absent_name, a.until_at,
    array(select role from operator_role where operator_id = o.id) as roles
  from absence a join operator o on o.id = a.operator_id
  where not a.cancelled and a.from_at <= now() and a.until_at > now() and o.disabled_at is null;
grant select on stand_in to countersign_app, countersign_auditor;

-- Whose authority a vote was cast with besides the voter's own.
alter table vote add column stands_for uuid[] not null default '{}';
grant update (stands_for) on vote to countersign_app;

-- When to remind those who have not voted, when to tell others, and whether that has happened.
alter table request add column remind_at timestamptz, add column escalate_at timestamptz, add column escalated_at timestamptz;
create index request_to_nudge on request (least(remind_at, escalate_at)) where state = 'pending';
grant update (remind_at, escalate_at, escalated_at) on request to countersign_app;

-- What people are told. Plumbing: it says what the ledger says, to those whom it concerns; here now, and what sends mail or
-- messages reads it too. Without references, so that telling somebody never waits for them.
create table notice (
  id bigint generated always as identity primary key,
  operator_id uuid not null,
  kind text not null,
  request_id bigint,
  -- who did it; nobody for what the clock did
  actor_id uuid,
  at timestamptz not null,
  read_at timestamptz
);
create index notice_newest on notice (operator_id, id desc);
-- nobody is told the same twice before they have read it
create unique index notice_unread on notice (operator_id, request_id, kind) where read_at is null;
create index notice_old on notice (at);
grant select, insert, delete, update (read_at) on notice to countersign_app;
grant select on notice to countersign_auditor;

-- Who wants to be told about a request that is not theirs. A bookmark, no right.
create table watch (
  request_id bigint not null,
  operator_id uuid not null,
  primary key (request_id, operator_id)
);
grant select, insert, delete on watch to countersign_app;
grant select on watch to countersign_auditor;
