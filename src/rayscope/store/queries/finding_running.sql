SELECT worker_id, task_id, coalesce(name, func_or_class_name) AS name, job_id
FROM tasks
WHERE session_no = $1 AND worker_id IN (SELECT unnest($2::VARCHAR[])) AND start_ns <= $3 AND coalesce(end_ns, $3) >= $3 AND type <> 'ACTOR_CREATION_TASK'
ORDER BY start_ns LIMIT 1000
