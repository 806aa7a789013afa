-- Moving those who are on one version of a plan to another: a countersigned request begins it, and tenant after tenant is moved, or left as
-- it is with a reason. What is still to be done stands here, so that whoever takes over goes on where somebody stopped.
create table subscription_migration (
  request_id bigint primary key references request,
  kind text not null default 'plan' check (kind = 'plan'),
  plan_code text not null,
  from_version int not null,
  to_version int not null constraint another_version check (to_version <> from_version),
  -- the first day with the new version, in Korea
  from_day date not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  foreign key (kind, plan_code, from_version) references product_version,
  foreign key (kind, plan_code, to_version) references product_version
);
create index migration_by_plan on subscription_migration (plan_code, request_id);

create table subscription_migration_row (
  request_id bigint not null references subscription_migration,
  tenant_id text not null references tenant,
  -- what it had when the request began
  had_id bigint not null references tenant_subscription,
  state text not null default 'pending' check (state in ('pending', 'moved', 'skipped')),
  -- why it was left as it is
  reason text check (reason in ('inactive', 'begins', 'changes', 'ends', 'late', 'failed')),
  -- what it has from that day on
  new_id bigint references tenant_subscription,
  done_at timestamptz,
  primary key (request_id, tenant_id),
  constraint done_has_its_time check ((state = 'pending') = (done_at is null)),
  constraint skipped_has_its_reason check ((state = 'skipped') = (reason is not null)),
  constraint moved_has_what_it_has check ((state = 'moved') = (new_id is not null))
);
-- whose turn it is, in the order in which a page tells of them
create index migration_row_pending on subscription_migration_row (request_id, tenant_id) where state = 'pending';

-- Each has one turn: what became of it is not written twice, and nobody joins later or drops out.
create function subscription_migration_row_stands() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or old.state <> 'pending'
    or (new.request_id, new.tenant_id, new.had_id) is distinct from (old.request_id, old.tenant_id, old.had_id) then
    raise exception 'a tenant has one turn' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger subscription_migration_row_stands before update or delete on subscription_migration_row
  for each row execute function subscription_migration_row_stands();

call ledger.guard('subscription_migration');
call ledger.guard('subscription_migration_row');
grant select, insert, update (finished_at) on subscription_migration to countersign_app;
grant select, insert, update (state, reason, new_id, done_at) on subscription_migration_row to countersign_app;
grant select on subscription_migration, subscription_migration_row to countersign_auditor;
