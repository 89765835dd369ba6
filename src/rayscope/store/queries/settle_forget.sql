DELETE FROM attempt_hot USING settling
WHERE attempt_hot.session_no = settling.session_no AND attempt_hot.task_id = settling.task_id AND attempt_hot.attempt = settling.attempt;
