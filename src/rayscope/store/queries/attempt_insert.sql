INSERT INTO attempt_hot BY NAME SELECT * FROM attempts;
