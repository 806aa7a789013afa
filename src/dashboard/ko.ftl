# 대시보드
dashboard-tile-waiting-hint = 내 결정을 기다리는 요청
dashboard-tile-open-hint = 아직 끝나지 않은 모든 요청
dashboard-tile-expiring = 곧 만료
dashboard-tile-expiring-hint = 4시간 안에 만료되는 요청
dashboard-tile-asked = 내가 요청
dashboard-tile-asked-hint = 내가 요청해 아직 열려 있는 건
