-- Nodes that died otherwise than on purpose.
SELECT node_id, node_ip, node_name, death_reason, state_message, end_ns
FROM nodes_at({at})
WHERE session_no = {session} AND state = 'DEAD' AND death_reason IS NOT NULL AND death_reason <> 'EXPECTED_TERMINATION' ORDER BY end_ns DESC LIMIT {limit};
