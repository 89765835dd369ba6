-- Workers that ended otherwise than on purpose, by how.
SELECT exit_type, count(*) AS count, max(end_ns) AS last_ns, arg_max(exit_detail, end_ns) AS detail, arg_max(worker_id, end_ns) AS worker_id
FROM workers_at({at})
WHERE session_no = {session} AND exit_type NOT IN ('INTENDED_USER_EXIT', 'INTENDED_SYSTEM_EXIT', 'IDLE_EXIT') GROUP BY ALL ORDER BY count DESC, exit_type LIMIT {limit};
