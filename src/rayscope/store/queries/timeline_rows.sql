-- The attempts that a range shows, as numbers: their track's place in the page (-1: on another one), and what tells their colour and their worker.
SELECT
    coalesce(page.at, -1)::INTEGER AS track, hash(color) AS color, begin_ns, until_ns, (failed::TINYINT + ends_badly::TINYINT)::TINYINT AS bad,
    (_rowid * 2 + _part)::BIGINT AS place, CASE WHEN until_ns - begin_ns > {least} THEN hash(worker) ELSE 0 END AS worker
FROM ({spans}) LEFT JOIN (SELECT unnest(?::VARCHAR[]) AS track, unnest(range({tracks})) AS at) AS page USING (track)
WHERE begin_ns < {to} AND until_ns >= {from}{only};
