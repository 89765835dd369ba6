"""Metrics as a list in a terminal: names whole, since the next question needs them; what they say of themselves as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rayscope.cli.output.values import printable
from rayscope.model.metric_answers import Metric

_HELP: Final = 24
"""Characters that are kept for the help: a longer name gets a line of its own."""


def metric_lines(metrics: Sequence[Metric], width: int | None) -> list[str]:
    """A heading and a line a metric, in ``width`` characters; with None nothing is cut."""
    kinds = max(len("TYPE"), *(len(metric.type) for metric in metrics))
    counts = max(len("SERIES"), *(len(f"{metric.series:,}") for metric in metrics))
    names = max(len("NAME"), *(len(metric.name) for metric in metrics))
    if width is not None:
        names = min(names, max(width - kinds - counts - _HELP - 6, 20))
    lines = [f"{'NAME':<{names}}  {'TYPE':<{kinds}}  {'SERIES':>{counts}}  HELP"]
    for metric in metrics:
        rest = f"  {metric.type:<{kinds}}  {metric.series:>{counts},}  {printable(metric.help)}"
        lines += [f"{metric.name:<{names}}{rest}"] if len(metric.name) <= names else [metric.name, " " * names + rest]
    return [line.rstrip() if width is None or len(line) <= width else f"{line[: width - 1].rstrip()}…" for line in lines]
