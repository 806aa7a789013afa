-- From a signed contract to an active tenant: whose company it is, what was sold, the four steps with their evidence, and who decided.

-- The tenth digit of a business registration number (사업자등록번호) is computed from the nine before it.
create function biz_reg_no_is_valid(number text) returns boolean language plpgsql immutable strict parallel safe as $$
declare
  weights int[] := array[1, 3, 7, 1, 3, 7, 1, 3, 5];
  total int := 0;
begin
  if number !~ '^[0-9]{10}$' or number = '0000000000' then
    return false;
  end if;
  for i in 1..9 loop
    total := total + weights[i] * substr(number, i, 1)::int;
  end loop;
  return (10 - (total + 5 * substr(number, 9, 1)::int / 10) % 10) % 10 = substr(number, 10, 1)::int;
end $$;

-- Companies that were there before have no number yet; whoever is onboarded has one.
alter table company
  add column biz_reg_no char(10) constraint biz_reg_no_checks_out check (biz_reg_no_is_valid(biz_reg_no)),
  add column status text not null default 'active' check (status in ('active', 'closed')),
  add constraint company_by_biz_reg_no unique (biz_reg_no);
create index company_by_name on company (name, id);
create index company_by_words on company using gin (lower(name) gin_trgm_ops);
grant insert (id, name, biz_reg_no, created_at) on company to countersign_app;

create table tenant (
  id text primary key check (id ~ '^tnt_[0-9a-z]{10}$'),
  company_id text not null references company,
  -- stays taken whatever becomes of the tenant: another one must not inherit its address
  slug text not null constraint tenant_slug_is_unique unique check (slug ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' and length(slug) between 3 and 32),
  region text not null check (region in ('kr', 'jp', 'sg', 'us')),
  time_zone text not null check (length(time_zone) between 3 and 40),
  status text not null default 'provisioning' check (status in ('provisioning', 'active', 'suspended', 'closed')),
  created_at timestamptz not null,
  activated_at timestamptz,
  constraint active_since_when check (status = 'provisioning' or activated_at is not null or status = 'closed')
);
create index tenant_by_company on tenant (company_id, slug);
create index tenant_by_status on tenant (status, slug);
call ledger.guard('tenant');
grant select, insert (id, company_id, slug, region, time_zone, created_at), update (status, activated_at) on tenant to countersign_app;
grant select on tenant to countersign_auditor;

-- One try to bring a tenant in: what was sold, and how far it came. After a rejection another revision is made.
create table tenant_onboarding_request (
  id bigint generated always as identity primary key,
  tenant_id text not null references tenant,
  revision smallint not null check (revision between 1 and 99),
  parent_id bigint references tenant_onboarding_request,
  state text not null check (state in ('draft', 'open', 'approved', 'rejected', 'expired', 'withdrawn')),
  plan_code text not null check (length(plan_code) between 2 and 40),
  ai_services text[] not null default '{}',
  contract_number text not null check (length(contract_number) between 3 and 60),
  -- whole won, with VAT: what the first payment must be
  expected_amount bigint not null check (expected_amount between 0 and 1000000000000),
  contact_name text not null check (length(contact_name) between 2 and 60),
  contact_email text not null check (length(contact_email) between 5 and 200),
  note text not null default '' check (length(note) <= 1000),
  requester_id uuid not null references operator,
  owner_id uuid not null references operator,
  created_at timestamptz not null,
  opened_at timestamptz,
  -- when it should be done, and when it is over although nobody decided
  due_at timestamptz,
  expires_at timestamptz,
  closed_at timestamptz,
  reason text check (length(reason) <= 2000),
  -- the countersigned request that ended it
  decided_in bigint references request,
  -- who was told that it is late, once
  overdue_told boolean not null default false,
  constraint onboarding_revision_is_unique unique (tenant_id, revision),
  constraint open_has_its_clock check (state in ('draft', 'withdrawn') or (opened_at is not null and due_at > opened_at and expires_at > due_at)),
  constraint closed_since_when check ((state in ('draft', 'open')) = (closed_at is null)),
  constraint rejection_has_reason check (state <> 'rejected' or length(reason) >= 10),
  constraint later_revisions_have_parents check ((revision = 1) = (parent_id is null))
);
create unique index one_open_onboarding on tenant_onboarding_request (tenant_id) where state in ('draft', 'open');
create index onboarding_by_state on tenant_onboarding_request (state, id desc);
create index onboarding_by_owner on tenant_onboarding_request (owner_id, id desc);
create index onboarding_by_due on tenant_onboarding_request (due_at) where state = 'open';
create index onboarding_to_expire on tenant_onboarding_request (expires_at) where state = 'open';
call ledger.guard('tenant_onboarding_request');
grant select, insert,
  update (state, plan_code, ai_services, contract_number, expected_amount, contact_name, contact_email, note, owner_id, opened_at, due_at, expires_at,
    closed_at, reason, decided_in, overdue_told) on tenant_onboarding_request to countersign_app;
grant select (id, tenant_id, revision, parent_id, state, plan_code, ai_services, contract_number, expected_amount, note, requester_id, owner_id, created_at,
  opened_at, due_at, expires_at, closed_at, reason, decided_in) on tenant_onboarding_request to countersign_auditor;

create table tenant_onboarding_task (
  id bigint generated always as identity primary key,
  onboarding_id bigint not null references tenant_onboarding_request,
  seq smallint not null,
  kind text not null,
  state text not null check (state in ('pending', 'running', 'passed', 'failed', 'waived')),
  owner_id uuid not null references operator,
  due_at timestamptz,
  -- what was handed in, what machines made of it, and the hash of what was handed in
  evidence jsonb,
  checks jsonb not null default '[]',
  evidence_hash bytea check (octet_length(evidence_hash) = 32),
  submitted_by uuid references operator,
  submitted_at timestamptz,
  reason text check (length(reason) <= 2000),
  decided_by uuid references operator,
  decided_at timestamptz,
  carried_from bigint references tenant_onboarding_task,
  -- outside of this house: on whom, and for what
  waits_on text check (waits_on in ('customer', 'bank', 'sales', 'engineering')),
  waits_for text check (length(waits_for) between 3 and 200),
  overdue_told boolean not null default false,
  constraint one_task_of_each_kind unique (onboarding_id, kind),
  constraint tasks_stand_in_order unique (onboarding_id, seq),
  constraint task_is_one_of_four check ((seq, kind) in ((1, 'contract'), (2, 'payment'), (3, 'permission'), (4, 'migration'))),
  constraint failure_has_reason check (state <> 'failed' or length(reason) >= 5),
  constraint waiver_has_reason check (state <> 'waived' or length(reason) >= 10),
  constraint evidence_has_hash check ((evidence is null) = (evidence_hash is null)),
  constraint decided_on_evidence check (state not in ('running', 'passed', 'failed') or evidence is not null),
  constraint waits_for_something check ((waits_on is null) = (waits_for is null))
);
create index task_by_owner on tenant_onboarding_task (owner_id, state);
create index task_overdue on tenant_onboarding_task (due_at) where state in ('pending', 'running', 'failed') and not overdue_told;
-- the file of a contract is one tenant's
create index task_by_file on tenant_onboarding_task ((evidence ->> 'sha256')) where kind = 'contract';

-- Strictly one after the other: a step begins when those before it are done. What was carried over from another revision is done already.
create function onboarding_goes_in_order() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'pending' and new.carried_from is null then
      raise exception 'a step begins as pending' using errcode = '23514', constraint = 'steps_begin_in_order';
    end if;
  elsif old.state = 'pending' and new.state <> 'pending' and exists (
      select from tenant_onboarding_task t where t.onboarding_id = new.onboarding_id and t.seq < new.seq and t.state not in ('passed', 'waived')) then
    raise exception 'the steps before it are not done' using errcode = '23514', constraint = 'steps_begin_in_order';
  end if;
  return new;
end $$;
create trigger in_order before insert or update of state on tenant_onboarding_task for each row execute function onboarding_goes_in_order();
call ledger.guard('tenant_onboarding_task');
grant select, insert,
  update (state, owner_id, due_at, evidence, checks, evidence_hash, submitted_by, submitted_at, reason, decided_by, decided_at, waits_on, waits_for, overdue_told)
  on tenant_onboarding_task to countersign_app;
grant select on tenant_onboarding_task to countersign_auditor;

-- What somebody decided on one piece of evidence: once, and it stays.
create table tenant_onboarding_decision (
  id bigint generated always as identity primary key,
  task_id bigint not null references tenant_onboarding_task,
  -- of what was decided on; of a waiver without any evidence, of nothing
  evidence_hash bytea not null check (octet_length(evidence_hash) = 32),
  decision text not null check (decision in ('pass', 'fail', 'waive')),
  reason text check (length(reason) <= 2000),
  decided_by uuid not null references operator,
  at timestamptz not null,
  constraint evidence_is_decided_once unique (task_id, evidence_hash),
  constraint no_without_reason check (decision = 'pass' or length(reason) >= case decision when 'fail' then 5 else 10 end)
);
call ledger.guard('tenant_onboarding_decision');
grant select, insert on tenant_onboarding_decision to countersign_app;
grant select on tenant_onboarding_decision to countersign_auditor;

-- Notices may be about something that is no request: `ON-12/payment`, and what it is called.
alter table notice add column topic text, add column label text;
create unique index notice_unread_topic on notice (operator_id, topic, kind) where read_at is null and topic is not null;
