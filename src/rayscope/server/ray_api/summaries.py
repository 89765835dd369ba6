"""Ray's summaries: tasks by name and state, actors by class and state.

Ray counts attempts, so a retried task is in more than one state's count. Rayscope's own summary counts each task once;
what it leaves out, the attempts that a later one replaced, is counted here for the names that have any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from rayscope.model.page import TaskGroup
from rayscope.model.states import LOST, NIL, TASK_STATES
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.server.ray_api.filters import check_filters, check_source
from rayscope.server.ray_api.listing import push_all
from rayscope.server.ray_api.listings import LISTINGS
from rayscope.server.ray_api.options import GivenFilter, Refused
from rayscope.store.entity import Row

_LIKELY_FIRST: Final = ("FINISHED", "FAILED", LOST, *(state for state in TASK_STATES if state not in {"FINISHED", "FAILED"}), NIL)
_TOTALS: Final = {"NORMAL_TASK": "total_tasks", "ACTOR_TASK": "total_actor_tasks", "ACTOR_CREATION_TASK": "total_actor_scheduled"}


class SummaryAnswer(Struct, frozen=True, kw_only=True):
    """Ray's SummaryApiResponse."""

    total: int
    num_after_truncation: int
    num_filtered: int
    result: dict[str, Any]
    partial_failure_warning: str | None = ""
    warnings: list[str] | None = None


def summarize_tasks(queries: Queries, session: str, given: Sequence[GivenFilter]) -> SummaryAnswer:
    """Attempts by name and state. Raises Refused, NotFound, Ambiguous."""
    texts = _texts("tasks", given)
    groups = [group for group in queries.task_summary(session, texts).groups if group.type]
    summary: dict[str, Row] = {}
    totals: Counter[str] = Counter(dict.fromkeys(_TOTALS.values(), 0))
    for group in groups:
        counts = _ray_states(_attempts_by_state(queries, session, texts, group) if group.retries else group.state_counts)
        known = summary.setdefault(group.name, {"func_or_class_name": group.name, "type": group.type, "state_counts": {}})
        known["state_counts"] = dict(Counter(known["state_counts"]) + counts)
        totals[_TOTALS[group.type]] += counts.total()
    return _answer({"summary": summary, **totals, "summary_by": "func_name"}, totals.total())


def summarize_actors(queries: Queries, session: str, given: Sequence[GivenFilter]) -> SummaryAnswer:
    """Actors by class and state. Raises Refused, NotFound, Ambiguous."""
    found = queries.actor_summary(session, _texts("actors", given))
    summary = {group.class_name: {"class_name": group.class_name, "state_counts": group.state_counts} for group in found.groups}
    return _answer({"summary": summary, "total_actors": found.total_actors, "summary_by": "class"}, found.total_actors)


def _texts(name: str, given: Sequence[GivenFilter]) -> tuple[str, ...]:
    listing = LISTINGS[name]
    check_source(name, given)
    texts, rest = push_all(listing, check_filters(listing.columns, given))
    if rest:
        raise Refused(f"A summary cannot be filtered by {rest[0].column}{rest[0].predicate}{rest[0].value}.")
    return (*listing.always, *texts)


def _attempts_by_state(queries: Queries, session: str, texts: Sequence[str], group: TaskGroup) -> dict[str, int]:
    """Counts of all attempts of one name: asks for one state after the other until none is left."""
    request = ListRequest(resource="tasks", session=session, filters=(*texts, *_of_group(group)), limit=1)
    left = queries.page(request).num_filtered
    counts: dict[str, int] = {}
    for state in _LIKELY_FIRST:
        if not left:
            break
        counts[state] = queries.page(replace(request, filters=(*request.filters, f"state={state}"))).num_filtered
        left -= counts[state]
    return counts


def _of_group(group: TaskGroup) -> Iterable[str]:
    exact, _ = push_all(LISTINGS["tasks"], check_filters(LISTINGS["tasks"].columns, [GivenFilter("name", "=", group.name)]))
    return (*exact, f"type={group.type}")


def _ray_states(counts: dict[str, int]) -> Counter[str]:
    """Ray has no LOST: it is shown as FAILED, and named in the attempt's error message."""
    shown: Counter[str] = Counter()
    for state, count in counts.items():
        shown["FAILED" if state == LOST else state] += count
    return +shown


def _answer(summary: Row, total: int) -> SummaryAnswer:
    return SummaryAnswer(total=total, num_after_truncation=total, num_filtered=total, result={"node_id_to_summary": {"cluster": summary}})
