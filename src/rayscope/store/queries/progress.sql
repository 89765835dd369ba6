-- Tasks by function. A task counts once, by its last attempt; the others are its retries' past. As in task_groups.sql, attempts meet by their key alone.
WITH attempts AS NOT MATERIALIZED (
    SELECT
        session_no, task_key, attempt_number, coalesce(name, func_or_class_name, '') AS name, coalesce(type, '') AS type, state, duration_ns,
        creation_ns, start_ns, end_ns
    FROM {relation}{where}
), retried_tasks AS (
    SELECT session_no, task_key, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), placed AS (
    SELECT attempts.*, last_attempt IS NULL OR attempt_number = last_attempt AS is_last FROM attempts LEFT JOIN retried_tasks USING (session_no, task_key)
)
SELECT * EXCLUDE (quantiles), quantiles[1] AS p50_ns, quantiles[2] AS p99_ns
FROM (SELECT
    name, type, count(*) FILTER (WHERE is_last) AS tasks,
    count(*) FILTER (WHERE is_last AND state = 'FINISHED') AS finished,
    count(*) FILTER (WHERE is_last AND is_running(state)) AS running,
    count(*) FILTER (WHERE is_last AND NOT is_running(state) AND NOT is_over(state)) AS waiting,
    count(*) FILTER (WHERE is_last AND state = 'FAILED') AS failed,
    count(*) FILTER (WHERE is_last AND state = 'LOST') AS lost,
    count(*) FILTER (WHERE attempt_number > 0) AS retries, count(*) AS attempts,
    approx_quantile(duration_ns, [0.5, 0.99])::BIGINT[] AS quantiles,
    coalesce(sum(duration_ns), 0)::BIGINT AS total_ns, min(coalesce(start_ns, creation_ns, end_ns)) AS first_ns, max(coalesce(end_ns, start_ns)) AS last_ns
FROM placed GROUP BY name, type)
ORDER BY first_ns NULLS LAST, name, type;
