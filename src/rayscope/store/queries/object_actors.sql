SELECT actor_id, class_name, end_ns FROM actor WHERE session_no = $1 AND actor_id IN (SELECT unnest($2::VARCHAR[]))
