"""Ids of Ray's shapes, numbered so that tests can name them: bytes, as events carry them."""

from __future__ import annotations

import base64

NIL = b"\xff" * 28


def job_id(number: int = 1) -> bytes:
    """4 bytes."""
    return number.to_bytes(4, "little")


def actor_id(number: int, job: int = 1) -> bytes:
    """12 bytes of its own, then its job."""
    return number.to_bytes(6, "big") * 2 + job_id(job)


def task_id(number: int, job: int = 1) -> bytes:
    """A normal task: 8 bytes of its own, a nil actor, its job."""
    return number.to_bytes(8, "big") + b"\xff" * 12 + job_id(job)


def method_id(number: int, actor: int, job: int = 1) -> bytes:
    """A method call: 8 bytes of its own, then its actor."""
    return number.to_bytes(8, "big") + actor_id(actor, job)


def constructor_id(actor: int, job: int = 1) -> bytes:
    """A constructor: nothing of its own, then its actor."""
    return b"\xff" * 8 + actor_id(actor, job)


def worker_id(number: int) -> bytes:
    """28 bytes."""
    return b"\x0a" + number.to_bytes(27, "big")


def node_id(number: int) -> bytes:
    """28 bytes."""
    return b"\x0b" + number.to_bytes(27, "big")


def placement_group_id(number: int, job: int = 1) -> bytes:
    """14 bytes of its own, then its job."""
    return number.to_bytes(14, "big") + job_id(job)


def wire(raw: bytes) -> str:
    """An id as protobuf's JSON has it."""
    return base64.b64encode(raw).decode()
