-- The settled attempts among those of which a late word came. The 64-bit key is what makes this scan cheap.
CREATE OR REPLACE TEMP TABLE reviving AS
SELECT c.rowid AS row_id
FROM attempt_cold c
SEMI JOIN late USING (task_key, session_no, task_id, attempt);
