"""Which metrics a session has: each family with what it says of itself, how many series, their labels, and whose it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from rayscope.model.metric_answers import Metric, MetricCatalogue, Offender, SeriesBudget
from rayscope.model.metrics import NAME, Budget, Family, Matcher
from rayscope.query.metrics.service import Metrics
from rayscope.ray.metric_names import source_of
from rayscope.store.metrics.series import Numbers, SeriesIndex

_PARTS: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count"), "counter": ("_total",)}
_LOOKED_AT: Final = 100
"""Series of a name whose labels are looked at: a session may have a hundred thousand of one."""

_TELLING: Final = ("job", "Component")
"""Labels whose values tell whose a metric is."""


class Catalogues:
    """Lists metrics. What it found of a session is kept for as long as the session has as many series: these never go."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._known: dict[str, tuple[tuple[int, int], list[Metric]]] = {}

    def catalogue(self, session: str | None, q: str | None = None) -> MetricCatalogue:
        """The metrics of a session, None: of all, whose name or help holds ``q`` in any case."""
        found = self._all(session)
        wanted = (q or "").lower()
        return MetricCatalogue(
            metrics=[one for one in found if wanted in one.name.lower() or wanted in one.help.lower()],
            budget=_budget(self._metrics.budget(session)) if session is not None else None,
            session=session,
        )

    def _all(self, session: str | None) -> list[Metric]:
        sessions = [known.session for known in self._metrics.store.known(session)]
        every = [self._of(name) for name in sessions]
        return every[0] if len(every) == 1 else _merged(metric for found in every for metric in found)

    def _of(self, session: str) -> list[Metric]:
        (known,) = self._metrics.store.known(session)
        families = self._metrics.families(session)
        state = (len(known.index), len(families))
        if (kept := self._known.get(session)) is not None and kept[0] == state:
            return kept[1]
        found = _made(known.index, families)
        self._known[session] = (state, found)
        return found


def _made(index: SeriesIndex, families: Iterable[Family]) -> list[Metric]:
    counts = index.counts()
    found = [_metric(index, family, names, counts) for family, names in _members(counts, families)]
    return sorted(found, key=lambda metric: metric.name)


def _metric(index: SeriesIndex, family: Family, names: list[str], counts: Mapping[str, int]) -> Metric:
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        for number in _some(index.match([Matcher(NAME, "=", name)])):
            for label, value in index.labels(number).items():
                labels[label].add(value if label in _TELLING else "")
    labels.pop(NAME, None)
    return Metric(
        name=family.name,
        type=family.type,
        help=family.help,
        unit=family.unit,
        series=sum(counts[name] for name in names),
        source=source_of(family.name, labels),
        labels=sorted(labels),
    )


def _some(numbers: Numbers) -> list[int]:
    """Some series of many, from the first to the last: those of a metric have the same labels, but for what a target adds."""
    if len(numbers) <= _LOOKED_AT:
        return [int(number) for number in numbers]
    return [int(number) for number in numbers[np.linspace(0, len(numbers) - 1, _LOOKED_AT).astype(np.int64)]]


def _members(counts: Mapping[str, int], families: Iterable[Family]) -> list[tuple[Family, list[str]]]:
    """Each family with the names of its series; names that belong to none are families of their own. A family without series is left out."""
    left = set(counts)
    found = []
    for family in families:
        names = [name for name in (family.name, *(family.name + part for part in _PARTS.get(family.type, ()))) if name in left]
        left.difference_update(names)
        if names:
            found.append((_asked_for(family, names), names))
    return [*found, *((Family(name), [name]) for name in left)]


def _asked_for(family: Family, names: list[str]) -> Family:
    """A counter by the name that its series have: OpenMetrics leaves `_total` out of a family's."""
    return Family(names[0], family.type, family.help, family.unit) if family.type == "counter" else family


def _merged(every: Iterable[Metric]) -> list[Metric]:
    by_name: defaultdict[str, list[Metric]] = defaultdict(list)
    for metric in every:
        by_name[metric.name].append(metric)
    return [_one(found) for _, found in sorted(by_name.items())]


def _one(found: list[Metric]) -> Metric:
    first = next((metric for metric in found if metric.help), found[0])
    return Metric(
        name=first.name,
        type=first.type,
        help=first.help,
        unit=first.unit,
        series=sum(metric.series for metric in found),
        source=first.source,
        labels=sorted({name for metric in found for name in metric.labels}),
    )


def _budget(budget: Budget) -> SeriesBudget:
    return SeriesBudget(
        limit=budget.limit,
        series=budget.series,
        dropped_series=budget.dropped_series,
        dropped_samples=budget.dropped_samples,
        offenders=[Offender(name=name, series=count) for name, count in budget.offenders],
        rejected=dict(budget.rejected),
    )
