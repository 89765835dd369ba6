SELECT
    w.node_id, w.pid, w.worker_id, coalesce(w.job_id, a.job_id) AS job_id, a.actor_id, a.class_name, coalesce(w.worker_type = 'DRIVER', false) AS is_driver, w.end_ns
FROM worker w
LEFT JOIN (
    SELECT worker_id, max(actor_id) AS actor_id, max(class_name) AS class_name, max(job_id) AS job_id FROM actor WHERE session_no = $1 GROUP BY worker_id
) a USING (worker_id)
WHERE w.session_no = $1 AND w.node_id IS NOT NULL AND w.pid IS NOT NULL
UNION ALL
-- where no event told of an actor's worker (older Rays export none) the actor itself names its process
SELECT a.node_id, a.pid, a.worker_id, a.job_id, a.actor_id, a.class_name, false, a.end_ns
FROM actor a
WHERE a.session_no = $1 AND a.node_id IS NOT NULL AND a.pid IS NOT NULL
    AND a.worker_id NOT IN (SELECT worker_id FROM worker WHERE session_no = $1 AND node_id IS NOT NULL AND pid IS NOT NULL)
UNION ALL
SELECT d.driver_node_id, d.driver_pid, rpad(d.job_id, 56, 'f'), d.job_id, NULL, NULL, true, d.end_ns
FROM driver_job d
WHERE d.session_no = $1 AND d.driver_node_id IS NOT NULL AND d.driver_pid IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM worker w WHERE w.session_no = $1 AND w.node_id = d.driver_node_id AND w.pid = d.driver_pid)
