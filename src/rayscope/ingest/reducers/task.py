"""Task events into fragments of attempts. The hot path of ingest: about four events an attempt, so what repeats is done once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from rayscope.ingest.changes import Changes
from rayscope.ingest.reducers.runtime_env import note_runtime_env
from rayscope.model.states import TASK_STATES
from rayscope.ray.events import (
    ActorTaskDefinition,
    FunctionDescriptor,
    ProfileEntry,
    RayErrorInfo,
    RayEvent,
    TaskDefinition,
    TaskLifecycle,
    TaskLogInfo,
    TaskProfile,
)
from rayscope.ray.ids import actor_of_task, hex_or_none, known_hex
from rayscope.ray.redact import redact_json, redact_text
from rayscope.ray.times import parse_ns
from rayscope.store.attempt import Attempt, merge_value
from rayscope.store.limits import PAYLOAD_TEXT_BYTES


class _StateColumns(dict[Any, str]):
    """The column of each state's first time. Raises ValueError for an unknown state."""

    def __missing__(self, state: object) -> str:
        raise ValueError(f"unknown task state {state!r}")


STATE_COLUMNS: Final = _StateColumns({state: f"t_{state.lower()}" for state in TASK_STATES})

_SPAN_COLUMNS: Final = {
    "task:deserialize_arguments": ("deserialize_start", "deserialize_end"),
    "task:execute": ("execute_start", "execute_end"),
    "task:store_outputs": ("store_start", "store_end"),
}
_TASK_SPAN: Final = "task::"
_LOGS: Final = TaskLogInfo.__struct_fields__
_EMPTY: Final = frozenset({"", "{}"})
_DEFINED: Final = (
    "type", "module", "func", "name", "language", "job_id", "parent_task_id", "placement_group_id", "required_resources", "runtime_env",
    "call_site", "label_selector",
)  # fmt: skip
_encode = msgspec.json.Encoder(order="deterministic").encode


def define_task(changes: Changes, session_no: int, event: RayEvent, task: TaskDefinition) -> None:
    """A normal task, a constructor or a driver: TASK_DEFINITION_EVENT."""
    attempt = changes.attempt(session_no, task.task_id, task.task_attempt)
    _define(attempt, task, task.task_name, task.task_func, str(task.task_type))
    _put(attempt, "actor_id", actor_of_task(attempt.task_id))
    note_runtime_env(changes, session_no, attempt.runtime_env, event.timestamp)


def define_actor_task(changes: Changes, session_no: int, event: RayEvent, task: ActorTaskDefinition) -> None:
    """A method call of an actor: ACTOR_TASK_DEFINITION_EVENT."""
    attempt = changes.attempt(session_no, task.task_id, task.task_attempt)
    _define(attempt, task, task.actor_task_name, task.actor_func, "ACTOR_TASK")
    _put(attempt, "actor_id", known_hex(task.actor_id))
    note_runtime_env(changes, session_no, attempt.runtime_env, event.timestamp)


def advance_task(changes: Changes, session_no: int, event: RayEvent, task: TaskLifecycle) -> None:
    """State transitions, by the owner or the executor: TASK_LIFECYCLE_EVENT."""
    times = [(STATE_COLUMNS[item.state], parse_ns(item.timestamp)) for item in task.state_transitions]
    paused_ns = None if task.is_debugger_paused is None else parse_ns(event.timestamp)
    attempt = changes.attempt(session_no, task.task_id, task.task_attempt)
    for column, ns in times:
        known = getattr(attempt, column)
        if known is None or ns < known:
            setattr(attempt, column, ns)
    _place(attempt, task)
    if task.ray_error_info is not None:
        _fail(attempt, task.ray_error_info)
    if task.task_log_info is not None:
        _locate_logs(attempt, task.task_log_info)
    if paused_ns is not None:
        _put(attempt, "debugger_mark", paused_ns * 2 + bool(task.is_debugger_paused))


def profile_task(changes: Changes, session_no: int, event: RayEvent, task: TaskProfile) -> None:
    """Profiled spans: TASK_PROFILE_EVENT. The standard four are columns of the attempt, all others rows of their own.

    Spans of the nil task happened outside any task, and make no attempt.
    """
    if hex_or_none(task.task_id) is None:
        return
    attempt = changes.attempt(session_no, task.task_id, task.attempt_number)
    if attempt.job_id is None:
        attempt.job_id = known_hex(task.job_id)
    if task.profile_events is None:
        return
    for entry in task.profile_events.events:
        _profile(changes, attempt, entry)


def _define(attempt: Attempt, task: TaskDefinition | ActorTaskDefinition, name: str, function: FunctionDescriptor | None, kind: str) -> None:
    if attempt.type is not None:  # a repeat: merge it like any other word
        again = Attempt(attempt.session_no, attempt.task_id, attempt.attempt, attempt.task_key, attempt.word_ns)
        _define(again, task, name, function, kind)
        for column in _DEFINED:
            _put(attempt, column, getattr(again, column))
        return
    attempt.type = kind
    attempt.module, attempt.func = _function(function)
    attempt.name = name or attempt.func
    attempt.language = str(task.language)
    attempt.job_id = known_hex(task.job_id) or attempt.job_id
    attempt.parent_task_id = known_hex(task.parent_task_id)
    attempt.placement_group_id = known_hex(task.placement_group_id)
    attempt.required_resources = _json(task.required_resources)
    attempt.runtime_env = redact_json(task.serialized_runtime_env)
    attempt.call_site = task.call_site or None
    attempt.label_selector = _json(task.label_selector) if task.label_selector else None


def _put(attempt: Attempt, column: str, value: Any) -> None:
    """Merge one value in; nearly always it is the first."""
    if value is None:
        return
    known = getattr(attempt, column)
    if known is None:
        setattr(attempt, column, value)
    elif known != value:
        setattr(attempt, column, merge_value(column, known, value))


def _place(attempt: Attempt, task: TaskLifecycle) -> None:
    if task.node_id:
        _put(attempt, "node_id", known_hex(task.node_id))
    if task.worker_id:
        _put(attempt, "worker_id", known_hex(task.worker_id))
    if task.worker_pid:
        _put(attempt, "worker_pid", task.worker_pid)
    if attempt.job_id is None:
        attempt.job_id = known_hex(task.job_id)
    if task.actor_repr_name:
        _put(attempt, "actor_repr_name", task.actor_repr_name)


def _fail(attempt: Attempt, error: RayErrorInfo) -> None:
    detail = {
        name: value for name in ("actor_died_error", "runtime_env_setup_failed_error", "actor_unavailable_error") if (value := getattr(error, name)) is not None
    }
    _put(attempt, "error_type", str(error.error_type))
    _put(attempt, "error_message", clean(error.error_message or _deepest_message(detail)))
    if detail:
        _put(attempt, "error_detail", clean(_encode(detail).decode()))


def _deepest_message(detail: Any) -> str:
    """Ray leaves the message empty where the cause's own part of the error has one."""
    for name, part in detail.items() if isinstance(detail, dict) else ():
        if name in {"errorMessage", "formattedExceptionString"} and isinstance(part, str) and part:
            return part
        if found := _deepest_message(part):
            return found
    return ""


_ANSI: Final = re.compile(r"\x1b[^m]*m")


def clean(text: str) -> str:
    """A text as it is kept: no colours, no credentials in URLs, cut at a limit with a mark."""
    text = redact_text(_ANSI.sub("", text) if "\x1b" in text else text)
    if len(text) <= PAYLOAD_TEXT_BYTES:
        return text
    return f"{text[:PAYLOAD_TEXT_BYTES]}… [cut: {len(text):,} characters in all]"


def _locate_logs(attempt: Attempt, logs: TaskLogInfo) -> None:
    for name, value in zip(_LOGS, astuple(logs), strict=True):
        if value is not None:
            _put(attempt, name, value)


def _profile(changes: Changes, attempt: Attempt, entry: ProfileEntry) -> None:
    columns = _SPAN_COLUMNS.get(entry.event_name)
    if columns is None and entry.event_name.startswith(_TASK_SPAN):
        columns = ("task_start", "task_end")
        _put(attempt, "profile_name", entry.event_name)
    if columns is None:
        changes.spans.append(_span(attempt, entry))
        return
    start, end = columns
    if getattr(attempt, start) is None and getattr(attempt, end) is None:
        setattr(attempt, start, entry.start_time)
        setattr(attempt, end, entry.end_time)
    else:
        _put(attempt, start, entry.start_time)
        _put(attempt, end, entry.end_time)
    if entry.extra_data not in _EMPTY:
        _put_extra(attempt, entry)


def _put_extra(attempt: Attempt, entry: ProfileEntry) -> None:
    """What a standard span says beyond its times, as JSON of texts by span: an error, or the full name of the task's function."""
    # the attempt's own id is in its row anyway; without it, equal tasks share one text
    extra = _extra(entry.event_name, entry.extra_data.replace(f', "task_id": "{attempt.task_id}"', ""))
    attempt.profile_extra = extra if attempt.profile_extra is None else merge_value("profile_extra", attempt.profile_extra, extra)


@lru_cache(maxsize=4096)
def _extra(span: str, text: str) -> str:
    return _encode({span: clean(text)}).decode()


def _span(attempt: Attempt, entry: ProfileEntry) -> tuple[Any, ...]:
    extra = None if entry.extra_data in _EMPTY else clean(entry.extra_data)
    return (attempt.session_no, attempt.task_key, attempt.task_id, attempt.attempt, entry.event_name, entry.start_time, entry.end_time, extra)


def _function(function: FunctionDescriptor | None) -> tuple[str | None, str | None]:
    """The module, and the function as Ray names it: `f`, or `Class.method`."""
    if function is None:
        return None, None
    if (python := function.python_function_descriptor) is not None:
        return python.module_name or None, _dotted(python.class_name, python.function_name)
    other = function.java_function_descriptor or function.cpp_function_descriptor
    return None, _dotted(other.class_name, other.function_name) if other is not None else None


def _dotted(class_name: str, function_name: str) -> str | None:
    return f"{class_name}.{function_name}" if class_name else function_name or None


def _json(value: dict[str, Any]) -> str:
    return _json_of(tuple(sorted(value.items()) if len(value) > 1 else value.items())) if value else "{}"


@lru_cache(maxsize=4096)  # a job's tasks ask for few kinds of resources
def _json_of(items: tuple[tuple[str, Any], ...]) -> str:
    return _encode(dict(items)).decode()
