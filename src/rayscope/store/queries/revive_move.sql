INSERT INTO attempt_hot BY NAME
SELECT attempt_key(c.session_no, c.task_id, c.attempt) AS key, c.* EXCLUDE (state, creation_ns, start_ns, end_ns, duration_ns)
FROM attempt_cold c
SEMI JOIN reviving ON c.rowid = reviving.row_id;
