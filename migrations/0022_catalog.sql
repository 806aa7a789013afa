-- What is sold: plans and add-ons, each with price lists in versions.
create table product (
  kind text not null check (kind in ('plan', 'addon')),
  code text not null check (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  name text not null check (length(name) between 1 and 80),
  created_at timestamptz not null,
  primary key (kind, code)
);
create index product_words on product using gin (lower(name) gin_trgm_ops, code gin_trgm_ops);

-- A version is never changed, since somebody may be charged by it. Only its end moves, for the version that follows it, and one that has
-- not begun can be withdrawn.
create table product_version (
  kind text not null,
  code text not null,
  version int not null check (version > 0),
  currency text not null check (currency in ('KRW', 'USD')),
  -- days in Korea, the last one excluded
  valid daterange not null check (not isempty(valid) and not lower_inf(valid)),
  document text not null check (octet_length(document) between 1 and 20000),
  hash bytea not null check (octet_length(hash) = 32),
  request_id bigint not null unique references request,
  published_at timestamptz not null,
  withdrawn_at timestamptz,
  primary key (kind, code, version),
  foreign key (kind, code) references product,
  constraint one_price_at_a_time exclude using gist (kind with =, code with =, currency with =, valid with &&) where (withdrawn_at is null)
);

-- Days that have passed keep the price they had, whoever updates the table.
create function product_version_stands() returns trigger language plpgsql as $$
declare
  today constant date := (now() at time zone 'Asia/Seoul')::date;
begin
  if tg_op = 'DELETE'
    or (new.kind, new.code, new.version, new.currency, lower(new.valid), new.document, new.hash, new.request_id, new.published_at)
      is distinct from (old.kind, old.code, old.version, old.currency, lower(old.valid), old.document, old.hash, old.request_id, old.published_at) then
    raise exception 'a published version is never changed' using errcode = 'check_violation';
  end if;
  if new.valid <> old.valid and (upper(old.valid) < today or upper(new.valid) < today) then
    raise exception 'what was charged on days that have passed stays' using errcode = 'check_violation';
  end if;
  if new.withdrawn_at is distinct from old.withdrawn_at and (old.withdrawn_at is not null or lower(old.valid) <= today) then
    raise exception 'a version that has begun is not withdrawn' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger product_version_stands before update or delete on product_version for each row execute function product_version_stands();

-- The next version of a product while somebody works on it: one for each product, whoever does.
create table product_draft (
  kind text not null check (kind in ('plan', 'addon')),
  code text not null,
  -- the number it will have
  version int not null check (version > 0),
  name text not null check (length(name) <= 80),
  currency text not null,
  starts text not null,
  ends text not null,
  document text not null check (octet_length(document) <= 40000),
  saved_by uuid not null references operator,
  saved_at timestamptz not null,
  -- counts how often it was saved, so that nobody saves over what somebody else has just saved
  revision int not null check (revision > 0),
  primary key (kind, code)
);

call ledger.guard('product');
call ledger.guard('product_version');
call ledger.guard('product_draft');
grant select, insert, update (name) on product to countersign_app;
grant select, insert, update (valid, withdrawn_at) on product_version to countersign_app;
grant select, insert, update, delete on product_draft to countersign_app;
grant select on product, product_version, product_draft to countersign_auditor;

-- A code that makes subscriptions cheaper. Its terms never change: only its end can come nearer, and its redemptions grow.
create table promotion (
  -- in capitals, so that however somebody types it, it is the same; a code names one promotion for ever
  code text primary key check (code ~ '^[A-Z0-9][A-Z0-9-]{2,39}$'),
  name text not null check (length(name) between 1 and 80),
  -- what is off, and which kinds of lines become cheaper
  terms jsonb not null,
  -- the plans it is for; every plan, if there is none
  plans text[] not null default '{}',
  -- days in Korea on which it can be redeemed, the last one excluded
  valid daterange not null check (not lower_inf(valid)),
  -- how often it can be redeemed, by a customer each; as often as anybody wants, if nothing is said
  most int check (most > 0),
  redeemed int not null default 0 check (redeemed >= 0 and (most is null or redeemed <= most)),
  request_id bigint not null unique references request,
  created_at timestamptz not null
);

create function promotion_stands() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or (new.code, new.name, new.terms, new.plans, new.most, new.request_id, new.created_at)
      is distinct from (old.code, old.name, old.terms, old.plans, old.most, old.request_id, old.created_at)
    or (new.valid <> old.valid and not old.valid @> new.valid) or new.redeemed < old.redeemed then
    raise exception 'the terms of a promotion are never changed' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger promotion_stands before update or delete on promotion for each row execute function promotion_stands();
call ledger.guard('promotion');
grant select, insert, update (valid, redeemed) on promotion to countersign_app;
grant select on promotion to countersign_auditor;
