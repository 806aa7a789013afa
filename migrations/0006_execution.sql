-- Effects outside this database: an attempt is claimed under a lease, says before it begins that it begins, and is fenced by
-- its epoch. Where nobody knows how it ended, two people say so.
alter table attempt
  add column lease_until timestamptz,
  -- the idempotency key that the other system is given; the same for every attempt of a request
  add column key text,
  -- when the effect may have begun: after this moment a crash leaves an open question
  add column dispatched_at timestamptz;

-- What a request is made again from: the one that became stale, failed or expired. And what was promised about its effect: a
-- replica that would carry it out elsewhere does not.
alter table request
  add column again_from bigint references request,
  add column guarantee text not null default 'transactional' check (guarantee in ('transactional', 'keyed', 'probeable', 'opaque'));

-- One effect at a time on one thing, and none on a thing of which nobody knows how it is.
create unique index request_holds_target on request (target_type, target_id) where state in ('executing', 'unknown');

-- What somebody found out about an unknown outcome. Two who agree settle it.
create table finding (
  request_id bigint not null references request,
  operator_id uuid not null references operator,
  verdict text not null check (verdict in ('succeeded', 'failed', 'partial')),
  evidence text not null check (length(evidence) between 10 and 2000),
  door text not null,
  at timestamptz not null,
  requester_id uuid not null,
  constraint one_finding_for_each_human primary key (request_id, operator_id),
  constraint finder_is_not_requester check (operator_id <> requester_id)
);
call ledger.guard('finding');

grant update (dispatched_at) on attempt to countersign_app;
grant select, insert, update (verdict, evidence, door, at) on finding to countersign_app;
grant select on finding to countersign_auditor;
