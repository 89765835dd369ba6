SELECT 'actor' AS kind, actor_id AS id, coalesce(class_name, left(actor_id, 8)) AS name, node_id, job_id, alive_ns AS start_ns, end_ns
FROM actor
WHERE session_no = $1 AND node_id IS NOT NULL AND alive_ns <= $3 AND coalesce(end_ns, $3) >= $2
    AND TRY_CAST(TRY_CAST(required_resources AS JSON) ->> '$.GPU' AS DOUBLE) > 0
UNION ALL
SELECT 'task', task_id, coalesce(name, func_or_class_name, left(task_id, 8)), node_id, job_id, start_ns, end_ns
FROM tasks
WHERE session_no = $1 AND node_id IS NOT NULL AND type = 'NORMAL_TASK' AND start_ns <= $3 AND coalesce(end_ns, $3) >= $2
    AND TRY_CAST(TRY_CAST(required_resources AS JSON) ->> '$.GPU' AS DOUBLE) > 0
ORDER BY start_ns LIMIT $4
