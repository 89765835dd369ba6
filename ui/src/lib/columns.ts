/** The usual columns of the listings that stand on more than one page. Pure. */

export const TASK_COLUMNS = ["name", "task_id", "attempt_number", "state", "duration_ns", "creation_ns", "node_id", "worker_pid", "error_type"] as const;
export const ACTOR_COLUMNS = ["class_name", "actor_id", "name", "state", "pid", "node_id", "job_id", "num_restarts", "created_ns", "end_ns", "death_message"] as const;
export const EVENT_COLUMNS = ["time_ns", "severity", "source_type", "event_type", "message"] as const;
