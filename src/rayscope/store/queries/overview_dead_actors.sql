-- Actors that died otherwise than by going out of use, by class and reason.
SELECT
    coalesce(class_name, '') AS class_name, death_reason, count(*) AS count, max(end_ns) AS last_ns, arg_max(death_message, end_ns) AS detail,
    arg_max(actor_id, end_ns) AS actor_id
FROM actors_at({at})
WHERE session_no = {session} AND state = 'DEAD' AND death_reason IS NOT NULL AND death_reason NOT IN ('OUT_OF_SCOPE', 'RAY_KILL', 'REF_DELETED', 'OWNER_DIED')
GROUP BY ALL ORDER BY count DESC, class_name, death_reason LIMIT {limit};
