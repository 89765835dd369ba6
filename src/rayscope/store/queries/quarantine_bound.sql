-- Keep the newest rows only.
DELETE FROM quarantine WHERE rowid IN (SELECT rowid FROM quarantine ORDER BY received_ns DESC, rowid DESC OFFSET ?);
