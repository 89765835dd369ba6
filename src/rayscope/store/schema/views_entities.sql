-- The smaller resources. Each comes as a macro of a time; null stands for now. What a session's end implies for what was
-- left open below it is concluded here, when it is read, so a late word makes it right by itself.

CREATE OR REPLACE MACRO nodes_at(at_ns) AS TABLE
SELECT
    n.session_no, s.session, n.node_id, n.node_ip, n.is_head_node,
    CASE WHEN coalesce(n.end_ns, e.ended_ns) <= coalesce(at_ns, 9223372036854775807) THEN 'DEAD' ELSE 'ALIVE' END AS state,
    CASE
        WHEN n.end_ns <= coalesce(at_ns, 9223372036854775807) THEN coalesce(n.state_message, n.death_reason)
        WHEN n.end_ns IS NULL AND e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.reason
        WHEN n.end_ns IS NULL THEN n.state_message
    END AS state_message,
    n.node_name, n.resources_total, n.labels, n.hostname,
    CASE WHEN n.end_ns <= coalesce(at_ns, 9223372036854775807) THEN n.death_reason END AS death_reason, n.instance_id, n.instance_type, n.start_ns,
    CASE WHEN coalesce(n.end_ns, e.ended_ns) <= coalesce(at_ns, 9223372036854775807) THEN coalesce(n.end_ns, e.ended_ns) END AS end_ns
FROM node n
JOIN session s USING (session_no)
LEFT JOIN session_end e USING (session_no)
WHERE at_ns IS NULL OR n.start_ns <= at_ns;

CREATE OR REPLACE MACRO workers_at(at_ns) AS TABLE
SELECT
    w.session_no, s.session, w.worker_id,
    CASE WHEN coalesce(w.end_ns, n.end_ns, e.ended_ns) <= coalesce(at_ns, 9223372036854775807) THEN 'DEAD' ELSE 'ALIVE' END AS state,
    w.worker_type,
    CASE WHEN w.end_ns <= coalesce(at_ns, 9223372036854775807) THEN w.exit_type END AS exit_type,
    w.node_id, n.node_ip AS ip, w.pid, w.job_id,
    CASE
        WHEN w.end_ns <= coalesce(at_ns, 9223372036854775807) THEN w.exit_detail
        WHEN w.end_ns IS NULL AND n.end_ns <= coalesce(at_ns, 9223372036854775807) THEN 'its node died'
        WHEN w.end_ns IS NULL AND e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.reason
    END AS exit_detail,
    w.launch_ns, w.launched_ns, w.start_ns,
    CASE WHEN coalesce(w.end_ns, n.end_ns, e.ended_ns) <= coalesce(at_ns, 9223372036854775807) THEN coalesce(w.end_ns, n.end_ns, e.ended_ns) END AS end_ns,
    w.memory_used_bytes
FROM worker w
JOIN session s USING (session_no)
LEFT JOIN node n ON n.session_no = w.session_no AND n.node_id = w.node_id
LEFT JOIN session_end e ON e.session_no = w.session_no
WHERE at_ns IS NULL OR w.start_ns <= at_ns;

-- A job is a driver, with its submission where there is one; a submission without a driver yet is a job of its own.
CREATE OR REPLACE MACRO jobs_at(at_ns) AS TABLE
WITH joined AS (
    SELECT
        coalesce(d.session_no, u.session_no) AS session_no, d.job_id, coalesce(u.submission_id, d.submission_id) AS submission_id,
        coalesce(u.entrypoint, d.entrypoint) AS entrypoint,
        u.submission_id IS NOT NULL OR d.submission_id IS NOT NULL AS submitted,
        u.end_status, u.pending_ns, u.running_ns, u.message, u.error_type,
        d.driver_pid, coalesce(d.driver_node_id, u.driver_node_id) AS driver_node_id, u.driver_exit_code AS submission_exit_code,
        coalesce(d.start_ns, u.running_ns, u.pending_ns) AS start_ns, coalesce(u.end_ns, d.end_ns) AS reported_end_ns,
        coalesce(d.metadata, u.metadata) AS metadata, coalesce(d.runtime_env, u.runtime_env) AS runtime_env
    FROM (SELECT *, metadata ->> '$.job_submission_id' AS submission_id FROM driver_job) d
    FULL OUTER JOIN submission u ON u.session_no = d.session_no AND u.submission_id = d.submission_id
), known AS (
    SELECT
        j.*, r.exit_code AS run_exit_code, r.signal AS run_signal, r.stdout_path, r.stderr_path, e.reason AS session_reason, n.node_ip AS driver_ip,
        CASE WHEN n.end_ns IS NOT NULL THEN concat_ws(': ', 'its driver''s node died', coalesce(n.state_message, n.death_reason)) END AS node_reason,
        coalesce(j.reported_end_ns, CASE WHEN r.exit_code IS NOT NULL OR r.signal IS NOT NULL THEN r.ended_ns END, n.end_ns, e.ended_ns) AS last_ns
    FROM joined j
    LEFT JOIN run r ON r.session_no = j.session_no AND r.job_id = j.job_id
    LEFT JOIN session_end e ON e.session_no = j.session_no
    LEFT JOIN node n ON n.session_no = j.session_no AND n.node_id = j.driver_node_id
), ended AS (
    SELECT *, CASE WHEN last_ns <= coalesce(at_ns, 9223372036854775807) THEN last_ns END AS end_ns FROM known
)
SELECT
    j.session_no, s.session, j.job_id, j.submission_id, j.entrypoint,
    CASE WHEN j.submitted THEN 'SUBMISSION' ELSE 'DRIVER' END AS type,
    CASE
        WHEN j.end_ns IS NULL AND j.submitted AND j.job_id IS NULL AND (j.running_ns IS NULL OR j.running_ns > coalesce(at_ns, 9223372036854775807)) THEN 'PENDING'
        WHEN j.end_ns IS NULL THEN 'RUNNING'
        WHEN j.end_status IS NOT NULL THEN j.end_status
        WHEN j.run_exit_code = 0 THEN 'SUCCEEDED'
        WHEN j.run_exit_code IS NOT NULL OR j.run_signal IS NOT NULL THEN 'FAILED'
        WHEN j.reported_end_ns IS NOT NULL THEN 'FINISHED'
        ELSE 'LOST'
    END AS status,
    CASE
        WHEN j.end_ns IS NULL THEN NULL
        WHEN j.message IS NOT NULL THEN j.message
        WHEN j.run_signal IS NOT NULL THEN 'the driver was ended by signal ' || j.run_signal
        WHEN j.run_exit_code <> 0 THEN 'the driver exited with code ' || j.run_exit_code
        WHEN j.reported_end_ns IS NULL AND j.run_exit_code IS NULL THEN coalesce(j.node_reason, j.session_reason)
    END AS message,
    CASE WHEN j.end_ns IS NOT NULL THEN j.error_type END AS error_type, j.driver_pid, j.driver_node_id, j.driver_ip,
    CASE WHEN j.end_ns IS NOT NULL THEN coalesce(j.run_exit_code, j.submission_exit_code) END AS driver_exit_code,
    j.stdout_path, j.stderr_path,
    j.start_ns, j.end_ns, j.end_ns - j.start_ns AS duration_ns, j.metadata, j.runtime_env
FROM ended j
JOIN session s USING (session_no)
WHERE at_ns IS NULL OR j.start_ns <= at_ns;

-- The last of an actor's transitions up to a time. Ray's last words on a dead actor leave its place out: the last known one stays.
CREATE OR REPLACE MACRO actor_moment(transitions, at_ns) AS (
    SELECT {
        'state': arg_max(t.state, t.time_ns), 'node_id': arg_max(t.node_id, t.time_ns), 'worker_id': arg_max(t.worker_id, t.time_ns),
        'pid': arg_max(t.pid, t.time_ns)
    }
    FROM (SELECT unnest(from_json(
        transitions, '[{"time_ns":"BIGINT","state":"VARCHAR","node_id":"VARCHAR","worker_id":"VARCHAR","pid":"BIGINT"}]'
    )) AS t)
    WHERE t.time_ns <= at_ns
);

CREATE OR REPLACE MACRO actors_at(at_ns) AS TABLE
WITH moment AS (
    SELECT a.*, CASE WHEN at_ns IS NOT NULL THEN actor_moment(a.transitions, at_ns) END AS m FROM actor a
    WHERE at_ns IS NULL OR a.created_ns <= at_ns
), then_known AS (
    SELECT
        * REPLACE (
            CASE WHEN at_ns IS NULL THEN state ELSE m.state END AS state,
            CASE WHEN at_ns IS NULL THEN node_id ELSE m.node_id END AS node_id,
            CASE WHEN at_ns IS NULL THEN worker_id ELSE m.worker_id END AS worker_id,
            CASE WHEN at_ns IS NULL THEN pid ELSE m.pid END AS pid,
            CASE WHEN end_ns <= coalesce(at_ns, 9223372036854775807) THEN end_ns END AS end_ns,
            CASE WHEN end_ns <= coalesce(at_ns, 9223372036854775807) THEN death_cause END AS death_cause
        )
    FROM moment
)
SELECT
    a.session_no, s.session, a.actor_id, a.class_name,
    CASE WHEN a.state IS DISTINCT FROM 'DEAD' AND e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN 'DEAD' ELSE coalesce(a.state, 'DEPENDENCIES_UNREADY') END AS state,
    a.job_id, a.name, a.node_id, a.pid, a.ray_namespace, a.worker_id, a.is_detached, a.placement_group_id, a.repr_name,
    a.required_resources, a.runtime_env, a.death_cause,
    CASE
        WHEN a.death_cause IS NOT NULL THEN coalesce(
            a.death_cause ->> '$.actorDiedErrorContext.reason',
            CASE
                WHEN json_exists(a.death_cause, '$.creationTaskFailureContext') THEN 'CREATION_TASK_FAILED'
                WHEN json_exists(a.death_cause, '$.runtimeEnvFailedContext') THEN 'RUNTIME_ENV_FAILED'
                WHEN json_exists(a.death_cause, '$.oomContext') THEN 'OUT_OF_MEMORY'
                WHEN json_exists(a.death_cause, '$.actorUnschedulableContext') THEN 'UNSCHEDULABLE'
            END
        )
    END AS death_reason,
    CASE
        WHEN a.death_cause IS NOT NULL THEN coalesce(
            a.death_cause ->> '$.actorDiedErrorContext.errorMessage',
            a.death_cause ->> '$.creationTaskFailureContext.formattedExceptionString',
            a.death_cause ->> '$.runtimeEnvFailedContext.errorMessage',
            a.death_cause ->> '$.oomContext.errorMessage',
            a.death_cause ->> '$.actorUnschedulableContext.errorMessage'
        )
        WHEN a.state IS DISTINCT FROM 'DEAD' AND e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.reason
    END AS death_message,
    a.num_restarts, a.num_restarts_due_to_lineage_reconstruction, a.num_restarts_due_to_node_preemption, a.created_ns, a.alive_ns,
    coalesce(a.end_ns, CASE WHEN e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.ended_ns END) AS end_ns,
    a.call_site, a.parent_id, a.label_selector, a.transitions
FROM then_known a
JOIN session s USING (session_no)
LEFT JOIN session_end e USING (session_no);

CREATE OR REPLACE MACRO placement_groups_at(at_ns) AS TABLE
SELECT
    p.session_no, s.session, p.placement_group_id, p.name, p.creator_job_id,
    CASE
        WHEN p.removed_ns <= coalesce(at_ns, 9223372036854775807) OR e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN 'REMOVED'
        WHEN at_ns IS NULL OR p.latest_ns <= at_ns THEN coalesce(p.state, 'PENDING')
        WHEN p.ready_ns <= at_ns THEN 'CREATED'
        ELSE 'PENDING'
    END AS state,
    p.strategy, p.bundles, p.is_detached, p.creator_actor_id, p.ray_namespace, p.created_ns, p.ready_ns,
    CASE WHEN coalesce(p.removed_ns, e.ended_ns) <= coalesce(at_ns, 9223372036854775807) THEN coalesce(p.removed_ns, e.ended_ns) END AS removed_ns,
    p.stats
FROM placement_group p
JOIN session s USING (session_no)
LEFT JOIN session_end e USING (session_no)
WHERE at_ns IS NULL OR p.created_ns <= at_ns;

CREATE OR REPLACE MACRO runtime_envs_at(at_ns) AS TABLE
SELECT
    r.session_no, s.session, r.runtime_env_id, r.runtime_env, nullif(r.node_id, '') AS node_id, r.success, r.creation_time_ms, r.ref_cnt,
    r.error, r.first_seen_ns
FROM runtime_env r
JOIN session s USING (session_no)
WHERE at_ns IS NULL OR r.first_seen_ns <= at_ns;

CREATE OR REPLACE MACRO events_at(at_ns) AS TABLE
SELECT
    v.session_no, s.session, v.event_id, v.time_ns, v.severity, v.source_type, v.event_type, v.message, v.node_id, v.entity_id, v.custom_fields
FROM event v
JOIN session s USING (session_no)
WHERE at_ns IS NULL OR v.time_ns <= at_ns;

-- Counts are computed only for the sessions that are asked for: the filter on session_no goes down into each.
CREATE OR REPLACE MACRO sessions_at(at_ns) AS TABLE
SELECT
    s.session_no, s.session, coalesce(s.cluster, r.cluster, h.hostname, h.node_ip) AS cluster,
    CASE WHEN e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN 'ENDED' ELSE 'LIVE' END AS state,
    CASE WHEN e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.reason END AS state_reason,
    least(s.first_ns, r.started_ns) AS started_ns,
    CASE WHEN e.ended_ns <= coalesce(at_ns, 9223372036854775807) THEN e.ended_ns END AS ended_ns,
    s.word_ns AS last_word_ns, r.ray_version, r.python_version, r.command, r.exit_code, s.events, s.quarantined, coalesce(m.redacted, 0) AS redacted,
    r.undrained, r.dropped, r.log_dir
FROM session s
LEFT JOIN session_end e USING (session_no)
LEFT JOIN (
    SELECT
        session_no, min(started_ns) AS started_ns, max(cluster) AS cluster, max(ray_version) AS ray_version,
        max(python_version) AS python_version, arg_min(command, coalesce(started_ns, ended_ns, 0)) AS command, max(exit_code) AS exit_code,
        sum(undrained) AS undrained, sum(dropped) AS dropped, max(log_dir) AS log_dir
    FROM run GROUP BY session_no
) r USING (session_no)
LEFT JOIN (
    SELECT session_no, arg_min(hostname, coalesce(start_ns, 0)) AS hostname, arg_min(node_ip, coalesce(start_ns, 0)) AS node_ip FROM node WHERE is_head_node GROUP BY session_no
) h USING (session_no)
LEFT JOIN (
    SELECT session_no, sum(count)::BIGINT AS redacted
    FROM (SELECT session_no, count FROM received WHERE kind = 'redacted' UNION ALL SELECT session_no, redacted FROM log_file) GROUP BY session_no
) m USING (session_no)
WHERE at_ns IS NULL OR s.first_ns <= at_ns;

-- The agents as they last described themselves: silent after AGENT_SILENT_S. What they were at an earlier time is not kept.
CREATE OR REPLACE MACRO agents_at(at_ns) AS TABLE
SELECT
    a.session_no, s.session, a.node_id,
    CASE
        WHEN coalesce(n.end_ns, e.ended_ns) IS NOT NULL THEN 'DEAD'
        WHEN a.word_ns < epoch_ns(now()) - 15000000000 THEN 'SILENT'
        ELSE 'ALIVE'
    END AS state,
    a.host, a.pid, a.files, a.lag_bytes, a.lag_s, a.dropped_bytes, a.word_ns AS last_word_ns, a.agent_id, a.version, a.python_version, a.ray_version,
    a.is_head, a.log_dir, a.started_ns, a.shipped_bytes, a.dropped, a.rss_bytes, a.cpu_s, a.clock_skew_ns
FROM agent a
JOIN session s USING (session_no)
LEFT JOIN node n ON n.session_no = a.session_no AND n.node_id = a.node_id
LEFT JOIN session_end e ON e.session_no = a.session_no
WHERE at_ns IS NULL OR a.started_ns <= at_ns;
