-- Tasks in all, each once by its last attempt: all attempts by state, less those that a later one replaced. Only the few that were retried meet by their key.
WITH attempts AS NOT MATERIALIZED (
    SELECT session_no, task_key, attempt_number, state FROM {relation}{where}
), retried_tasks AS (
    SELECT session_no, task_key, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), counted AS (
    SELECT state, attempt_number > 0 AS is_retry, count(*) AS attempts, count(*) AS tasks FROM attempts GROUP BY ALL
    UNION ALL
    SELECT state, false, 0, -count(*) FROM attempts JOIN retried_tasks USING (session_no, task_key) WHERE attempt_number < last_attempt GROUP BY ALL
), totals AS (
    SELECT
        sum(tasks) AS tasks, sum(tasks) FILTER (WHERE state = 'FINISHED') AS finished, sum(tasks) FILTER (WHERE is_running(state)) AS running,
        sum(tasks) FILTER (WHERE NOT is_running(state) AND NOT is_over(state)) AS waiting, sum(tasks) FILTER (WHERE state = 'FAILED') AS failed,
        sum(tasks) FILTER (WHERE state = 'LOST') AS lost, sum(attempts) FILTER (WHERE is_retry) AS retries, sum(attempts) AS attempts
    FROM counted
)
SELECT coalesce(COLUMNS(*), 0)::BIGINT FROM totals;
