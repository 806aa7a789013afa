-- What payment providers know of our customers' payments. We are told that something happened, and then ask; what counts is the
-- answer to our own question.

-- One payment at one provider. There from the moment we hear of it, before anybody has looked.
create table payment (
  id bigint generated always as identity primary key,
  provider text not null check (provider in ('portone', 'toss')),
  -- what the provider calls it; nobody knows that of a payment that is looked for by its order alone
  provider_id text check (length(provider_id) between 1 and 200),
  -- what our customers' shop calls it
  order_id text check (length(order_id) between 1 and 200),
  state text not null default 'heard'
    check (state in ('heard', 'ready', 'pending', 'awaiting_deposit', 'paid', 'partly_cancelled', 'cancelled', 'failed', 'expired', 'unknown')),
  -- the provider's own word for it
  said_state text not null default '',
  -- whole won; what was paid, and what of it has not been given back
  amount bigint check (amount between 0 and 1000000000000000),
  balance bigint,
  -- whoever paid, as the provider says it; personal data, so it is here and nowhere else
  payer text not null default '' check (length(payer) <= 200),
  method text not null default '' check (length(method) <= 40),
  paid_at timestamptz,
  -- by the provider's clock: when it last changed there
  told_at timestamptz,
  -- by ours: when the question was asked whose answer stands here
  asked_at timestamptz,
  heard_at timestamptz not null,
  -- why the last look did not give an answer that counts, since when, and how often
  trouble text,
  trouble_since timestamptz,
  tries smallint not null default 0,
  version int not null default 0,
  constraint payment_is_one_at_its_provider unique (provider, provider_id),
  constraint payment_can_be_asked_for check (provider_id is not null or order_id is not null),
  constraint payment_balance_is_of_amount check (balance between 0 and amount),
  constraint payment_balance_is_money check (balance = 0 or state in ('paid', 'partly_cancelled')),
  constraint payment_was_seen check ((state = 'heard') = (asked_at is null) and (state in ('heard', 'unknown') or (amount is not null and balance is not null))),
  constraint payment_trouble_has_a_time check ((trouble is null) = (trouble_since is null))
);
create index payment_by_order on payment (order_id, id desc);
create unique index payment_by_order_alone on payment (provider, order_id) where provider_id is null;
create index payment_by_amount on payment (amount, id);
create index payment_in_trouble on payment (trouble_since) where trouble is not null;
call ledger.guard('payment');
grant select, insert, update (provider_id, order_id, state, said_state, amount, balance, payer, method, paid_at, told_at, asked_at,
  trouble, trouble_since, tries, version) on payment to countersign_app;
grant select (id, provider, provider_id, order_id, state, said_state, amount, balance, method, paid_at, told_at, asked_at, heard_at,
  trouble, trouble_since, tries, version) on payment to countersign_auditor;

-- Everything that providers told us, once each. Of a body only what leads to the payment, and what it claimed: nothing of it is
-- believed, and much of it is about persons.
create table inbound_event (
  provider text not null check (provider in ('portone', 'toss')),
  event_id text not null check (length(event_id) between 1 and 200),
  -- nothing where it is not about a payment
  payment_id bigint references payment,
  kind text not null check (length(kind) <= 100),
  claimed_state text check (length(claimed_state) <= 100),
  claimed_amount bigint,
  body_hash bytea not null check (octet_length(body_hash) = 32),
  body_size int not null check (body_size between 0 and 20480),
  -- by the provider's clock
  sent_at timestamptz,
  received_at timestamptz not null,
  primary key (provider, event_id)
);
create index inbound_event_by_payment on inbound_event (payment_id, received_at);
call ledger.guard('inbound_event');
create trigger append_only before update or delete on inbound_event for each row execute function ledger.refuse_change();
alter table inbound_event enable always trigger append_only;
grant select, insert on inbound_event to countersign_app;
grant select on inbound_event to countersign_auditor;

-- Every look at a provider, and what it said.
create table payment_attempt (
  id bigint generated always as identity primary key,
  payment_id bigint not null references payment,
  -- what it was for: an event, somebody who asked, or an order that was to be looked up
  because text not null check (because in ('event', 'operator', 'order')),
  event_id text,
  asked_at timestamptz not null,
  answered_at timestamptz not null,
  outcome text not null,
  http_status smallint,
  said_state text not null default '' check (length(said_state) <= 100),
  amount bigint,
  balance bigint,
  told_at timestamptz,
  -- what was odd about the event that led to it
  remarks text[] not null default '{}',
  detail text not null default '' check (length(detail) <= 500),
  replica text not null
);
create index payment_attempt_by_payment on payment_attempt (payment_id, id);
call ledger.guard('payment_attempt');
create trigger append_only before update or delete on payment_attempt for each row execute function ledger.refuse_change();
alter table payment_attempt enable always trigger append_only;
grant select, insert on payment_attempt to countersign_app;
grant select on payment_attempt to countersign_auditor;

-- Whoever writes down what providers tell us. It signs in nowhere.
insert into operator (id, kind, email, name)
values ('00000000-0000-7000-8000-000000000004', 'service', 'payments@countersign.internal', 'Countersign payments');
insert into operator_role (operator_id, role) values ('00000000-0000-7000-8000-000000000004', 'service');
insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, target_type, target_id, leaf)
select id, at, 1, 'operator.added', 'success', '00000000-0000-7000-8000-000000000003', 'console', 'operator', '00000000-0000-7000-8000-000000000004',
  convert_to(format('{"actor":"00000000-0000-7000-8000-000000000003","at":"%s","door":"console","id":"%s","kind":"operator.added","outcome":"success",'
    '"target":{"id":"00000000-0000-7000-8000-000000000004","type":"operator"},"v":1}', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), id), 'UTF8')
from (select date_trunc('milliseconds', now()) as at,
  (lpad(to_hex((extract(epoch from date_trunc('milliseconds', now())) * 1000)::bigint), 12, '0') || '70008' || substr(md5(random()::text), 1, 15))::uuid as id) founding;
