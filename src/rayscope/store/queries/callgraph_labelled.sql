-- Attempts with the node of the graph that each belongs to: a class for an actor's calls, a function for a task.
SELECT
    task_id, parent_task_id, task_key, attempt_number, state, duration_ns, func_or_class_name AS func,
    type IN ('ACTOR_TASK', 'ACTOR_CREATION_TASK') AS is_actor,
    CASE WHEN type IN ('ACTOR_TASK', 'ACTOR_CREATION_TASK')
        THEN 'actor:' || coalesce(nullif(regexp_extract(func_or_class_name, '^(.*)\.[^.]*$', 1), ''), func_or_class_name, name, '')
        ELSE 'function:' || coalesce(func_or_class_name, name, '')
    END AS label
FROM {relation}{where}
