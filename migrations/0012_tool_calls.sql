-- Calls of tools are many and short: what looks at requests of one operation, or at notices of one request, must not read the rest.

-- decisions by people, newest first, of an operation whose requests mostly need nobody
create index request_decided_by_people on request (operation, id desc) where decided_at is not null and approvals_needed > 0;

-- what is settled once its request is decided
create index notice_of_request on notice (request_id) where read_at is null;
