WITH labelled AS NOT MATERIALIZED ({labelled}), nodes AS (
    SELECT
        label, count(*) AS attempts, count(*) FILTER (WHERE attempt_number > 0) AS retries, count(*) FILTER (WHERE is_bad(state)) AS failed,
        count(*) FILTER (WHERE is_running(state)) AS running, coalesce(sum(duration_ns), 0)::BIGINT AS total_ns,
        approx_quantile(duration_ns, 0.5)::BIGINT AS p50_ns
    FROM labelled GROUP BY label
)
SELECT
    *, count(*) OVER ()::BIGINT AS all_nodes, sum(attempts) OVER ()::BIGINT AS all_attempts, sum(retries) OVER ()::BIGINT AS all_retries,
    sum(failed) OVER ()::BIGINT AS all_failed, sum(running) OVER ()::BIGINT AS all_running, sum(total_ns) OVER ()::BIGINT AS all_total_ns
FROM nodes ORDER BY attempts DESC, label LIMIT {top};
