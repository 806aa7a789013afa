-- What requests are searched by stands beside them: their state changes a few times and their words never, and an index of words
-- beside the state is written again with each change. That was a tenth of what a decision costs.
create table request_words (
  request_id bigint primary key references request (id) on delete cascade,
  words text not null
);
insert into request_words select id, lower(target_label || ' ' || target_id || ' ' || operation || ' ' || reason) from request;
create index request_words_by_words on request_words using gin (words gin_trgm_ops);
-- how many requests a word is in decides whether the newest are walked or all that have it are fetched: a hundred samples cannot tell
alter table request_words alter column words set statistics 1000;

drop index request_by_words;
alter table request drop column search;

create function add_words() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  insert into request_words
    select id, lower(target_label || ' ' || target_id || ' ' || operation || ' ' || reason) from added;
  return null;
end $$;
create trigger has_words after insert on request referencing new table as added for each statement execute function add_words();

grant select on request_words to countersign_app, countersign_auditor;
