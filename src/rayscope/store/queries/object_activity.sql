-- $1: the session, $2: workers, $3: until when. A driver is as active as the tasks of its job.
WITH wanted AS (
    SELECT unnest($2::VARCHAR[]) AS worker_id
), words AS (
    SELECT worker_id, job_id, start_ns, end_ns, creation_ns FROM tasks WHERE session_no = $1 AND coalesce(type, '') <> 'DRIVER_TASK' AND coalesce(creation_ns, start_ns) <= $3
), owned AS (
    SELECT w.worker_id, t.start_ns AS begin_ns, t.end_ns FROM wanted w JOIN words t ON t.worker_id = w.worker_id WHERE t.start_ns <= $3
    UNION ALL
    SELECT w.worker_id, coalesce(t.creation_ns, t.start_ns), t.end_ns FROM wanted w JOIN words t ON w.worker_id = rpad(t.job_id, 56, 'f')
)
SELECT
    worker_id, max(greatest(begin_ns, CASE WHEN end_ns <= $3 THEN end_ns END)) AS last_ns, bool_or(end_ns IS NULL OR end_ns > $3) AS is_busy
FROM owned GROUP BY worker_id
