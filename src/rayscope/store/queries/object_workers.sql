WITH wanted AS (SELECT unnest($2::VARCHAR[]) AS worker_id)
SELECT
    x.worker_id, coalesce(w.end_ns, d.end_ns) AS end_ns, w.exit_type, coalesce(w.job_id, d.job_id) AS job_id, a.actor_id, a.class_name, n.end_ns AS node_end_ns,
    d.job_id IS NOT NULL AS is_driver
FROM wanted x
LEFT JOIN worker w ON w.session_no = $1 AND w.worker_id = x.worker_id
LEFT JOIN driver_job d ON d.session_no = $1 AND rpad(d.job_id, 56, 'f') = x.worker_id
LEFT JOIN (SELECT worker_id, max(actor_id) AS actor_id, max(class_name) AS class_name FROM actor WHERE session_no = $1 GROUP BY worker_id) a ON a.worker_id = x.worker_id
LEFT JOIN node n ON n.session_no = $1 AND n.node_id = coalesce(w.node_id, d.driver_node_id)
