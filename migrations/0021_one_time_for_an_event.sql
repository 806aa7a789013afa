-- An event's id tells its millisecond, and its row must stand there. The table's key is of both: one id at two times would be two rows,
-- of which the log knows one, and the other could say what nobody signed. Events from before are held against the log by `ledger verify`.
alter table ledger.event add constraint id_tells_the_time check (
  recorded_at = timestamptz 'epoch' + ('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint * interval '1 millisecond'
) not valid;
