SELECT task_id, arg_max(worker_id, attempt) AS worker_id, max(parent_task_id) AS parent_task_id, max(func) AS func, max(greatest(t_finished, t_failed)) AS end_ns
FROM (
    SELECT task_id, attempt, worker_id, parent_task_id, func, t_finished, t_failed FROM attempt_hot WHERE session_no = $1 AND task_id IN (SELECT unnest($2::VARCHAR[]))
    UNION ALL
    SELECT task_id, attempt, worker_id, parent_task_id, func, t_finished, t_failed FROM attempt_cold WHERE session_no = $1 AND task_id IN (SELECT unnest($2::VARCHAR[]))
)
GROUP BY task_id
