-- The attempts whose own ranges, as Ray reports them, touch the windows of workers' outputs. A missing end is not known, or not yet.
-- The next range of the same output is there too, so that one without an end can be told to be over.
WITH attempts AS (
    SELECT session_no, worker_id, task_id, attempt, type, stdout_start, stdout_end, stderr_start, stderr_end FROM attempt_hot
    WHERE session_no IN (SELECT session_no FROM log_window) AND worker_id IN (SELECT worker_id FROM log_window)
    UNION ALL
    SELECT session_no, worker_id, task_id, attempt, type, stdout_start, stdout_end, stderr_start, stderr_end FROM attempt_cold
    WHERE session_no IN (SELECT session_no FROM log_window) AND worker_id IN (SELECT worker_id FROM log_window)
), ranges AS (
    SELECT session_no, worker_id, 'out' AS stream, stdout_start AS first, stdout_end AS last, task_id, attempt, type FROM attempts WHERE stdout_start IS NOT NULL
    UNION ALL
    SELECT session_no, worker_id, 'err' AS stream, stderr_start AS first, stderr_end AS last, task_id, attempt, type FROM attempts WHERE stderr_start IS NOT NULL
), closed AS (
    SELECT
        * EXCLUDE (last, type),
        -- a worker of normal tasks runs one after the other
        coalesce(last, CASE WHEN type = 'NORMAL_TASK' THEN lead(first) OVER (PARTITION BY session_no, worker_id, stream ORDER BY first) END) AS last
    FROM ranges
)
SELECT c.session_no, c.worker_id, c.stream, c.first, c.last, c.task_id, c.attempt
FROM closed c
JOIN log_window w ON w.session_no = c.session_no AND w.worker_id = c.worker_id AND w.stream = c.stream
WHERE c.first <= w.last + 1 AND coalesce(c.last, 9223372036854775807) >= w.first;
