-- Failed and lost attempts by the type of their error and the line that says most, with numbers and ids folded.
WITH failed AS NOT MATERIALIZED (
    SELECT
        CASE WHEN state = 'LOST' THEN 'LOST' ELSE coalesce(error_type, 'FAILED') END AS error_type,
        coalesce(error_line(coalesce(error_message, state_reason)), '') AS line, coalesce(name, func_or_class_name, '') AS name,
        task_key, node_id, worker_id, end_ns, _part, _rowid
    FROM {relation}{where} AND is_bad(state)
), by_function AS (
    SELECT
        error_type, folded_line(line) AS folded, name, count(*) AS n, count(DISTINCT task_key) AS tasks, min(end_ns) AS first_ns, max(end_ns) AS last_ns,
        list(DISTINCT node_id) AS nodes, list(DISTINCT worker_id) AS workers,
        arg_max({'part': _part, 'place': _rowid, 'line': line}, end_ns) AS latest
    FROM failed GROUP BY ALL
), grouped AS (
    SELECT
        error_type, folded, sum(n)::BIGINT AS count, sum(tasks)::BIGINT AS tasks, min(first_ns) AS first_ns, max(last_ns) AS last_ns,
        len(list_distinct(flatten(list(nodes)))) AS nodes, len(list_distinct(flatten(list(workers)))) AS workers,
        max_by({'name': name, 'count': n}, n, 5) AS functions, arg_max(latest, last_ns) AS latest
    FROM by_function GROUP BY ALL
)
SELECT *, count(*) OVER () AS groups_total, sum(count) OVER ()::BIGINT AS attempts_total FROM grouped
ORDER BY count DESC, last_ns DESC, error_type, folded LIMIT {limit};
