## Shell

nav-skip = 본문으로 건너뛰기
nav-label = 주 메뉴
nav-logout = 로그아웃
nav-group-work = 업무
nav-group-customers = 고객
nav-group-control = 통제
nav-dashboard = 대시보드
nav-inbox = 승인함
nav-new = 새 요청
nav-users = 사용자
nav-orgs = 조직
nav-ledger = 감사 원장
nav-access = 접근 권한
nav-api = API 문서
live-on = 실시간
live-connecting = 연결 중…
live-off = 연결이 끊겼습니다. 다시 연결하는 중… 화면 기준:
theme-label = 화면 테마
theme-system = 시스템 설정
theme-light = 밝게
theme-dark = 어둡게
ui-busy = 처리 중…
ui-close = 닫기
ui-copied = 복사했습니다.
ui-copy = 복사
ui-copy-what = 복사: { $what }
ui-fresh = 바뀐 내용 표시
ui-new-tab = (새 탭)
ui-none = 없음

## Keyboard

keys-title = 단축키
keys-everywhere = 공통
keys-list = 목록
keys-decision = 결정
keys-dashboard = 대시보드로 이동
keys-inbox = 승인함으로 이동
keys-ledger = 감사 원장으로 이동
keys-search = 검색
keys-fresh = 바뀐 내용 표시
keys-sheet = 단축키 보기
keys-move = 다음 또는 이전 행
keys-open = 열기
keys-approve = 승인 준비
keys-reject = 반려 준비
keys-submit = 준비한 결정 제출
keys-note = 키 하나로는 결정되지 않습니다. 한글 입력 상태에서도 동작합니다.
keys-off = 한 글자 단축키 끄기

## Sign-in

login-title = Countersign 로그인
login-lead = 권한이 필요한 변경을 요청하고, 확인하고, 기록합니다.
login-sso = 회사 계정으로 로그인
login-or = 또는
login-email = 이메일
login-password = 비밀번호
login-submit = 로그인
login-demo = 데모 계정
login-demo-password = 공통 비밀번호
login-use = 사용
login-use-who = { $email } 계정 사용

## Dashboard

dashboard-title = 대시보드
dashboard-waiting = 내 차례
dashboard-inbox = 승인함 열기
dashboard-mine = 내가 요청한 변경
dashboard-mine-empty = 진행 중인 요청이 없습니다. ‘새 요청’에서 변경을 요청할 수 있습니다.
dashboard-recent = 최근 기록
dashboard-recent-empty = 아직 기록이 없습니다.
dashboard-ledger = 감사 원장 열기
dashboard-tile-waiting = 내 차례
dashboard-tile-open = 열린 요청
dashboard-tile-unknown = 결과 확인 필요
dashboard-tile-median = 결정까지 걸린 시간 (중앙값)

## Inbox

inbox-title = 승인함
inbox-tabs = 요청 보기
inbox-tab-waiting = 내 차례
inbox-tab-all = 전체
inbox-tab-mine = 내가 요청
inbox-tab-decided = 처리됨
inbox-tab-unknown = 결과 확인 필요
inbox-search = 요청 검색
inbox-search-hint = 번호, 대상, 요청자
inbox-operation = 작업
inbox-operation-any = 모든 작업
inbox-state = 상태
inbox-state-any = 모든 상태
inbox-empty = 내 차례인 요청이 없습니다. 처리된 요청은 ‘처리됨’에서 볼 수 있습니다.
inbox-empty-other = 이 보기에 해당하는 요청이 없습니다.
inbox-empty-filtered = 조건에 맞는 요청이 없습니다.
filter-apply = 적용
filter-clear = 필터 초기화
filter-remove = 필터 제거
filter-search = 검색
pager-label = 페이지 이동
pager-previous = 이전
pager-next = 다음

## Tables

table-request = 요청
table-state = 상태
table-risk = 위험
table-requester = 요청자
table-time = 요청 시각
table-at = 시각
table-event = 기록
table-actor = 처리자
table-target = 대상
table-outcome = 결과

## Request

request-new = 새 요청
request-expires = 만료
request-changes = 변경 내용
request-raw = JSON 원문
request-reason = 사유
request-timeline = 진행 기록
request-approvals = 승인 조건
request-eligible = 승인 가능:
request-withdraw = 요청 철회
timeline-entry = 원장 기록
diff-item = 항목
diff-before = 변경 전
diff-after = 변경 후
diff-removed = 삭제:
diff-added = 추가:
decide-title = 결정
decide-jump = 결정하기
decide-reason = 의견
decide-hint = 반려하려면 사유를 10자 이상 입력하세요. 요청자에게 그대로 전달됩니다.
decide-reject = 반려
decide-binding = 지금 보이는 내용에 서명합니다.
decide-changed = 작성하는 동안 이 요청의 상태가 바뀌었습니다. 입력한 내용은 그대로 있습니다.
decide-approve-run = 승인 · 즉시 실행
decide-approve-more = 승인 · 추가 승인 대기
decide-own = 본인이 요청한 건은 승인할 수 없습니다.
decide-not-eligible = 이 요청을 결정할 권한이 없습니다.
decide-already = 이미 결정에 참여했습니다.
decide-over = 결정이 끝난 요청입니다.
decide-conflict = 열어 본 뒤 내용이 바뀌었습니다. 바뀐 부분을 확인하고 다시 결정하세요.
decide-reason-short = 반려 사유를 10자 이상 입력하세요. 요청자에게 그대로 전달됩니다.
decide-approved = { $id } 요청을 승인했습니다.
decide-rejected = { $id } 요청을 반려했습니다.
vote-approve = 승인
vote-reject = 반려
state-pending = 승인 대기
state-approved = 승인됨
state-executing = 실행 중
state-succeeded = 성공
state-failed = 실패
state-partial = 일부 적용
state-unknown = 결과 확인 필요
state-denied = 반려됨
state-expired = 만료됨
state-withdrawn = 철회됨
state-stale = 내용 변경됨
risk-low = 낮음
risk-medium = 보통
risk-high = 높음
risk-critical = 심각
outcome-success = 성공
outcome-failure = 실패
outcome-unknown = 확인 필요
outcome-any = 모든 결과

## Form

form-choose = 새 요청
form-choose-lead = 무엇을 바꿀지 선택하세요. 실행 전에 변경 내용을 확인할 수 있습니다.
form-choose-empty = 요청할 수 있는 작업이 없습니다. 필요한 권한은 관리자에게 문의하세요.
form-step-fill = 내용 입력
form-step-check = 확인 후 제출
form-optional = (선택)
form-lookup = 찾아보기
form-reason = 사유
form-reason-hint = 승인자가 읽고 판단할 수 있도록 배경과 근거를 입력하세요. 원장에 남습니다.
form-errors = 입력 내용을 확인하세요.
form-preview = 변경 미리보기
form-check = 변경 내용 확인
form-check-again = 다시 확인
form-submit = 요청 제출
form-cancel = 취소

## Customers

customers-users-title = 사용자
customers-users-search = 사용자 검색
customers-users-search-hint = 이름, 이메일, ID
customers-orgs-title = 조직
customers-orgs-search = 조직 검색
customers-orgs-search-hint = 조직, 회사, ID
customers-name = 이름
customers-email = 이메일
customers-plan = 요금제
customers-until = 종료일
customers-orgs = 소속 조직
customers-org = 조직
customers-company = 회사
customers-tier = 등급
customers-credit = 크레딧
customers-members = 구성원
customers-facts = 현재 정보
customers-open = 열린 요청
customers-history = 변경 기록
customers-history-empty = 기록된 변경이 없습니다.
customers-none = 표시할 항목이 없습니다.
customers-empty = 검색 결과가 없습니다. 다른 검색어를 입력하세요.

## Ledger

ledger-title = 감사 원장
ledger-lead = 모든 요청과 결정, 실행 결과가 서명되어 남습니다.
ledger-since = 시작일
ledger-until = 종료일
ledger-empty = 아직 기록이 없습니다.
ledger-empty-filtered = 조건에 맞는 기록이 없습니다.
ledger-facts = 기록 정보
ledger-proof = 증명
ledger-hash = 잎 해시 (SHA-256)
ledger-leaf = 서명된 원문
ledger-unsealed = 아직 체크포인트에 포함되지 않았습니다. 잠시 뒤 다시 확인하세요.
ledger-sealed = { $checkpoint }번 체크포인트에 봉인되었습니다.
ledger-story = 같은 요청의 기록

## Access

access-title = 접근 권한
access-lead = 역할별로 할 수 있는 일입니다. 현재 적용 중인 설정 그대로입니다.
access-scope = 권한
access-yes = 허용
access-no = 없음

## API

api-title = API 문서
api-lead = 브라우저 세션 또는 Bearer 토큰으로 호출하세요. 오류는 application/problem+json 형식입니다.
api-body = 요청 본문
api-responses = 응답

## Errors

error-incident = 문의할 때 이 번호를 알려 주세요.
error-kept = 입력한 내용
error-home = 대시보드로 이동
error-back = 이전 화면으로 이동
error-not-found-title = 찾을 수 없습니다
error-not-found-what = 이 주소에 해당하는 화면이나 자료가 없습니다.
error-not-found-why = 주소가 잘못되었거나 볼 권한이 없는 자료일 수 있습니다.
error-not-found-next = 주소를 확인하거나 검색하세요.
error-forbidden-title = 권한이 없습니다
error-forbidden-what = 이 작업을 할 권한이 없습니다.
error-forbidden-next = 필요한 권한은 ‘접근 권한’에서 확인하고 관리자에게 요청하세요.
error-csrf-title = 화면이 오래되었습니다
error-csrf-what = 보안을 위해 요청을 처리하지 않았습니다.
error-csrf-why = 로그인이 바뀌었거나 화면을 연 지 오래되었습니다.
error-csrf-next = 화면을 새로 열고 다시 시도하세요.
error-internal-title = 처리하지 못했습니다
error-internal-what = 서버에서 오류가 발생해 요청을 처리하지 못했습니다.
error-internal-next = 잠시 뒤 다시 시도하세요. 계속되면 아래 번호로 문의하세요.
