-- What ended in each bin.
SELECT (end_ns - {from}) // {bin} AS bin, count(*) FILTER (WHERE NOT is_bad(state)) AS finished, count(*) FILTER (WHERE is_bad(state)) AS failed
FROM {relation}{where} AND end_ns >= {from} AND end_ns < {to} GROUP BY ALL ORDER BY bin;
