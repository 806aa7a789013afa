-- Somebody who approved may take that back, as long as the request waits. What was decided by a vote keeps the vote: the
-- database sees to that, whatever the application thinks.
create function vote_is_of_pending_request() returns trigger language plpgsql as $$
begin
  if not exists (select from request where id = old.request_id and state = 'pending') then
    raise exception 'the votes on a decided request stay' using errcode = 'check_violation';
  end if;
  return old;
end $$;
create trigger only_of_pending before delete on vote for each row execute function vote_is_of_pending_request();
grant delete on vote to countersign_app;
