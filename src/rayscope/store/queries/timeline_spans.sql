-- The attempts that a range shows. One that ended without having run is a moment; one that runs lasts until now.
SELECT
    coalesce({track}, '') AS track, coalesce({color}, '') AS color, coalesce(worker_id, '') AS worker, worker_pid, _part, _rowid,
    state IN ('FAILED', 'LOST') AS failed, end_ns IS NOT NULL AND state IN ('FAILED', 'LOST') AS ends_badly, coalesce(start_ns, end_ns) AS begin_ns,
    greatest(coalesce(end_ns, {now}), coalesce(start_ns, end_ns)) AS until_ns
FROM {relation}{where}
