-- The people and services that act in Countersign, what they may do, and how they prove who they are.
create table operator (
  id uuid primary key,
  kind text not null default 'person' check (kind in ('person', 'service')),
  email text not null check (email = lower(email)),
  name text not null,
  password_hash text,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  constraint operator_email_is_unique unique (email)
);
create table operator_role (
  operator_id uuid not null references operator on delete cascade,
  role text not null check (role in ('admin', 'approver', 'ops', 'sre', 'cs', 'billing', 'security', 'auditor', 'service')),
  primary key (operator_id, role)
);
create index operator_role_by_role on operator_role (role);
-- An account at the identity provider, known by issuer and subject. A verified e-mail address counts once, to bind it.
create table operator_identity (
  issuer text not null,
  subject text not null,
  operator_id uuid not null references operator,
  primary key (issuer, subject)
);
create table api_token (
  id uuid primary key,
  operator_id uuid not null references operator,
  name text not null,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index api_token_by_operator on api_token (operator_id);

-- Plumbing: not privileged, so not in the ledger. The row is keyed by a hash: a leaked backup opens no session.
create table session (
  id_hash bytea primary key check (octet_length(id_hash) = 32),
  operator_id uuid references operator,
  data jsonb not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index session_by_operator on session (operator_id);
create index session_by_expiry on session (expires_at);
create table login_failure (
  account bytea not null,
  address inet not null,
  at timestamptz not null default now()
);
create index login_failure_by_account on login_failure (account, at);
create index login_failure_by_address on login_failure (address, at);

call ledger.guard('operator');
call ledger.guard('operator_role');
call ledger.guard('operator_identity');
call ledger.guard('api_token');

-- The application adds people who come from the identity provider and follows their roles there. Passwords and tokens are
-- made as the owner. A row can be locked only by who may update something of it: hence the names.
grant select, insert (id, email, name), update (name) on operator to countersign_app;
grant select, insert, update, delete on operator_role to countersign_app;
grant select, insert on operator_identity to countersign_app;
grant select, update (name) on api_token to countersign_app;
grant select, insert, update, delete on session, login_failure to countersign_app;
grant select (id, kind, email, name, disabled_at, created_at) on operator to countersign_auditor;
grant select on operator_role, operator_identity to countersign_auditor;
grant select (id, operator_id, name, scopes, created_at, expires_at, revoked_at) on api_token to countersign_auditor;

-- The services of Countersign itself. They sign in nowhere; their grants are checked like anybody's.
insert into operator (id, kind, email, name) values
  ('00000000-0000-7000-8000-000000000001', 'service', 'executor@countersign.internal', 'Countersign executor'),
  ('00000000-0000-7000-8000-000000000002', 'service', 'identity@countersign.internal', 'Countersign identity'),
  ('00000000-0000-7000-8000-000000000003', 'service', 'console@countersign.internal', 'Countersign console');
insert into operator_role select id, 'service' from operator;
-- The first three operators are this migration; its entry says so.
insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, target_type, target_id, leaf)
select id, at, 1, 'house.founded', 'success', '00000000-0000-7000-8000-000000000003', 'console', 'house', 'countersign',
  convert_to(format('{"at":"%s","id":"%s","kind":"house.founded","v":1}', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), id), 'UTF8')
from (select date_trunc('milliseconds', now()) as at,
  (lpad(to_hex((extract(epoch from date_trunc('milliseconds', now())) * 1000)::bigint), 12, '0') || '70008' || substr(md5(random()::text), 1, 15))::uuid as id) founding;
