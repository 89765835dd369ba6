INSERT INTO settled SELECT * FROM ends
ON CONFLICT (session_no) DO UPDATE SET until_ns = greatest(settled.until_ns, excluded.until_ns);
