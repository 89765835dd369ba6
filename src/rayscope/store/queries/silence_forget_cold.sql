DELETE FROM attempt_cold WHERE verdict_cause = 'silence' AND session_no IN (SELECT session_no FROM heard_again);
