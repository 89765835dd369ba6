"""A fragment of a task attempt: what one or several events said of it, and how fragments merge.

The fields are the columns of the hot and cold tables, in order. The merge takes, for each column, the earliest time or the
greatest value, or all names of both objects; it is commutative, associative and idempotent, so order and duplicates do not matter. The
store merges with nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple


class Attempt(Struct, gc=False):
    """What is known of one attempt. None: nobody has said. ``t_*``: the first time in that state, UTC ns."""

    session_no: int
    task_id: str
    attempt: int
    task_key: int
    word_ns: int
    job_id: str | None = None
    type: str | None = None
    name: str | None = None
    func: str | None = None
    module: str | None = None
    language: str | None = None
    actor_id: str | None = None
    parent_task_id: str | None = None
    placement_group_id: str | None = None
    required_resources: str | None = None
    runtime_env: str | None = None
    call_site: str | None = None
    label_selector: str | None = None
    extra: str | None = None
    node_id: str | None = None
    worker_id: str | None = None
    worker_pid: int | None = None
    actor_repr_name: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_detail: str | None = None
    debugger_mark: int | None = None
    stdout_file: str | None = None
    stderr_file: str | None = None
    stdout_start: int | None = None
    stdout_end: int | None = None
    stderr_start: int | None = None
    stderr_end: int | None = None
    profile_name: str | None = None
    profile_extra: str | None = None
    deserialize_start: int | None = None
    deserialize_end: int | None = None
    execute_start: int | None = None
    execute_end: int | None = None
    store_start: int | None = None
    store_end: int | None = None
    task_start: int | None = None
    task_end: int | None = None
    t_pending_args_avail: int | None = None
    t_pending_node_assignment: int | None = None
    t_pending_obj_store_mem_avail: int | None = None
    t_pending_args_fetch: int | None = None
    t_submitted_to_worker: int | None = None
    t_pending_actor_task_args_fetch: int | None = None
    t_pending_actor_task_ordering_or_concurrency: int | None = None
    t_getting_and_pinning_args: int | None = None
    t_running: int | None = None
    t_running_in_ray_get: int | None = None
    t_running_in_ray_wait: int | None = None
    t_finished: int | None = None
    t_failed: int | None = None


KEY: Final = ("session_no", "task_id", "attempt")

COLUMNS: Final[tuple[str, ...]] = Attempt.__struct_fields__

EARLIEST: Final = frozenset(name for name in COLUMNS if name.startswith("t_") or name.endswith("_start"))
"""Columns of which the least value counts; of all others but UNIONS the greatest."""

UNIONS: Final = frozenset({"extra", "profile_extra"})
"""Columns that hold a JSON object: what each fragment says by name is kept, of one name the greatest text."""

NUMBERS: Final = frozenset(
    name
    for name in COLUMNS
    if name.startswith("t_") or name.endswith(("_start", "_end", "_ns", "_mark")) or name in {"session_no", "attempt", "task_key", "worker_pid"}
) | {"verdict_ns"}


VERDICT: Final = ("verdict_cause", "verdict_state", "verdict_error_type", "verdict_reason", "verdict_ns")
"""What is concluded of an attempt, in columns that follow these; no fragment has them."""


def merge(one: Attempt, other: Attempt) -> Attempt:
    """Both fragments in one. They must be of the same attempt."""
    return Attempt(**{name: merge_value(name, getattr(one, name), getattr(other, name)) for name in COLUMNS})


def merge_row(fragment: Attempt, row: Sequence[Any]) -> Attempt:
    """The same of a fragment and a row of the store, whose first columns are those of an attempt."""
    values = [
        value if known is None or known == value else known if value is None else merge_value(name, known, value)
        for name, known, value in zip(COLUMNS, row, astuple(fragment), strict=False)
    ]
    return Attempt(*values)


def merge_value(name: str, one: Any, other: Any) -> Any:
    """The value of column ``name`` that two fragments make together."""
    if one is None or other is None:
        return other if one is None else one
    if name in UNIONS:
        return one if one == other else _union(one, other)
    return min(one, other) if name in EARLIEST else max(one, other)


_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def _union(one: str, other: str) -> str:
    """Two JSON objects in one."""
    first, second = _decode(one), _decode(other)
    both = first | second
    for name in first.keys() & second.keys():
        both[name] = max(first[name], second[name], key=bytes)
    return _encode(both).decode()
