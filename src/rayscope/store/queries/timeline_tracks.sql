-- Tracks in the order in which they first did something, whatever the range: so nothing changes its place while one moves in time.
WITH spans AS NOT MATERIALIZED ({spans}), tracks AS (
    SELECT
        track, min(begin_ns) AS first_ns, any_value(worker_pid) AS pid,
        count(*) FILTER (WHERE begin_ns < {to} AND until_ns >= {from}) AS attempts,
        count(*) FILTER (WHERE failed AND begin_ns < {to} AND until_ns >= {from}) AS failed,
        coalesce(sum(greatest(least(until_ns, {to}) - greatest(begin_ns, {from}), 0)), 0)::BIGINT AS busy_ns
    FROM spans WHERE begin_ns IS NOT NULL{only} GROUP BY track
)
SELECT
    track, pid, attempts, failed, busy_ns, count(*) OVER ()::BIGINT AS tracks_total,
    sum(attempts) OVER ()::BIGINT AS attempts_total, sum(failed) OVER ()::BIGINT AS failed_total
FROM tracks ORDER BY track = '', first_ns, track LIMIT {limit} OFFSET {offset};
