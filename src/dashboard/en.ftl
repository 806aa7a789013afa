# Dashboard
dashboard-tile-waiting-hint = Requests that wait for my decision
dashboard-tile-open-hint = Every request that has not ended
dashboard-tile-expiring = Expiring soon
dashboard-tile-expiring-hint = Requests that expire within 4 hours
dashboard-tile-asked = Asked by me
dashboard-tile-asked-hint = My requests that are still open
dashboard-title = Dashboard
dashboard-waiting = My turn
dashboard-inbox = Open inbox
dashboard-mine = Your requests
dashboard-mine-empty = You have not asked for anything yet. Start with New request.
dashboard-recent = Recent activity
dashboard-recent-empty = Nothing has been recorded yet.
dashboard-ledger = Open ledger
dashboard-tile-waiting = My turn
dashboard-tile-open = Open requests
