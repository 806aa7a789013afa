-- What two reviews found in payments, and what onboarding needs to ask them.

alter table payment
  -- what was paid when it had money, and the least that was left of it: they outlive a state that says nothing of money
  add column once_paid bigint,
  add column least_left bigint,
  -- when a job that is under way asks again
  add column next_ask timestamptz,
  -- somebody knows of the trouble and has said what they do about it; over with the trouble
  add column acknowledged_at timestamptz,
  add column acknowledged_by uuid references operator,
  add column acknowledged_why text check (length(acknowledged_why) between 10 and 2000),
  add constraint payment_once_paid check ((once_paid is null) = (least_left is null) and least_left between 0 and once_paid),
  add constraint payment_acknowledged_as_a_whole
    check ((acknowledged_at is null) = (acknowledged_by is null) and (acknowledged_at is null) = (acknowledged_why is null)),
  add constraint payment_acknowledged_is_trouble check (acknowledged_at is null or trouble is not null);
-- nothing happened to these: what they say is written in another place, too
alter table payment disable trigger is_recorded;
update payment set once_paid = amount, least_left = balance where state in ('paid', 'partly_cancelled');
alter table payment enable trigger is_recorded;
grant update (once_paid, least_left, next_ask, acknowledged_at, acknowledged_by, acknowledged_why) on payment to countersign_app;
grant select (once_paid, least_left, next_ask, acknowledged_at, acknowledged_by, acknowledged_why) on payment to countersign_auditor;

-- lists by state and by provider are in the order of their numbers; a key is looked for without its provider
create index payment_by_state on payment (state, id);
create index payment_by_provider on payment (provider, id);
create index payment_by_key on payment (provider_id);
drop index payment_in_trouble;
create index payment_in_trouble on payment (trouble_since) where trouble is not null and acknowledged_at is null;

-- an event of Toss has the whole payment in it, with all that was given back
alter table inbound_event drop constraint inbound_event_body_size_check,
  add constraint inbound_event_body_size_check check (body_size between 0 and 262144);

-- looks are told apart by whom they ask, so that a replica takes only those it can do
update job set kind = 'payment.look.' || (select provider from payment where id = (payload ->> 'payment')::bigint) where kind = 'payment.look';

-- an order is one tenant's
create index task_by_order on tenant_onboarding_task ((evidence ->> 'order_id')) where kind = 'payment';
