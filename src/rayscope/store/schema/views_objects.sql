-- What readers see of object snapshots: the references of one snapshot of each session, with what else is known of them.

-- The newest snapshot of each session, or the newest at or before a time (null stands for now). Between a driver's end and its cluster's nothing is held
-- any more: of a session that has ended, the newest in which anything was held is meant, unless a time is given.
CREATE OR REPLACE MACRO object_chosen(at_ns) AS TABLE
SELECT
    session_no,
    CASE
        WHEN at_ns IS NULL AND bool_or(e.ended_ns IS NOT NULL) THEN coalesce(max(taken_ns) FILTER (WHERE kept > 0), max(taken_ns))
        ELSE max(taken_ns) FILTER (WHERE at_ns IS NULL OR taken_ns <= at_ns)
    END AS taken_ns,
    max(taken_ns) AS newest_ns
FROM object_snapshot
LEFT JOIN session_end e USING (session_no)
GROUP BY session_no
HAVING max(taken_ns) FILTER (WHERE at_ns IS NULL OR taken_ns <= at_ns) IS NOT NULL;

-- Processes by where Ray says that they are. A process id comes again: of several, the one that began last before the time is meant.
CREATE OR REPLACE MACRO object_processes(at_ns) AS TABLE
SELECT session_no, ip, pid, arg_max({'worker_id': worker_id, 'node_id': node_id}, coalesce(start_ns, 0)) AS process
FROM (
    SELECT w.session_no, n.node_ip AS ip, w.pid, w.worker_id, w.node_id, coalesce(w.start_ns, w.launched_ns, w.launch_ns) AS start_ns
    FROM worker w JOIN node n ON n.session_no = w.session_no AND n.node_id = w.node_id
    UNION ALL
    SELECT d.session_no, n.node_ip, d.driver_pid, rpad(d.job_id, 56, 'f'), d.driver_node_id, d.start_ns
    FROM driver_job d JOIN node n ON n.session_no = d.session_no AND n.node_id = d.driver_node_id
)
WHERE pid > 0 AND (at_ns IS NULL OR coalesce(start_ns, 0) <= at_ns)
GROUP BY ALL;

-- The references themselves, of the chosen snapshots. What begins with `ray_` is as Ray tells it.
CREATE OR REPLACE MACRO object_refs(at_ns) AS TABLE
SELECT
    o.*, c.taken_ns AS snapshot_ns, c.newest_ns,
    length(o.object_id) = 56 AND o.task_key IS NOT NULL AS has_form,
    has_form AND from_hex(o.object_id[55:56] || o.object_id[53:54] || o.object_id[51:52] || o.object_id[49:50]) > from_hex('05f5e100') AS is_put
FROM object_span o
JOIN object_chosen(at_ns) c ON c.session_no = o.session_no AND o.first_ns <= c.taken_ns AND (o.last_ns IS NULL OR o.last_ns >= c.taken_ns);

CREATE OR REPLACE MACRO objects_at(at_ns) AS TABLE
WITH refs AS (SELECT * FROM object_refs(at_ns)),
tasks_of AS (
    SELECT session_no, task_id, key, any_value(func) AS func, any_value(type) AS type
    FROM (
        SELECT session_no, task_id, task_key & 72057594037927935 AS key, func, type FROM attempt_hot
        UNION ALL
        SELECT session_no, task_id, task_key & 72057594037927935 AS key, func, type FROM attempt_cold
    ) a
    SEMI JOIN (SELECT DISTINCT session_no, task_key AS key FROM refs WHERE task_key IS NOT NULL) r USING (session_no, key)
    GROUP BY ALL
),
held AS (
    SELECT session_no, object_id, ip, pid, min(first_ns) AS first_ns, max(coalesce(last_ns, 9223372036854775807)) AS last_ns
    FROM object_span GROUP BY ALL
)
SELECT
    o.session_no, s.session, o.object_id, nullif(o.size_bytes, -1) AS size_bytes, o.reference_type, o.task_status,
    CASE WHEN o.call_site NOT IN ('disabled', '<unknown>') THEN nullif(o.call_site, '') END AS call_site,
    CASE WHEN o.object_id[1:40] IN (repeat('f', 40), '00' || repeat('f', 38)) THEN '(driver)' ELSE t.func END AS function,
    o.type, o.pid, o.ip, p.process.node_id AS node_id, p.process.worker_id AS worker_id,
    CASE
        WHEN NOT o.has_form THEN NULL
        WHEN o.reference_type = 'ACTOR_HANDLE' THEN 'HANDLE'
        WHEN o.is_put THEN 'PUT'
        ELSE 'RETURN'
    END AS origin,
    o.reference_type = 'PINNED_IN_MEMORY' AS is_pinned, o.task_status <> 'NIL' AS is_owner, o.attempt_number,
    coalesce(o.task_id, t.task_id) AS task_id,
    CASE WHEN o.has_form AND o.object_id[17:40] <> repeat('f', 24) THEN o.object_id[17:48] END AS actor_id,
    CASE WHEN o.has_form THEN o.object_id[41:48] END AS job_id,
    h.first_ns AS first_seen_ns, least(h.last_ns, o.newest_ns) AS last_seen_ns, o.snapshot_ns,
    o.size_bytes AS ray_size, o.call_site AS ray_call_site
FROM refs o
JOIN session s ON s.session_no = o.session_no
LEFT JOIN tasks_of t ON t.session_no = o.session_no AND t.key = o.task_key AND t.task_id[3:48] = o.object_id[3:48]
LEFT JOIN held h ON h.session_no = o.session_no AND h.object_id = o.object_id AND h.ip = o.ip AND h.pid = o.pid
LEFT JOIN object_processes(at_ns) p ON p.session_no = o.session_no AND p.ip = o.ip AND p.pid = o.pid;
