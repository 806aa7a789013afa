-- What tenants have on top of their plan: so many of an add-on, at the price of the version that was in force when they came to it.
create table tenant_addon (
  id bigint generated always as identity primary key,
  tenant_id text not null references tenant,
  kind text not null default 'addon' check (kind = 'addon'),
  addon_code text not null,
  addon_version int not null,
  quantity int not null check (quantity between 1 and 1000000),
  -- days in Korea, the last one excluded; without an end until somebody gives it one
  during daterange not null check (not isempty(during) and not lower_inf(during)),
  request_id bigint not null references request,
  created_at timestamptz not null,
  -- the request that gave it the end it has
  ended_in bigint references request,
  -- the request that took its place on its very first day, or before it
  undone_in bigint references request,
  foreign key (kind, addon_code, addon_version) references product_version,
  constraint an_end_has_its_request check (upper_inf(during) = (ended_in is null)),
  constraint one_quantity_at_a_time exclude using gist (tenant_id with =, addon_code with =, during with &&) where (undone_in is null)
);
create index tenant_addon_by_tenant on tenant_addon (tenant_id, lower(during), id);
create index tenant_addon_by_version on tenant_addon (addon_code, addon_version) where undone_in is null;
create index tenant_addon_by_request on tenant_addon (request_id);

-- Days that have passed keep what was had on them, whoever updates the table.
create function tenant_addon_stands() returns trigger language plpgsql as $$
declare
  today constant date := (now() at time zone 'Asia/Seoul')::date;
begin
  if tg_op = 'DELETE'
    or (new.id, new.tenant_id, new.kind, new.addon_code, new.addon_version, new.quantity, lower(new.during), new.request_id, new.created_at)
      is distinct from (old.id, old.tenant_id, old.kind, old.addon_code, old.addon_version, old.quantity, lower(old.during), old.request_id, old.created_at) then
    raise exception 'what a tenant has is never changed but for its end' using errcode = 'check_violation';
  end if;
  if old.undone_in is not null or (new.during <> old.during and (upper(old.during) <= today or upper(new.during) < today)) then
    raise exception 'days that have passed keep what was had on them' using errcode = 'check_violation';
  end if;
  if new.undone_in is not null and lower(old.during) < today then
    raise exception 'what has been had for a day is not taken back' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger tenant_addon_stands before update or delete on tenant_addon for each row execute function tenant_addon_stands();

-- It begins today or later, with the version in force on that day, or with the one that the tenant had until then. The version's row is
-- locked, so that nobody withdraws it or ends it meanwhile.
create function tenant_addon_begins() returns trigger language plpgsql as $$
begin
  if lower(new.during) < (now() at time zone 'Asia/Seoul')::date then
    raise exception 'days that have passed keep what was had on them' using errcode = 'check_violation';
  end if;
  perform from product_version v
    where v.kind = new.kind and v.code = new.addon_code and v.version = new.addon_version and v.withdrawn_at is null
      and (v.valid @> lower(new.during) or exists (select from tenant_addon a
        where a.tenant_id = new.tenant_id and a.addon_code = new.addon_code and a.addon_version = new.addon_version
          and (upper(a.during) = lower(new.during) or lower(a.during) = lower(new.during))))
    for share;
  if not found then
    raise exception 'that version is not sold on that day' using errcode = 'check_violation', constraint = 'addon_version_is_sold';
  end if;
  return new;
end $$;
create trigger tenant_addon_begins before insert on tenant_addon for each row execute function tenant_addon_begins();

-- A version that somebody has, or will have, is not withdrawn any more.
create function addon_version_stays() returns trigger language plpgsql as $$
begin
  if exists (select from tenant_addon a
      where a.kind = new.kind and a.addon_code = new.code and a.addon_version = new.version and a.undone_in is null) then
    raise exception 'a tenant has this version' using errcode = 'check_violation', constraint = 'addon_version_stays';
  end if;
  return new;
end $$;
create trigger addon_version_stays before update of withdrawn_at on product_version
  for each row when (new.withdrawn_at is not null and old.withdrawn_at is null and new.kind = 'addon') execute function addon_version_stays();

call ledger.guard('tenant_addon');
grant select, insert, update (during, ended_in, undone_in) on tenant_addon to countersign_app;
grant select on tenant_addon to countersign_auditor;
