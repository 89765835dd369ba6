-- Snapshots of Ray's object table. A span is one reference, exactly as Ray told it, and the run of consecutive snapshots in which
-- it was told so: what does not change between snapshots is stored once. `last_ns` is null while it is in the newest snapshot.
-- Unknown sizes are -1, unknown texts empty, so that equality needs no thought about nulls.

CREATE TABLE object_snapshot (
    session_no INTEGER NOT NULL, taken_ns BIGINT NOT NULL,
    -- references in the cluster, those that Ray read, those that are kept
    total BIGINT NOT NULL, listed BIGINT NOT NULL, kept BIGINT NOT NULL, truncated BOOLEAN NOT NULL,
    trigger VARCHAR NOT NULL, duration_ns BIGINT, warnings VARCHAR NOT NULL, partial VARCHAR, store_stats VARCHAR NOT NULL,
    PRIMARY KEY (session_no, taken_ns)
);

CREATE TABLE object_span (
    session_no INTEGER NOT NULL, first_ns BIGINT NOT NULL, last_ns BIGINT,
    object_id VARCHAR NOT NULL, ip VARCHAR NOT NULL, pid BIGINT NOT NULL, type VARCHAR NOT NULL, reference_type VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL, call_site VARCHAR NOT NULL, task_status VARCHAR NOT NULL, attempt_number BIGINT NOT NULL,
    -- what the id says by itself: the task that returned or put it, and the last 56 bits of its key (see rayscope/ray/objects.py)
    task_id VARCHAR, task_key UBIGINT
);

-- How much of a session's past went over the limit: snapshots at or before this time are gone.
CREATE TABLE object_bound (session_no INTEGER NOT NULL PRIMARY KEY, until_ns BIGINT NOT NULL, dropped BIGINT NOT NULL);
