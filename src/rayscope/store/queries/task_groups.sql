-- Tasks by name, type and state. An attempt that a later one replaced is a retry and counts no task; its state is not the task's.
-- Attempts meet by the 64-bit key alone: a false meeting is expected once in a hundred thousand stores of ten million tasks, and reading
-- the ids themselves takes as long as all the rest. Materialized, the attempts would go through the disk.
WITH attempts AS NOT MATERIALIZED (
    SELECT session_no, task_key, attempt_number, coalesce(name, func_or_class_name, '') AS name, coalesce(type, '') AS type, state, duration_ns
    FROM {relation}{where}
), retried_tasks AS (
    -- of all attempts, not only of those that fit: a task whose first attempt failed and whose second did not is no failed task
    SELECT session_no, task_key, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), counted AS (
    SELECT name, type, state, count(*) AS tasks, 0 AS retries,
        approx_quantile(duration_ns, [0.5, 0.99])::BIGINT[] AS quantiles, sum(duration_ns)::BIGINT AS total_ns
    FROM attempts LEFT JOIN retried_tasks USING (session_no, task_key)
    WHERE last_attempt IS NULL OR attempt_number = last_attempt
    GROUP BY ALL
), retried AS (
    SELECT name, type, NULL AS state, 0 AS tasks, count(*) AS retries, NULL AS quantiles, NULL AS total_ns
    FROM attempts WHERE attempt_number > 0 GROUP BY ALL
)
SELECT name, type, state, tasks, retries, quantiles[1] AS p50_ns, quantiles[2] AS p99_ns, total_ns
FROM (FROM counted UNION ALL BY NAME FROM retried)
ORDER BY name, type, state;
