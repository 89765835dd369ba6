-- The colours of a range behind their hashes: first the different ones, since each is hashed, and looked for, once.
SELECT key, color FROM (
    SELECT hash(color) AS key, color FROM (SELECT DISTINCT color FROM ({spans}) WHERE begin_ns < {to} AND until_ns >= {from})
) WHERE key IN (SELECT unnest(?::UBIGINT[]));
