-- What readers see: one view or table macro a resource, with exactly the columns of its row type in model/ (and session_no,
-- and for tasks _part and _rowid). Made anew at each opening of the store, so they are not part of the schema's version.

-- When a session ended and why; null while it lives.
CREATE OR REPLACE VIEW session_end AS
SELECT
    s.session_no,
    coalesce(r.ended_ns, s.silent_since_ns) AS ended_ns,
    CASE
        WHEN r.ended_ns IS NOT NULL THEN 'the cluster ended with the program that started it'
        WHEN s.silent_since_ns IS NOT NULL
            THEN 'no word since ' || strftime(make_timestamp(s.silent_since_ns // 1000), '%Y-%m-%d %H:%M:%S') || ' UTC'
    END AS reason
FROM session s
LEFT JOIN (SELECT session_no, max(ended_ns) AS ended_ns FROM run WHERE cluster_ended GROUP BY ALL) r USING (session_no);

-- The latest step of an attempt, the later state winning a tie; NIL where no step was seen.
CREATE OR REPLACE MACRO attempt_step(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait) AS
CASE greatest(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait)
    WHEN t_running_in_ray_wait THEN 'RUNNING_IN_RAY_WAIT'
    WHEN t_running_in_ray_get THEN 'RUNNING_IN_RAY_GET'
    WHEN t_running THEN 'RUNNING'
    WHEN t_getting_and_pinning_args THEN 'GETTING_AND_PINNING_ARGS'
    WHEN t_pending_actor_task_ordering_or_concurrency THEN 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY'
    WHEN t_pending_actor_task_args_fetch THEN 'PENDING_ACTOR_TASK_ARGS_FETCH'
    WHEN t_submitted_to_worker THEN 'SUBMITTED_TO_WORKER'
    WHEN t_pending_args_fetch THEN 'PENDING_ARGS_FETCH'
    WHEN t_pending_obj_store_mem_avail THEN 'PENDING_OBJ_STORE_MEM_AVAIL'
    WHEN t_pending_node_assignment THEN 'PENDING_NODE_ASSIGNMENT'
    WHEN t_pending_args_avail THEN 'PENDING_ARGS_AVAIL'
    ELSE 'NIL'
END;

-- A reported end wins over a verdict, the later report over the earlier one, and either over a step.
CREATE OR REPLACE MACRO attempt_state(finished, failed, verdict, step) AS
CASE
    WHEN failed IS NOT NULL AND (finished IS NULL OR failed >= finished) THEN 'FAILED'
    WHEN finished IS NOT NULL THEN 'FINISHED'
    ELSE coalesce(verdict, step)
END;

-- An actor whose class defines __repr__ names its methods by it, unless .options(name=…) did: Ray's own rule.
CREATE OR REPLACE MACRO attempt_name(name, func, kind, actor_repr) AS
CASE
    WHEN actor_repr <> '' AND kind = 'ACTOR_TASK' AND name = func THEN actor_repr || '.' || regexp_extract(name, '[^.]*$')
    ELSE name
END;

-- When an attempt was made: what its owner says, or else the first time that anybody saw it.
CREATE OR REPLACE MACRO attempt_creation(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait, t_finished, t_failed) AS
coalesce(t_pending_args_avail, least(t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait, t_finished, t_failed));

CREATE OR REPLACE VIEW hot_attempt AS
SELECT
    0 AS _part, rowid AS _rowid, * REPLACE (attempt_name(name, func, type, actor_repr_name) AS name),
    attempt_state(t_finished, t_failed, verdict_state, attempt_step(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait)) AS state,
    attempt_creation(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait, t_finished, t_failed) AS creation_ns,
    t_running AS start_ns,
    coalesce(greatest(t_finished, t_failed), verdict_ns) AS end_ns,
    coalesce(greatest(t_finished, t_failed), verdict_ns) - t_running AS duration_ns
FROM attempt_hot;

CREATE OR REPLACE VIEW cold_attempt AS SELECT 1 AS _part, rowid AS _rowid, * FROM attempt_cold;

CREATE OR REPLACE VIEW attempt AS FROM hot_attempt UNION ALL BY NAME FROM cold_attempt;

-- The attempts as they were at a time: what came later is not known yet, but that a conclusion was wrong is known for all times.
CREATE OR REPLACE MACRO attempt_at(at_ns) AS TABLE
SELECT
    * EXCLUDE (duration_ns) REPLACE (
        attempt_state(t_finished, t_failed, verdict_state, attempt_step(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait)) AS state,
        CASE WHEN start_ns <= at_ns THEN start_ns END AS start_ns,
        coalesce(greatest(t_finished, t_failed), verdict_ns) AS end_ns
    )
FROM (
    SELECT * REPLACE (
        CASE WHEN t_pending_args_avail <= at_ns THEN t_pending_args_avail END AS t_pending_args_avail,
        CASE WHEN t_pending_node_assignment <= at_ns THEN t_pending_node_assignment END AS t_pending_node_assignment,
        CASE WHEN t_pending_obj_store_mem_avail <= at_ns THEN t_pending_obj_store_mem_avail END AS t_pending_obj_store_mem_avail,
        CASE WHEN t_pending_args_fetch <= at_ns THEN t_pending_args_fetch END AS t_pending_args_fetch,
        CASE WHEN t_submitted_to_worker <= at_ns THEN t_submitted_to_worker END AS t_submitted_to_worker,
        CASE WHEN t_pending_actor_task_args_fetch <= at_ns THEN t_pending_actor_task_args_fetch END AS t_pending_actor_task_args_fetch,
        CASE WHEN t_pending_actor_task_ordering_or_concurrency <= at_ns THEN t_pending_actor_task_ordering_or_concurrency END AS t_pending_actor_task_ordering_or_concurrency,
        CASE WHEN t_getting_and_pinning_args <= at_ns THEN t_getting_and_pinning_args END AS t_getting_and_pinning_args,
        CASE WHEN t_running <= at_ns THEN t_running END AS t_running,
        CASE WHEN t_running_in_ray_get <= at_ns THEN t_running_in_ray_get END AS t_running_in_ray_get,
        CASE WHEN t_running_in_ray_wait <= at_ns THEN t_running_in_ray_wait END AS t_running_in_ray_wait,
        CASE WHEN t_finished <= at_ns THEN t_finished END AS t_finished,
        CASE WHEN t_failed <= at_ns THEN t_failed END AS t_failed,
        CASE WHEN t_finished IS NULL AND t_failed IS NULL AND verdict_ns <= at_ns THEN verdict_state END AS verdict_state,
        CASE WHEN t_finished IS NULL AND t_failed IS NULL AND verdict_ns <= at_ns THEN verdict_reason END AS verdict_reason,
        CASE WHEN t_finished IS NULL AND t_failed IS NULL AND verdict_ns <= at_ns THEN verdict_ns END AS verdict_ns
    )
    FROM attempt
    WHERE creation_ns <= at_ns
);

-- The rows of tasks, of one of the relations above, but for their session's name: that join costs more than all else where rows
-- are only counted or chosen.
CREATE OR REPLACE MACRO task_rows_of(attempts) AS TABLE
SELECT
    a.session_no, a._part, a._rowid, a.task_key,
    a.task_id, a.attempt AS attempt_number, a.name, a.state, a.job_id, a.actor_id, a.type,
    a.func AS func_or_class_name, a.parent_task_id, a.node_id, a.worker_id, a.worker_pid,
    CASE WHEN a.state = 'FAILED' THEN coalesce(a.error_type, a.verdict_error_type) END AS error_type,
    a.duration_ns, a.attempt > 0 AS is_retry,
    CASE WHEN a.state = 'FAILED' THEN coalesce(a.error_message, a.verdict_reason) END AS error_message,
    a.module, a.language, a.required_resources, a.runtime_env, a.placement_group_id, a.call_site, a.label_selector, a.actor_repr_name,
    CAST(a.debugger_mark % 2 AS BOOLEAN) AS is_debugger_paused, a.creation_ns, a.start_ns, a.end_ns,
    CASE WHEN a.t_finished IS NULL AND a.t_failed IS NULL THEN a.verdict_reason END AS state_reason,
    json_object('PENDING_ARGS_AVAIL', a.t_pending_args_avail, 'PENDING_NODE_ASSIGNMENT', a.t_pending_node_assignment, 'PENDING_OBJ_STORE_MEM_AVAIL', a.t_pending_obj_store_mem_avail, 'PENDING_ARGS_FETCH', a.t_pending_args_fetch, 'SUBMITTED_TO_WORKER', a.t_submitted_to_worker, 'PENDING_ACTOR_TASK_ARGS_FETCH', a.t_pending_actor_task_args_fetch, 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', a.t_pending_actor_task_ordering_or_concurrency, 'GETTING_AND_PINNING_ARGS', a.t_getting_and_pinning_args, 'RUNNING', a.t_running, 'RUNNING_IN_RAY_GET', a.t_running_in_ray_get, 'RUNNING_IN_RAY_WAIT', a.t_running_in_ray_wait, 'FINISHED', a.t_finished, 'FAILED', a.t_failed) AS state_times_ns,
    json_object('task:deserialize_arguments', [a.deserialize_start, a.deserialize_end], 'task:execute', [a.execute_start, a.execute_end], 'task:store_outputs', [a.store_start, a.store_end],
        'task', [a.task_start, a.task_end], 'name', a.profile_name, 'extra', a.profile_extra) AS profile_events,
    json_object('stdout_file', a.stdout_file, 'stderr_file', a.stderr_file, 'stdout_start', a.stdout_start, 'stdout_end', a.stdout_end,
        'stderr_start', a.stderr_start, 'stderr_end', a.stderr_end) AS log_range
FROM query_table(attempts) a;

CREATE OR REPLACE VIEW task_rows AS FROM task_rows_of('attempt');

-- Through a union DuckDB does not find the first rows of an order by the ranges of its row groups; of each part by itself it does.
CREATE OR REPLACE VIEW hot_task_rows AS FROM task_rows_of('hot_attempt');

CREATE OR REPLACE VIEW cold_task_rows AS FROM task_rows_of('cold_attempt');

CREATE OR REPLACE VIEW tasks AS SELECT s.session, t.* FROM task_rows t JOIN session s USING (session_no);

CREATE OR REPLACE MACRO tasks_at(at_ns) AS TABLE
SELECT
    a.session_no, a._part, a._rowid, a.task_key,
    s.session, a.task_id, a.attempt AS attempt_number, a.name, a.state, a.job_id, a.actor_id, a.type,
    a.func AS func_or_class_name, a.parent_task_id, a.node_id, a.worker_id, a.worker_pid,
    CASE WHEN a.state = 'FAILED' THEN coalesce(a.error_type, a.verdict_error_type) END AS error_type,
    a.end_ns - a.start_ns AS duration_ns, a.attempt > 0 AS is_retry,
    CASE WHEN a.state = 'FAILED' THEN coalesce(a.error_message, a.verdict_reason) END AS error_message,
    a.module, a.language, a.required_resources, a.runtime_env, a.placement_group_id, a.call_site, a.label_selector, a.actor_repr_name,
    CAST(a.debugger_mark % 2 AS BOOLEAN) AS is_debugger_paused, a.creation_ns, a.start_ns, a.end_ns,
    CASE WHEN a.t_finished IS NULL AND a.t_failed IS NULL THEN a.verdict_reason END AS state_reason,
    json_object('PENDING_ARGS_AVAIL', a.t_pending_args_avail, 'PENDING_NODE_ASSIGNMENT', a.t_pending_node_assignment, 'PENDING_OBJ_STORE_MEM_AVAIL', a.t_pending_obj_store_mem_avail, 'PENDING_ARGS_FETCH', a.t_pending_args_fetch, 'SUBMITTED_TO_WORKER', a.t_submitted_to_worker, 'PENDING_ACTOR_TASK_ARGS_FETCH', a.t_pending_actor_task_args_fetch, 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', a.t_pending_actor_task_ordering_or_concurrency, 'GETTING_AND_PINNING_ARGS', a.t_getting_and_pinning_args, 'RUNNING', a.t_running, 'RUNNING_IN_RAY_GET', a.t_running_in_ray_get, 'RUNNING_IN_RAY_WAIT', a.t_running_in_ray_wait, 'FINISHED', a.t_finished, 'FAILED', a.t_failed) AS state_times_ns,
    json_object('task:deserialize_arguments', [a.deserialize_start, a.deserialize_end], 'task:execute', [a.execute_start, a.execute_end], 'task:store_outputs', [a.store_start, a.store_end],
        'task', [a.task_start, a.task_end], 'name', a.profile_name, 'extra', a.profile_extra) AS profile_events,
    json_object('stdout_file', a.stdout_file, 'stderr_file', a.stderr_file, 'stdout_start', a.stdout_start, 'stdout_end', a.stdout_end,
        'stderr_start', a.stderr_start, 'stderr_end', a.stderr_end) AS log_range
FROM attempt_at(at_ns) a
JOIN session s USING (session_no);
