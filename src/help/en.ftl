# Help
help-lead = The help button at the top of every page opens the topic of that page.
help-topics = Help topics
