-- Tasks by name, type and state. An attempt that a later one replaced is a retry and counts no task; its state is not the task's.
WITH attempts AS (
    SELECT session_no, task_key, task_id, attempt_number, coalesce(name, func_or_class_name, '') AS name, coalesce(type, '') AS type, state, duration_ns
    FROM {relation}{where}
), retried_tasks AS (
    -- of all attempts, not only of those that fit: a task whose first attempt failed and whose second did not is no failed task
    SELECT session_no, task_key, task_id, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), counted AS (
    SELECT name, type, state, count(*) AS tasks, 0 AS retries,
        approx_quantile(duration_ns, 0.5)::BIGINT AS p50_ns, approx_quantile(duration_ns, 0.99)::BIGINT AS p99_ns, sum(duration_ns)::BIGINT AS total_ns
    FROM attempts LEFT JOIN retried_tasks USING (session_no, task_key, task_id)
    WHERE last_attempt IS NULL OR attempt_number = last_attempt
    GROUP BY ALL
), retried AS (
    SELECT name, type, NULL AS state, 0 AS tasks, count(*) AS retries, NULL AS p50_ns, NULL AS p99_ns, NULL AS total_ns
    FROM attempts WHERE attempt_number > 0 GROUP BY ALL
)
SELECT * FROM counted UNION ALL BY NAME SELECT * FROM retried
ORDER BY name, type, state;
