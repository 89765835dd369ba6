SELECT
    -- an actor holds what it needs for as long as it lives: that is counted by its own row, not by its calls
    CASE WHEN type = 'NORMAL_TASK' THEN coalesce(required_resources, '{}') ELSE '{}' END AS kind,
    start_ns AS begin_ns, coalesce(end_ns, {now}) AS until_ns
FROM {relation}{where} AND start_ns IS NOT NULL
