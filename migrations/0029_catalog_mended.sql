-- What two reviews found in the catalog.

-- What is signed is the hash, and what is charged by is the document: they belong together, whoever writes the row. There is a domain
-- of the same name as the function.
alter table product_version
  add constraint product_version_is_what_its_hash_says check (hash = pg_catalog.sha256(convert_to(document, 'UTF8')));

-- Nothing finds products by it: a few hundred of them are read in the order of their names.
drop index product_words;

-- What a price list says today, it says until midnight: somebody may have been charged by it this morning.
create or replace function product_version_stands() returns trigger language plpgsql as $$
declare
  today constant date := (now() at time zone 'Asia/Seoul')::date;
begin
  if tg_op = 'DELETE'
    or (new.kind, new.code, new.version, new.currency, lower(new.valid), new.document, new.hash, new.request_id, new.published_at)
      is distinct from (old.kind, old.code, old.version, old.currency, lower(old.valid), old.document, old.hash, old.request_id, old.published_at) then
    raise exception 'a published version is never changed' using errcode = 'check_violation';
  end if;
  if new.valid <> old.valid and (upper(old.valid) <= today or upper(new.valid) <= today) then
    raise exception 'what was charged until today stays' using errcode = 'check_violation';
  end if;
  if new.withdrawn_at is distinct from old.withdrawn_at and (old.withdrawn_at is not null or lower(old.valid) <= today) then
    raise exception 'a version that has begun is not withdrawn' using errcode = 'check_violation';
  end if;
  return new;
end $$;
