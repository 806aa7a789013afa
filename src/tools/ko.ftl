# 사람의 승인을 기다리는 도구 호출
tool-role-not-held = { $role } 역할이 없습니다. 가지고 있는 역할을 입력하세요.
tool-name-malformed = 이름에는 영문자, 숫자, 점, 콜론, 하이픈, 밑줄만 쓸 수 있습니다.
tool-number-inexact = 숫자가 너무 커서 JSON으로 정확히 전달할 수 없습니다. 문자열로 보내세요.
tool-called-without-reason = { $tool } 도구를 호출하면서 사유를 적지 않았습니다.
value-release-held = 보류
value-release-released = 실행 허용
op-tool-call-title = 도구 호출
op-tool-call-description = 에이전트가 도구를 호출하려고 합니다. 위험도가 높으면 사람이 인수를 확인할 때까지 기다립니다.
op-tool-call-field-server = 서버
op-tool-call-field-server-hint = 도구가 있는 서버입니다. 예: github
op-tool-call-field-tool = 도구
op-tool-call-field-tool-hint = 서버에서 쓰는 도구 이름입니다. 예: create_issue
op-tool-call-field-role = 역할
op-tool-call-field-role-hint = 어떤 역할로 호출하는지 적습니다. 본인이 가진 역할이어야 합니다.
op-tool-call-field-arguments = 인수
op-tool-call-field-arguments-hint = JSON 객체입니다. 적은 그대로만 실행이 허용됩니다.
op-tool-call-field-release = 실행
