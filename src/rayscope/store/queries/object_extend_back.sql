-- $1: the session, $2: a snapshot that comes late, $3: the one after it. What begins there and is here begins here.
UPDATE object_span SET first_ns = $2
FROM (
    SELECT s.rowid AS place FROM object_span s SEMI JOIN fresh USING (object_id, ip, pid, type, reference_type, size_bytes, call_site, task_status, attempt_number)
    WHERE s.session_no = $1 AND s.first_ns = $3
) known
WHERE object_span.rowid = known.place;
