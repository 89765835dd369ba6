-- A session of the fill with its node and its jobs. All but the newest are over.
INSERT INTO session BY NAME
SELECT
    $number AS session_no, 'session_fill_' || $number AS session, 'bench' AS cluster, $start_ns AS first_ns, $end_ns AS last_ns, $now_ns AS word_ns,
    5 * $attempts AS events, 0 AS quarantined;
INSERT INTO node BY NAME
SELECT
    $number AS session_no, md5('node' || $number) || '000000000000000000000000' AS node_id, '192.0.2.2' AS node_ip, true AS is_head_node,
    'head' AS hostname, $start_ns AS start_ns;
INSERT INTO driver_job BY NAME
SELECT
    $number AS session_no, printf('%02x000000', range + 1) AS job_id, 'python job_' || range || '.py' AS entrypoint, 7000 + range AS driver_pid,
    $start_ns AS start_ns, $end_ns AS end_ns
FROM range($jobs);
