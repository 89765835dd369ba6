UPDATE attempt_hot SET
    verdict_cause = v.cause, verdict_state = v.state, verdict_error_type = v.error_type, verdict_reason = v.reason, verdict_ns = v.ns,
    word_ns = greatest(attempt_hot.word_ns, v.word_ns)
FROM verdicts v
WHERE
    attempt_hot.session_no = v.session_no AND attempt_hot.task_id = v.task_id AND attempt_hot.attempt = v.attempt
    AND attempt_hot.t_finished IS NULL AND attempt_hot.t_failed IS NULL;
