# Dashboard
dashboard-tile-waiting-hint = Requests that wait for my decision
dashboard-tile-open-hint = Every request that has not ended
dashboard-tile-expiring = Expiring soon
dashboard-tile-expiring-hint = Requests that expire within 4 hours
dashboard-tile-asked = Asked by me
dashboard-tile-asked-hint = My requests that are still open
