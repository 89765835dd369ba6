-- $1: the session, $2: the newest snapshot. What no open span has begins here.
INSERT INTO object_span
SELECT $1, $2, NULL, f.object_id, f.ip, f.pid, f.type, f.reference_type, f.size_bytes, f.call_site, f.task_status, f.attempt_number, f.task_id, f.task_key
FROM fresh f ANTI JOIN (SELECT * FROM object_span WHERE session_no = $1 AND last_ns IS NULL) s USING (object_id, ip, pid, type, reference_type, size_bytes, call_site, task_status, attempt_number)
ORDER BY f.object_id;
