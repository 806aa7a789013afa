# The policy
nav-policy = Policy
scope-policy-read = Read the policy, and try a draft of it on the past.
scope-policy-propose = Ask for a change of the policy.
event-policy-adopted = Policy adopted
event-policy-replaced = Policy replaced
event-request-waits = Now waits for others
op-policy-replace-title = Replace the policy
op-policy-replace-description = Decide anew who must countersign what. The policy in force decides who approves it.
op-policy-replace-field-document = Policy document
op-policy-replace-field-document-hint = The whole document, in TOML.
op-policy-replace-field-version = Version
op-policy-replace-field-hash = Hash
op-policy-replace-field-lines = Changed lines
policy-title = Policy
policy-lead = Who must approve what. Rules are tried from top to bottom, and the first that matches decides.
policy-version = Version { $version }
policy-try = Try or propose a change
policy-rules = Rules
policy-rule-default = Everything else
policy-rule-number = Rule { $number }
policy-groups = Groups
policy-group-approvers = Approvers
policy-group-guardians = Guardians of the policy
policy-group-billing = Billing
policy-group-security = Security
policy-group-nobody = Nobody at the moment
policy-file = The document
policy-versions = Versions
policy-adopted = Adopted at the first start
policy-column-version = Version
policy-column-when = Time
policy-column-who = Requested by
policy-column-request = Request
policy-if-all = If all of this holds
policy-otherwise = If no rule above matches
policy-if = { $subject }: { $test }
policy-why = { $subject } { $found } is { $test }
policy-or = { " " }or{ " " }
policy-and = { " " }and{ " " }
policy-subject-operation = Operation
policy-subject-risk = Risk
policy-subject-role = Requester’s role
policy-subject-door = Asked through
policy-subject-target-type = Kind of target
policy-subject-target-id = Target’s id
policy-subject-target-label = Target’s name
policy-subject-before = { $field } before
policy-subject-after = { $field } after
policy-subject-change = { $field } change
policy-subject-hours = Asked at (Korean time)
policy-subject-weekdays = Asked on
policy-test-at-least = { $number } or more
policy-test-at-most = { $number } or less
policy-test-up = an increase of { $number } or more
policy-test-down = a decrease of { $number } or more
policy-test-changes = becomes another value
policy-test-contains = contains ‘{ $part }’
policy-test-between = from { $from } until { $until }
policy-day-0 = Monday
policy-day-1 = Tuesday
policy-day-2 = Wednesday
policy-day-3 = Thursday
policy-day-4 = Friday
policy-day-5 = Saturday
policy-day-6 = Sunday
policy-matched = Rule ‘{ $rule }’: { $why }
policy-matched-default = No other rule matches, so the default applies.
policy-not-held = Waiting is switched off for these requests (APPROVAL_WORKFLOW_ENABLED=false).
policy-off = “{ $operation }” waits for nobody: APPROVAL_WORKFLOW_ENABLED is false at this replica. Each one is still in the ledger.
policy-need = { $count } of the group ‘{ $group }’
policy-asks-nobody = Runs at once, without approval.
policy-asks-others = Needs approval by { $who }. The requester does not count.
policy-asks-self = Needs approval by { $who }. The requester may be one of them.
policy-term-no-batch = Cannot be approved together with others.
policy-term-step-up = An approver must have signed in within the last { $minutes ->
    [one] minute
   *[other] { $minutes } minutes
  }.
policy-term-ticket = The reason must name a ticket, such as { $example }.
policy-term-prompt = The requester is asked: { $prompt }
policy-term-cool-off = Runs { $span } after approval at the earliest. Until then it can still be rejected.
policy-term-pending = Expires after { $span } without a decision.
policy-term-execute = Must run within { $span } of approval.
policy-term-slack = May be decided in Slack.
policy-term-no-slack = May not be decided in Slack.
policy-term-break-glass = In an emergency it may run without approvals; it must be reviewed within { $span }.
policy-term-no-break-glass = Not even an emergency lets it run without approvals.
policy-term-delegation = Somebody who stands in for an absent approver may approve.
policy-term-no-delegation = Nobody can stand in for an absent approver.
policy-term-remind = After { $span } those who have not voted are reminded.
policy-term-no-reminder = Nobody is reminded.
policy-term-escalate = After { $span } without a decision { $who } are told too.
policy-term-escalate-to = If it takes too long, { $who } are told too.
policy-term-no-escalation = Nobody else is told, however long it takes.
policy-days = { $count ->
    [one] 1 day
   *[other] { $count } days
  }
policy-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
  }
policy-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
  }
policy-seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
  }
policy-draft-title = Try a draft
policy-draft-lead = Change the document, see what is wrong with it and what it would have meant. Nothing changes until other people have approved it.
policy-draft-hint = The whole policy, in TOML. Here is the one in force.
policy-draft-check = Check
policy-draft-simulate = Try it on the past
policy-draft-ask = Propose this policy
policy-draft-days = Days to look back
policy-draft-fine = The document can be read. It has { $rules ->
    [one] 1 rule
   *[other] { $rules } rules
  } and { $groups ->
    [one] 1 group
   *[other] { $groups } groups
  }.
policy-draft-why-not = Only administrators and the security team may propose a policy.
policy-draft-reason = Why, if you propose it
policy-report-title = What would have been different
policy-report-lead = { $requests ->
    [one] 1 request
   *[other] { $requests } requests
  } of the last { $days ->
    [one] day
   *[other] { $days } days
  }, judged with today’s roles and people.
policy-report-capped = There were more. Only the newest { $most } were looked at.
policy-report-none = There were no requests in this time.
policy-report-more = Need more approvals
policy-report-fewer = Need fewer approvals
policy-report-others = Need other people
policy-report-at-once = Run at once
policy-report-nobody = Nobody could approve
policy-report-waiting = Waiting time, median
policy-report-estimate = Waiting times under the draft are an estimate: the k-th approval where there was one, and the usual gap between approvals where there was not.
policy-report-from-to = { $was } → { $is }
policy-report-operation = Operation
policy-report-rule = Rule of the draft
policy-report-requests = Requests
policy-report-changed = Different
policy-report-needs = Needs
policy-report-examples = Examples
policy-errors = The document cannot be used like this
policy-unchanged = This is the policy in force already. There is nothing to change.
policy-locks-out = Under this policy nobody could ever approve the next one. Missing: { $lacking }.
policy-fault-empty = Line { $line }: { $key } could never hold.
policy-fault-name = Line { $line }: the name ‘{ $name }’ may have a to z, digits and dashes, 40 at most.
policy-fault-twice = Line { $line }: there is a rule ‘{ $rule }’ already.
policy-fault-unreachable = Line { $line }: rule ‘{ $rule }’ can never match, because ‘{ $earlier }’ matches before it.
policy-fault-no-condition = Line { $line }: rule ‘{ $rule }’ has no condition. What applies to everything belongs under [default].
policy-fault-nobody = Line { $line }: { $rule } asks for nobody. Only a rule for low risk may do that, or one for calls of tools of medium risk.
policy-fault-hours = Line { $line }: { $key } is written like 19:00-09:00.
policy-fault-pattern = Line { $line }: { $key } is not a pattern that can be used.
policy-fault-example = Line { $line }: { $key } does not match its own pattern.
policy-fault-glass = Line { $line }: break_glass of the rule “{ $rule }” could apply to a change of the policy, which can never run without approvals. Put a rule for policy.replace alone before it.
policy-replaced-alone = Rule ‘{ $rule }’ would let a proposer approve their own change of the policy. policy.replace cannot have self_approval.
impact-policy-newest = More requests than that may wait; the newest { $all } were looked at.
impact-policy-none = No request waits for approval now, so none is affected at once.
impact-policy-same = The { $all } requests that wait for approval need the same people as before.
impact-policy-more = Of { $all } requests that wait for approval, { $more } would also have to meet what this policy asks for.
