## Shell

nav-skip = Skip to content
nav-label = Main menu
nav-logout = Sign out
nav-group-work = Work
nav-group-customers = Customers
nav-group-control = Control
nav-dashboard = Dashboard
nav-inbox = Inbox
nav-new = New request
nav-users = Users
nav-orgs = Organisations
nav-ledger = Ledger
nav-access = Access
nav-api = API reference
live-on = Live
live-connecting = Connecting…
live-off = Connection lost. Reconnecting… Showing data from
theme-label = Theme
theme-system = Match system
theme-light = Light
theme-dark = Dark
ui-busy = Working…
ui-close = Close
ui-copied = Copied.
ui-copy = Copy
ui-copy-what = Copy { $what }
ui-fresh = Show changes
ui-new-tab = (new tab)
ui-none = None

## Keyboard

keys-title = Keyboard shortcuts
keys-everywhere = Everywhere
keys-list = Lists
keys-decision = Decisions
keys-dashboard = Go to the dashboard
keys-inbox = Go to the inbox
keys-ledger = Go to the ledger
keys-search = Search
keys-fresh = Show changes
keys-sheet = Show this sheet
keys-move = Next or previous row
keys-open = Open
keys-approve = Prepare to approve
keys-reject = Prepare to reject
keys-submit = Submit the prepared decision
keys-note = A single key never decides. Shortcuts also work with the Korean keyboard on.
keys-off = Turn off single-key shortcuts

## Sign-in

login-title = Sign in to Countersign
login-lead = Privileged changes, countersigned and recorded.
login-sso = Sign in with your company account
login-or = or
login-email = Email
login-password = Password
login-submit = Sign in
login-demo = Demo accounts
login-demo-password = Password for all
login-use = Use
login-use-who = Use { $email }

## Dashboard

dashboard-title = Dashboard
dashboard-waiting = Waiting for you
dashboard-inbox = Open inbox
dashboard-mine = Your requests
dashboard-mine-empty = You have no open requests. Start one with New request.
dashboard-recent = Recent activity
dashboard-recent-empty = Nothing has been recorded yet.
dashboard-ledger = Open ledger
dashboard-tile-waiting = Waiting for you
dashboard-tile-open = Open requests
dashboard-tile-unknown = Outcome unknown
dashboard-tile-median = Median time to decision

## Inbox

inbox-title = Inbox
inbox-tabs = Request views
inbox-tab-waiting = Waiting for me
inbox-tab-all = All
inbox-tab-mine = Mine
inbox-tab-decided = Decided
inbox-tab-unknown = Outcome unknown
inbox-search = Search requests
inbox-search-hint = ID, target or requester
inbox-operation = Operation
inbox-operation-any = Any operation
inbox-state = State
inbox-state-any = Any state
inbox-empty = Nothing is waiting for you. See decided requests under Decided.
inbox-empty-other = No requests in this view.
inbox-empty-filtered = No requests match.
filter-apply = Apply
filter-clear = Clear filters
filter-remove = Remove filter
filter-search = Search
pager-label = Pages
pager-previous = Previous
pager-next = Next

## Tables

table-request = Request
table-state = State
table-risk = Risk
table-requester = Requester
table-time = Requested
table-at = Time
table-event = Event
table-actor = Actor
table-target = Target
table-outcome = Outcome

## Request

request-new = New request
request-expires = Expires
request-changes = Changes
request-raw = Raw JSON
request-reason = Reason
request-timeline = Timeline
request-approvals = Approvals
request-eligible = Can approve:
request-withdraw = Withdraw request
timeline-entry = Ledger entry
diff-item = Item
diff-before = Before
diff-after = After
diff-removed = Removed:
diff-added = Added:
decide-title = Decision
decide-jump = Go to decision
decide-reason = Comment
decide-hint = To reject, give a reason (10+ characters). The requester will see it.
decide-reject = Reject
decide-binding = You sign exactly what is shown.
decide-changed = This request changed while you were writing. Your text is still here.
decide-approve-run = Approve · runs now
decide-approve-more = Approve · more approvals needed
decide-own = You cannot approve your own request.
decide-not-eligible = You are not allowed to decide this request.
decide-already = You have already voted on this request.
decide-over = This request has been decided.
decide-conflict = This changed after you opened it. Review the difference and decide again.
decide-reason-short = Give a reason (10+ characters). The requester will see it.
decide-approved = Approved { $id }.
decide-rejected = Rejected { $id }.
vote-approve = Approved
vote-reject = Rejected
state-pending = Pending
state-approved = Approved
state-executing = Executing
state-succeeded = Succeeded
state-failed = Failed
state-partial = Partly applied
state-unknown = Outcome unknown
state-denied = Rejected
state-expired = Expired
state-withdrawn = Withdrawn
state-stale = Out of date
risk-low = Low
risk-medium = Medium
risk-high = High
risk-critical = Critical
outcome-success = Success
outcome-failure = Failure
outcome-unknown = Unknown
outcome-any = Any outcome

## Form

form-choose = New request
form-choose-lead = Choose what to change. You will see the effect before anything runs.
form-choose-empty = You cannot request any operation. Ask an administrator for the role you need.
form-step-fill = Fill in
form-step-check = Check and submit
form-optional = (optional)
form-lookup = Look up
form-reason = Reason
form-reason-hint = Say why, so that an approver can judge. It stays in the ledger.
form-errors = Check what you entered
form-preview = Preview
form-check = Check the effect
form-check-again = Check again
form-submit = Submit request
form-cancel = Cancel

## Customers

customers-users-title = Users
customers-users-search = Search users
customers-users-search-hint = Name, email or ID
customers-orgs-title = Organisations
customers-orgs-search = Search organisations
customers-orgs-search-hint = Name, company or ID
customers-name = Name
customers-email = Email
customers-plan = Plan
customers-until = Until
customers-orgs = Organisations
customers-org = Organisation
customers-company = Company
customers-tier = Tier
customers-credit = Credit
customers-members = Members
customers-facts = Details
customers-open = Open requests
customers-history = History
customers-history-empty = No changes on record.
customers-none = Nothing to show.
customers-empty = No results. Try another search.

## Ledger

ledger-title = Ledger
ledger-lead = Every request, decision and outcome, signed and kept.
ledger-since = From
ledger-until = To
ledger-empty = Nothing has been recorded yet.
ledger-empty-filtered = No entries match.
ledger-facts = Details
ledger-proof = Proof
ledger-hash = Leaf hash (SHA-256)
ledger-leaf = Signed record
ledger-unsealed = Not yet under a checkpoint. Check again in a moment.
ledger-sealed = Sealed under checkpoint { $checkpoint }.
ledger-story = Same request

## Access

access-title = Access
access-lead = What each role may do, as enforced now.
access-scope = Scope
access-yes = Allowed
access-no = Not allowed

## API

api-title = API reference
api-lead = Call with a browser session or a bearer token. Errors are application/problem+json.
api-body = Request body
api-responses = Responses

## Errors

error-incident = Quote this ID when you ask for help.
error-kept = What you entered
error-home = Go to the dashboard
error-back = Go back
error-not-found-title = Not found
error-not-found-what = There is nothing at this address.
error-not-found-why = The address may be wrong, or you may not be allowed to see it.
error-not-found-next = Check the address, or search for it.
error-forbidden-title = Not allowed
error-forbidden-what = Your roles do not allow this.
error-forbidden-next = See Access for the role you need, then ask an administrator.
error-csrf-title = This page is out of date
error-csrf-what = For safety, nothing was done.
error-csrf-why = You signed in again, or the page was open for too long.
error-csrf-next = Open the page again and retry.
error-internal-title = Something went wrong
error-internal-what = The server could not complete this.
error-internal-next = Try again in a moment. If it persists, report the ID below.
