-- Who must countersign what, as versions of one document. A version is never changed: the newest one is in force.
create table policy_version (
  id int primary key check (id > 0),
  document text not null check (octet_length(document) between 1 and 20000),
  hash bytea not null check (octet_length(hash) = 32),
  -- the countersigned request that brought it; none for the first, which a replica adopts at its start
  request_id bigint unique references request,
  created_at timestamptz not null,
  constraint first_is_adopted check ((id = 1) = (request_id is null))
);
call ledger.guard('policy_version');
grant select, insert on policy_version to countersign_app;
grant select on policy_version to countersign_auditor;

-- Whose agent a service is: nobody's agent may countersign what its owner asked for, or the other way round.
alter table operator add column owner_id uuid references operator,
  add constraint only_services_have_owners check (owner_id is null or kind = 'service');
grant select (owner_id) on operator to countersign_auditor;

-- Which roles can vote on a request at all, and which may fill a need that is still open: "my turn", answered by SQL.
-- A constant default is not written into the rows, so what exists is filled without an update.
alter table request
  add column voter_roles text[] not null default '{admin,approver}',
  add column waits_for text[] not null default '{admin,approver}',
  -- the end of a cool-off, known once it is approved
  add column run_after timestamptz;
alter table request alter column voter_roles set default '{}', alter column waits_for set default '{}';
grant update (waits_for, run_after) on request to countersign_app;
