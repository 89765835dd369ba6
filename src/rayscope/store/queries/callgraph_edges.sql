-- Who called whom. Calls of one parent are counted together before the parent is looked up; a driver's id is all set bits but for its job.
WITH labelled AS NOT MATERIALIZED ({labelled}), calls AS MATERIALIZED (
    SELECT
        parent_task_id, CASE WHEN label IN (SELECT unnest(?::VARCHAR[])) THEN label ELSE 'other' END AS target,
        count(*) AS calls, count(*) FILTER (WHERE is_bad(state)) AS failed, coalesce(sum(duration_ns), 0)::BIGINT AS total_ns
    FROM labelled GROUP BY ALL
), everything AS NOT MATERIALIZED ({everything}), parents AS (
    SELECT task_id, any_value(label) AS label FROM everything
    WHERE task_id IN (SELECT parent_task_id FROM calls WHERE NOT starts_with(parent_task_id, repeat('f', 40))) GROUP BY task_id
)
SELECT
    CASE
        WHEN starts_with(parent_task_id, repeat('f', 40)) THEN 'driver'
        WHEN p.label IS NULL THEN 'unknown'
        WHEN p.label IN (SELECT unnest(?::VARCHAR[])) THEN p.label
        ELSE 'other'
    END AS source, target, sum(calls)::BIGINT AS calls, sum(c.failed)::BIGINT AS failed, sum(total_ns)::BIGINT AS total_ns
FROM calls c LEFT JOIN parents p ON p.task_id = c.parent_task_id
GROUP BY ALL ORDER BY calls DESC, source, target;
