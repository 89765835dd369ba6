-- Tasks whose last attempt failed or was lost, by function and by what it said.
WITH failed AS NOT MATERIALIZED (
    SELECT
        session_no, task_key, attempt_number, coalesce(name, func_or_class_name, '') AS name, state,
        coalesce(error_line(coalesce(error_message, state_reason)), '') AS line, coalesce(error_type, state) AS error_type, end_ns
    FROM {relation}{where} AND is_bad(state)
), retried_tasks AS (
    SELECT session_no, task_key, max(attempt_number) AS last_attempt FROM {relation}{sessions} GROUP BY ALL
), last_ones AS (
    SELECT failed.*, folded_line(line) AS folded FROM failed LEFT JOIN retried_tasks USING (session_no, task_key)
    WHERE last_attempt IS NULL OR attempt_number = last_attempt
)
SELECT name, count(*) AS tasks, arg_max(line, end_ns) AS line, any_value(error_type) AS error_type, state
FROM last_ones GROUP BY name, folded, state ORDER BY tasks DESC, name, line LIMIT 100;
