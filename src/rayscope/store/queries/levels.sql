-- How many of some intervals go on at once, bin by bin: the mean level of a bin is (busy + the running sum of delta * bin) / bin.
WITH intervals AS NOT MATERIALIZED ({intervals}), cut AS (
    SELECT kind, greatest(begin_ns, {from}) - {from} AS b, least(until_ns, {to}) - {from} AS e
    FROM intervals WHERE begin_ns < {to} AND until_ns > {from} AND until_ns > begin_ns
), placed AS NOT MATERIALIZED (
    SELECT *, b // {bin} AS first_bin, (e - 1) // {bin} AS last_bin FROM cut
), steps AS (
    SELECT kind, first_bin AS bin, sum(least(e, (first_bin + 1) * {bin}) - b)::BIGINT AS busy, 0 AS delta FROM placed GROUP BY ALL
    UNION ALL BY NAME
    SELECT kind, first_bin + 1 AS bin, 0 AS busy, count(*) AS delta FROM placed WHERE last_bin > first_bin + 1 GROUP BY ALL
    UNION ALL BY NAME
    SELECT kind, last_bin AS bin, sum(e - last_bin * {bin})::BIGINT AS busy, -(count(*) FILTER (WHERE last_bin > first_bin + 1)) AS delta
    FROM placed WHERE last_bin > first_bin GROUP BY ALL
)
SELECT kind, bin, sum(busy)::BIGINT AS busy, sum(delta)::BIGINT AS delta FROM steps GROUP BY ALL ORDER BY kind, bin;
