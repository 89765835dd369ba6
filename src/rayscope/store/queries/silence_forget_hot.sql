-- A session that was silent speaks again: what was concluded from its silence is not so.
UPDATE attempt_hot SET verdict_cause = NULL, verdict_state = NULL, verdict_error_type = NULL, verdict_reason = NULL, verdict_ns = NULL
WHERE verdict_cause = 'silence' AND session_no IN (SELECT session_no FROM heard_again);
