-- Where a cluster's dashboard answers, and what retention or a person has deleted.

CREATE TABLE cluster_road (session_no INTEGER PRIMARY KEY, dashboard VARCHAR, heard_ns BIGINT);

-- One row a deletion, or a run of them of one kind: what was there is gone, that it was there is not.
CREATE TABLE deleted (
    session_no INTEGER NOT NULL, session VARCHAR NOT NULL, kind VARCHAR NOT NULL, -- states, events or logs
    cause VARCHAR NOT NULL,      -- age, size or asked
    before_ns BIGINT NOT NULL,   -- everything of that kind up to here
    amount BIGINT NOT NULL,      -- rows, of logs bytes
    deleted_ns BIGINT NOT NULL,
    PRIMARY KEY (session_no, kind, cause)
);
