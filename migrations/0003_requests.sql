-- The spine: a request, its votes, its attempts, and what must go out once a transition has committed.
create table request (
  id bigint generated always as identity primary key,
  operation text not null,
  operation_version smallint not null,
  fields jsonb not null,
  reason text not null check (length(reason) between 10 and 2000),
  risk text not null check (risk in ('low', 'medium', 'high', 'critical')),
  requester_id uuid not null references operator,
  door text not null,
  target_type text not null,
  target_id text not null,
  target_label text not null,
  before jsonb not null,
  after jsonb not null,
  policy jsonb not null,
  approvals_needed smallint not null check (approvals_needed between 0 and 9),
  self_approval boolean not null,
  binding bytea not null check (octet_length(binding) = 32),
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  not_before timestamptz,
  state text not null check (state in ('pending', 'approved', 'executing', 'succeeded', 'failed', 'partial', 'unknown',
    'denied', 'expired', 'withdrawn', 'stale')),
  version int not null default 1,
  execute_by timestamptz,
  decided_at timestamptz,
  closed_at timestamptz,
  outcome jsonb,
  search text not null generated always as (lower(target_label || ' ' || target_id || ' ' || operation || ' ' || reason)) stored,
  -- what a vote refers to, so that "nobody approves their own request" is a constraint and not a habit
  constraint request_is_votable unique (id, requester_id, self_approval)
);
create index request_by_requester on request (requester_id, id desc);
create index request_by_operation on request (operation, id desc);
create index request_by_target on request (target_type, target_id, id desc);
create index request_by_state on request (state, id desc);
create index request_open on request (id desc) where state in ('pending', 'approved', 'executing', 'unknown');
create index request_closed on request (id desc) where state not in ('pending', 'approved', 'executing', 'unknown');
create index request_expiring on request (expires_at) where state = 'pending';
create index request_overdue on request (execute_by) where state = 'approved';
create index request_by_words on request using gin (search gin_trgm_ops);

create table vote (
  request_id bigint not null,
  voter_id uuid not null references operator,
  decision text not null check (decision in ('approve', 'reject')),
  binding bytea not null check (octet_length(binding) = 32),
  reason text check (length(reason) <= 2000),
  door text not null,
  at timestamptz not null,
  requester_id uuid not null,
  self_approval boolean not null,
  constraint one_vote_for_each_human primary key (request_id, voter_id),
  constraint vote_is_for_request foreign key (request_id, requester_id, self_approval) references request (id, requester_id, self_approval),
  constraint voter_is_not_requester check (self_approval or voter_id <> requester_id),
  constraint rejection_has_reason check (decision = 'approve' or length(reason) >= 10)
);

create table attempt (
  request_id bigint not null references request,
  epoch smallint not null,
  replica text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text check (outcome in ('succeeded', 'failed', 'partial', 'unknown')),
  receipt jsonb,
  primary key (request_id, epoch)
);

-- Kept as long as the request. The fingerprint tells a retry from a mistake.
create table idempotency_key (
  operator_id uuid not null references operator,
  key text not null check (length(key) between 1 and 255),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  request_id bigint not null references request,
  primary key (operator_id, key)
);

-- One row for each transition: what live pages, and later mail, Slack and webhooks, are told.
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  request_id bigint,
  payload jsonb not null,
  created_at timestamptz not null default now()
);
create index outbox_by_time on outbox (created_at);

-- The queue. A worker claims a row by locking it inside the transaction that does the work, so a worker that dies
-- gives it back at once, and work that commits is never seen again.
create table job (
  id bigint generated always as identity primary key,
  kind text not null,
  payload jsonb not null,
  run_at timestamptz not null default now(),
  attempts smallint not null default 0,
  last_error text,
  created_at timestamptz not null default now()
);
create index job_by_time on job (run_at, id);

call ledger.guard('request');
call ledger.guard('vote');
call ledger.guard('attempt');

-- What was asked for cannot be edited: only the columns of its fate can.
grant select, insert, update (state, version, execute_by, decided_at, closed_at, outcome) on request to countersign_app;
grant select, insert, update (decision, binding, reason, door, at) on vote to countersign_app;
grant select, insert, update (ended_at, outcome, receipt) on attempt to countersign_app;
grant select, insert on idempotency_key to countersign_app;
grant select, insert, delete on outbox to countersign_app;
grant select, insert, update, delete on job to countersign_app;
grant select on request, vote, attempt to countersign_auditor;
