"""One reducer a noun: what an event of that noun changes. Pure: events in, changes out."""
