-- Settled attempts number $first to $last of a session, as the fold would have made them of real events.
INSERT INTO attempt_cold BY NAME
WITH numbers AS (
    SELECT
        -- every 200th attempt is the retry of the one before it: of the same task, hence of the same hashes
        range AS n, range % 200 = 199 AS retry, range % 200 = 198 AS retried,
        hash((range - retry::INTEGER) * 7919 + $number) AS h, hash((range - retry::INTEGER) * 104729 + $number * 31) AS g,
        $start_ns + range * $rate_ns AS created
    FROM range($first, $last)
), chosen AS (
    SELECT
        *,
        -- job k has about 1/k of the weight of job 1; the low functions are called most
        1 + floor(pow($jobs + 1, (h & 65535) / 65536.0) - 1)::INTEGER AS job,
        floor($functions * pow((h >> 16 & 65535) / 65536.0, 3))::INTEGER AS f,
        (h >> 32 & 15)::INTEGER AS worker, retried OR (NOT retry AND (h >> 36 & 1023) < 15) AS fails,
        1 + (g & 65535) / 4096.0 AS spread
    FROM numbers
), timed AS (
    SELECT
        *,
        'step_' || f AS func,
        printf('%02x000000', job) AS job_hex,
        created + 10711 AS assigned,
        created + 500000 + (g >> 16 & 16777215)::BIGINT AS submitted,
        created + 900000 + (g >> 16 & 16777215)::BIGINT + (g >> 40 & 262143)::BIGINT AS running,
        CAST(1000000 * (1 + f * f / 10.0) * spread AS BIGINT) AS taken
    FROM chosen
)
SELECT
    $number AS session_no,
    lower(lpad(to_hex(g), 16, '0')) || 'ffffffffffffffffffffffff' || job_hex AS task_id,
    retry::INTEGER AS attempt,
    xor(g, 18446744073709551615::UBIGINT) AS task_key,
    running + taken AS word_ns,
    job_hex AS job_id,
    'NORMAL_TASK' AS type, func AS name, func, 'pipeline' AS module, 'PYTHON' AS language,
    'ffffffffffffffffffffffffffffffffffffffff' || job_hex AS parent_task_id,
    '{"CPU":1.0}' AS required_resources, '{}' AS runtime_env,
    md5('node' || $number) || '000000000000000000000000' AS node_id,
    md5('worker' || worker || $number) || '000000000000000000000000' AS worker_id,
    8000 + worker AS worker_pid,
    CASE WHEN fails THEN 'TASK_EXECUTION_EXCEPTION' END AS error_type,
    CASE WHEN fails THEN 'User exception:' || chr(10) || 'ray::' || func || '() (pid=' || 8000 + worker || ', ip=192.0.2.2)' || chr(10)
        || '  File "/app/pipeline.py", line ' || 100 + f || ', in ' || func || chr(10) || '    raise ValueError(f"bad value {value}")' || chr(10)
        || 'ValueError: bad value ' || (g & 1048575) END AS error_message,
    '/tmp/ray/session_' || $number || '/logs/worker-' || md5('worker' || worker || $number) || '-' || 8000 + worker || '.out' AS stdout_file,
    '/tmp/ray/session_' || $number || '/logs/worker-' || md5('worker' || worker || $number) || '-' || 8000 + worker || '.err' AS stderr_file,
    n * 7 AS stdout_start, n * 7 + 120 AS stdout_end, n AS stderr_start, n AS stderr_end,
    'task::' || func AS profile_name,
    '{"task::' || func || '":"{\"name\": \"pipeline.' || func || '\"}"}' AS profile_extra,
    running + 60000 AS deserialize_start, running + 280000 AS deserialize_end,
    running + 326000 AS execute_start, running + taken - 50000 AS execute_end,
    CASE WHEN NOT fails THEN running + taken - 47000 END AS store_start, CASE WHEN NOT fails THEN running + taken - 15000 END AS store_end,
    running + 51000 AS task_start, running + taken - 4000 AS task_end,
    created AS t_pending_args_avail, assigned AS t_pending_node_assignment, submitted AS t_submitted_to_worker, running AS t_running,
    CASE WHEN NOT fails THEN running + taken END AS t_finished, CASE WHEN fails THEN running + taken END AS t_failed,
    CASE WHEN fails THEN 'FAILED' ELSE 'FINISHED' END AS state,
    created AS creation_ns, running AS start_ns, running + taken AS end_ns, taken AS duration_ns
FROM timed
ORDER BY session_no, job_id, creation_ns;
