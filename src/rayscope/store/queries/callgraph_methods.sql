WITH labelled AS NOT MATERIALIZED ({labelled})
SELECT
    label, regexp_extract(func, '[^.]*$') AS name, count(*) AS calls, count(*) FILTER (WHERE is_bad(state)) AS failed,
    coalesce(sum(duration_ns), 0)::BIGINT AS total_ns, approx_quantile(duration_ns, 0.5)::BIGINT AS p50_ns
FROM labelled WHERE is_actor AND label IN (SELECT unnest(?::VARCHAR[])) GROUP BY 1, 2
QUALIFY row_number() OVER (PARTITION BY label ORDER BY count(*) DESC, regexp_extract(func, '[^.]*$')) <= {methods}
ORDER BY label, calls DESC, name;
