# Requests, votes, outcomes
not-before-out-of-range = The time must be within 90 days from now.
idempotency-key-reused = Something else was asked for with this idempotency key. Use a new key.
request-changed-meanwhile = Its state has changed meanwhile. Reload and look again.
request-expired = This request has expired. Ask again if you still need it.
request-withdrawn = The requester has withdrawn this request.
request-stale = What was to be changed had moved, so this request did not run. Ask again for how things are now.
request-decided-already = Another decision came first.
vote-own-request = You cannot approve or reject your own request.
vote-not-eligible = You may not decide this request.
vote-stale-binding = This changed after you opened it. Review the difference and decide again.
withdraw-not-yours = Only the requester can withdraw a request.
withdraw-too-late = A request that has begun or ended cannot be withdrawn.
vote-approved = Approved { $id }. Running now.
vote-denied = Rejected { $id }. The requester will see your reason.
vote-counted = Your vote on { $id } counts. It needs more approvals.
vote-counted-before = You have voted the same on { $id } before.
vote-not-needed = { $id } was decided the same way already. Your vote was not needed.
request-submitted-now = Asked for it: { $id }.
request-withdrawn-now = Withdrew { $id }.
request-preview-changed = It changed while you were checking. Review the new difference below and ask again.
request-need-approver = Approvers
request-vote-approve = Approved
request-vote-reject = Rejected
request-policy-none = Risk { $risk }: runs at once, without approval.
request-policy-others = { $count ->
    [one] Risk { $risk }: needs the approval of one approver other than the requester.
   *[other] Risk { $risk }: needs the approval of { $count } approvers other than the requester.
  }
request-policy-self = { $count ->
    [one] Risk { $risk }: needs one approval, which the requester may give.
   *[other] Risk { $risk }: needs { $count } approvals, one of which the requester may give.
  }
request-cannot-decide = You may not decide requests. Can decide: { $names }
request-cannot-decide-own = You cannot approve your own request. Can approve: { $names }
request-voted-already = You have approved. It waits for somebody else.
request-closed-approved = It is approved and will run in a moment.
request-closed-executing = It is running.
request-closed-succeeded = This request is done.
request-closed-failed = This request failed to run.
request-closed-partial = This request was done in part.
request-closed-unknown = Its outcome is being looked into.
request-closed-denied = This request was rejected.
request-closed-expired = This request has expired. Ask again if you still need it.
request-closed-withdrawn = The requester has withdrawn it.
request-closed-stale = What was to be changed had moved, so it did not run. Ask again for how things are now.
request-approve-runs-now = Approve · runs now: { $title }
request-approve-waits-for-more = Approve · waits for more approvals
request-guarantee-transactional = Change and outcome are written in one transaction: it happens exactly once.
request-outcome-succeeded = “{ $title }” is done.
request-outcome-failed = It could not be done. Nothing was changed.
request-outcome-failed-refused = A rule did not allow it when it was to run. Nothing was changed.
request-outcome-failed-constraint = The database's rules did not allow it. Nothing was changed.
request-outcome-stale = It is not what was approved any more, so it did not run.
request-outcome-stale-target-moved = What was to be changed had moved after the request, so it did not run. Ask again for how things are now.
request-outcome-stale-quorum-lost = An approver's rights have changed and approvals are missing. Ask again.
request-outcome-stale-operation-retired = The operation's definition has changed, so it did not run. Ask again.
request-outcome-stale-binding-broken = What is stored is not what was approved. Tell security.
request-future-approval = { $count ->
    [one] Waits for one approval
   *[other] Waits for { $count } approvals
  }
request-future-execution = Runs and writes its outcome down
inbox-tab-open = All open
inbox-tab-asked = Asked by me
inbox-empty-mine = Nothing is waiting for you. See decided requests under Decided.
inbox-empty-open = No request is open.
inbox-empty-asked = You have not asked for anything yet. Start with New request.
inbox-empty-decided = No request has been decided.
inbox-empty-unknown = No outcome is unknown.
inbox-filtered-empty = No requests match.
