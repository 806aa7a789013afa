-- What a tenant's people may do: templates of roles, in versions that are published and never changed, and the roles that a tenant has.
create table permission_template_version (
  code text not null check (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  version int not null check (version > 0),
  -- as the document says it; here so that lists can be searched
  name text not null check (length(name) between 1 and 80),
  document text not null check (octet_length(document) between 1 and 20000),
  hash bytea not null constraint hash_is_of_document check (hash = sha256(convert_to(document, 'UTF8'))),
  request_id bigint not null unique references request,
  published_at timestamptz not null,
  primary key (code, version)
);

create function permission_template_stands() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    raise exception 'a published template is never changed' using errcode = 'check_violation';
  end if;
  if new.version <> (select coalesce(max(version), 0) + 1 from permission_template_version where code = new.code) then
    raise exception 'versions of a template follow one another' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger permission_template_stands before insert or update or delete on permission_template_version
  for each row execute function permission_template_stands();

-- A tenant's roles as they are now: those of one version of one template.
create table tenant_role (
  tenant_id text not null references tenant,
  role text not null check (role ~ '^[a-z][a-z0-9_-]{0,39}$'),
  name text not null check (length(name) between 1 and 80),
  -- the order in which the template has them
  place smallint not null,
  template text not null,
  version int not null,
  scopes text[] not null check (cardinality(scopes) between 1 and 50),
  since timestamptz not null,
  primary key (tenant_id, role),
  constraint role_is_of_a_template foreign key (template, version) references permission_template_version
);
create index tenant_role_by_template on tenant_role (template, version);

call ledger.guard('permission_template_version');
call ledger.guard('tenant_role');
grant select, insert on permission_template_version to countersign_app;
grant select, insert, delete on tenant_role to countersign_app;
grant select on permission_template_version, tenant_role to countersign_auditor;
