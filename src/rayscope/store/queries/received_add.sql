INSERT INTO received BY NAME SELECT * FROM counted
ON CONFLICT (session_no, kind, name) DO UPDATE SET count = received.count + excluded.count;
