SELECT coalesce(required_resources, '{}') AS kind, alive_ns AS begin_ns, coalesce(end_ns, {now}) AS until_ns
FROM actors_at({at}) WHERE session_no = {session} AND alive_ns IS NOT NULL
