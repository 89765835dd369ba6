"""Builders of Ray's exported events as its exporter sends them: camelCase, ids in base64, 64-bit integers as texts, times RFC 3339.

Each gives one event as a mapping. ``more`` goes into the payload as it is, for fields that a builder does not name. Times are UTC ns.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from support.ids import NIL, job_id, node_id, wire, worker_id

Event = dict[str, Any]

SECOND = 1_000_000_000
T0 = 1_795_000_000 * SECOND
"""Where the tests' histories begin, in November 2026."""

SESSION = "session_2026-11-18_10-26-40_000000_4242"

_numbers = itertools.count(1)


def at(seconds: float) -> int:
    """A time, in seconds since T0."""
    return T0 + round(seconds * SECOND)


def stamp(ns: int) -> str:
    """A time as protobuf's JSON has it, always with nine digits."""
    return f"{datetime.fromtimestamp(ns // SECOND, UTC):%Y-%m-%dT%H:%M:%S}.{ns % SECOND:09d}Z"


def body(events: Iterable[Any]) -> bytes:
    """One POST."""
    return json.dumps(list(events)).encode()


def event(kind: str, field: str, payload: Mapping[str, Any] | None, *, ns: int = T0, session: str = SESSION, **more: Any) -> Event:
    """One RayEvent around a payload. ``more`` goes into the event itself."""
    head: Event = {
        "eventId": wire(next(_numbers).to_bytes(18, "big")),
        "sourceType": "CORE_WORKER",
        "eventType": kind,
        "timestamp": stamp(ns),
        "severity": "INFO",
        "message": "",
        "sessionName": session,
        "nodeId": wire(node_id(1)),
    }
    return head | ({} if payload is None else {field: dict(payload)}) | more


def task_definition(task: bytes, *, attempt: int = 0, name: str = "work", job: int = 1, ns: int = T0, session: str = SESSION, **more: Any) -> Event:
    """A normal task, a constructor or (with ``taskType``) a driver."""
    payload = {
        "taskId": wire(task),
        "taskAttempt": attempt,
        "taskType": "NORMAL_TASK",
        "language": "PYTHON",
        "taskFunc": {"pythonFunctionDescriptor": {"moduleName": "app", "className": "", "functionName": name, "functionHash": "5d41402a"}},
        "taskName": name,
        "requiredResources": {"CPU": 1.0},
        "jobId": wire(job_id(job)),
        "parentTaskId": wire(b"\xff" * 20 + job_id(job)),
        "placementGroupId": wire(b"\xff" * 18),
        "refIds": {},
        "serializedRuntimeEnv": "{}",
        "labelSelector": {},
    }
    return event("TASK_DEFINITION_EVENT", "taskDefinitionEvent", payload | more, ns=ns, session=session)


def constructor_definition(task: bytes, *, class_name: str = "Counter", **more: Any) -> Event:
    """The task that makes an actor."""
    return task_definition(task, name=f"{class_name}.__init__", taskType="ACTOR_CREATION_TASK", **more)


def actor_task_definition(
    task: bytes, actor: bytes, *, attempt: int = 0, name: str = "Counter.add", job: int = 1, ns: int = T0, session: str = SESSION, **more: Any
) -> Event:
    """A method call."""
    class_name, _, method = name.partition(".")
    payload = {
        "taskId": wire(task),
        "taskAttempt": attempt,
        "language": "PYTHON",
        "actorFunc": {"pythonFunctionDescriptor": {"moduleName": "app", "className": class_name, "functionName": method, "functionHash": ""}},
        "actorTaskName": name,
        "requiredResources": {},
        "jobId": wire(job_id(job)),
        "actorId": wire(actor),
        "parentTaskId": wire(b"\xff" * 20 + job_id(job)),
        "placementGroupId": wire(b"\xff" * 18),
        "serializedRuntimeEnv": "{}",
    }
    return event("ACTOR_TASK_DEFINITION_EVENT", "actorTaskDefinitionEvent", payload | more, ns=ns, session=session)


def task_lifecycle(
    task: bytes,
    transitions: Mapping[str, int],
    *,
    attempt: int = 0,
    job: int = 1,
    worker: int | None = None,
    node: int | None = None,
    pid: int = 0,
    session: str = SESSION,
    **more: Any,
) -> Event:
    """State transitions of one attempt: the time of each state. The executor names its worker, node and pid."""
    payload = {
        "taskId": wire(task),
        "taskAttempt": attempt,
        "stateTransitions": [{"state": state, "timestamp": stamp(ns)} for state, ns in transitions.items()],
        "nodeId": wire(node_id(node)) if node is not None else "",
        "workerId": wire(worker_id(worker)) if worker is not None else "",
        "workerPid": pid,
        "jobId": wire(job_id(job)),
    }
    return event("TASK_LIFECYCLE_EVENT", "taskLifecycleEvent", payload | more, ns=max(transitions.values(), default=T0), session=session)


def error(kind: str = "TASK_EXECUTION_EXCEPTION", message: str = "ValueError: no", **detail: Any) -> Event:
    """The part of a lifecycle event that says why an attempt failed."""
    return {"rayErrorInfo": {"errorType": kind, "errorMessage": message} | detail}


def task_profile(
    task: bytes, spans: Sequence[tuple[str, int, int]], *, attempt: int = 0, job: int = 1, extra: str = "{}", session: str = SESSION, **more: Any
) -> Event:
    """Profiled spans: name, start, end. 64-bit integers are texts here."""
    entries = [{"startTime": str(start), "endTime": str(end), "extraData": extra, "eventName": name} for name, start, end in spans]
    part = {"componentType": "worker", "componentId": wire(worker_id(1)), "nodeIpAddress": "10.0.0.1", "events": entries}
    payload = {"taskId": wire(task), "attemptNumber": attempt, "jobId": wire(job_id(job)), "profileEvents": part}
    return event("TASK_PROFILE_EVENT", "taskProfileEvents", payload | more, session=session)


def actor_definition(actor: bytes, *, class_name: str = "Counter", job: int = 1, session: str = SESSION, **more: Any) -> Event:
    """An actor as its maker defined it."""
    payload = {
        "actorId": wire(actor),
        "jobId": wire(job_id(job)),
        "isDetached": False,
        "name": "",
        "rayNamespace": "default",
        "serializedRuntimeEnv": "{}",
        "className": class_name,
        "requiredResources": {"CPU": 1.0},
        "placementGroupId": wire(b"\xff" * 18),
        "labelSelector": {},
        "callSite": "",
        "parentId": wire(b"\xff" * 20 + job_id(job)),
    }
    return event("ACTOR_DEFINITION_EVENT", "actorDefinitionEvent", payload | more, session=session, sourceType="GCS")


def actor_lifecycle(actor: bytes, transitions: Sequence[Mapping[str, Any]], *, session: str = SESSION) -> Event:
    """An actor's transitions, each made by `actor_transition`."""
    payload = {"actorId": wire(actor), "stateTransitions": [dict(item) for item in transitions]}
    return event("ACTOR_LIFECYCLE_EVENT", "actorLifecycleEvent", payload, session=session, sourceType="GCS")


def actor_transition(state: str, ns: int, *, worker: int | None = None, node: int = 1, pid: int = 0, **more: Any) -> Event:
    """One change of an actor's state; where it lives only when it is alive."""
    place = {"nodeId": wire(node_id(node)), "workerId": wire(worker_id(worker)), "pid": pid} if worker is not None else {"nodeId": "", "workerId": ""}
    return {"state": state, "timestamp": stamp(ns), "reprName": "", **place, **more}


def actor_death(ns: int, *, reason: str = "WORKER_DIED", message: str = "the worker died") -> Event:
    """The transition of an actor that died of its worker."""
    return actor_transition("DEAD", ns, deathCause={"actorDiedErrorContext": {"reason": reason, "errorMessage": message}})


def job_definition(job: int = 1, *, session: str = SESSION, metadata: Mapping[str, str] | None = None, **more: Any) -> Event:
    """A driver."""
    payload = {
        "jobId": wire(job_id(job)),
        "driverPid": str(4000 + job),
        "driverNodeId": wire(node_id(1)),
        "entrypoint": "python app.py",
        "config": {"serializedRuntimeEnv": "{}", "metadata": dict(metadata or {})},
    }
    return event("DRIVER_JOB_DEFINITION_EVENT", "driverJobDefinitionEvent", payload | more, session=session, sourceType="GCS")


def job_lifecycle(job: int, transitions: Mapping[str, int], *, session: str = SESSION) -> Event:
    """A driver that came (CREATED) or went (FINISHED)."""
    payload = {"jobId": wire(job_id(job)), "stateTransitions": [{"state": state, "timestamp": stamp(ns)} for state, ns in transitions.items()]}
    return event("DRIVER_JOB_LIFECYCLE_EVENT", "driverJobLifecycleEvent", payload, session=session, sourceType="GCS")


def submission_definition(submission: str, *, session: str = SESSION, **more: Any) -> Event:
    """What was submitted through the Jobs API."""
    payload = {"submissionId": submission, "entrypoint": "python app.py", "config": {"serializedRuntimeEnv": "{}", "metadata": {}}}
    return event("SUBMISSION_JOB_DEFINITION_EVENT", "submissionJobDefinitionEvent", payload | more, session=session, sourceType="JOBS")


def submission_lifecycle(submission: str, state: str, ns: int, *, session: str = SESSION, **more: Any) -> Event:
    """One change of a submission's state."""
    payload = {"submissionId": submission, "stateTransitions": [{"state": state, "timestamp": stamp(ns), "message": "", "errorType": ""} | more]}
    return event("SUBMISSION_JOB_LIFECYCLE_EVENT", "submissionJobLifecycleEvent", payload, session=session, sourceType="JOBS")


def node_definition(node: int, *, ns: int = T0, session: str = SESSION, **more: Any) -> Event:
    """A raylet."""
    payload = {
        "nodeId": wire(node_id(node)),
        "nodeIpAddress": f"10.0.0.{node}",
        "labels": {"ray.io/node-id": node_id(node).hex()},
        "startTimestamp": stamp(ns),
        "hostname": f"host-{node}",
        "nodeName": f"10.0.0.{node}",
    }
    return event("NODE_DEFINITION_EVENT", "nodeDefinitionEvent", payload | more, ns=ns, session=session, sourceType="GCS")


def node_alive(node: int, ns: int, *, head: bool = False, session: str = SESSION, **more: Any) -> Event:
    """A raylet that came, with what it offers."""
    resources = {"CPU": 4.0} | ({"node:__internal_head__": 1.0} if head else {})
    return _node_lifecycle(node, {"state": "ALIVE", "timestamp": stamp(ns), "resources": resources, "aliveSubState": "UNSPECIFIED"} | more, session)


def node_dead(node: int, ns: int, *, reason: str = "UNEXPECTED_TERMINATION", message: str = "no heartbeat", session: str = SESSION) -> Event:
    """A raylet that went."""
    item = {"state": "DEAD", "timestamp": stamp(ns), "resources": {}, "deathInfo": {"reason": reason, "reasonMessage": message}}
    return _node_lifecycle(node, item, session)


def _node_lifecycle(node: int, item: Mapping[str, Any], session: str) -> Event:
    payload = {"nodeId": wire(node_id(node)), "stateTransitions": [dict(item)]}
    return event("NODE_LIFECYCLE_EVENT", "nodeLifecycleEvent", payload, session=session, sourceType="GCS")


def worker_definition(worker: int, *, node: int = 1, session: str = SESSION, **more: Any) -> Event:
    """A worker process."""
    payload = {"workerId": wire(worker_id(worker)), "nodeId": wire(node_id(node)), "workerType": "WORKER", "pid": 9000 + worker}
    return event("WORKER_DEFINITION_EVENT", "workerDefinitionEvent", payload | more, session=session, sourceType="GCS")


def worker_alive(worker: int, ns: int, *, session: str = SESSION) -> Event:
    """A worker that came."""
    item = {"state": "ALIVE", "timestamp": stamp(ns), "startTimeMs": str(ns // 1_000_000), "workerLaunchTimeMs": "0", "endTimeMs": "0"}
    return _worker_lifecycle(worker, item, session)


def worker_dead(worker: int, ns: int, *, exit_type: str = "SYSTEM_ERROR", detail: str = "killed by signal 9", session: str = SESSION) -> Event:
    """A worker that went."""
    info = {"exitType": exit_type, "exitDetail": detail, "memoryUsedBytes": "0"}
    item = {"state": "DEAD", "timestamp": stamp(ns), "endTimeMs": str(ns // 1_000_000), "deathInfo": info}
    return _worker_lifecycle(worker, item, session)


def _worker_lifecycle(worker: int, item: Mapping[str, Any], session: str) -> Event:
    payload = {"workerId": wire(worker_id(worker)), "jobId": wire(NIL[:4]), "stateTransitions": [dict(item)]}
    return event("WORKER_LIFECYCLE_EVENT", "workerLifecycleEvent", payload, session=session, sourceType="GCS")


def placement_group_definition(group: bytes, *, ns: int = T0, session: str = SESSION, **more: Any) -> Event:
    """Resources reserved together."""
    payload = {
        "placementGroupId": wire(group),
        "name": "pair",
        "rayNamespace": "default",
        "strategy": "SPREAD",
        "creatorJobId": wire(job_id()),
        "creatorActorId": wire(b"\xff" * 16),
        "bundles": [{"bundleIndex": 0, "unitResources": {"CPU": 1.0}}, {"bundleIndex": 1, "unitResources": {"CPU": 1.0}}],
        "creationRequestReceivedNs": str(ns),
    }
    return event("PLACEMENT_GROUP_DEFINITION_EVENT", "placementGroupDefinitionEvent", payload | more, ns=ns, session=session, sourceType="GCS")


def placement_group_lifecycle(group: bytes, state: str, ns: int, *, session: str = SESSION) -> Event:
    """One change of a placement group's state."""
    payload = {"placementGroupId": wire(group), "stateTransitions": [{"state": state, "timestamp": stamp(ns), "schedulingState": "QUEUED"}]}
    return event("PLACEMENT_GROUP_LIFECYCLE_EVENT", "placementGroupLifecycleEvent", payload, ns=ns, session=session, sourceType="GCS")


def platform_event(message: str, *, ns: int = T0, session: str = SESSION, **more: Any) -> Event:
    """A word of KubeRay's."""
    payload = {
        "source": {"platform": "KUBERNETES", "component": "kuberay", "metadata": {"cluster": "blue"}},
        "objectKind": "RayCluster",
        "objectName": "raycluster-1",
        "message": message,
        "reason": "Created",
        "customFields": {},
    }
    return event("PLATFORM_EVENT", "platformEvent", payload | more, ns=ns, session=session, sourceType="CLUSTER_LIFECYCLE")


def whole_task(task: bytes, *, start: int, end: int, state: str = "FINISHED", session: str = SESSION, **more: Any) -> list[Event]:
    """What Ray says of one attempt from its definition to its end: owner, executor, profile. ``more`` goes into the definition."""
    attempt, job, name = more.get("attempt", 0), more.get("job", 1), more.get("name", "work")
    place = {"attempt": attempt, "job": job, "session": session}
    why = error() if state == "FAILED" else {}
    return [
        task_definition(task, session=session, ns=start, **more),
        task_lifecycle(task, {"PENDING_ARGS_AVAIL": start, "PENDING_NODE_ASSIGNMENT": start + 1_000_000, "SUBMITTED_TO_WORKER": start + 2_000_000}, **place),
        task_lifecycle(task, {"RUNNING": start + 3_000_000}, worker=1, node=1, pid=9001, **place),
        task_profile(task, [("task:execute", start + 3_100_000, end - 1_000), (f"task::{name}", start + 3_000_000, end - 500)], **place),
        task_lifecycle(task, {state: end}, **place, **why),
    ]
