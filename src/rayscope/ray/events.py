"""The wire form of Ray's exported events: protobuf's JSON of ``RayEvent`` (ray/protobuf/public/events_*.proto).

Ids arrive as base64, 64-bit integers as strings, times as RFC 3339 with nanoseconds, enums by name. A field that
is not here is unknown to this version of Rayscope: `rayscope.ray.decode` keeps and counts it.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

Enum = str | int
"""An enum value: its name, or its number where the sender's protobuf knows no name."""


class Wire(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """The base of all messages. Unknown fields are refused here so that the slow path sees them."""


class JavaFunction(Wire):
    class_name: str = ""
    function_name: str = ""
    signature: str = ""


class PythonFunction(Wire):
    module_name: str = ""
    class_name: str = ""
    function_name: str = ""
    function_hash: str = ""


class CppFunction(Wire):
    function_name: str = ""
    caller: str = ""
    class_name: str = ""


class FunctionDescriptor(Wire):
    java_function_descriptor: JavaFunction | None = None
    python_function_descriptor: PythonFunction | None = None
    cpp_function_descriptor: CppFunction | None = None


class TaskDefinition(Wire):
    task_id: bytes
    task_attempt: int = 0
    task_type: Enum = "NORMAL_TASK"
    language: Enum = "PYTHON"
    task_func: FunctionDescriptor | None = None
    task_name: str = ""
    required_resources: dict[str, float] = {}
    job_id: bytes = b""
    parent_task_id: bytes = b""
    placement_group_id: bytes = b""
    ref_ids: dict[str, str] = {}
    serialized_runtime_env: str = ""
    call_site: str | None = None
    label_selector: dict[str, str] = {}
    fallback_strategy: dict[str, Any] | None = None
    is_detached_actor: bool = False


class ActorTaskDefinition(Wire):
    task_id: bytes
    task_attempt: int = 0
    language: Enum = "PYTHON"
    actor_func: FunctionDescriptor | None = None
    actor_task_name: str = ""
    required_resources: dict[str, float] = {}
    job_id: bytes = b""
    actor_id: bytes = b""
    parent_task_id: bytes = b""
    placement_group_id: bytes = b""
    ref_ids: dict[str, str] = {}
    serialized_runtime_env: str = ""
    call_site: str | None = None
    label_selector: dict[str, str] = {}
    fallback_strategy: dict[str, Any] | None = None
    is_detached_actor: bool = False


class StateTransition(Wire):
    state: Enum
    timestamp: str


class RayErrorInfo(Wire):
    actor_died_error: dict[str, Any] | None = None
    runtime_env_setup_failed_error: dict[str, Any] | None = None
    actor_unavailable_error: dict[str, Any] | None = None
    error_message: str = ""
    error_type: Enum = "WORKER_DIED"


class TaskLogInfo(Wire):
    stdout_file: str | None = None
    stderr_file: str | None = None
    stdout_start: int | None = None
    stdout_end: int | None = None
    stderr_start: int | None = None
    stderr_end: int | None = None


class TaskLifecycle(Wire):
    task_id: bytes
    task_attempt: int = 0
    state_transitions: list[StateTransition] = []
    ray_error_info: RayErrorInfo | None = None
    node_id: bytes = b""
    worker_id: bytes = b""
    worker_pid: int = 0
    job_id: bytes = b""
    is_debugger_paused: bool | None = None
    actor_repr_name: str | None = None
    task_log_info: TaskLogInfo | None = None


class ProfileEntry(Wire):
    start_time: int = 0
    end_time: int = 0
    extra_data: str = "{}"
    event_name: str = ""


class ProfileEvents(Wire):
    component_type: str = ""
    component_id: bytes = b""
    node_ip_address: str = ""
    events: list[ProfileEntry] = []


class TaskProfile(Wire):
    task_id: bytes
    attempt_number: int = 0
    job_id: bytes = b""
    profile_events: ProfileEvents | None = None


class JobConfig(Wire):
    serialized_runtime_env: str = ""
    metadata: dict[str, str] = {}


class DriverJobDefinition(Wire):
    job_id: bytes
    driver_pid: int = 0
    driver_node_id: bytes = b""
    entrypoint: str = ""
    config: JobConfig | None = None


class DriverJobLifecycle(Wire):
    job_id: bytes
    state_transitions: list[StateTransition] = []


class NodeDefinition(Wire):
    node_id: bytes
    node_ip_address: str = ""
    labels: dict[str, str] = {}
    start_timestamp: str | None = None
    hostname: str = ""
    node_name: str = ""
    instance_id: str = ""
    instance_type_name: str = ""


class NodeDeathInfo(Wire):
    reason: Enum = "UNSPECIFIED"
    reason_message: str = ""


class NodeTransition(Wire):
    state: Enum
    timestamp: str
    resources: dict[str, float] = {}
    death_info: NodeDeathInfo | None = None
    alive_sub_state: Enum = "UNSPECIFIED"


class NodeLifecycle(Wire):
    node_id: bytes
    state_transitions: list[NodeTransition] = []


class ActorDefinition(Wire):
    actor_id: bytes
    job_id: bytes = b""
    is_detached: bool = False
    name: str = ""
    ray_namespace: str = ""
    serialized_runtime_env: str = ""
    class_name: str = ""
    required_resources: dict[str, float] = {}
    placement_group_id: bytes = b""
    label_selector: dict[str, str] = {}
    call_site: str = ""
    parent_id: bytes = b""
    ref_ids: dict[str, str] = {}


class ActorStateTransition(Wire):
    state: Enum
    timestamp: str
    node_id: bytes = b""
    worker_id: bytes = b""
    repr_name: str = ""
    death_cause: dict[str, Any] | None = None
    pid: int = 0
    port: int = 0
    restart_reason: Enum = "ACTOR_FAILURE"


class ActorLifecycle(Wire):
    actor_id: bytes
    state_transitions: list[ActorStateTransition] = []


class Bundle(Wire):
    bundle_index: int = 0
    unit_resources: dict[str, float] = {}
    label_selector: dict[str, str] = {}


class PlacementGroupDefinition(Wire):
    placement_group_id: bytes
    name: str = ""
    ray_namespace: str = ""
    strategy: Enum = "PACK"
    is_detached: bool = False
    creator_job_id: bytes = b""
    creator_actor_id: bytes = b""
    bundles: list[Bundle] = []
    soft_target_node_id: bytes = b""
    creation_request_received_ns: int = 0


class BundlePlacement(Wire):
    bundle_index: int = 0
    node_id: bytes = b""


class PlacementGroupTransition(Wire):
    state: Enum
    timestamp: str
    scheduling_state: Enum = "QUEUED"
    scheduling_attempt: int = 0
    highest_retry_delay_ms: float = 0.0
    bundle_placements: list[BundlePlacement] = []


class PlacementGroupLifecycle(Wire):
    placement_group_id: bytes
    state_transitions: list[PlacementGroupTransition] = []


class EntrypointResources(Wire):
    num_cpus: float = 0.0
    num_gpus: float = 0.0
    memory: int = 0
    custom_resources: dict[str, float] = {}


class SubmissionJobDefinition(Wire):
    submission_id: str
    entrypoint: str = ""
    config: JobConfig | None = None
    entrypoint_resources: EntrypointResources | None = None


class SubmissionJobTransition(Wire):
    state: Enum
    timestamp: str
    message: str = ""
    error_type: str = ""
    driver_node_id: bytes = b""
    driver_agent_http_address: str = ""
    driver_exit_code: int | None = None


class SubmissionJobLifecycle(Wire):
    submission_id: str
    state_transitions: list[SubmissionJobTransition] = []


class PlatformSource(Wire):
    platform: Enum = "PLATFORM_UNSPECIFIED"
    component: str = ""
    metadata: dict[str, str] = {}


class PlatformEvent(Wire):
    source: PlatformSource | None = None
    object_kind: str = ""
    object_name: str = ""
    message: str = ""
    reason: str = ""
    custom_fields: dict[str, str] = {}


class WorkerDefinition(Wire):
    worker_id: bytes
    node_id: bytes = b""
    worker_type: Enum = "WORKER"
    pid: int = 0


class WorkerDeathInfo(Wire):
    exit_type: Enum = "SYSTEM_ERROR"
    exit_detail: str = ""
    memory_used_bytes: int = 0


class WorkerTransition(Wire):
    state: Enum
    timestamp: str
    worker_launch_time_ms: int = 0
    worker_launched_time_ms: int = 0
    start_time_ms: int = 0
    end_time_ms: int = 0
    death_info: WorkerDeathInfo | None = None


class WorkerLifecycle(Wire):
    worker_id: bytes
    job_id: bytes = b""
    state_transitions: list[WorkerTransition] = []


class RayEvent(Wire):
    """One exported event. Exactly one of the fields that end in ``_event`` or ``_events`` is set."""

    event_id: str
    session_name: str
    event_type: Enum
    timestamp: str
    source_type: Enum = "SOURCE_TYPE_UNSPECIFIED"
    severity: Enum = "INFO"
    message: str = ""
    node_id: bytes = b""
    task_definition_event: TaskDefinition | None = None
    task_lifecycle_event: TaskLifecycle | None = None
    actor_task_definition_event: ActorTaskDefinition | None = None
    task_profile_events: TaskProfile | None = None
    driver_job_definition_event: DriverJobDefinition | None = None
    driver_job_lifecycle_event: DriverJobLifecycle | None = None
    node_definition_event: NodeDefinition | None = None
    node_lifecycle_event: NodeLifecycle | None = None
    actor_definition_event: ActorDefinition | None = None
    actor_lifecycle_event: ActorLifecycle | None = None
    placement_group_definition_event: PlacementGroupDefinition | None = None
    placement_group_lifecycle_event: PlacementGroupLifecycle | None = None
    submission_job_definition_event: SubmissionJobDefinition | None = None
    submission_job_lifecycle_event: SubmissionJobLifecycle | None = None
    platform_event: PlatformEvent | None = None
    worker_lifecycle_event: WorkerLifecycle | None = None
    worker_definition_event: WorkerDefinition | None = None


PAYLOADS: Final[dict[str, str]] = {
    "TASK_DEFINITION_EVENT": "task_definition_event",
    "TASK_LIFECYCLE_EVENT": "task_lifecycle_event",
    "ACTOR_TASK_DEFINITION_EVENT": "actor_task_definition_event",
    "TASK_PROFILE_EVENT": "task_profile_events",
    "DRIVER_JOB_DEFINITION_EVENT": "driver_job_definition_event",
    "DRIVER_JOB_LIFECYCLE_EVENT": "driver_job_lifecycle_event",
    "NODE_DEFINITION_EVENT": "node_definition_event",
    "NODE_LIFECYCLE_EVENT": "node_lifecycle_event",
    "ACTOR_DEFINITION_EVENT": "actor_definition_event",
    "ACTOR_LIFECYCLE_EVENT": "actor_lifecycle_event",
    "PLACEMENT_GROUP_DEFINITION_EVENT": "placement_group_definition_event",
    "PLACEMENT_GROUP_LIFECYCLE_EVENT": "placement_group_lifecycle_event",
    "SUBMISSION_JOB_DEFINITION_EVENT": "submission_job_definition_event",
    "SUBMISSION_JOB_LIFECYCLE_EVENT": "submission_job_lifecycle_event",
    "PLATFORM_EVENT": "platform_event",
    "WORKER_LIFECYCLE_EVENT": "worker_lifecycle_event",
    "WORKER_DEFINITION_EVENT": "worker_definition_event",
}
"""Which field holds the payload of each event type of Ray 2.60."""
