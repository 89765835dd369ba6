"""How far a job or a session has come, what failed in it, and how that compares with another run."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class FunctionProgress(Struct, frozen=True, kw_only=True):
    """One function's tasks, each counted once by its last attempt: ``tasks`` is the sum of the five after it. ``retries`` are attempts beyond the first."""

    name: str
    type: str
    tasks: int
    finished: int
    running: int
    waiting: int
    failed: int
    lost: int
    retries: int
    attempts: int
    p50_ns: int | None
    p99_ns: int | None
    total_ns: int
    first_ns: int | None
    last_ns: int | None


class Progress(Struct, frozen=True, kw_only=True):
    """Progress by function, in the order in which they began, and in all."""

    session: str
    job_id: str | None
    functions: list[FunctionProgress]
    tasks: int
    finished: int
    running: int
    waiting: int
    failed: int
    lost: int
    retries: int
    attempts: int
    as_of_ns: int | None


class Link(Struct, frozen=True, kw_only=True):
    """Where the evidence is: a page (tasks, logs, jobs, actors, nodes, workers, events, quarantine) and the query string that shows it."""

    view: str
    params: dict[str, Any]


class Part(Struct, frozen=True, kw_only=True):
    """A piece of an answer's text, and what it stands on."""

    text: str
    link: Link | None = None
    evidence: str | None = None


class JobAnswer(Struct, frozen=True, kw_only=True):
    """What became of a job, in a line. ``certain`` is false where something that the line needs is not known."""

    session: str
    job_id: str | None
    submission_id: str | None
    status: str
    text: str
    parts: list[Part]
    certain: bool
    entrypoint: str | None
    start_ns: int | None
    end_ns: int | None
    duration_ns: int | None
    driver_exit_code: int | None


class FunctionCount(Struct, frozen=True, kw_only=True):
    """A function and how many."""

    name: str
    count: int


class FailureExample(Struct, frozen=True, kw_only=True):
    """The latest attempt of a group."""

    task_id: str
    attempt_number: int
    error_message: str | None


class FailureGroup(Struct, frozen=True, kw_only=True):
    """Attempts that failed alike. ``first_line`` has its numbers and ids folded to #, ``name`` is the function with most of them."""

    error_type: str
    first_line: str
    latest_line: str
    name: str
    count: int
    tasks: int
    first_ns: int | None
    last_ns: int | None
    nodes: int
    workers: int
    example: FailureExample | None
    functions: list[FunctionCount]


class Failures(Struct, frozen=True, kw_only=True):
    """Groups of failures, most first. ``attempts`` counts all that failed or were lost."""

    session: str
    groups: list[FailureGroup]
    groups_total: int
    attempts: int
    as_of_ns: int | None


class JobRun(Struct, frozen=True, kw_only=True):
    """One run of an entrypoint."""

    session: str
    cluster: str | None
    job_id: str | None
    submission_id: str | None
    entrypoint: str | None
    status: str
    start_ns: int | None
    end_ns: int | None
    duration_ns: int | None
    is_this: bool


class JobRuns(Struct, frozen=True, kw_only=True):
    """Runs of the same entrypoint, the newest first, of all sessions."""

    entrypoint: str | None
    runs: list[JobRun]


class FunctionFigures(Struct, frozen=True, kw_only=True):
    """What is compared of a function."""

    tasks: int
    failed: int
    retries: int
    p50_ns: int | None
    p99_ns: int | None
    total_ns: int


class FunctionComparison(Struct, frozen=True, kw_only=True):
    """One function in two runs, null in the one that lacks it. A ratio is this run's figure by the other's."""

    name: str
    type: str
    this: FunctionFigures | None
    other: FunctionFigures | None
    p50_ratio: float | None
    total_ratio: float | None


class Comparison(Struct, frozen=True, kw_only=True):
    """A job beside another run; most different first. ``other`` is null where there is none."""

    this: JobRun
    other: JobRun | None
    functions: list[FunctionComparison]
    warnings: list[str]
