-- By session, the latest end of what settles now.
-- An end that was only concluded may be followed by the true one at any time, so no word on such a session is too new to be a late one.
SELECT session_no, max(CASE WHEN t_finished IS NULL AND t_failed IS NULL THEN 9000000000000000000 ELSE end_ns END) AS until_ns
FROM attempt
SEMI JOIN settling USING (session_no, task_id, attempt)
WHERE _part = 0
GROUP BY session_no;
