# Search
search-lead = Type a request's number or words, the name, email or ID of an organisation or user, the ID of a ledger entry, or the name of a page or action.
search-nothing = Nothing matches “{ $q }”. Type two letters or more of a name, or three or more of what a request says. An exact number or ID works, too.
found-pages = Pages
