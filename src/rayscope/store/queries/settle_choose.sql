-- Which attempts settle now: ended, by report or verdict, and quiet since then.
CREATE OR REPLACE TEMP TABLE settling AS
SELECT session_no, task_id, attempt
FROM attempt_hot
WHERE word_ns < $1 AND (t_finished IS NOT NULL OR t_failed IS NOT NULL OR verdict_state IS NOT NULL)
LIMIT $2;
