"""Samples and series as Prometheus's HTTP API answers them (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

NAME: Final = "__name__"


class Sample(Struct, frozen=True, kw_only=True):
    """One value at one time, of the series with these labels (none: a scalar)."""

    labels: dict[str, str]
    time_ms: int
    value: float


class SampleSeries(Struct, frozen=True, kw_only=True):
    """The values of one series, in order of time."""

    labels: dict[str, str]
    times_ms: list[int]
    values: list[float]


class PromqlAnswer(Struct, frozen=True, kw_only=True):
    """The answer to one question. ``kind`` is vector, scalar, string or matrix: ``series`` is of a matrix, ``text`` of a string, ``samples`` of the others."""

    kind: str
    samples: list[Sample]
    series: list[SampleSeries]
    text: str | None = None
    warnings: list[str] = []


class _Data(Struct):
    resultType: str  # noqa: N815 Prometheus's name
    result: Any


class _Answer(Struct):
    status: str
    data: _Data | None = None
    error: str = ""
    errorType: str = ""  # noqa: N815 Prometheus's name
    warnings: list[str] = []
    infos: list[str] = []


class Refusal(Struct, frozen=True):
    """Why a question was not answered: Prometheus's type of error, and its words."""

    type: str
    error: str


def read_answer(content: bytes) -> PromqlAnswer | Refusal | None:
    """An answer's body. None where it is not of Prometheus's shape."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
        if answer.status == "error":
            return Refusal(answer.errorType, answer.error)
        return _typed(answer) if answer.data else None
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, UnicodeDecodeError):
        return None


def series_name(labels: dict[str, str]) -> str:
    """A series as PromQL writes it: ``up{instance="…"}``."""
    inner = ", ".join(f"{name}={msgspec.json.encode(value).decode()}" for name, value in sorted(labels.items()) if name != NAME)
    return labels.get(NAME, "") + (f"{{{inner}}}" if inner or NAME not in labels else "")


def _typed(answer: _Answer) -> PromqlAnswer:
    assert answer.data is not None
    kind, result = answer.data.resultType, answer.data.result
    warnings = [*answer.warnings, *answer.infos]
    if kind == "matrix":
        return PromqlAnswer(kind=kind, samples=[], series=[_series(one["metric"], one["values"]) for one in result], warnings=warnings)
    if kind == "vector":
        return PromqlAnswer(kind=kind, samples=[_sample(one["metric"], one["value"]) for one in result], series=[], warnings=warnings)
    if kind == "string":
        return PromqlAnswer(kind=kind, samples=[], series=[], text=str(result[1]), warnings=warnings)
    return PromqlAnswer(kind=kind, samples=[_sample({}, result)], series=[], warnings=warnings)


def _sample(labels: dict[str, str], pair: Sequence[Any]) -> Sample:
    return Sample(labels=labels, time_ms=round(float(pair[0]) * 1000), value=float(pair[1]))


def _series(labels: dict[str, str], pairs: Sequence[Sequence[Any]]) -> SampleSeries:
    return SampleSeries(labels=labels, times_ms=[round(float(pair[0]) * 1000) for pair in pairs], values=[float(pair[1]) for pair in pairs])
