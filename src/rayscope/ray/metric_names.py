"""Whose a metric is: the user's own, Ray's, the node's as the agent samples it, or somebody else's who wrote it here. Pure.

A user's metric (ray.util.metrics) and Ray's own leave a node through the same endpoint, both as ``ray_<name>``, and no label tells them apart. So Ray's
own names are listed, those of all versions since 2.49, as its sources have them: src/ray/**/metrics.h and src/ray/stats/metric_defs.* for the parts in
C++; dashboard, autoscaler and the libraries for those in Python. Of a name that a newer Ray may have added the labels are asked: what a component other
than a worker reports is Ray's, and so is what carries a library's own labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

USER: Final = "user"
RAY: Final = "ray"
NODE: Final = "node"
EXTERNAL: Final = "external"
SOURCES: Final = (USER, RAY, NODE, EXTERNAL)

_PREFIX: Final = "ray_"
_SAMPLED: Final = "rayscope_"
_OF_A_SCRAPE: Final = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped"})
_SCRAPED_JOBS: Final = frozenset({"ray", "rayscope"})
_SUFFIXES: Final = ("_total", "_bucket", "_sum", "_count", "_created", "_info")

_CORE: Final = """
    tasks actors resources object_store_memory object_store_dist placement_groups owned_objects owned_objects_size total_lineage_bytes running_jobs
    finished_jobs job_duration_s actor_generator_backpressure_num_objects
    operation_count operation_run_time_ms operation_queue_time_ms operation_active_count io_context_event_loop_lag_ms io_context_monitor_latency_ms
    io_context_monitor_unhealthy_count grpc_server_req_process_time_ms grpc_server_req_new grpc_server_req_handling grpc_server_req_finished
    grpc_server_req_succeeded grpc_server_req_failed grpc_client_req_failed
    object_manager_bytes object_manager_received_chunks object_manager_num_pull_requests pull_manager_usage_bytes pull_manager_requested_bundles
    pull_manager_requests pull_manager_active_bundles pull_manager_retries_total pull_manager_num_object_pins pull_manager_object_request_time_ms
    push_manager_in_flight_pushes push_manager_num_pushes_remaining push_manager_chunks object_store_available_memory object_store_used_memory
    object_store_fallback_memory object_store_num_local_objects object_directory_subscriptions object_directory_updates object_directory_lookups
    object_directory_added_locations object_directory_removed_locations object_creation_dur_s
    scheduler_tasks scheduler_unscheduleable_tasks scheduler_failed_worker_startup_total scheduler_placement_time_s scheduler_placement_time_ms
    scheduler_task_placement_time_ms scheduler_actor_placement_time_ms internal_num_spilled_tasks internal_num_infeasible_scheduling_classes
    internal_num_processes_started internal_num_processes_started_from_cache internal_num_processes_skipped_job_mismatch
    internal_num_processes_skipped_runtime_environment_mismatch internal_num_processes_skipped_detached_mismatch local_available_resource local_total_resource
    num_workers_started num_workers_started_from_cache num_cached_workers_skipped_job_mismatch num_cached_workers_skipped_runtime_environment_mismatch
    num_cached_workers_skipped_dynamic_options_mismatch
    spill_manager_objects spill_manager_objects_bytes spill_manager_request_total spill_manager_throughput_mb
    memory_manager_worker_eviction_total node_manager_unexpected_worker_failure_total unintentional_worker_failures_total node_failure_total
    heartbeat_report_ms process_startup_time_ms worker_launch_time_ms worker_launched_time_ms worker_register_time_ms outbound_heartbeat_size_kb
    gcs_latency gcs_update_resource_usage_time gcs_new_resource_creation_latency_ms gcs_actors_count gcs_placement_group_count
    gcs_placement_group_creation_latency_ms gcs_placement_group_scheduling_latency_ms gcs_storage_operation_latency_ms gcs_storage_operation_count
    gcs_redis_command_count gcs_redis_request_payload_bytes gcs_redis_response_payload_bytes
    gcs_task_manager_task_events_reported gcs_task_manager_task_events_dropped gcs_task_manager_task_events_stored health_check_rpc_latency_ms
    live_actors restarting_actors
"""
"""The core's, in C++."""

_NODE: Final = """
    node_cpu_utilization node_cpu_count node_mem_used node_mem_available node_mem_total node_mem_shared_bytes node_mem_used_host node_mem_total_host
    node_swap_used node_swap_total node_swap_utilization node_cgroup_mem_used node_cgroup_mem_total node_gpus_available node_gpus_utilization node_gram_used
    node_gram_available node_gpu_power_milliwatts node_gpu_temperature_celsius tpu_tensorcore_utilization tpu_memory_bandwidth_utilization tpu_duty_cycle
    tpu_memory_used tpu_memory_total node_disk_io_read node_disk_io_write node_disk_io_read_count node_disk_io_write_count node_disk_io_read_speed
    node_disk_io_write_speed node_disk_read_iops node_disk_write_iops node_disk_usage node_disk_free node_disk_utilization_percentage node_network_sent
    node_network_received node_network_send_speed node_network_receive_speed component_cpu component_cpu_percentage component_shared_bytes component_rss
    component_rss_mb component_rss_bytes component_uss component_uss_mb component_uss_bytes component_num_fds component_gpu_percentage
    component_gpu_memory_mb cluster_active_nodes cluster_idle_nodes cluster_failed_nodes cluster_pending_nodes
"""
"""The reporter's, of each node's dashboard agent."""

_SERVE: Final = """
    actual_batch_size application_status autoscaling_desired_replicas autoscaling_handle_metrics_delay_ms autoscaling_policy_execution_time_ms
    autoscaling_replica_metrics_delay_ms autoscaling_target_ongoing_requests autoscaling_target_replicas autoscaling_total_requests
    batch_execution_time_ms batch_queue_length batch_utilization_percent batch_wait_time_ms batches_processed
    controller_application_state_update_duration_s controller_control_loop_duration_s controller_deployment_state_update_duration_s
    controller_node_update_duration_s controller_num_control_loops controller_proxy_state_update_duration_s controller_sleep_duration_s
    deployment_error_counter deployment_max_processing_latency_ms deployment_processing_latency_ms deployment_queued_queries deployment_replica_healthy
    deployment_replica_starts deployment_request_counter deployment_status event_loop_monitoring_iterations event_loop_scheduling_latency_ms
    event_loop_tasks grpc_request_latency_ms handle_request_counter haproxy_ingress_router_failures haproxy_ingress_router_latency_ms
    haproxy_ingress_router_requests haproxy_ingress_router_server_mismatch haproxy_ingress_router_truncations haproxy_process_count
    haproxy_target_mismatch haproxy_update_latency_s health_check_failures_total health_check_latency_ms http_request_latency_ms
    long_poll_host_transmission_counter long_poll_latency_ms long_poll_pending_clients multiplexed_get_model_requests_counter
    multiplexed_model_load_latency_ms multiplexed_model_unload_latency_ms multiplexed_models_load_counter multiplexed_models_unload_counter
    num_compacted_nodes num_deployment_grpc_error_requests num_deployment_http_error_requests num_grpc_error_requests num_grpc_requests
    num_http_error_requests num_http_requests num_multiplexed_models num_ongoing_grpc_requests num_ongoing_http_requests num_ongoing_requests_at_replicas
    num_router_requests num_scheduling_tasks num_scheduling_tasks_in_backoff proxy_shutdown_duration_ms proxy_status record_autoscaling_stats_failed
    registered_multiplexed_model_id replica_initialization_latency_ms replica_processing_queries replica_reconfigure_latency_ms
    replica_shutdown_duration_ms replica_startup_latency_ms replica_utilization_percent request_router_fulfillment_time_ms request_router_queue_len
    reserved_slots_active router_args_resolution_latency_ms routing_stats_delay_ms routing_stats_error user_autoscaling_stats_latency_ms
"""
"""Ray Serve's, without their `serve_`: many of them have no label of their own."""

_AGENTS: Final = ("aggregator_agent_", "dashboard_", "autoscaler_", "event_aggregator_")
"""What begins so is of Ray's dashboard, event aggregator or autoscaler: these never run a user's code."""

_KNOWN: Final = frozenset([*_CORE.split(), *_NODE.split(), *(f"serve_{name}" for name in _SERVE.split())])

_LIBRARIES: Final[Mapping[str, frozenset[str]]] = {
    "data_": frozenset({"dataset"}),
    "train_": frozenset({"ray_train_run_name", "ray_train_run_id"}),
    "serve_": frozenset({"deployment", "application", "route", "handle"}),
    "vllm": frozenset({"model_name", "engine"}),
    "sglang": frozenset({"model_name"}),
    "ray_llm_": frozenset(),
    "grpc_io_": frozenset(),
}
"""By the beginning of a library's names: labels of which one is there where the library reports it."""

_WORKER: Final = frozenset({"core_worker", "worker", ""})


def source_of(name: str, labels: Mapping[str, Collection[str]]) -> str:
    """``user``, ``ray``, ``node`` or ``external``. ``name`` is the family's or a series', ``labels`` each label with the values that its series have."""
    if name.startswith(_SAMPLED):
        return NODE
    jobs = set(labels.get("job", ()))
    if jobs and not jobs & _SCRAPED_JOBS:
        return EXTERNAL
    if name in _OF_A_SCRAPE:
        return NODE
    if not jobs and not name.startswith(_PREFIX):
        return EXTERNAL
    return RAY if not name.startswith(_PREFIX) or _is_rays(name.removeprefix(_PREFIX), labels) else USER


def _is_rays(name: str, labels: Mapping[str, Collection[str]]) -> bool:
    if any(base in _KNOWN for base in _bases(name)) or name.startswith(_AGENTS):
        return True
    if any(component not in _WORKER for component in labels.get("Component", ())):
        return True
    return any(name.startswith(prefix) and (not own or not own.isdisjoint(labels)) for prefix, own in _LIBRARIES.items())


def _bases(name: str) -> list[str]:
    """The name, and without what its type may have appended: a percentile has several such."""
    return [name, *(name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), *_without_percentile(name)]


def _without_percentile(name: str) -> list[str]:
    head, _, tail = name.rpartition("_")
    return [head] if tail in {"p50", "p90", "p95", "p99", "max", "mean"} else []
