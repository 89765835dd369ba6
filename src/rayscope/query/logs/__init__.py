"""Questions about log lines: the query language, search, live tail, and who printed what."""
