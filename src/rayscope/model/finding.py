"""Findings: what the metrics of a session say is wrong, each with its evidence and what to do."""

from __future__ import annotations

from msgspec import Struct


class About(Struct, frozen=True, kw_only=True):
    """What a finding is about. ``kind`` is actor, task, worker, node or session, ``name`` what people call it."""

    kind: str
    id: str
    name: str


class Evidence(Struct, frozen=True, kw_only=True):
    """One thing that was measured: in words, the PromQL that shows it again, and its figure."""

    text: str
    query: str | None = None
    value: float | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """One finding. ``severity`` is error, warning or info; ``until_ms`` is None while it goes on. The ids say whom else it concerns.

    ``doc`` is the section of the documentation on what it means and how to fix it.
    """

    id: str
    kind: str
    severity: str
    title: str
    about: About
    since_ms: int
    until_ms: int | None
    evidence: list[Evidence]
    advice: str
    doc: str
    node_ids: list[str] = []
    job_ids: list[str] = []
    actor_ids: list[str] = []
    task_ids: list[str] = []


class Findings(Struct, frozen=True, kw_only=True):
    """The findings of a session, the worst first. ``looked_from_ms`` and ``looked_to_ms``: the stretch that was looked at."""

    findings: list[Finding]
    session: str | None
    looked_from_ms: int | None
    looked_to_ms: int | None
    warnings: list[str] = []
