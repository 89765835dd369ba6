"""The one owner of the database. SQL lives here alone, in `schema/` and `queries/`; callers pass closures to `read` and `write`."""
