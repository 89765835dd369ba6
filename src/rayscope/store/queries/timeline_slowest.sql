-- The attempts of a range that ran longest, or run longest by now.
SELECT {spot}
FROM {relation}{where} AND start_ns < {to} AND greatest(coalesce(end_ns, {now}), start_ns) >= {from}{only}
ORDER BY coalesce(end_ns, {now}) - start_ns DESC, task_id, attempt_number LIMIT {limit};
