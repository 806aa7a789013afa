-- Who is subscribed to what: each tenant to one plan at a time, in the version that was in force when they came to it. That version
-- stays theirs, whatever is published later.
create table tenant_subscription (
  id bigint generated always as identity primary key,
  tenant_id text not null references tenant,
  kind text not null default 'plan' check (kind = 'plan'),
  plan_code text not null,
  plan_version int not null,
  -- days in Korea, the last one excluded; without an end until somebody gives it one
  during daterange not null check (not isempty(during) and not lower_inf(during)),
  -- the day of the month on which a period begins
  anchor_day smallint not null default 1 check (anchor_day between 1 and 28),
  request_id bigint not null references request,
  created_at timestamptz not null,
  -- the request that gave it the end it has
  ended_in bigint references request,
  -- the request that took it back before its first day
  undone_in bigint references request,
  foreign key (kind, plan_code, plan_version) references product_version,
  constraint an_end_has_its_request check (upper_inf(during) = (ended_in is null)),
  constraint one_subscription_at_a_time exclude using gist (tenant_id with =, during with &&) where (undone_in is null)
);
-- the lists: all by their first day, those of a plan by their first day, and who is on which version today
create index subscription_by_start on tenant_subscription (lower(during), id);
create index subscription_by_plan on tenant_subscription (plan_code, lower(during), id);
create index subscription_by_end on tenant_subscription (plan_code, (coalesce(upper(during), 'infinity'::date)), plan_version) where undone_in is null;
create index subscription_by_tenant on tenant_subscription (tenant_id, lower(during));
create index subscription_by_request on tenant_subscription (request_id);

-- Days that have passed keep the subscription they had, whoever updates the table.
create function tenant_subscription_stands() returns trigger language plpgsql as $$
declare
  today constant date := (now() at time zone 'Asia/Seoul')::date;
begin
  if tg_op = 'DELETE'
    or (new.id, new.tenant_id, new.kind, new.plan_code, new.plan_version, lower(new.during), new.anchor_day, new.request_id, new.created_at)
      is distinct from (old.id, old.tenant_id, old.kind, old.plan_code, old.plan_version, lower(old.during), old.anchor_day, old.request_id, old.created_at) then
    raise exception 'a subscription is never changed but for its end' using errcode = 'check_violation';
  end if;
  if old.undone_in is not null or (new.during <> old.during and (upper(old.during) <= today or upper(new.during) < today)) then
    raise exception 'days that have passed keep the subscription they had' using errcode = 'check_violation';
  end if;
  if new.undone_in is not null and lower(old.during) <= today then
    raise exception 'a subscription that has begun is not taken back' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger tenant_subscription_stands before update or delete on tenant_subscription
  for each row execute function tenant_subscription_stands();

-- It begins today or later, with a version that nobody has withdrawn: the version's row is locked, so that nobody does meanwhile.
create function tenant_subscription_begins() returns trigger language plpgsql as $$
begin
  if lower(new.during) < (now() at time zone 'Asia/Seoul')::date then
    raise exception 'days that have passed keep the subscription they had' using errcode = 'check_violation';
  end if;
  perform from product_version v
    where v.kind = new.kind and v.code = new.plan_code and v.version = new.plan_version and v.withdrawn_at is null for share;
  if not found then
    raise exception 'that version was withdrawn' using errcode = 'check_violation', constraint = 'subscribed_version_is_sold';
  end if;
  return new;
end $$;
create trigger tenant_subscription_begins before insert on tenant_subscription for each row execute function tenant_subscription_begins();

-- A version that somebody has a subscription to, even one that has yet to begin, is not withdrawn any more.
create function subscribed_version_stays() returns trigger language plpgsql as $$
begin
  if exists (select from tenant_subscription s
      where s.kind = new.kind and s.plan_code = new.code and s.plan_version = new.version and s.undone_in is null) then
    raise exception 'a subscription is to this version' using errcode = 'check_violation', constraint = 'subscribed_version_stays';
  end if;
  return new;
end $$;
create trigger subscribed_version_stays before update of withdrawn_at on product_version
  for each row when (new.withdrawn_at is not null and old.withdrawn_at is null) execute function subscribed_version_stays();

call ledger.guard('tenant_subscription');
grant select, insert, update (during, ended_in, undone_in) on tenant_subscription to countersign_app;
grant select on tenant_subscription to countersign_auditor;

-- What of our AI a tenant may use, and how much of it is in the price.
create table tenant_ai_service (
  tenant_id text not null references tenant,
  service text not null check (service ~ '^[A-Za-z0-9._-]{1,40}$'),
  -- the model it runs on; the service's own choice, if nothing is said
  model text check (length(model) between 1 and 80),
  -- tokens a period that the plan's price includes, for all of the tenant's services together; the price list names none, if there is none
  token_quota bigint check (token_quota >= 0),
  state text not null check (state in ('active', 'stopped')),
  -- the request it last followed
  request_id bigint not null references request,
  changed_at timestamptz not null,
  primary key (tenant_id, service)
);
call ledger.guard('tenant_ai_service');
grant select, insert, update (model, token_quota, state, request_id, changed_at) on tenant_ai_service to countersign_app;
grant select on tenant_ai_service to countersign_auditor;
