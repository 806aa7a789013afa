# Texts of the parts that several pages are made of
ui-as-of = Data as of { $at } KST
ui-no-data = No data
ui-loading = Loading
ui-secret-hint = The value ends in “{ $tail }”. It cannot be shown again; leave this empty to keep it.
ui-danger = This cannot be undone. Type “{ $name }” to continue.
diff-lines = Show all { $count } lines
diff-unchanged = { $count ->
    [one] One item that did not change
   *[other] { $count } items that did not change
 }
chart-table = Show as a table
chart-day = Day
chart-forecast = Forecast
chart-empty = There is nothing to count yet.
meter-ok = Room left
meter-near = Near the limit
meter-full = Limit reached
meter-over = Over the limit
meter-text = { $used } of { $limit } · { $percent }% · { $word }
progress-to-do = To do
progress-doing = In progress
progress-waiting = Waiting
progress-blocked = Blocked
progress-done = Done
progress-skipped = Skipped
upload-choose = Files
upload-send = Upload
upload-list = Uploaded files
upload-queued = Queued
upload-verifying = Checking
upload-done = Done
upload-duplicate = The same file is already here
upload-failed = Failed
upload-cancelled = Cancelled
upload-cancel = Cancel
upload-retry = Try again
