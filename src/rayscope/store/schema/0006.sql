-- Metrics: what the numbers in blocks and bodies mean, and where the blocks are. Times are ms.

-- A name and a value, once a session; a series is a list of these.
CREATE TABLE metric_label (session_no INTEGER NOT NULL, label_no INTEGER NOT NULL, name VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE metric_series (session_no INTEGER NOT NULL, series_no INTEGER NOT NULL, target_no INTEGER NOT NULL, labels INTEGER[] NOT NULL);
CREATE TABLE metric_target (session_no INTEGER NOT NULL, target_no INTEGER NOT NULL, labels VARCHAR NOT NULL);
CREATE TABLE metric_family (
    session_no INTEGER NOT NULL, name VARCHAR NOT NULL, type VARCHAR NOT NULL, help VARCHAR NOT NULL, unit VARCHAR NOT NULL,
    PRIMARY KEY (session_no, name)
);

-- What an agent's own numbers mean: by its number of a target or series, the store's (of a series that was left out, -1).
CREATE TABLE metric_epoch (
    session_no INTEGER NOT NULL, epoch_no INTEGER NOT NULL, node_id VARCHAR NOT NULL, epoch VARCHAR NOT NULL, next_seq BIGINT NOT NULL,
    targets INTEGER[] NOT NULL, PRIMARY KEY (session_no, epoch_no)
);
CREATE TABLE metric_epoch_series (session_no INTEGER NOT NULL, epoch_no INTEGER NOT NULL, first_n INTEGER NOT NULL, series INTEGER[] NOT NULL);

-- Samples that are not there, and why: kind is rejected (name: the reason), left_out (name: the metric; value: series) or dropped.
CREATE TABLE metric_count (
    session_no INTEGER NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL, value BIGINT NOT NULL, PRIMARY KEY (session_no, kind, name)
);

-- A block of a segment: samples of one target. resolution_ms is 0 for samples as they came.
CREATE TABLE metric_block (
    session_no INTEGER NOT NULL, target_no INTEGER NOT NULL, level INTEGER NOT NULL, segment_no INTEGER NOT NULL, position BIGINT NOT NULL,
    head_bytes INTEGER NOT NULL, size_bytes BIGINT NOT NULL, resolution_ms BIGINT NOT NULL,
    start_ms BIGINT NOT NULL, end_ms BIGINT NOT NULL, times INTEGER NOT NULL, series INTEGER NOT NULL, samples BIGINT NOT NULL,
    first_seq BIGINT NOT NULL, last_seq BIGINT NOT NULL
);
