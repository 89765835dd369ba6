-- Logs: which files came how far, where their bytes lie in the segments, who printed what, and the agents that ship them.

-- One shipped file: a stretch of bytes that only grows. Written with each flush, in the transaction that notes the journal's position.
CREATE TABLE log_file (
    file_no INTEGER PRIMARY KEY,
    session_no INTEGER NOT NULL,
    node_id VARCHAR NOT NULL,
    file VARCHAR NOT NULL,         -- the agent's id of it
    path VARCHAR NOT NULL,         -- relative to the session's log folder, as last seen
    source VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    worker_id VARCHAR,
    job_id VARCHAR,
    submission_id VARCHAR,
    pid BIGINT,
    next_offset BIGINT NOT NULL,   -- the next byte that is wanted
    lost_bytes BIGINT NOT NULL,
    redacted BIGINT NOT NULL,
    ended BOOLEAN NOT NULL,
    first_ns BIGINT,
    last_ns BIGINT,
    utc_offset_s INTEGER NOT NULL, -- of the times in its lines
    key_ns BIGINT NOT NULL,        -- the greatest time of its lines so far
    tail VARCHAR NOT NULL,         -- of its unfinished last line, a character a byte
    open_own_ns BIGINT             -- the own time of that line
);

-- A piece of one file in one block of one segment.
CREATE TABLE log_piece (
    session_no INTEGER NOT NULL,
    file_no INTEGER NOT NULL,
    segment_no INTEGER NOT NULL,
    position BIGINT NOT NULL,      -- of its block in the segment
    piece_no INTEGER NOT NULL,     -- in the block
    start_offset BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    first_ns BIGINT NOT NULL,
    last_ns BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    levels INTEGER NOT NULL
);

-- Bytes that nobody could read any more.
CREATE TABLE log_gap (
    session_no INTEGER NOT NULL, file_no INTEGER NOT NULL, start_offset BIGINT NOT NULL, end_offset BIGINT NOT NULL, reason VARCHAR NOT NULL,
    noted_ns BIGINT NOT NULL
);

-- Which task printed which bytes of its worker's output, as the worker hooks wrote it down.
CREATE TABLE log_mark (
    session_no INTEGER NOT NULL, worker_id VARCHAR NOT NULL, stream VARCHAR NOT NULL, start_offset BIGINT NOT NULL, end_offset BIGINT NOT NULL,
    task_id VARCHAR NOT NULL, attempt INTEGER NOT NULL
);

-- The agents, as each last described itself.
CREATE TABLE agent (
    session_no INTEGER NOT NULL, node_id VARCHAR NOT NULL,
    agent_id VARCHAR, host VARCHAR, pid BIGINT, version VARCHAR, python_version VARCHAR, ray_version VARCHAR, is_head BOOLEAN, log_dir VARCHAR,
    started_ns BIGINT, utc_offset_s INTEGER, word_ns BIGINT NOT NULL,
    files BIGINT, lag_bytes BIGINT, lag_s DOUBLE, shipped_bytes BIGINT, dropped_bytes BIGINT, dropped VARCHAR, rss_bytes BIGINT, cpu_s DOUBLE,
    clock_skew_ns BIGINT,
    PRIMARY KEY (session_no, node_id)
);
