-- Attempts that have waited long, by function and by what they wait for.
SELECT
    coalesce(name, func_or_class_name, '') AS name, state, CASE WHEN state = 'PENDING_NODE_ASSIGNMENT' THEN required_resources END AS required_resources,
    count(*) AS count, min(creation_ns) AS since_ns
FROM {relation}{where} AND start_ns IS NULL AND end_ns IS NULL AND creation_ns < {before} AND NOT is_over(state)
GROUP BY ALL ORDER BY count DESC, since_ns, name LIMIT {limit};
