-- Keep the newest rows only.
DELETE FROM quarantine
WHERE rowid <= (SELECT max(rowid) FROM quarantine) - ? AND (SELECT count(*) FROM quarantine) > 0;
