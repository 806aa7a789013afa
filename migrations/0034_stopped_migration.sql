-- A migration can be stopped on its way: those whose turn has not come are left out, and who stopped it says why.
alter table subscription_migration
  add column stopped_at timestamptz,
  add column stopped_by uuid references operator,
  add column stopped_why text check (length(stopped_why) between 10 and 2000),
  add constraint stopped_as_a_whole check (num_nulls(stopped_at, stopped_by, stopped_why) in (0, 3));
grant update (stopped_at, stopped_by, stopped_why) on subscription_migration to countersign_app;

alter table subscription_migration_row
  drop constraint subscription_migration_row_reason_check,
  add constraint subscription_migration_row_reason_check
    check (reason in ('inactive', 'begins', 'changes', 'ends', 'late', 'stopped', 'failed'));
