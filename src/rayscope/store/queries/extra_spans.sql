SELECT DISTINCT p.session_no, p.task_id, p.attempt, p.name, p.start_ns, p.end_ns, p.extra
FROM profile_span p
SEMI JOIN (SELECT unnest($1::INTEGER[]) AS session_no, unnest($2::UBIGINT[]) AS task_key, unnest($3::VARCHAR[]) AS task_id, unnest($4::INTEGER[]) AS attempt) k
    USING (session_no, task_key, task_id, attempt)
ORDER BY p.start_ns, p.end_ns DESC, p.name, p.extra
LIMIT $5;
