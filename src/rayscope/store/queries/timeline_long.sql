-- Attempts wide enough for a slice of their own.
WITH spans AS NOT MATERIALIZED ({spans})
SELECT track, greatest(begin_ns, {from}) AS begin_ns, least(until_ns, {to}) AS until_ns, color, failed, worker, _part, _rowid
FROM spans
WHERE begin_ns < {to} AND until_ns >= {from} AND until_ns - begin_ns > {width} AND track IN (SELECT unnest(?::VARCHAR[]))
ORDER BY track, spans.begin_ns, spans.until_ns, _part, _rowid;
