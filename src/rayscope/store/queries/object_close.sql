-- $1: the session, $2: the snapshot that was the newest. What it had and the new one lacks ended with it.
UPDATE object_span SET last_ns = $2
FROM (
    SELECT s.rowid AS place FROM object_span s ANTI JOIN fresh USING (object_id, ip, pid, type, reference_type, size_bytes, call_site, task_status, attempt_number)
    WHERE s.session_no = $1 AND s.last_ns IS NULL
) gone
WHERE object_span.rowid = gone.place;
