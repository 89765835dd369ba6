-- Attempts without an end whose worker, node, actor, job or session has one, with the evidence.
SELECT
    a.session_no, a.task_id, a.attempt, a.type, a.job_id, a.actor_id, a.worker_id, a.t_running, a.task_end, a.profile_extra,
    coalesce(a.t_pending_args_avail, least(a.t_pending_node_assignment, a.t_submitted_to_worker, a.t_running)) AS creation_ns,
    w.end_ns AS worker_end_ns, w.exit_type, w.exit_detail,
    n.end_ns AS node_end_ns, n.state_message AS node_message,
    CASE WHEN x.state = 'DEAD' THEN x.end_ns END AS actor_end_ns, x.death_cause ->> '$.actorDiedErrorContext.errorMessage' AS actor_message,
    j.end_ns AS job_end_ns,
    e.ended_ns AS session_end_ns, e.reason AS session_reason, s.silent_since_ns IS NOT NULL AS silent
FROM attempt_hot a
JOIN session s ON s.session_no = a.session_no
LEFT JOIN worker w ON w.session_no = a.session_no AND w.worker_id = a.worker_id
LEFT JOIN node n ON n.session_no = a.session_no AND n.node_id = coalesce(a.node_id, w.node_id)
LEFT JOIN actor x ON x.session_no = a.session_no AND x.actor_id = a.actor_id
LEFT JOIN driver_job j ON j.session_no = a.session_no AND j.job_id = a.job_id
LEFT JOIN session_end e ON e.session_no = a.session_no
WHERE
    a.t_finished IS NULL AND a.t_failed IS NULL AND a.verdict_state IS NULL
    AND (w.end_ns IS NOT NULL OR n.end_ns IS NOT NULL OR (x.state = 'DEAD') OR j.end_ns IS NOT NULL OR e.ended_ns IS NOT NULL)
LIMIT ?;
