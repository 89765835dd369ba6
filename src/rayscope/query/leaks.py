"""Which objects are held although nobody seems to need them. Pure: references and what is known of their makers and holders in, judgements out.

Only what was reported is evidence. An owner, an actor or a process of which nothing is known is never called dead or idle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from rayscope.model.object_answers import Leak
from rayscope.store.entity import Row

_SECOND: Final = 1_000_000_000
_SAME_END_NS: Final = 2 * _SECOND
"""A worker whose job ends within this time of it went with its job."""


class Facts(Struct, frozen=True, kw_only=True):
    """What the session knows. ``tasks``, ``actors`` and ``workers`` by id; ``activity`` by worker; ``job_ends`` by job."""

    taken_ns: int
    until_ns: int
    tasks: Mapping[str, Row]
    actors: Mapping[str, Row]
    workers: Mapping[str, Row]
    activity: Mapping[str, Row]
    job_ends: Mapping[str, int]


def find_leaks(references: Sequence[Row], facts: Facts, idle_ns: int) -> list[Leak]:
    """The leaks among a snapshot's references, the largest first."""
    by_object: defaultdict[str, list[Row]] = defaultdict(list)
    for row in references:
        if row["origin"] != "HANDLE":
            by_object[row["object_id"]].append(row)
    found = [leak for rows in by_object.values() if (leak := _judge(rows, facts, idle_ns)) is not None]
    return sorted(found, key=lambda leak: (-(leak.size_bytes or 0), leak.object_id))


def _judge(rows: Sequence[Row], facts: Facts, idle_ns: int) -> Leak | None:
    for reason, verdict in (
        ("OWNER_DEAD", _owner_dead(rows, facts)),
        ("JOB_ENDED", _job_ended(rows[0], facts)),
        ("HOLDERS_DEAD", _holders_dead(rows, facts)),
        ("HOLDERS_IDLE", _holders_idle(rows, facts, idle_ns)),
    ):
        if verdict:
            return _leak(rows, reason, verdict, facts)
    return None


def _leak(rows: Sequence[Row], reason: str, evidence: str, facts: Facts) -> Leak:
    sizes = [row["size_bytes"] for row in rows if row["size_bytes"] is not None]
    sites = sorted({row["call_site"] for row in rows if row["call_site"]}, key=lambda site: (site.startswith("(deserialize"), site))
    return Leak(
        object_id=rows[0]["object_id"],
        size_bytes=max(sizes, default=None),
        reason=reason,
        evidence=evidence,
        holders=[holder(row, facts) for row in rows],
        function=next((row["function"] for row in rows if row["function"]), None),
        call_site=sites[0] if sites else None,
        first_seen_ns=min(row["first_seen_ns"] for row in rows),
        session=rows[0]["session"],
    )


def holder(row: Row, facts: Facts) -> str:
    """``driver pid 17 on 10.0.0.1``, ``actor Cache pid 18 on 10.0.0.1``."""
    known = facts.workers.get(row["worker_id"] or "") or {}
    kind = f"actor {known['class_name'] or known['actor_id'][:8]}" if known.get("actor_id") else row["type"].lower()
    return f"{kind} pid {row['pid']} on {row['ip']}"


def _owner_dead(rows: Sequence[Row], facts: Facts) -> str | None:
    """An object is owned by the process that put it, or that submitted the task which returns it."""
    row = rows[0]
    if any(part["is_owner"] for part in rows) or row["task_id"] is None:
        return None
    if row["origin"] == "PUT":
        return _ended(row["task_id"], facts, "the process that put it is dead")
    parent = (facts.tasks.get(row["task_id"]) or {}).get("parent_task_id")
    return _ended(parent, facts, "the process that asked for it is dead") if parent else None


def _ended(task_id: str, facts: Facts, what: str) -> str | None:
    """How the process that ran a task is known to have ended before the snapshot; None where it is not."""
    actor_id, job_id = task_id[16:], task_id[40:]
    if actor_id[:24] != "f" * 24:
        actor = facts.actors.get(actor_id)
        ended = actor["end_ns"] if actor else None
        return f"{what}: actor {actor['class_name'] or ''} {actor_id[:8]} died at {_clock(ended)}" if actor and _before(ended, facts.taken_ns) else None
    if task_id[:40] == "f" * 40:
        ended = facts.job_ends.get(job_id)
        return f"{what}: the driver of job {job_id} ended at {_clock(ended)}" if _before(ended, facts.taken_ns) else None
    worker_id = (facts.tasks.get(task_id) or {}).get("worker_id")
    ended = _end_of(facts.workers.get(worker_id or ""))
    return f"{what}: worker {str(worker_id)[:8]} ended at {_clock(ended)}" if _before(ended, facts.taken_ns) else None


def _job_ended(row: Row, facts: Facts) -> str | None:
    ended = facts.job_ends.get(row["job_id"] or "")
    return f"its job {row['job_id']} ended at {_clock(ended)}" if _before(ended, facts.taken_ns) else None


def _holders_dead(rows: Sequence[Row], facts: Facts) -> str | None:
    """Every process that held it has died since, while its job went on."""
    ends = [_death(row, facts) for row in rows]
    if any(end is None for end in ends):
        return None
    parts = [f"{holder(row, facts)} died at {_clock(end)}" for row, end in zip(rows, ends, strict=True)]
    return f"held at the last look, since then {', '.join(parts[:3])}{' …' if len(parts) > 3 else ''}"  # noqa: PLR2004 three say enough


def _death(row: Row, facts: Facts) -> int | None:
    known = facts.workers.get(row["worker_id"] or "")
    end = _end_of(known)
    if known is None or end is None or end > facts.until_ns or known["is_driver"]:
        return None
    job_end = facts.job_ends.get(known["job_id"] or row["job_id"] or "")
    return None if job_end is not None and end >= job_end - _SAME_END_NS else end


def _holders_idle(rows: Sequence[Row], facts: Facts, idle_ns: int) -> str | None:
    """It was seen for so long, and none of its holders has run or asked for anything in that time."""
    if facts.taken_ns - min(row["first_seen_ns"] for row in rows) < idle_ns:
        return None
    idle = {}
    for row in rows:
        known = facts.activity.get(row["worker_id"] or "")
        if known is None or known["is_busy"] or facts.taken_ns - known["last_ns"] < idle_ns:
            return None
        idle[holder(row, facts)] = known["last_ns"]
    parts = [f"{name} idle since {_clock(last)}" for name, last in idle.items()]
    finished = (facts.tasks.get(rows[0]["task_id"] or "") or {}).get("end_ns")
    made = f"; its task ended at {_clock(finished)}" if _before(finished, facts.taken_ns) else ""
    return f"{', '.join(parts[:3])}{' …' if len(parts) > 3 else ''}{made}"  # noqa: PLR2004 three say enough


def _end_of(worker: Row | None) -> int | None:
    if worker is None:
        return None
    ends = [worker[name] for name in ("end_ns", "node_end_ns") if worker[name] is not None]
    return min(ends, default=None)


def _before(moment: int | None, taken_ns: int) -> bool:
    return moment is not None and moment <= taken_ns


def _clock(ns: int | None) -> str:
    assert ns is not None
    return datetime.fromtimestamp(ns // _SECOND, UTC).strftime("%H:%M:%S UTC")
