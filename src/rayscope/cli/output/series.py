"""Series and samples as people read them: what tells them apart, their numbers with units, tables, charts with a legend."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, Final

from rayscope.cli.output.chart import PALETTE, Frame, Line, chart
from rayscope.cli.output.table import lay_out
from rayscope.cli.output.values import duration, printable, size
from rayscope.model.prometheus import NAME, Sample, SampleSeries, series_name
from rayscope.model.resources import Column

Labels = dict[str, str]

_ID: Final = re.compile(r"[0-9a-f]{28,}")
_SHORT_ID: Final = 8
_QUIET: Final = frozenset(
    {"session", "SessionName", "Version", "job", "instance", "Component", "NodeAddress", "otel_scope_name", "otel_scope_version", "otel_scope_schema_url"}
)
"""Labels that tell series apart only where nothing else does, and are not said where all share them."""

_PER_SECOND: Final = re.compile(r"\b(?:i?rate|deriv)\s*\(")
_NO_UNIT: Final = re.compile(r"/|\b(?:count|count_values|changes|resets|group|absent|present_over_time|histogram_count|stdvar)\s*(?:by|without|\(|_)")
_PREFIXES: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def telling(every: Sequence[Labels]) -> tuple[Labels, list[str]]:
    """The labels that all series share, and the names of those that tell them apart, as few as do."""
    names = sorted({name for labels in every for name in labels})
    shared = {name: every[0].get(name, "") for name in names if len({labels.get(name) for labels in every}) == 1}
    differing = [name for name in names if name not in shared]
    loud = [name for name in differing if name not in _QUIET]
    chosen = loud if len({tuple(labels.get(name) for name in loud) for labels in every}) == len(every) else differing
    return {name: value for name, value in shared.items() if name != NAME}, chosen


def label_text(name: str, value: str) -> str:
    """A label's value, an id as short as tables have it."""
    return value[:_SHORT_ID] if name != "session" and _ID.fullmatch(value) else printable(value)


def shared_text(shared: Labels) -> str:
    """The labels that all series share, in a line, without those that say little."""
    return ", ".join(f"{name}={label_text(name, value)}" for name, value in shared.items() if value and name not in _QUIET)


def number_of(text: str) -> Callable[[float], str]:
    """How the numbers of an expression are written: bytes and seconds with their units where its metrics say so and nothing divides them."""
    unit = _unit_of(text)
    rate = "/s" if _PER_SECOND.search(text) else ""
    if unit == "bytes":
        return lambda value: f"{size_text(value)}{rate}"
    if unit == "seconds" and not rate:
        return lambda value: duration(round(value * 1e9)) if math.isfinite(value) and value else short_number(value)
    return short_number


def _unit_of(text: str) -> str | None:
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"|'[^']*'", "", text)
    if _NO_UNIT.search(bare):
        return None
    words = re.findall(r"[a-zA-Z_:][\w:]*", bare)
    if any("_bytes" in word or word.startswith(("ray_node_mem_", "ray_object_store_memory", "ray_node_gram_")) for word in words):
        return "bytes"
    return "seconds" if any(word.endswith(("_seconds", "_seconds_total")) for word in words) else None


def size_text(value: float) -> str:
    """Bytes with a unit of 1024; what is no number as it is."""
    return size(round(value)) if math.isfinite(value) else short_number(value)


def short_number(value: float) -> str:
    """Three digits: ``0.123``, ``12.3k``, ``NaN``, ``+Inf``."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    for unit, name in _PREFIXES:
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}" if abs(value) / unit < 1000 else f"{value / unit:.0f}{name}"  # noqa: PLR2004 three digits
    if value and abs(value) < 1e-4:  # noqa: PLR2004 more zeros than digits
        return f"{value:.2e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004 three digits


def exact_number(value: float) -> str:
    """A value with all digits that matter."""
    return short_number(value) if not math.isfinite(value) else f"{value:.10g}"


def sample_table(samples: Sequence[Sample], number: Callable[[float], str], width: int | None) -> list[str]:
    """A table of samples, the largest first: the labels that tell them apart, and the value."""
    _, names = telling([sample.labels for sample in samples])
    columns = [Column(name=name, kind="text", level="brief", unit=_id_unit(name, samples), description="") for name in names]
    columns.append(Column(name="value", kind="text", level="brief", unit=None, description=""))
    ordered = sorted(samples, key=lambda sample: (math.isnan(sample.value), -sample.value if not math.isnan(sample.value) else 0.0))
    texts = [number(sample.value) for sample in ordered]
    room = max(len(text) for text in texts)
    rows = [{name: sample.labels.get(name) for name in names} | {"value": text.rjust(room)} for sample, text in zip(ordered, texts, strict=True)]
    return lay_out(columns, rows, width, first=(*[name for name in names if name not in _QUIET], "value")).lines


def _id_unit(name: str, samples: Sequence[Sample]) -> str | None:
    values = [sample.labels[name] for sample in samples if name in sample.labels]
    return "id" if values and all(_ID.fullmatch(value) for value in values) and name != "session" else None


def series_chart(every: Sequence[SampleSeries], frame: Frame, number: Callable[[float], str], top: int, *, coloured: bool) -> list[str]:
    """A chart of the ``top`` series with the greatest values, its legend, and how many more there are."""
    ordered = sorted(every, key=lambda one: -max((value for value in one.values if math.isfinite(value)), default=-math.inf))
    shown = ordered[:top]
    shared, names = telling([one.labels for one in every])
    lines = [Line(_name(one.labels, names), one.times_ms, one.values) for one in shown]
    text = textwrap.wrap(shared_text(shared), frame.width) if len(every) > 1 else []
    text += chart(lines, frame, number, coloured=coloured)
    text += _legend(lines, number, frame.width, coloured=coloured)
    left = len(every) - len(shown)
    return [*text, f"… {left:,} more series, with lower values"] if left else text


def _name(labels: Labels, names: Sequence[str]) -> str:
    if not names:
        return printable(series_name(labels))
    given = [(name, label_text(name, labels[name])) for name in names if labels.get(name)]
    return given[0][1] if len(names) == 1 and given else " ".join(f"{name}={value}" for name, value in given) or "{}"


def _legend(lines: Sequence[Line], number: Callable[[float], str], width: int, *, coloured: bool) -> list[str]:
    figures = [_figures(line, number) for line in lines]
    heads = ("LAST", "MIN", "MAX")
    widths = [max(len(heads[at]), *(len(figure[at]) for figure in figures)) for at in range(3)]
    room = max(width - sum(widths) - 2 * len(widths) - 2, 8)
    longest = min(max(len("SERIES"), *(len(line.name) for line in lines)), room)
    text = [f"  {'SERIES':<{longest}}  " + "  ".join(f"{head:>{size_}}" for head, size_ in zip(heads, widths, strict=True))]
    for at, (line, figure) in enumerate(zip(lines, figures, strict=True)):
        mark = f"\x1b[{PALETTE[at % len(PALETTE)]}m━\x1b[0m" if coloured else "━"
        name = line.name if len(line.name) <= longest else f"{line.name[: longest - 1]}…"
        text.append(f"{mark} {name:<{longest}}  " + "  ".join(f"{value:>{size_}}" for value, size_ in zip(figure, widths, strict=True)))
    return text


def _figures(line: Line, number: Callable[[float], str]) -> tuple[str, str, str]:
    finite = [value for value in line.values if math.isfinite(value)]
    last = number(line.values[-1]) if line.values else "-"
    return (last, number(min(finite)), number(max(finite))) if finite else (last, "-", "-")


def long_rows(every: Sequence[SampleSeries]) -> tuple[list[Column], list[dict[str, Any]]]:
    """Columns and rows for the machine-readable formats, a row a value: the labels, ``time_ms``, ``value``."""
    names = sorted({name for one in every for name in one.labels}, key=lambda name: (name != NAME, name))
    columns = [Column(name=name, kind="text", level="brief", unit=None, description="") for name in names]
    columns += [Column(name=name, kind=kind, level="brief", unit=None, description="") for name, kind in (("time_ms", "int"), ("value", "float"))]
    rows = [
        {name: one.labels.get(name) for name in names} | {"time_ms": time_ms, "value": value}
        for one in every
        for time_ms, value in zip(one.times_ms, one.values, strict=True)
    ]
    return columns, rows
