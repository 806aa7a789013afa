-- Saved views: a name for the state of a list. Plumbing: a person's own, no decision, no right, no customer's data.
create table saved_view (
  operator_id uuid not null references operator on delete cascade,
  list text not null check (list ~ '^[a-z]{1,20}$'),
  name text not null check (length(name) between 1 and 60),
  query text not null check (length(query) <= 2000),
  created_at timestamptz not null default now(),
  primary key (operator_id, list, name)
);
grant select, insert, update, delete on saved_view to countersign_app;

-- The orders that lists offer, each with the id that makes it total; and what happened on a day, for the dashboard.
create index request_by_expiry on request (expires_at, id);
create index request_by_day on request (created_at);
create index request_by_closing_day on request (closed_at, state) where closed_at is not null;
create index admin_orgs_by_credit on admin_orgs (credit, id);
create index admin_users_by_email on admin_users (email, id);
