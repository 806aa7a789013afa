# Calls of tools that wait for people
tool-role-not-held = You do not hold the role { $role }. Name one that you hold.
tool-name-malformed = A name has letters, digits, dots, colons, dashes and underscores.
tool-number-inexact = A number is too large for JSON to carry it exactly. Send it as text.
tool-called-without-reason = The caller of { $tool } gave no reason.
value-release-held = Held
value-release-released = Released
op-tool-call-title = Call a tool
op-tool-call-description = An agent wants to call a tool. What can do much harm waits until somebody has seen the arguments.
op-tool-call-field-server = Server
op-tool-call-field-server-hint = The server that has the tool, such as github.
op-tool-call-field-tool = Tool
op-tool-call-field-tool-hint = The tool’s name on that server, such as create_issue.
op-tool-call-field-role = Role
op-tool-call-field-role-hint = The role in which it is called. You must hold it.
op-tool-call-field-arguments = Arguments
op-tool-call-field-arguments-hint = A JSON object. Exactly this is released, and nothing else.
op-tool-call-field-release = Release
