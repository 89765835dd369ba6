-- Where attempts ended badly: of every one of them, however it is drawn.
WITH spans AS NOT MATERIALIZED ({spans})
SELECT track, (until_ns - {from}) // {bin} AS bin, count(*) AS n
FROM spans
WHERE ends_badly AND until_ns >= {from} AND until_ns < {to} AND track IN (SELECT unnest(?::VARCHAR[]))
GROUP BY ALL ORDER BY ALL;
