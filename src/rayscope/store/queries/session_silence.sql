-- Sessions of which nobody has spoken since $1, and which no report has ended, count as ended at their last word.
UPDATE session SET silent_since_ns = word_ns
WHERE word_ns < $1 AND silent_since_ns IS NULL
    AND session_no NOT IN (SELECT session_no FROM run WHERE cluster_ended);
