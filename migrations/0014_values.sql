-- What one value may be is said by a domain. A check of the table is parsed anew by every statement that writes one of its rows,
-- whichever columns that sets: twelve of them were a fifth of what it took to change the state of a request.
create domain request_state as text check (value in ('pending', 'approved', 'executing', 'succeeded', 'failed', 'partial', 'unknown',
  'denied', 'expired', 'withdrawn', 'stale'));
create domain risk as text check (value in ('low', 'medium', 'high', 'critical'));
create domain guarantee as text check (value in ('transactional', 'keyed', 'probeable', 'opaque'));
create domain reason as text check (length(value) between 10 and 2000);
create domain emergency as text check (length(value) between 20 and 2000);
create domain approvals as smallint check (value between 0 and 9);
create domain sha256 as bytea check (octet_length(value) = 32);

alter table request
  drop constraint request_state_check,
  drop constraint request_risk_check,
  drop constraint request_guarantee_check,
  drop constraint request_reason_check,
  drop constraint request_emergency_check,
  drop constraint request_approvals_needed_check,
  drop constraint request_binding_check,
  alter column state type request_state,
  alter column risk type risk,
  alter column guarantee type guarantee,
  alter column reason type reason,
  alter column emergency type emergency,
  alter column approvals_needed type approvals,
  alter column binding type sha256;

create domain decision as text check (value in ('approve', 'reject'));
create domain event_outcome as text check (value in ('success', 'failure', 'partial', 'denied', 'unknown'));
create domain event_leaf as bytea check (octet_length(value) between 2 and 16384);
create domain salt as bytea check (octet_length(value) = 32);

alter table vote
  drop constraint vote_decision_check,
  drop constraint vote_binding_check,
  alter column decision type decision,
  alter column binding type sha256;
alter table ledger.event
  drop constraint event_outcome_check,
  drop constraint event_leaf_check,
  alter column outcome type event_outcome,
  alter column leaf type event_leaf;
alter table ledger.detail
  drop constraint detail_salt_check,
  alter column salt type salt;
-- who looks for a target gives its id, and hardly an id is of two types
drop index ledger.event_by_target;
