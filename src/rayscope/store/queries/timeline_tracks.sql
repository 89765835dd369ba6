-- Tracks in the order in which they first did something, whatever the range: so nothing changes its place while one moves in time.
SELECT track, min(begin_ns) AS first_ns, any_value(worker_pid) AS pid, count(*) OVER ()::BIGINT AS tracks_total
FROM ({spans}) WHERE begin_ns IS NOT NULL{only} GROUP BY track ORDER BY track = '', first_ns, track LIMIT {limit} OFFSET {offset};
