-- Attempts of which all is known go to the cold table at once, with what the view of the hot table would make of them.
INSERT INTO attempt_cold BY NAME
SELECT
    * REPLACE (attempt_name(name, func, type, actor_repr_name) AS name),
    attempt_state(t_finished, t_failed, NULL, NULL) AS state,
    attempt_creation(t_pending_args_avail, t_pending_node_assignment, t_pending_obj_store_mem_avail, t_pending_args_fetch, t_submitted_to_worker, t_pending_actor_task_args_fetch, t_pending_actor_task_ordering_or_concurrency, t_getting_and_pinning_args, t_running, t_running_in_ray_get, t_running_in_ray_wait, t_finished, t_failed) AS creation_ns,
    t_running AS start_ns,
    greatest(t_finished, t_failed) AS end_ns,
    greatest(t_finished, t_failed) - t_running AS duration_ns
FROM attempts;
