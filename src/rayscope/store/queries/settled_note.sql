-- An end that was only concluded may be followed by the true one at any time, so no word on such a session is too new to be a late one.
INSERT INTO settled
SELECT session_no, max(CASE WHEN t_finished IS NULL AND t_failed IS NULL THEN 9000000000000000000 ELSE end_ns END)
FROM attempt
SEMI JOIN settling USING (session_no, task_id, attempt)
WHERE _part = 0
GROUP BY session_no
ON CONFLICT (session_no) DO UPDATE SET until_ns = greatest(settled.until_ns, excluded.until_ns);
