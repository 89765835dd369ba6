-- $1: the session, $2: a snapshot that comes late. What no span covers is here alone.
INSERT INTO object_span
SELECT $1, $2, $2, f.object_id, f.ip, f.pid, f.type, f.reference_type, f.size_bytes, f.call_site, f.task_status, f.attempt_number, f.task_id, f.task_key
FROM fresh f ANTI JOIN (SELECT * FROM object_span WHERE session_no = $1 AND first_ns <= $2 AND (last_ns IS NULL OR last_ns >= $2)) s USING (object_id, ip, pid, type, reference_type, size_bytes, call_site, task_status, attempt_number);
