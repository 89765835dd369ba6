-- The width that only {most} attempts of the tracks exceed.
WITH spans AS NOT MATERIALIZED ({spans})
SELECT until_ns - begin_ns AS width FROM spans
WHERE begin_ns < {to} AND until_ns >= {from} AND until_ns - begin_ns > {least} AND track IN (SELECT unnest(?::VARCHAR[]))
ORDER BY width DESC LIMIT 1 OFFSET {most};
