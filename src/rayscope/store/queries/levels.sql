-- How many of some intervals go on at once, bin by bin: the mean level of a bin is (busy + the running sum of delta * bin) / bin.
-- The intervals are read once, and counted by the bins in which they begin and end.
WITH intervals AS NOT MATERIALIZED ({intervals}), cut AS NOT MATERIALIZED (
    SELECT kind, greatest(begin_ns, {from}) - {from} AS b, least(until_ns, {to}) - {from} AS e
    FROM intervals WHERE begin_ns < {to} AND until_ns > {from} AND until_ns > begin_ns
), placed AS MATERIALIZED (
    SELECT kind, b // {bin} AS first_bin, (e - 1) // {bin} AS last_bin, count(*) AS n, sum(b % {bin})::BIGINT AS late, sum((e - 1) % {bin} + 1)::BIGINT AS held
    FROM cut GROUP BY ALL
), steps AS (
    SELECT kind, first_bin AS bin, CASE WHEN last_bin = first_bin THEN held - late ELSE n * {bin} - late END AS busy, 0 AS delta FROM placed
    UNION ALL BY NAME
    SELECT kind, first_bin + 1 AS bin, 0 AS busy, n AS delta FROM placed WHERE last_bin > first_bin + 1
    UNION ALL BY NAME
    SELECT kind, last_bin AS bin, held AS busy, CASE WHEN last_bin > first_bin + 1 THEN -n ELSE 0 END AS delta FROM placed WHERE last_bin > first_bin
)
SELECT kind, bin, sum(busy)::BIGINT AS busy, sum(delta)::BIGINT AS delta FROM steps GROUP BY ALL ORDER BY kind, bin;
