-- What each of some sessions holds. A task counts once, by its last attempt; drivers are no tasks.
-- As in task_groups.sql, attempts meet by their key alone, and are not materialized.
WITH attempts AS NOT MATERIALIZED (
    SELECT session_no, task_key, attempt, state FROM attempt
    WHERE session_no IN (SELECT unnest($1::INTEGER[])) AND type IS DISTINCT FROM 'DRIVER_TASK'
), last_attempts AS (
    SELECT session_no, state FROM attempts
    LEFT JOIN (SELECT session_no, task_key, max(attempt) AS last_attempt FROM attempts WHERE attempt > 0 GROUP BY ALL) retried
        USING (session_no, task_key)
    WHERE last_attempt IS NULL OR attempt = last_attempt
)
SELECT
    s.session_no,
    (SELECT count(*) FROM node n WHERE n.session_no = s.session_no) AS nodes,
    (SELECT count(*) FROM driver_job j WHERE j.session_no = s.session_no) AS jobs,
    (SELECT count(*) FROM actor a WHERE a.session_no = s.session_no) AS actors,
    coalesce(t.tasks, 0) AS tasks,
    coalesce(t.failed_tasks, 0) AS failed_tasks
FROM (SELECT unnest($1::INTEGER[]) AS session_no) s
LEFT JOIN (
    SELECT session_no, count(*) AS tasks, count(*) FILTER (WHERE state IN ('FAILED', 'LOST')) AS failed_tasks
    FROM last_attempts GROUP BY session_no
) t USING (session_no);
