"""Metrics from Python: which there are, and questions in PromQL, over live and finished clusters.

from rayscope.metrics import list_metrics, query, query_range

for metric in list_metrics(source="user"):
print(metric.name, metric.type, metric.help)
query_range("rate(ray_rows_cleaned_total[1m])", since="-10m").to_pandas()
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import msgspec
from msgspec import Struct

from rayscope import prometheus
from rayscope.address import find_address
from rayscope.client import Client
from rayscope.errors import NotFound, UsageError
from rayscope.model.finding import Finding
from rayscope.model.metric_answers import Metric, SeriesBudget
from rayscope.model.prometheus import NAME, PromqlAnswer, Sample, SampleSeries
from rayscope.query.sessions import ALL, LATEST
from rayscope.query.values import parse_duration, parse_time
from rayscope.ray.metric_names import SOURCES

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Row = TypeVar("Row", bound=Struct)

DEFAULT_TIMEOUT_S: Final = 30
POINTS: Final = 120
"""Points of a range where no step is given."""

_STEPS_MS: Final = (
    1000,
    2000,
    5000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    86_400_000,
)
_NS_A_MS: Final = 1_000_000


class Answers(Sequence[Row], Generic[Row]):
    """Typed rows of one answer, with ``warnings`` on what is missing."""

    def __init__(self, rows: Sequence[Row], warnings: Sequence[str] = ()) -> None:
        self._rows = list(rows)
        self.warnings = list(warnings)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)}>"

    def dicts(self) -> list[dict[str, Any]]:
        """All rows as plain mappings."""
        rows: list[dict[str, Any]] = msgspec.to_builtins(self._rows)
        return rows

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table. Needs pyarrow."""
        import pyarrow as pa  # optional to who asks only for rows

        return pa.Table.from_pylist(self.dicts())

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas frame. Needs pandas."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """All rows as a polars frame. Needs polars."""
        import polars  # noqa: ICN001 optional

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame


class Metrics(Answers[Metric]):
    """The metrics of a session. ``budget`` says how many series it may have and has; None of all sessions."""

    budget: SeriesBudget | None = None


class Samples(Answers[Sample]):
    """One value a series, at one time. In frames each label is a column, beside ``time`` and ``value``."""

    def to_arrow(self) -> pa.Table:
        """A row a series: its labels, ``time`` (UTC), ``value``. Needs pyarrow."""
        return _table((sample.labels, sample.time_ms, sample.value) for sample in self)


class Ranges(Answers[SampleSeries]):
    """Series over time. In frames a row is one value: each label is a column, beside ``time`` and ``value``."""

    def to_arrow(self) -> pa.Table:
        """A row a value: the series' labels, ``time`` (UTC), ``value``. Needs pyarrow."""
        return _table((one.labels, time_ms, value) for one in self for time_ms, value in zip(one.times_ms, one.values, strict=True))


def list_metrics(
    q: str | None = None, *, source: str | None = None, session: str = LATEST, address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S
) -> Metrics:
    """The metrics of a session: those whose name or help holds ``q``, of one ``source`` (user, ray, node, external) or of all. Raises NotFound."""
    check_source(source)
    with _client(address, timeout) as client:
        found = client.metrics(session, q)
    metrics = Metrics([metric for metric in found.metrics if source in {None, metric.source}], found.warnings)
    metrics.budget = found.budget
    return metrics


def query(text: str, *, time: str | None = None, session: str = LATEST, address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S) -> Samples:
    """The value of an expression at a time: ``-5m``, ``2026-11-23T14:03``; without one now, or the end of a session that has ended.

    A range as in ``x[5m]`` is asked for with `query_range`. Raises PromqlError, NotFound, Unavailable.
    """
    with _client(address, timeout) as client:
        answer = instant(client, text, time, session)
    if answer.kind == "matrix":
        raise UsageError(f"{text!r} is a range of values, not one", hint="wrap it in a function of a range, or ask with query_range")
    return Samples(answer.samples, answer.warnings)


def query_range(
    text: str,
    *,
    since: str = "-1h",
    until: str = "now",
    step: str | None = None,
    session: str = LATEST,
    address: str | None = None,
    timeout: float = DEFAULT_TIMEOUT_S,
) -> Ranges:
    """The values of an expression over time. ``since`` and ``until`` are times, relative ones to now, or to the end of a session that has ended.

    ``step`` as in ``15s``; without one such that there are some 120 points. Raises PromqlError, NotFound, Unavailable.
    """
    with _client(address, timeout) as client:
        start_ms, end_ms = stretch(since, until, now_ms(client, session))
        answer = prometheus.query_range(client, text, start_ms, end_ms, step_ms(step, end_ms - start_ms), session)
    return Ranges(answer.series, answer.warnings)


def list_findings(
    *,
    session: str = LATEST,
    job: str | None = None,
    node: str | None = None,
    actor: str | None = None,
    task: str | None = None,
    address: str | None = None,
    timeout: float = DEFAULT_TIMEOUT_S,
) -> Answers[Finding]:
    """What the metrics of a session say is wrong, the worst first, each with its evidence; of one job, node, actor or task where one is named."""
    with _client(address, timeout) as client:
        found = client.findings(session, job=job, node=node, actor=actor, task=task)
    return Answers(found.findings, found.warnings)


def instant(client: Client, text: str, time: str | None, session: str) -> PromqlAnswer:
    """The value of an expression at a time as people write it. Of a session that has ended the last values that there are."""
    clock_ms = now_ms(client, session)
    at_ms = clock_ms if time is None else parse_time(time, clock_ms * _NS_A_MS) // _NS_A_MS
    answer = prometheus.query(client, text, at_ms, session)
    if answer.kind != "vector" or answer.samples or time is not None:
        return answer
    return _last(client, text, at_ms, session) or answer


def now_ms(client: Client, session: str) -> int:
    """What "now" means in a session: its end, if it has ended. Raises NotFound, Ambiguous."""
    clock_ms = time.time_ns() // _NS_A_MS
    if session in {ALL, "external"}:
        return clock_ms
    try:
        ended_ns = client.get("sessions", session)[0]["ended_ns"] if session != LATEST else _newest(client)
    except NotFound:
        return clock_ms
    return clock_ms if ended_ns is None else -(-int(ended_ns) // _NS_A_MS)


def stretch(since: str, until: str, clock_ms: int) -> tuple[int, int]:
    """A stretch of time as people write it, in ms. Raises FilterError, UsageError."""
    start, end = (parse_time(text, clock_ms * _NS_A_MS) // _NS_A_MS for text in (since, until))
    if end <= start:
        raise UsageError(f"the stretch of time from {since} to {until} has no length", hint="give an end after its start")
    return start, end


def step_ms(given: str | None, length_ms: int, points: int = POINTS) -> int:
    """The step asked for, else a round one with about so many points. Raises FilterError, UsageError."""
    if given is not None:
        step = parse_duration(given if not given.isdigit() else f"{given}s") // _NS_A_MS
        if step <= 0:
            raise UsageError(f"step {given} is not positive", hint="write 15s or 1m")
        return step
    wanted = length_ms / points
    return next((step for step in _STEPS_MS if step >= wanted), _STEPS_MS[-1])


def check_source(source: str | None) -> None:
    """Raise UsageError unless it is a source of metrics, or None."""
    if source is not None and source not in SOURCES:
        raise UsageError(f"no source {source!r}", hint=f"there are {', '.join(SOURCES)}")


def _newest(client: Client) -> int | None:
    from rayscope.query.request import ListRequest

    rows = client.page(ListRequest(resource="sessions", limit=1, columns="session,ended_ns")).rows
    return rows[0]["ended_ns"] if rows else None


_LAST_MS: Final = 60_000


def _last(client: Client, text: str, at_ms: int, session: str) -> PromqlAnswer | None:
    """The last values in the minute before: at a session's very end its series have ended already."""
    found = prometheus.query_range(client, text, at_ms - _LAST_MS, at_ms, 1000, session)
    samples = [Sample(labels=one.labels, time_ms=one.times_ms[-1], value=one.values[-1]) for one in found.series if one.times_ms]  # noqa: PD011 a list
    newest_ms = max((sample.time_ms for sample in samples), default=0)
    return PromqlAnswer(kind="vector", samples=[one for one in samples if one.time_ms == newest_ms], series=[], warnings=found.warnings) if samples else None


def _table(rows: Iterator[tuple[dict[str, str], int, float]]) -> pa.Table:
    import pyarrow as pa  # optional to who asks only for rows

    taken = list(rows)
    names = sorted({name for labels, _, _ in taken for name in labels}, key=lambda name: (name != NAME, name))
    columns: dict[str, Any] = {name: pa.array([labels.get(name) for labels, _, _ in taken], type=pa.string()) for name in names}
    columns["time"] = pa.array([time_ms for _, time_ms, _ in taken], type=pa.timestamp("ms", tz="UTC"))
    columns["value"] = pa.array([value for _, _, value in taken], type=pa.float64())
    return pa.table(columns)


def _client(address: str | None, timeout: float) -> Client:
    return Client(address or find_address(), timeout_s=timeout)
