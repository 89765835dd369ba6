WITH refs AS (
    SELECT o.* FROM {relation} o{where}
), named AS (
    SELECT r.*, {name} AS name FROM refs r LEFT JOIN (SELECT session_no, actor_id, class_name FROM actor) a USING (session_no, actor_id)
), sizes AS (
    SELECT name, object_id, max(size_bytes) AS size_bytes FROM named GROUP BY GROUPING SETS ((name, object_id), (object_id))
), counted AS (
    SELECT name, count(*) AS objects, coalesce(sum(size_bytes), 0)::BIGINT AS size_bytes, count(*) FILTER (WHERE size_bytes IS NULL) AS unknown
    FROM sizes GROUP BY name
), held AS (
    SELECT
        name, count(*) AS "references", histogram(reference_type) AS reference_types, count(DISTINCT (ip, pid)) AS processes,
        count(DISTINCT coalesce(node_id, ip)) AS nodes
    FROM named GROUP BY GROUPING SETS ((name), ())
)
SELECT c.name, c.objects, h."references", c.size_bytes, c.unknown, h.reference_types, h.processes, h.nodes
FROM counted c JOIN held h ON c.name IS NOT DISTINCT FROM h.name
ORDER BY c.name IS NOT NULL, c.size_bytes DESC, c.objects DESC, c.name
