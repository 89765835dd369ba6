-- Which of some attempts the hot table knows.
SELECT key FROM attempt_hot SEMI JOIN fragments USING (key);
