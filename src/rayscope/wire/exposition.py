"""Metric families as pages: Prometheus's text format 0.0.4 and OpenMetrics 1.0.

Sources: prometheus.io/docs/instrumenting/exposition_formats and prometheus.io/docs/specs/om/open_metrics_spec. Reading pages is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

TEXT_TYPE: Final = "text/plain; version=0.0.4"  # the web framework adds the charset
OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = ("text/plain", "text/*", "*/*")
_LABEL_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_UNTYPED: Final = {"unknown": "untyped", "info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "": "untyped"}


class Sample(Struct, frozen=True):
    """One value of a family. ``suffix``: what its name has beyond the family's (``_total``, ``_bucket``). ``time_ms``: None for now."""

    value: float
    labels: Mapping[str, str] = {}
    suffix: str = ""
    time_ms: int | None = None


class Metric(Struct, frozen=True):
    """A family with its samples. ``type`` is counter, gauge, histogram, summary or unknown; a counter's name is without ``_total``."""

    name: str
    type: str
    help: str = ""
    samples: tuple[Sample, ...] = ()
    unit: str = ""


def is_openmetrics_wanted(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics to plain text."""
    ranked = dict(_ranked(accept))
    return ranked.get(_OPENMETRICS, 0.0) > max((ranked.get(kind, 0.0) for kind in _TEXT), default=0.0) or (
        0.0 < ranked.get(_OPENMETRICS, 0.0) == ranked.get("*/*", 0.0)
    )


def text_page(metrics: Iterable[Metric]) -> str:
    """The page in Prometheus's text format."""
    return "".join(line for metric in metrics if metric.samples for line in _text_lines(metric))


def openmetrics_page(metrics: Iterable[Metric]) -> str:
    """The page in OpenMetrics."""
    return "".join(line for metric in metrics if metric.samples for line in _openmetrics_lines(metric)) + "# EOF\n"


def number(value: float) -> str:
    """A value as both formats write it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    return text if text == "-0.0" else text.removesuffix(".0")  # some readers take -0 for a whole number, which has no sign


def _ranked(accept: str) -> Iterator[tuple[str, float]]:
    """Each media type of an Accept header with its weight."""
    for part in accept.split(","):
        kind, *parameters = [piece.strip() for piece in part.split(";")]
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        try:
            yield kind.lower(), float(weights[0]) if weights else 1.0
        except ValueError:
            yield kind.lower(), 0.0


def _text_lines(metric: Metric) -> Iterator[str]:
    name = metric.name + metric.samples[0].suffix if metric.type == "counter" else metric.name
    if metric.help:
        yield f"# HELP {name} {metric.help.translate(_HELP_ESCAPES)}\n"
    yield f"# TYPE {name} {_UNTYPED.get(metric.type, metric.type)}\n"
    yield from _sample_lines(metric, str)


def _openmetrics_lines(metric: Metric) -> Iterator[str]:
    yield f"# TYPE {metric.name} {metric.type or 'unknown'}\n"
    if metric.unit:
        yield f"# UNIT {metric.name} {metric.unit}\n"
    if metric.help:
        yield f"# HELP {metric.name} {metric.help.translate(_LABEL_ESCAPES)}\n"
    yield from _sample_lines(metric, lambda time_ms: f"{time_ms / 1000:.3f}")


def _sample_lines(metric: Metric, stamp: Callable[[int], str]) -> Iterator[str]:
    for sample in metric.samples:
        ending = "" if sample.time_ms is None else f" {stamp(sample.time_ms)}"
        yield f"{metric.name}{sample.suffix}{_label_text(sample.labels)} {number(sample.value)}{ending}\n"


def _label_text(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_LABEL_ESCAPES)}"' for name, value in labels.items()) + "}"
