-- All others, bin by bin. An attempt counts in the bin in which it begins, or in the first one. It takes the time until its bin's end there,
-- the whole of each bin between (delta: +1 after the first, -1 at the last), and the rest in the last one.
WITH spans AS NOT MATERIALIZED ({spans}), cut AS (
    SELECT track, color, failed, _part, _rowid, greatest(begin_ns, {from}) - {from} AS b, greatest(least(until_ns, {to}) - {from}, 0) AS e
    FROM spans
    WHERE begin_ns < {to} AND until_ns >= {from} AND until_ns - begin_ns <= {width} AND track IN (SELECT unnest(?::VARCHAR[]))
), placed AS (
    -- an end on the border of two bins takes nothing of the second
    SELECT *, b // {bin} AS first_bin, greatest(b // {bin}, (e - 1) // {bin}) AS last_bin FROM cut
), begins AS (
    SELECT
        track, first_bin AS bin, color, count(*) AS n, count(*) FILTER (WHERE failed) AS failed, any_value(_part) AS part, any_value(_rowid) AS place,
        sum(least(e, (first_bin + 1) * {bin}) - b)::BIGINT AS busy, sum(e - b)::BIGINT AS weight
    FROM placed GROUP BY ALL
), steps AS (
    SELECT track, bin, n, failed, part, place, busy, color, weight, 0 AS delta FROM begins
    UNION ALL BY NAME
    SELECT track, first_bin + 1 AS bin, 0 AS n, 0 AS failed, 0 AS busy, 0 AS weight, count(*) AS delta
    FROM placed WHERE last_bin > first_bin + 1 GROUP BY ALL
    UNION ALL BY NAME
    SELECT track, last_bin AS bin, 0 AS n, 0 AS failed, sum(e - last_bin * {bin})::BIGINT AS busy, 0 AS weight,
        -(count(*) FILTER (WHERE last_bin > first_bin + 1)) AS delta
    FROM placed WHERE last_bin > first_bin GROUP BY ALL
)
SELECT
    track, bin, sum(n)::BIGINT AS n, sum(failed)::BIGINT AS failed, sum(busy)::BIGINT AS busy, sum(delta)::BIGINT AS delta,
    arg_max(color, weight) AS color, any_value(part) AS part, any_value(place) AS place
FROM steps GROUP BY ALL ORDER BY track, bin;
