"""A task attempt: one try of one task."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from rayscope.model.column import brief, detail


class ProfileEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One profiled span of an attempt, e.g. ``task:execute``."""

    name: str
    start_ns: int
    end_ns: int
    extra: dict[str, Any] | None = None


class LogRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The attempt's bytes in its worker's log files, as Ray reports them. A missing end is not known."""

    stdout_file: str | None = None
    stderr_file: str | None = None
    stdout_start: int | None = None
    stdout_end: int | None = None
    stderr_start: int | None = None
    stderr_end: int | None = None


class Task(Struct, frozen=True, kw_only=True):
    """One attempt of one task of a session, keyed (session, task_id, attempt_number)."""

    session: Annotated[str, detail("Ray's session name", "id")]
    task_id: Annotated[str, brief("Ray's task id", "id")]
    attempt_number: Annotated[int, brief("0 for the first try")] = 0
    name: Annotated[str | None, brief("Its name: the function's, or as given by `.options(name=…)`")] = None
    state: Annotated[str, brief("The state it is in, in Ray's words, or LOST")] = "NIL"
    job_id: Annotated[str | None, brief("Its job", "id")] = None
    actor_id: Annotated[str | None, brief("Its actor, if it is a method call or a constructor", "id")] = None
    type: Annotated[str | None, brief("NORMAL_TASK, ACTOR_CREATION_TASK, ACTOR_TASK or DRIVER_TASK")] = None
    func_or_class_name: Annotated[str | None, brief("Its function, or class and method")] = None
    parent_task_id: Annotated[str | None, brief("The task that submitted it", "id")] = None
    node_id: Annotated[str | None, brief("The node it ran on", "id")] = None
    worker_id: Annotated[str | None, brief("The worker it ran in", "id")] = None
    worker_pid: Annotated[int | None, brief("That worker's process id")] = None
    error_type: Annotated[str | None, brief("Ray's error type, if it failed")] = None
    duration_ns: Annotated[int | None, brief("From RUNNING to its end", "duration_ns")] = None
    is_retry: Annotated[bool, detail("Whether this is not the first attempt")] = False
    error_message: Annotated[str | None, detail("The error's words")] = None
    module: Annotated[str | None, detail("The module that its function is defined in")] = None
    language: Annotated[str | None, detail("PYTHON, JAVA or CPP")] = None
    required_resources: Annotated[dict[str, float] | None, detail("What it needs, by resource")] = None
    runtime_env: Annotated[str | None, detail("Its runtime env as JSON, secrets redacted")] = None
    placement_group_id: Annotated[str | None, detail("Its placement group", "id")] = None
    call_site: Annotated[str | None, detail("Where it was submitted")] = None
    label_selector: Annotated[dict[str, str] | None, detail("Its label selector")] = None
    actor_repr_name: Annotated[str | None, detail("Its actor's repr")] = None
    is_debugger_paused: Annotated[bool | None, detail("Whether Ray's debugger holds it")] = None
    creation_ns: Annotated[int | None, detail("When it was submitted", "ns")] = None
    start_ns: Annotated[int | None, detail("When it began to run", "ns")] = None
    end_ns: Annotated[int | None, detail("When it ended", "ns")] = None
    state_reason: Annotated[str | None, detail("Of an attempt that Rayscope closed: why, with the evidence")] = None
    state_times_ns: Annotated[dict[str, int] | None, detail("The first time in each state")] = None
    profile_events: Annotated[list[ProfileEvent] | None, detail("Its profiled spans")] = None
    log_range: Annotated[LogRange | None, detail("Its bytes in the worker's log files")] = None
