-- $1: the session, $2: a snapshot that comes late and lacks these references, although their spans go over it.
CREATE OR REPLACE TEMP TABLE object_torn AS
SELECT s.rowid AS place, s.* FROM object_span s ANTI JOIN fresh USING (object_id, ip, pid, type, reference_type, size_bytes, call_site, task_status, attempt_number)
WHERE s.session_no = $1 AND s.first_ns < $2 AND (s.last_ns IS NULL OR s.last_ns > $2);
