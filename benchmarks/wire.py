"""The JSON of each event, field by field as in a recording of Ray 2.60. Texts, not objects: a sender must cost little."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from benchmarks.world import Plan, World, base64, job_id, timestamp

_NIL_GROUP: Final = "////////////////////////"
_NIL_PARENT: Final = b"\xff" * 20
_PID: Final = 8000


def owner_events(world: World, plans: Sequence[Plan], merged: Collection[int], earlier: Sequence[Plan]) -> Iterator[str]:
    """What owners report in a second: the ends of ``earlier`` attempts, and the new ones, with their ends where ``merged``."""
    for plan in earlier:
        yield _lifecycle(world, plan, [("SUBMITTED_TO_WORKER", plan.submitted_ns), _end(plan)], owner=True)
    for at, plan in enumerate(plans):
        yield _definition(world, plan)
        steps = [("PENDING_ARGS_AVAIL", plan.created_ns), ("PENDING_NODE_ASSIGNMENT", plan.created_ns + 10_711)]
        if at in merged:
            yield _lifecycle(world, plan, [*steps, ("SUBMITTED_TO_WORKER", plan.submitted_ns), _end(plan)], owner=True)
        else:
            yield _lifecycle(world, plan, steps, owner=None)


def executor_events(world: World, begun: Sequence[Plan], ended: Sequence[Plan]) -> Iterator[str]:
    """What workers report in a second, one after the other: which attempts they run, and the profiles of those that ended."""
    for worker in range(world.shape.workers):
        for plan in begun:
            if plan.worker == worker:
                yield _lifecycle(world, plan, [("RUNNING", plan.running_ns)], owner=False)
        for plan in ended:
            if plan.worker == worker:
                yield _profile(world, plan)


def cluster_events(world: World) -> Iterator[str]:
    """The node, the workers, the jobs and the actors."""
    yield _node_definition(world)
    yield _node_lifecycle(world)
    for worker in range(world.shape.workers):
        yield from _worker(world, worker)
    for job in range(world.shape.jobs):
        yield from _job(world, job)
    for actor in range(world.shape.actors):
        yield from _actor(world, actor)


def _event(world: World, source: str, kind: str, ns: int, payload: str) -> str:
    return (
        f'{{"eventId": "{world.event_id()}", "sourceType": "{source}", "eventType": "{kind}", "timestamp": "{timestamp(ns)}", '
        f'"severity": "INFO", "sessionName": "{world.shape.session_name}", {payload}, "nodeId": "{world.node}", "message": ""}}'
    )


def _definition(world: World, plan: Plan) -> str:
    kind, field, function, name, own = _kinds(world, plan)
    parent = _NIL_PARENT + job_id(plan.job)
    payload = (
        f'"{field}": {{"taskId": "{base64(plan.task)}", {function}, {name}, "requiredResources": {{"CPU": 1.0}}, '
        f'"jobId": "{base64(job_id(plan.job))}", "parentTaskId": "{base64(parent)}", "placementGroupId": "{_NIL_GROUP}", '
        f'"serializedRuntimeEnv": "{{}}", "taskAttempt": {plan.number}, {own}"language": "PYTHON", "refIds": {{}}, "labelSelector": {{}}, '
        f'"isDetachedActor": false}}'
    )
    return _event(world, "CORE_WORKER", kind, plan.created_ns, payload)


def _kinds(world: World, plan: Plan) -> tuple[str, str, str, str, str]:
    """The parts in which a method's definition differs from a function's."""
    if plan.actor >= 0:
        method = f'"moduleName": "pipeline", "className": "Stage{plan.actor}", "functionName": "step_{plan.function}", "functionHash": ""'
        own = f'"actorId": "{base64(world.actors[plan.actor])}", '
        name = f'"actorTaskName": "Stage{plan.actor}.step_{plan.function}"'
        return "ACTOR_TASK_DEFINITION_EVENT", "actorTaskDefinitionEvent", f'"actorFunc": {{"pythonFunctionDescriptor": {{{method}}}}}', name, own
    function = (
        f'"moduleName": "pipeline", "functionName": "step_{plan.function}", "functionHash": "7b946df345c849818407a93d0772{plan.function:04x}", "className": ""'
    )
    name = f'"taskName": "step_{plan.function}"'
    return "TASK_DEFINITION_EVENT", "taskDefinitionEvent", f'"taskFunc": {{"pythonFunctionDescriptor": {{{function}}}}}', name, '"taskType": "NORMAL_TASK", '


def _end(plan: Plan) -> tuple[str, int]:
    return ("FAILED" if plan.error else "FINISHED", plan.ended_ns)


def _lifecycle(world: World, plan: Plan, steps: Sequence[tuple[str, int]], *, owner: bool | None) -> str:
    """``owner``: True for its word after submission, which names the worker; None before; False for the executor's."""
    times = ", ".join(f'{{"state": "{state}", "timestamp": "{timestamp(ns)}"}}' for state, ns in steps)
    worker = world.workers[plan.worker]
    node, name = (world.node, base64(worker)) if owner else ("", "")
    logs = _logs(world, plan, worker) if owner is False else '"workerPid": 0'
    error = _error(plan) if owner and plan.error else ""
    payload = (
        f'"taskLifecycleEvent": {{"taskId": "{base64(plan.task)}", "stateTransitions": [{times}], {error}"nodeId": "{node}", "workerId": "{name}", '
        f'"jobId": "{base64(job_id(plan.job))}", "taskAttempt": {plan.number}, {logs}}}'
    )
    return _event(world, "CORE_WORKER", "TASK_LIFECYCLE_EVENT", steps[-1][1], payload)


def _logs(world: World, plan: Plan, worker: bytes) -> str:
    stem = f"/tmp/ray/{world.shape.session_name}/logs/worker-{worker.hex()}-ffffffff-{_PID + plan.worker}"
    at = plan.created_ns // 1_000_000 % 1_000_000
    return (
        f'"workerPid": {_PID + plan.worker}, "taskLogInfo": {{"stdoutFile": "{stem}.out", "stderrFile": "{stem}.err", "stdoutStart": "{at}", '
        f'"stdoutEnd": "{at + 120}", "stderrStart": "{at}", "stderrEnd": "{at}"}}'
    )


def _error(plan: Plan) -> str:
    text = (
        f"User exception:\n\x1b[36mray::step_{plan.function}()\x1b[39m (pid={_PID + plan.worker}, ip=192.0.2.2)\n"
        f'  File "/app/pipeline.py", line {100 + plan.function}, in step_{plan.function}\n    raise ValueError(f"bad value {{value}}")\n'
        f"    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\nValueError: {plan.error}"
    )
    return f'"rayErrorInfo": {{"errorMessage": {json.dumps(text)}, "errorType": "TASK_EXECUTION_EXCEPTION"}}, '


def _profile(world: World, plan: Plan) -> str:
    begin, middle, end = plan.running_ns + 60_000, plan.running_ns + 280_000, plan.ended_ns
    name = f"Stage{plan.actor}.step_{plan.function}" if plan.actor >= 0 else f"step_{plan.function}"
    full = json.dumps(json.dumps({"name": f"pipeline.{name}", "task_id": plan.task.hex()}))
    spans = ", ".join(
        [
            _span("task:deserialize_arguments", begin, middle),
            _span("task:execute", middle + 46_000, end - 50_000, _traceback(plan) if plan.error else '"{}"'),
            *([] if plan.error else [_span("task:store_outputs", end - 47_000, end - 15_000)]),
            _span(f"task::{name}", begin - 9_000, end - 4_000, full),
        ]
    )
    payload = (
        f'"taskProfileEvents": {{"taskId": "{base64(plan.task)}", "jobId": "{base64(job_id(plan.job))}", "profileEvents": {{"componentType": "worker", '
        f'"componentId": "{base64(world.workers[plan.worker])}", "nodeIpAddress": "192.0.2.2", "events": [{spans}]}}, "attemptNumber": {plan.number}}}'
    )
    return _event(world, "CORE_WORKER", "TASK_PROFILE_EVENT", begin, payload)


def _span(name: str, start_ns: int, end_ns: int, extra: str = '"{}"') -> str:
    return f'{{"startTime": "{start_ns}", "endTime": "{max(start_ns + 1000, end_ns)}", "extraData": {extra}, "eventName": "{name}"}}'


def _traceback(plan: Plan) -> str:
    text = (
        "Traceback (most recent call last):\n"
        '  File "python/ray/_raylet.pyx", line 2306, in ray._raylet.execute_task\n  File "python/ray/_raylet.pyx", line 2205, in ray._raylet.execute_task\n'
        f'  File "/app/pipeline.py", line {100 + plan.function}, in step_{plan.function}\n    raise ValueError(f"bad value {{value}}")\n'
        f"ValueError: {plan.error}\n"
    )
    return json.dumps(json.dumps({"type": "<class 'ValueError'>", "value": plan.error, "traceback": text}))


def _node_definition(world: World) -> str:
    ns = world.shape.start_ns
    payload = (
        f'"nodeDefinitionEvent": {{"nodeId": "{world.node}", "nodeIpAddress": "192.0.2.2", "labels": {{}}, "startTimestamp": "{timestamp(ns)}", '
        f'"hostname": "head", "nodeName": "192.0.2.2", "instanceId": "", "instanceTypeName": ""}}'
    )
    return _event(world, "GCS", "NODE_DEFINITION_EVENT", ns, payload)


def _node_lifecycle(world: World) -> str:
    ns = world.shape.start_ns
    resources = f'{{"CPU": {world.shape.workers}.0, "memory": 17319103693.0, "node:__internal_head__": 1.0, "object_store_memory": 7422473011.0}}'
    step = f'{{"timestamp": "{timestamp(ns)}", "resources": {resources}, "state": "ALIVE", "aliveSubState": "UNSPECIFIED"}}'
    return _event(world, "GCS", "NODE_LIFECYCLE_EVENT", ns, f'"nodeLifecycleEvent": {{"nodeId": "{world.node}", "stateTransitions": [{step}]}}')


def _worker(world: World, at: int) -> Iterator[str]:
    ns, worker = world.shape.start_ns, base64(world.workers[at])
    definition = f'{{"workerId": "{worker}", "nodeId": "{world.node}", "pid": {_PID + at}, "workerType": "WORKER"}}'
    yield _event(world, "GCS", "WORKER_DEFINITION_EVENT", ns, f'"workerDefinitionEvent": {definition}')
    ms = ns // 1_000_000
    step = (
        f'{{"timestamp": "{timestamp(ns)}", "workerLaunchTimeMs": "{ms}", "workerLaunchedTimeMs": "{ms}", "startTimeMs": "{ms}", "state": "ALIVE", '
        f'"endTimeMs": "0"}}'
    )
    payload = f'"workerLifecycleEvent": {{"workerId": "{worker}", "stateTransitions": [{step}], "jobId": ""}}'
    yield _event(world, "GCS", "WORKER_LIFECYCLE_EVENT", ns, payload)


def _job(world: World, at: int) -> Iterator[str]:
    ns, job = world.shape.start_ns, base64(job_id(at))
    config = '{"serializedRuntimeEnv": "{}", "metadata": {}}'
    definition = f'{{"jobId": "{job}", "driverPid": "{7000 + at}", "driverNodeId": "{world.node}", "entrypoint": "python job_{at}.py", "config": {config}}}'
    yield _event(world, "GCS", "DRIVER_JOB_DEFINITION_EVENT", ns, f'"driverJobDefinitionEvent": {definition}')
    step = f'{{"state": "CREATED", "timestamp": "{timestamp(ns)}"}}'
    yield _event(world, "GCS", "DRIVER_JOB_LIFECYCLE_EVENT", ns, f'"driverJobLifecycleEvent": {{"jobId": "{job}", "stateTransitions": [{step}]}}')


def _actor(world: World, at: int) -> Iterator[str]:
    ns, actor = world.shape.start_ns, base64(world.actors[at])
    payload = (
        f'"actorDefinitionEvent": {{"actorId": "{actor}", "jobId": "{base64(job_id(at % world.shape.jobs))}", "rayNamespace": "bench", '
        f'"serializedRuntimeEnv": "{{}}", "className": "Stage{at}", "isDetached": false, "name": "", "requiredResources": {{}}, "placementGroupId": "", '
        f'"labelSelector": {{}}, "callSite": "", "parentId": "", "refIds": {{}}}}'
    )
    yield _event(world, "GCS", "ACTOR_DEFINITION_EVENT", ns, payload)
    worker = at % world.shape.workers
    step = (
        f'{{"state": "ALIVE", "timestamp": "{timestamp(ns)}", "nodeId": "{world.node}", "workerId": "{base64(world.workers[worker])}", '
        f'"pid": {_PID + worker}, "port": 36771, "reprName": "", "restartReason": "ACTOR_FAILURE"}}'
    )
    yield _event(world, "GCS", "ACTOR_LIFECYCLE_EVENT", ns, f'"actorLifecycleEvent": {{"actorId": "{actor}", "stateTransitions": [{step}]}}')
