-- All that is drawn on some tracks, in one question: `long` attempts with a slice of their own, `cell`s of all others, and `mark`s of failures.
WITH spans AS {materialized} (
    SELECT * FROM ({spans}) WHERE begin_ns < {to} AND until_ns >= {from} AND track IN (SELECT unnest(?::VARCHAR[]))
), width AS (
    -- of a slice of its own: more than some bins, and no more of them than an answer has room for
    SELECT coalesce(
        (SELECT until_ns - begin_ns AS width FROM spans WHERE until_ns - begin_ns > {least} ORDER BY width DESC LIMIT 1 OFFSET {most}), {least}
    ) AS width
), cut AS NOT MATERIALIZED (
    SELECT track, color, failed, _part, _rowid, greatest(begin_ns, {from}) - {from} AS b, greatest(least(until_ns, {to}) - {from}, 0) AS e
    FROM spans WHERE until_ns - begin_ns <= (SELECT width FROM width)
), placed AS NOT MATERIALIZED (
    -- an end on the border of two bins takes nothing of the second
    SELECT *, b // {bin} AS first_bin, greatest(b // {bin}, (e - 1) // {bin}) AS last_bin FROM cut
), begins AS (
    -- An attempt counts in the bin in which it begins, or in the first one, and takes the time until the bin's end there.
    SELECT
        track, first_bin AS bin, color, count(*) AS n, count(*) FILTER (WHERE failed) AS failed, any_value(_part) AS part, any_value(_rowid) AS place,
        sum(least(e, (first_bin + 1) * {bin}) - b)::BIGINT AS busy, sum(e - b)::BIGINT AS weight
    FROM placed GROUP BY ALL
), steps AS (
    SELECT track, bin, n, failed, part, place, busy, color, weight, 0 AS delta FROM begins
    UNION ALL BY NAME
    -- It takes the whole of each bin between,
    SELECT track, first_bin + 1 AS bin, 0 AS n, 0 AS failed, 0 AS busy, 0 AS weight, count(*) AS delta
    FROM placed WHERE last_bin > first_bin + 1 GROUP BY ALL
    UNION ALL BY NAME
    -- and the rest in the last one.
    SELECT track, last_bin AS bin, 0 AS n, 0 AS failed, sum(e - last_bin * {bin})::BIGINT AS busy, 0 AS weight,
        -(count(*) FILTER (WHERE last_bin > first_bin + 1)) AS delta
    FROM placed WHERE last_bin > first_bin GROUP BY ALL
), cells AS (
    SELECT
        track, bin, sum(n)::BIGINT AS n, sum(failed)::BIGINT AS failed, sum(busy)::BIGINT AS busy, sum(delta)::BIGINT AS delta,
        arg_max(color, weight) AS color, any_value(part) AS part, any_value(place) AS place
    FROM steps GROUP BY ALL
)
SELECT 'cell' AS kind, track, bin AS x, n, failed, busy, delta, color, part, place, NULL AS worker FROM cells
UNION ALL
SELECT
    'long', track, greatest(begin_ns, {from}) - {from}, least(until_ns, {to}) - {from}, failed::BIGINT, NULL, NULL, color, _part, _rowid, worker
FROM spans WHERE until_ns - begin_ns > (SELECT width FROM width)
UNION ALL
SELECT 'mark', track, (until_ns - {from}) // {bin}, count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM spans WHERE ends_badly AND until_ns >= {from} AND until_ns < {to} GROUP BY ALL
UNION ALL
SELECT 'width', '', width, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM width
ORDER BY kind, track, x, n, part, place;
