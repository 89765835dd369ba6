"""Ray's ids: bytes on the wire, hex everywhere else, and what an id says by itself (src/ray/design_docs/id_specification.md)."""

from __future__ import annotations

import base64
import binascii

_TASK_HEX = 48
_UNIQUE_HEX = 16
_JOB_HEX = 8
_REMEMBERED = 16_384
"""Ids remembered at most: some 3 MB."""


def hex_or_none(raw: bytes) -> str | None:
    """An id as Ray prints it; None for an empty or a nil one (all bits set)."""
    if not raw or raw.count(b"\xff") == len(raw):
        return None
    return raw.hex()


class _Hexes(dict[bytes, str | None]):
    """What hex_or_none says, remembered: of nodes, workers, jobs and parents there are few, and each is named by thousands of events."""

    def __missing__(self, raw: bytes) -> str | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        text = self[raw] = hex_or_none(raw)
        return text


known_hex = _Hexes().__getitem__
"""hex_or_none for ids that come again and again."""


def hex_of_base64(text: str) -> str | None:
    """The same of an id that is still in base64; what is no base64 comes back as it is."""
    try:
        return hex_or_none(base64.b64decode(text, validate=True))
    except binascii.Error:
        return text or None


def actor_of_task(task_id: str) -> str | None:
    """The actor in a task id: a task id is 8 unique bytes, then the id of its actor (all but the job set in a normal task)."""
    actor = task_id[_UNIQUE_HEX:]
    return None if actor[:-_JOB_HEX].strip("f") == "" else actor


def job_of_task(task_id: str) -> str | None:
    """The job in a task id: its last 4 bytes."""
    return task_id[-_JOB_HEX:] if len(task_id) == _TASK_HEX else None


def worker_of_driver(job_id: str) -> str:
    """The worker id of a job's driver: the job id, then set bits up to 28 bytes."""
    return job_id + "f" * (56 - len(job_id))


def task_key(task_id: str) -> int:
    """64 bits to look a task up by: the unique part, which is random, mixed with the actor part, since constructors share the former."""
    head, middle = task_id[:_UNIQUE_HEX], task_id[_UNIQUE_HEX : 2 * _UNIQUE_HEX]
    return int(head or "0", 16) ^ int(middle or "0", 16)
