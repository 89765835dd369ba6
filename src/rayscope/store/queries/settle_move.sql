-- In the order in which listings read them. A settled attempt is not written again, so its state is kept with it.
INSERT INTO attempt_cold BY NAME
SELECT a.* EXCLUDE (_part, _rowid)
FROM attempt a
SEMI JOIN settling USING (session_no, task_id, attempt)
WHERE a._part = 0
ORDER BY a.session_no, a.job_id, a.creation_ns;
