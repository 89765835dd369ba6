"""Questions and answers: filters, pages, lookups, summaries, time travel. Nothing here knows HTTP, and no SQL."""
