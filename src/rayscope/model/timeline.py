"""A timeline as it is sent: tracks of slices binned to pixels, statistics of a range, and the links of one attempt."""

from __future__ import annotations

from msgspec import Struct


class Slices(Struct, frozen=True, kw_only=True):
    """Slices of one track as columns of equal length, in the order of lane and time.

    ``x`` and ``w`` are ticks from the start of the range; ``color`` is an index into the timeline's colours. ``count`` attempts
    begin in a slice (or were running at the range's start), ``failed`` of them failed; ``fill`` is how many run at once on
    average, times 100. ``id`` and ``attempt`` name the attempt where it is one, else they are "" and -1.
    """

    x: list[int]
    w: list[int]
    lane: list[int]
    color: list[int]
    count: list[int]
    failed: list[int]
    fill: list[int]
    id: list[str]
    attempt: list[int]


class Marks(Struct, frozen=True, kw_only=True):
    """Bins in which attempts ended as failed or lost, and how many."""

    x: list[int]
    count: list[int]


class Track(Struct, frozen=True, kw_only=True):
    """One row of the picture. ``attempts`` and ``failed`` are those in the range; ``busy_ns`` is the time that they take of it."""

    id: str
    label: str
    detail: str
    lanes: int
    attempts: int
    failed: int
    busy_ns: int
    slices: Slices
    marks: Marks


class MoreTracks(Struct, frozen=True, kw_only=True):
    """What the tracks beyond those sent hold."""

    tracks: int
    attempts: int
    failed: int


class Timeline(Struct, frozen=True, kw_only=True):
    """A picture of a range. A slice's time is ``from_ns + x * tick_ns``; ``bin_ticks`` is the width of a bin; ``waiting`` attempts have no slice yet."""

    session: str
    from_ns: int
    to_ns: int
    as_of_ns: int | None
    group: str
    color: str
    tick_ns: int
    bin_ticks: int
    attempts: int
    failed: int
    waiting: int
    tracks: list[Track]
    tracks_total: int
    more: MoreTracks
    colors: list[str]
    warnings: list[str]


class FunctionStatistics(Struct, frozen=True, kw_only=True):
    """One function's attempts in a range: ``total_ns`` counts the time inside it, the quantiles are of whole run times."""

    name: str
    type: str
    attempts: int
    failed: int
    total_ns: int
    p50_ns: int | None
    p99_ns: int | None


class Spot(Struct, frozen=True, kw_only=True):
    """One attempt's place in a timeline."""

    task_id: str
    attempt_number: int
    name: str | None
    state: str
    job_id: str | None
    node_id: str | None
    worker_id: str | None
    actor_id: str | None
    creation_ns: int | None
    start_ns: int | None
    end_ns: int | None


class RangeStatistics(Struct, frozen=True, kw_only=True):
    """What a selected range holds: by function, most time first, and the slowest attempts."""

    session: str
    from_ns: int
    to_ns: int
    as_of_ns: int | None
    attempts: int
    failed: int
    busy_ns: int
    functions: list[FunctionStatistics]
    more_functions: int
    slowest: list[Spot]


class Links(Struct, frozen=True, kw_only=True):
    """An attempt with the one that submitted it and those that it submitted, the earliest of them."""

    session: str
    attempt: Spot
    parent: Spot | None
    children: list[Spot]
    children_total: int
