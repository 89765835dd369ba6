"""The newest sample of each series that is there now, by family: what `/federate` shows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from rayscope.errors import LimitExceeded, PromqlError, UsageError
from rayscope.model.metrics import NAME, Family, Labels, Matcher
from rayscope.query.metrics.families import family_among
from rayscope.query.metrics.frames import Frame, is_absent, is_stale
from rayscope.query.metrics.service import Metrics
from rayscope.query.promql.instant import LOOKBACK_MS
from rayscope.query.promql.parse import parse_selector
from rayscope.store.limits import FEDERATE_SAMPLES, FEDERATE_SERIES
from rayscope.wire.exposition import Metric, Sample

Key = tuple[tuple[str, str], ...]

_HINT: Final = """write a selector: up, {job="ray"}, ray_tasks{State=~"RUNNING|FAILED"}"""


def federated(metrics: Metrics, session: str | None, match: Sequence[str], now_ms: int | None = None) -> list[Metric]:
    """Families in the order of their names. ``session``: an exact name, or None for all. Raises UsageError, LimitExceeded."""
    if not match:
        raise UsageError("no match[] is given", hint="""ask for all with match[]={__name__=~".+"}, percent-encoded""")
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    found: dict[Key, tuple[Labels, int, float]] = {}
    for matchers in [_matchers(text) for text in match]:
        _look(metrics, session, matchers, now_ms, found)
    families = {family.name: family for family in metrics.families(session)}
    return list(_grouped(found.values(), families))


def _matchers(text: str) -> tuple[Matcher, ...]:
    try:
        selector = parse_selector(text)
    except PromqlError as error:
        raise UsageError(f"match[] {text[:200]!r}: {error.message}", hint=_HINT) from error
    if selector.offset_ms or selector.at is not None:
        raise UsageError(f"match[] {text[:200]!r}: what is asked for is what is there now", hint=_HINT)
    return selector.matchers


def _look(metrics: Metrics, session: str | None, matchers: Sequence[Matcher], now_ms: int, found: dict[Key, tuple[Labels, int, float]]) -> None:
    frames = metrics.select(session, matchers, now_ms - LOOKBACK_MS, now_ms, max_samples=FEDERATE_SAMPLES)
    for labels, at, value in (newest for frame in frames for newest in _newest(frame)):
        if len(found) >= FEDERATE_SERIES:
            raise LimitExceeded(
                f"over {FEDERATE_SERIES:,} series fit, more than a page may have", hint="narrow match[], or ask for one session; remote write has no limit"
            )
        key = tuple(sorted(labels.items()))
        if key not in found or found[key][1] < at:
            found[key] = (labels, at, value)


def _newest(frame: Frame) -> Iterator[tuple[Labels, int, float]]:
    """Of each series its newest sample, the mark of its end among them."""
    there = ~is_absent(frame.values)
    last = frame.values.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    for row, (labels, at) in enumerate(zip(frame.labels, last.tolist(), strict=True)):
        if there[row, at]:
            yield labels, int(frame.times[at]), frame.values[row, at]


def _grouped(found: Iterable[tuple[Labels, int, float]], families: Mapping[str, Family]) -> Iterator[Metric]:
    by_name: defaultdict[str, list[tuple[Labels, int, float]]] = defaultdict(list)
    for labels, at, value in found:
        if not is_stale(np.array([value]))[0]:
            by_name[labels[NAME]].append((labels, at, value))
    by_family: defaultdict[str, list[Sample]] = defaultdict(list)
    known: dict[str, Family] = {}
    for name in sorted(by_name):
        family = family_among(families, name) or Family(name)
        base = _base(family)
        known[base] = family
        rows = sorted(by_name[name], key=lambda row: sorted(row[0].items()))
        by_family[base] += [Sample(float(value), _shown(labels), name.removeprefix(base), at) for labels, at, value in rows]
    for base in sorted(by_family):
        yield Metric(base, known[base].type, known[base].help, tuple(by_family[base]))


def _base(family: Family) -> str:
    """The name that all the family's series begin with."""
    return family.name.removesuffix("_total") if family.type == "counter" else family.name


def _shown(labels: Labels) -> Labels:
    """Labels without the name. One without an instance says so, or Prometheus would put in the instance of this server."""
    shown = {name: value for name, value in sorted(labels.items()) if name != NAME}
    return shown if "instance" in shown else shown | {"instance": ""}
