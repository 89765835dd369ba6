-- $1: the session, $2: the times of snapshots.
WITH moments AS (
    SELECT unnest($2::BIGINT[]) AS taken_ns
), objects AS (
    SELECT
        m.taken_ns, o.object_id, max(o.size_bytes) AS size_bytes,
        coalesce(max(o.call_site) FILTER (WHERE o.task_status <> 'NIL'), max(o.call_site)) AS call_site
    FROM moments m
    JOIN object_span o ON o.session_no = $1 AND o.first_ns <= m.taken_ns AND (o.last_ns IS NULL OR o.last_ns >= m.taken_ns)
    GROUP BY ALL
)
SELECT call_site, taken_ns, count(*) AS objects, coalesce(sum(size_bytes) FILTER (WHERE size_bytes > 0), 0)::BIGINT AS size_bytes
FROM objects GROUP BY ALL ORDER BY ALL
