SELECT job_id, min(end_ns) AS end_ns
FROM (
    SELECT job_id, end_ns FROM driver_job WHERE session_no = $1
    UNION ALL
    SELECT job_id, ended_ns FROM run WHERE session_no = $1 AND (exit_code IS NOT NULL OR signal IS NOT NULL)
)
WHERE end_ns IS NOT NULL GROUP BY job_id
