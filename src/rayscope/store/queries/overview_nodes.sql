SELECT coalesce(resources_total, '{}') AS kind, start_ns AS begin_ns, coalesce(end_ns, {now}) AS until_ns
FROM nodes_at({at}) WHERE session_no = {session} AND start_ns IS NOT NULL
