-- Who redeemed which promotion: once each, with the terms of that day, and for good.
create table promo_redemption (
  id bigint generated always as identity primary key,
  code text not null references promotion,
  tenant_id text not null references tenant,
  -- the plan it had then; whether the promotion is for it was looked at once
  plan text check (length(plan) between 1 and 40),
  -- copied, so that what a tenant pays does not hang on another table
  terms jsonb not null,
  hash bytea not null check (octet_length(hash) = 32),
  redeemed_at timestamptz not null,
  redeemed_by uuid not null references operator,
  -- whoever asks again with the same key gets the same answer
  key text not null check (length(key) between 1 and 255),
  constraint redeemed_once unique (code, tenant_id),
  constraint redemption_key_is_unique unique (redeemed_by, key)
);
create index redemption_by_code on promo_redemption (code, id desc);
create index redemption_by_tenant on promo_redemption (tenant_id, id desc);

create function promo_redemption_stands() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    raise exception 'a redemption is never changed' using errcode = 'check_violation';
  end if;
  if new.terms is distinct from (select terms from promotion where code = new.code) then
    raise exception 'the terms of a redemption are those of its promotion' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger promo_redemption_stands before insert or update or delete on promo_redemption for each row execute function promo_redemption_stands();
call ledger.guard('promo_redemption');
grant select, insert on promo_redemption to countersign_app;
grant select on promo_redemption to countersign_auditor;
