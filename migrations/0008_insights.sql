-- What decisions are like. Plumbing: when somebody who may decide first opened a request. It decides nothing and gives no right, and
-- without references, so that looking at a request never waits for those who are deciding it.
create table request_seen (
  request_id bigint not null,
  operator_id uuid not null,
  first_seen_at timestamptz not null default now(),
  primary key (request_id, operator_id)
);
-- Since when it is known at all: votes from before cannot be called unread.
create index request_seen_by_time on request_seen (first_seen_at);
grant select, insert on request_seen to countersign_app;
grant select on request_seen to countersign_auditor;

create index vote_by_time on vote (at) include (request_id, voter_id, decision);

-- For the metrics alone: how much the ledger's second part has still to cover.
grant select on ledger.pending to countersign_app;
