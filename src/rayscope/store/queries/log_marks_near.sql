-- The marks that touch the windows of workers' outputs.
SELECT m.session_no, m.worker_id, m.stream, m.start_offset, m.end_offset, m.task_id, m.attempt
FROM log_mark m
JOIN log_window w ON w.session_no = m.session_no AND w.worker_id = m.worker_id AND w.stream = m.stream
WHERE m.start_offset <= w.last AND m.end_offset > w.first;
