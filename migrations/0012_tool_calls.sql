-- Calls of tools are many and short: what looks at decisions on one operation must not read the rest.

-- decisions by people, newest first, of an operation whose requests mostly need nobody
create index request_decided_by_people on request (operation, id desc) where decided_at is not null and approvals_needed > 0;
