# 대시보드
dashboard-tile-waiting-hint = 내 결정을 기다리는 요청
dashboard-tile-open-hint = 아직 끝나지 않은 모든 요청
dashboard-tile-expiring = 곧 만료
dashboard-tile-expiring-hint = 4시간 안에 만료되는 요청
dashboard-tile-asked = 내가 요청
dashboard-tile-asked-hint = 내가 제출해 진행 중인 요청
dashboard-title = 대시보드
dashboard-waiting = 내 차례
dashboard-inbox = 승인함 열기
dashboard-mine = 내가 요청한 변경
dashboard-mine-empty = 아직 제출한 요청이 없습니다. ‘새 요청’에서 변경을 요청할 수 있습니다.
dashboard-recent = 최근 기록
dashboard-recent-empty = 아직 기록이 없습니다.
dashboard-ledger = 감사 원장 열기
dashboard-tile-waiting = 내 차례
dashboard-tile-open = 진행 중
