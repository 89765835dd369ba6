-- The attempts of a range by function: the time inside it, and the quantiles of their whole run times.
SELECT * EXCLUDE (quantiles), quantiles[1] AS p50_ns, quantiles[2] AS p99_ns FROM (SELECT
    coalesce(name, func_or_class_name, '') AS name, coalesce(type, '') AS type, count(*) AS attempts,
    count(*) FILTER (WHERE state IN ('FAILED', 'LOST')) AS failed,
    coalesce(sum(greatest(least(coalesce(end_ns, {now}), {to}) - greatest(start_ns, {from}), 0)), 0)::BIGINT AS total_ns,
    approx_quantile(duration_ns, [0.5, 0.99])::BIGINT[] AS quantiles
FROM {relation}{where} AND coalesce(start_ns, end_ns) < {to} AND greatest(coalesce(end_ns, {now}), start_ns) >= {from}{only}
GROUP BY ALL) ORDER BY total_ns DESC, attempts DESC, 1, 2;
