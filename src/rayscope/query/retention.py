"""The words of `--retain`: `logs=7d,states=90d,logs-size=10GB`."""

from __future__ import annotations

from typing import Final

from rayscope.errors import FilterError, UsageError
from rayscope.model.retention import KINDS, Retention
from rayscope.query.values import parse_duration, parse_size

_HINT: Final = f"write KIND=AGE or KIND-size=SIZE with commas between, as in logs=7d,states=90d,logs-size=10GB; kinds are {', '.join(KINDS)}"
_LEAST_NS: Final = 1_000_000_000
_NEVER: Final = frozenset({"", "off", "forever"})


def parse_retention(text: str) -> Retention:
    """What the words ask for; `off` keeps all. Raises UsageError."""
    if text.strip().lower() in _NEVER:
        return Retention()
    ages: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, is_there, value = part.strip().partition("=")
        kind = name.removesuffix("-size").strip()
        if not is_there or kind not in KINDS:
            raise UsageError(f"--retain: {part.strip()!r} names no kind of data that is kept", hint=_HINT)
        if name == "events-size":
            raise UsageError("--retain: events have no size of their own: they are rows beside the states", hint="events=AGE, or states-size=SIZE for both")
        known = sizes if name.endswith("-size") else ages
        if kind in known:
            raise UsageError(f"--retain: {name.strip()} is given twice", hint=_HINT)
        known[kind] = _size(part, value) if known is sizes else _age(part, value)
    return Retention(text=text, ages_ns=ages, sizes=sizes)


def _age(part: str, value: str) -> int:
    try:
        ns = parse_duration(value)
    except FilterError as error:
        raise UsageError(f"--retain: {part.strip()!r}: {value.strip()!r} is no length of time", hint="write 90d, 36h, 30m") from error
    if ns < _LEAST_NS:
        raise UsageError(f"--retain: {part.strip()!r} would delete everything at once", hint="`rayscope storage delete` does that for one session")
    return ns


def _size(part: str, value: str) -> int:
    try:
        size = parse_size(value)
    except FilterError as error:
        raise UsageError(f"--retain: {part.strip()!r}: {value.strip()!r} is no size", hint="write 10GB, 500MB, 2GiB") from error
    if size <= 0:
        raise UsageError(f"--retain: {part.strip()!r} would keep nothing", hint="write 10GB, 500MB, 2GiB")
    return size
