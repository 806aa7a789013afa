-- What never runs without its approvals, whatever a policy says: besides the policy itself (0010) and an erasure (0017), that a halted
-- ledger goes on.
alter table request add constraint ledger_is_never_resumed_alone check (not (broke_glass and operation = 'ledger.resume'));

-- Numbers of requests that a restored database does not know of, and its copy tells of, are not given a second time.
create function ledger.skip_requests(until bigint) returns void language plpgsql security definer set search_path = pg_catalog as $$
declare
  numbers constant text := pg_get_serial_sequence('public.request', 'id');
begin
  if until > coalesce(pg_sequence_last_value(numbers::regclass), 0) then
    perform setval(numbers::regclass, until);
  end if;
end $$;
revoke execute on function ledger.skip_requests(bigint) from public;
grant execute on function ledger.skip_requests(bigint) to countersign_sequencer;
