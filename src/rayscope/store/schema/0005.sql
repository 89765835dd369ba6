-- Marks that a worker's hooks left out, as their file of marks says.
ALTER TABLE log_file ADD COLUMN left_out BIGINT DEFAULT 0;
