-- Customers as operators see them: companies, their organisations, and the people in them.
create table company (
  id text primary key check (id ~ '^cmp_[0-9a-z]{10}$'),
  name text not null,
  created_at timestamptz not null default now()
);
create table admin_orgs (
  id text primary key check (id ~ '^org_[0-9a-z]{10}$'),
  company_id text not null references company,
  name text not null,
  tier text not null check (tier in ('free', 'starter', 'pro', 'enterprise')),
  credit bigint not null,
  created_at timestamptz not null default now(),
  constraint credit_is_in_range check (credit between 0 and 1000000000)
);
create index admin_orgs_by_name on admin_orgs (name, id);
create index admin_orgs_by_company on admin_orgs (company_id);
create index admin_orgs_by_words on admin_orgs using gin (lower(name) gin_trgm_ops);
create table admin_users (
  id text primary key check (id ~ '^usr_[0-9a-z]{10}$'),
  name text not null,
  email text not null unique,
  plan text not null check (plan in ('free', 'pro')),
  plan_until date,
  created_at timestamptz not null default now(),
  constraint only_paid_plans_end check (plan <> 'free' or plan_until is null)
);
create index admin_users_by_name on admin_users (name, id);
create index admin_users_by_words on admin_users using gin (lower(name || ' ' || email) gin_trgm_ops);
create table admin_user_orgs (
  user_id text not null references admin_users,
  org_id text not null references admin_orgs,
  role text not null check (role in ('owner', 'admin', 'member')),
  primary key (user_id, org_id)
);
create index admin_user_orgs_by_org on admin_user_orgs (org_id, user_id);

call ledger.guard('company');
call ledger.guard('admin_orgs');
call ledger.guard('admin_users');
call ledger.guard('admin_user_orgs');

grant select on company, admin_user_orgs to countersign_app;
grant select, update (tier, credit) on admin_orgs to countersign_app;
grant select, update (plan, plan_until) on admin_users to countersign_app;
grant select on company, admin_orgs, admin_users, admin_user_orgs to countersign_auditor;
