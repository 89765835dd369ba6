SELECT
    (SELECT count(*) FROM nodes_at({at}) WHERE session_no = {session}) AS nodes,
    (SELECT count(*) FROM nodes_at({at}) WHERE session_no = {session} AND state = 'ALIVE') AS nodes_alive,
    (SELECT count(*) FROM actors_at({at}) WHERE session_no = {session}) AS actors,
    (SELECT count(*) FROM actors_at({at}) WHERE session_no = {session} AND state = 'ALIVE') AS actors_alive,
    (SELECT count(*) FROM jobs_at({at}) WHERE session_no = {session}) AS jobs,
    (SELECT count(*) FROM jobs_at({at}) WHERE session_no = {session} AND status IN ('PENDING', 'RUNNING')) AS jobs_running;
