"""The line that a run ends on, and what is missing of its record."""

from __future__ import annotations

from rayscope.cli.output.values import duration, printable, utc
from rayscope.errors import RayscopeError
from rayscope.model.session import Session
from rayscope.run.record import Outcome
from rayscope.run.server import Recording
from rayscope.state import get_session

_SECOND = 1_000_000_000
_MAX_NAME = 40


def closing_line(name: str, outcome: Outcome, recording: Recording) -> str:
    """What ran, how it ended, how many failed, and the page to open."""
    name = printable(name)
    shown = name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
    how = f"rayscope: {shown} {_ending(outcome)} after {duration(int(outcome.seconds * _SECOND))}"
    sessions = _sessions(outcome, recording)
    if not outcome.clusters:
        return f"{how}; it started no Ray, so there is nothing to see"
    return f"{how}: {_counts(sessions)} · {_page(sessions, recording)}"


def missing_lines(outcome: Outcome, recording: Recording) -> list[str]:
    """One line for everything that is known to be missing."""
    lines = list(recording.missed)
    if outcome.unshown:
        lines.append(outcome.unshown)
    for cluster in outcome.clusters:
        name = cluster.facts.session_name
        if cluster.dropped:
            lines.append(f"{cluster.dropped:,} events of {name} were dropped by Ray, whose buffer was full")
        if cluster.silent_since_ns:
            since = utc(cluster.silent_since_ns)
            lines.append(f"placement groups, runtime envs and cluster events of {name} are those of before {since} UTC: Ray's dashboard was gone by then")
        if not cluster.drained:
            held = f"{cluster.undrained:,} events at least" if cluster.undrained else "the last second or so of events"
            lines.append(f"{name} went before Ray had let everything out: {held} may be missing")
    return lines


def _ending(outcome: Outcome) -> str:
    if outcome.signal:
        return f"was ended by signal {outcome.signal}"
    return "succeeded" if outcome.exit_code == 0 else f"failed with code {outcome.exit_code}"


def _sessions(outcome: Outcome, recording: Recording) -> list[Session]:
    try:
        return [get_session(cluster.facts.session_name, address=recording.info.url) for cluster in outcome.clusters]
    except RayscopeError as error:
        recording.miss(error)
        return []


def _counts(sessions: list[Session]) -> str:
    tasks, failed = sum(session.tasks for session in sessions), sum(session.failed_tasks for session in sessions)
    actors = sum(session.actors for session in sessions)
    clusters = f"{len(sessions)} clusters, " if len(sessions) > 1 else ""
    return f"{clusters}{_plural(tasks, 'task')} ({failed:,} failed), {_plural(actors, 'actor')}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _page(sessions: list[Session], recording: Recording) -> str:
    return f"{recording.info.url}/s/{sessions[0].session}" if len(sessions) == 1 else recording.info.url
