INSERT INTO attempt_hot BY NAME
SELECT * EXCLUDE (state, creation_ns, start_ns, end_ns, duration_ns)
    REPLACE (NULL AS verdict_cause, NULL AS verdict_state, NULL AS verdict_error_type, NULL AS verdict_reason, NULL AS verdict_ns)
FROM attempt_cold
WHERE verdict_cause = 'silence' AND session_no IN (SELECT session_no FROM heard_again);
