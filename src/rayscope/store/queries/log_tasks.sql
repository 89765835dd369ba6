-- What attempts are called, and whose they are.
WITH wanted AS (SELECT unnest(?::INTEGER[]) AS session_no, unnest(?::UBIGINT[]) AS task_key, unnest(?::VARCHAR[]) AS task_id)
SELECT a.session_no, a.task_id, max(attempt_name(a.name, a.func, a.type, a.actor_repr_name)) AS name, max(a.actor_id) AS actor_id, max(a.job_id) AS job_id
FROM (
    SELECT session_no, task_key, task_id, name, func, type, actor_repr_name, actor_id, job_id FROM attempt_hot WHERE task_key IN (SELECT task_key FROM wanted)
    UNION ALL
    SELECT session_no, task_key, task_id, name, func, type, actor_repr_name, actor_id, job_id FROM attempt_cold WHERE task_key IN (SELECT task_key FROM wanted)
) a
SEMI JOIN wanted w ON w.session_no = a.session_no AND w.task_id = a.task_id
GROUP BY a.session_no, a.task_id;
