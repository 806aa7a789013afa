-- Breaking the glass: in an emergency a request runs without the approvals that its policy asks for. Never quietly: it is explained,
-- told, marked for good, and looked at afterwards by somebody who could have approved it.
alter table request
  add column broke_glass boolean not null default false,
  -- why it could not wait for those who would have had to approve
  add column emergency text check (length(emergency) between 20 and 2000),
  add column review_due_at timestamptz,
  -- when it was written down that nobody had reviewed it in time
  add column review_overdue_at timestamptz,
  add constraint broken_glass_is_explained check (broke_glass = (emergency is not null) and broke_glass = (review_due_at is not null)),
  -- nothing is skipped where nobody is asked, what can wait is no emergency, and the rules about the rules have no way round them
  add constraint broken_glass_skips_approvals check (not broke_glass or approvals_needed > 0),
  add constraint broken_glass_does_not_wait check (not broke_glass or (not_before is null and run_after is null)),
  add constraint policy_is_never_replaced_alone check (not (broke_glass and operation = 'policy.replace')),
  add constraint request_is_reviewable unique (id, requester_id, broke_glass);
create index request_broke_glass on request (id desc) where broke_glass;
grant update (review_overdue_at) on request to countersign_app;

-- What somebody who could have approved it says afterwards; said once.
create table review (
  request_id bigint primary key,
  reviewer_id uuid not null references operator,
  verdict text not null check (verdict in ('justified', 'not_justified')),
  note text not null check (length(note) between 10 and 2000),
  door text not null,
  at timestamptz not null,
  requester_id uuid not null,
  broke_glass boolean not null default true check (broke_glass),
  constraint review_is_for_broken_glass foreign key (request_id, requester_id, broke_glass) references request (id, requester_id, broke_glass),
  constraint reviewer_is_not_requester check (reviewer_id <> requester_id)
);
call ledger.guard('review');
grant select, insert on review to countersign_app;
grant select on review to countersign_auditor;

-- The glass is not broken without saying so in the ledger, in the same transaction.
create function ledger.require_broken_glass() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if not exists (select from ledger.event where request_id = new.id and kind = 'request.broke_glass') then
    raise exception 'that request % broke the glass was not written to the ledger', new.id using errcode = 'CS002';
  end if;
  return null;
end $$;
create constraint trigger broken_glass_is_told after insert on request deferrable initially deferred
  for each row when (new.broke_glass) execute function ledger.require_broken_glass();
