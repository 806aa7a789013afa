# Sentences that every page uses: errors, time, navigation
problem-signed-out = Sign in first.
problem-signed-out-why = You are not signed in, or your session has ended.
problem-signed-out-next = Sign in again. What you typed is kept below.
problem-forbidden = You may not do this.
problem-forbidden-why = It needs the scope { $scope }. Refused attempts are written to the ledger.
problem-forbidden-next = Ask an administrator for a role if you need it. Access shows which role holds what.
problem-forged = The request could not be verified.
problem-forged-why = The page's security token is missing or does not fit your session. You may have signed in again in another tab.
problem-forged-next = Reload the page before and send it again.
problem-not-found = There is nothing here.
problem-not-found-why = The address is wrong, or it leads to something you cannot see.
problem-not-found-next = Check the address, or start from the dashboard.
problem-malformed = The request cannot be read.
problem-malformed-next = Correct its form and send it again.
problem-too-large = That is too much at once.
problem-too-large-why = 256 KiB can be sent at once.
problem-too-large-next = Send less.
problem-refused = This was not done.
problem-refused-next = Look at how things stand and decide again.
problem-not-permitted = You cannot decide this one.
problem-not-permitted-next = Ask somebody else. Refused attempts are written to the ledger.
problem-invalid = { $count ->
    [one] Check one field.
   *[other] Check { $count } fields.
  }
problem-invalid-next = Correct what is marked and send it again.
problem-too-many = Too many tries.
problem-too-many-why = You can try again in { $seconds } seconds.
problem-too-many-next = Wait a moment and try again.
problem-unavailable = This cannot be done right now.
problem-unavailable-why = The database cannot be reached. Nothing was changed.
problem-unavailable-next = Try again in a moment.
problem-internal = Something unexpected went wrong.
problem-internal-why = It is our fault, and nothing was changed.
problem-internal-next = Try again; if it happens again, give operations the incident number below.
problem-to-dashboard = To the dashboard
problem-to-login = Sign in
reason-missing = Give a reason.
reason-too-short = Give a reason of 10 characters or more.
reason-too-long = A reason can have 2,000 characters.
field-required = Fill this in.
field-unknown = This operation has no field { $name }.
field-not-integer = Enter a whole number, such as 120,000.
field-out-of-range = Enter a number from { $min } to { $max }.
field-not-a-choice = Choose one of: { $options }
field-not-a-date = Enter a date such as 2026-12-31.
field-not-a-time = Enter a time such as 2026-12-31T09:00:00+09:00.
field-not-text = Enter text.
field-too-long = { $maximum } bytes are the most.
field-malformed = The value cannot be read: { $detail }
time-now = just now
time-soon = in a moment
time-minutes-ago = { $count } min ago
time-in-minutes = in { $count } min
time-hours-ago = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
  }
time-in-hours = { $count ->
    [one] in { $count } hour
   *[other] in { $count } hours
  }
time-days-ago = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
  }
time-in-days = { $count ->
    [one] in { $count } day
   *[other] in { $count } days
  }
nav-new-request = New request
value-none = none
value-reason = Reason
value-tier = Tier
value-credit = Credit
value-plan = Plan
value-until = Until
value-binding = Binding
value-decision = Decision
value-rule = Rule
value-policy = Policy hash
value-operation = Operation
value-approvals = Approvals
value-attempt = Attempt
value-from = State before
value-how = How
value-why = Why
value-scope = Scope
value-method = Method
value-state = State
value-email = E-mail
value-name = Name
value-roles = Roles
value-scopes = Scopes
value-issuer = Issuer
value-expires-at = Expires
value-operator = Operator
value-companies = Companies
value-orgs = Organisations
value-users = People
value-outcome = Outcome
value-tier-free = Free
value-tier-starter = Starter
value-tier-pro = Pro
value-tier-enterprise = Enterprise
value-plan-free = Free
value-plan-pro = Pro
filter-any-operation = All operations
filter-any-state = All states
filter-any-outcome = All outcomes
