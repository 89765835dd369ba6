DELETE FROM attempt_cold USING reviving WHERE attempt_cold.rowid = reviving.row_id;
