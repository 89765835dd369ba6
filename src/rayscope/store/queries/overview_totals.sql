-- Tasks by state, each once by its last attempt, and attempts.
WITH attempts AS NOT MATERIALIZED (SELECT session_no, task_key, attempt_number, state FROM {relation}{where}), retried_tasks AS (
    SELECT session_no, task_key, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), placed AS (
    SELECT state, attempt_number, last_attempt IS NULL OR attempt_number = last_attempt AS is_last
    FROM attempts LEFT JOIN retried_tasks USING (session_no, task_key)
)
SELECT
    count(*) FILTER (WHERE is_last) AS tasks, count(*) FILTER (WHERE is_last AND state = 'FINISHED') AS finished,
    count(*) FILTER (WHERE is_last AND is_running(state)) AS running,
    count(*) FILTER (WHERE is_last AND NOT is_running(state) AND NOT is_over(state)) AS pending,
    count(*) FILTER (WHERE is_last AND state = 'FAILED') AS failed, count(*) FILTER (WHERE is_last AND state = 'LOST') AS lost,
    count(*) FILTER (WHERE attempt_number > 0) AS retries, count(*) AS attempts
FROM placed;
