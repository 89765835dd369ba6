-- Rayscope's tables, version 1. Times are UTC nanoseconds; ids are hex as Ray prints them; JSON is kept as text.

CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE SEQUENCE session_numbers START 1;

CREATE TABLE session (
    session_no INTEGER NOT NULL,
    session VARCHAR PRIMARY KEY,
    cluster VARCHAR,
    first_ns BIGINT,      -- the earliest time in its events
    last_ns BIGINT,       -- the latest time in its events
    word_ns BIGINT,       -- when the server last heard from it
    events BIGINT NOT NULL DEFAULT 0,
    quarantined BIGINT NOT NULL DEFAULT 0,
    silent_since_ns BIGINT -- set while it counts as ended because nobody speaks
);

-- Attempts that have not ended, or ended a moment ago. One row an attempt, by its writer's care: a key would make each write several times as dear.
CREATE TABLE attempt_hot (
    session_no INTEGER NOT NULL,
    task_id VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    task_key UBIGINT NOT NULL,
    word_ns BIGINT NOT NULL,
    job_id VARCHAR,
    type VARCHAR,
    name VARCHAR,
    func VARCHAR,
    module VARCHAR,
    language VARCHAR,
    actor_id VARCHAR,
    parent_task_id VARCHAR,
    placement_group_id VARCHAR,
    required_resources VARCHAR,
    runtime_env VARCHAR,
    call_site VARCHAR,
    label_selector VARCHAR,
    extra VARCHAR,
    node_id VARCHAR,
    worker_id VARCHAR,
    worker_pid BIGINT,
    actor_repr_name VARCHAR,
    error_type VARCHAR,
    error_message VARCHAR,
    error_detail VARCHAR,
    debugger_mark BIGINT,
    stdout_file VARCHAR,
    stderr_file VARCHAR,
    stdout_start BIGINT,
    stdout_end BIGINT,
    stderr_start BIGINT,
    stderr_end BIGINT,
    profile_name VARCHAR,
    profile_extra VARCHAR,
    deserialize_start BIGINT,
    deserialize_end BIGINT,
    execute_start BIGINT,
    execute_end BIGINT,
    store_start BIGINT,
    store_end BIGINT,
    task_start BIGINT,
    task_end BIGINT,
    t_pending_args_avail BIGINT,
    t_pending_node_assignment BIGINT,
    t_pending_obj_store_mem_avail BIGINT,
    t_pending_args_fetch BIGINT,
    t_submitted_to_worker BIGINT,
    t_pending_actor_task_args_fetch BIGINT,
    t_pending_actor_task_ordering_or_concurrency BIGINT,
    t_getting_and_pinning_args BIGINT,
    t_running BIGINT,
    t_running_in_ray_get BIGINT,
    t_running_in_ray_wait BIGINT,
    t_finished BIGINT,
    t_failed BIGINT,
    -- what Rayscope concluded where nobody said how it ended; a reported end wins over it
    verdict_cause VARCHAR, -- worker, actor, job, cluster or silence
    verdict_state VARCHAR,
    verdict_error_type VARCHAR,
    verdict_reason VARCHAR,
    verdict_ns BIGINT
);

-- Attempts that ended: append-only, in the order in which they settled, with the columns that listings sort and filter by.
CREATE TABLE attempt_cold (
    session_no INTEGER NOT NULL,
    task_id VARCHAR NOT NULL USING COMPRESSION uncompressed, -- all differ: to read one, a dictionary of them must be read whole
    attempt INTEGER NOT NULL,
    task_key UBIGINT NOT NULL,
    word_ns BIGINT NOT NULL,
    job_id VARCHAR,
    type VARCHAR,
    name VARCHAR,
    func VARCHAR,
    module VARCHAR,
    language VARCHAR,
    actor_id VARCHAR,
    parent_task_id VARCHAR,
    placement_group_id VARCHAR,
    required_resources VARCHAR,
    runtime_env VARCHAR,
    call_site VARCHAR,
    label_selector VARCHAR,
    extra VARCHAR,
    node_id VARCHAR,
    worker_id VARCHAR,
    worker_pid BIGINT,
    actor_repr_name VARCHAR,
    error_type VARCHAR,
    error_message VARCHAR,
    error_detail VARCHAR,
    debugger_mark BIGINT,
    stdout_file VARCHAR,
    stderr_file VARCHAR,
    stdout_start BIGINT,
    stdout_end BIGINT,
    stderr_start BIGINT,
    stderr_end BIGINT,
    profile_name VARCHAR,
    profile_extra VARCHAR,
    deserialize_start BIGINT,
    deserialize_end BIGINT,
    execute_start BIGINT,
    execute_end BIGINT,
    store_start BIGINT,
    store_end BIGINT,
    task_start BIGINT,
    task_end BIGINT,
    t_pending_args_avail BIGINT,
    t_pending_node_assignment BIGINT,
    t_pending_obj_store_mem_avail BIGINT,
    t_pending_args_fetch BIGINT,
    t_submitted_to_worker BIGINT,
    t_pending_actor_task_args_fetch BIGINT,
    t_pending_actor_task_ordering_or_concurrency BIGINT,
    t_getting_and_pinning_args BIGINT,
    t_running BIGINT,
    t_running_in_ray_get BIGINT,
    t_running_in_ray_wait BIGINT,
    t_finished BIGINT,
    t_failed BIGINT,
    -- what Rayscope concluded where nobody said how it ended; a reported end wins over it
    verdict_cause VARCHAR, -- worker, actor, job, cluster or silence
    verdict_state VARCHAR,
    verdict_error_type VARCHAR,
    verdict_reason VARCHAR,
    verdict_ns BIGINT,
    state VARCHAR NOT NULL,
    creation_ns BIGINT,
    start_ns BIGINT,
    end_ns BIGINT,
    duration_ns BIGINT -- stored, so that the slowest are found by the ranges of each row group
);

-- By session, until when a word may be a late one on an attempt in attempt_cold: what attempt_cold itself would tell, at the price of reading it.
CREATE TABLE settled (session_no INTEGER PRIMARY KEY, until_ns BIGINT NOT NULL);

-- Profiled spans other than the standard four of an attempt, e.g. submit_task and the user's own. Repeats are dropped when read.
CREATE TABLE profile_span (
    session_no INTEGER NOT NULL,
    task_key UBIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL,
    end_ns BIGINT NOT NULL,
    extra VARCHAR
);

CREATE TABLE node (
    session_no INTEGER NOT NULL, node_id VARCHAR NOT NULL,
    node_ip VARCHAR, is_head_node BOOLEAN, node_name VARCHAR, hostname VARCHAR, resources_total VARCHAR, labels VARCHAR,
    instance_id VARCHAR, instance_type VARCHAR, death_reason VARCHAR, state_message VARCHAR, start_ns BIGINT, end_ns BIGINT,
    PRIMARY KEY (session_no, node_id)
);

CREATE TABLE worker (
    session_no INTEGER NOT NULL, worker_id VARCHAR NOT NULL,
    worker_type VARCHAR, node_id VARCHAR, pid BIGINT, job_id VARCHAR, exit_type VARCHAR, exit_detail VARCHAR,
    launch_ns BIGINT, launched_ns BIGINT, start_ns BIGINT, end_ns BIGINT, memory_used_bytes BIGINT,
    PRIMARY KEY (session_no, worker_id)
);

CREATE TABLE driver_job (
    session_no INTEGER NOT NULL, job_id VARCHAR NOT NULL,
    entrypoint VARCHAR, driver_pid BIGINT, driver_node_id VARCHAR, metadata VARCHAR, runtime_env VARCHAR,
    start_ns BIGINT, end_ns BIGINT,
    PRIMARY KEY (session_no, job_id)
);

CREATE TABLE submission (
    session_no INTEGER NOT NULL, submission_id VARCHAR NOT NULL,
    job_id VARCHAR, entrypoint VARCHAR, metadata VARCHAR, runtime_env VARCHAR, message VARCHAR, error_type VARCHAR,
    driver_node_id VARCHAR, driver_exit_code BIGINT, pending_ns BIGINT, running_ns BIGINT,
    -- of the latest end
    latest_ns BIGINT, end_ns BIGINT, end_status VARCHAR,
    PRIMARY KEY (session_no, submission_id)
);

CREATE TABLE actor (
    session_no INTEGER NOT NULL, actor_id VARCHAR NOT NULL,
    job_id VARCHAR, class_name VARCHAR, name VARCHAR, ray_namespace VARCHAR, is_detached BOOLEAN, placement_group_id VARCHAR,
    required_resources VARCHAR, runtime_env VARCHAR, call_site VARCHAR, parent_id VARCHAR, label_selector VARCHAR,
    transitions VARCHAR,
    -- derived from the transitions whenever these change
    state VARCHAR, node_id VARCHAR, worker_id VARCHAR, pid BIGINT, repr_name VARCHAR, death_cause VARCHAR,
    num_restarts BIGINT, num_restarts_due_to_lineage_reconstruction BIGINT, num_restarts_due_to_node_preemption BIGINT,
    created_ns BIGINT, alive_ns BIGINT, end_ns BIGINT,
    PRIMARY KEY (session_no, actor_id)
);

CREATE TABLE placement_group (
    session_no INTEGER NOT NULL, placement_group_id VARCHAR NOT NULL,
    name VARCHAR, creator_job_id VARCHAR, creator_actor_id VARCHAR, strategy VARCHAR, is_detached BOOLEAN, ray_namespace VARCHAR,
    created_ns BIGINT, ready_ns BIGINT, removed_ns BIGINT,
    -- of the newest word on it
    latest_ns BIGINT, state VARCHAR,
    -- of the newest word that names its bundles
    placed_ns BIGINT, bundles VARCHAR, stats VARCHAR,
    PRIMARY KEY (session_no, placement_group_id)
);

CREATE TABLE runtime_env (
    session_no INTEGER NOT NULL, runtime_env_id VARCHAR NOT NULL, node_id VARCHAR NOT NULL,
    runtime_env VARCHAR, first_seen_ns BIGINT,
    -- of the newest word on it
    latest_ns BIGINT, success BOOLEAN, creation_time_ms DOUBLE, ref_cnt BIGINT, error VARCHAR,
    PRIMARY KEY (session_no, runtime_env_id, node_id)
);

CREATE TABLE run (
    session_no INTEGER NOT NULL, job_id VARCHAR NOT NULL,
    cluster VARCHAR, command VARCHAR, driver_pid BIGINT, ray_version VARCHAR, python_version VARCHAR, log_dir VARCHAR,
    started_ns BIGINT, ended_ns BIGINT, cluster_ended BOOLEAN, exit_code BIGINT, signal BIGINT, drained BOOLEAN,
    undrained BIGINT, dropped BIGINT, stdout_path VARCHAR, stderr_path VARCHAR,
    PRIMARY KEY (session_no, job_id)
);

-- Every event but those of tasks, and the lines of Ray's event files.
CREATE TABLE event (
    session_no INTEGER NOT NULL, event_id VARCHAR NOT NULL,
    time_ns BIGINT NOT NULL, severity VARCHAR, source_type VARCHAR, event_type VARCHAR, message VARCHAR, node_id VARCHAR,
    entity_id VARCHAR, custom_fields VARCHAR,
    PRIMARY KEY (session_no, event_id)
);

CREATE TABLE quarantine (received_ns BIGINT NOT NULL, session VARCHAR, reason VARCHAR NOT NULL, event VARCHAR NOT NULL);

-- What was received, by session and kind: event types, unknown event types, unknown fields.
CREATE TABLE received (
    session_no INTEGER NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL, count BIGINT NOT NULL,
    PRIMARY KEY (session_no, kind, name)
);
