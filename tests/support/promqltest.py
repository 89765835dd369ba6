"""Files of queries in the manner of Prometheus's promqltest: `load`, `eval`, what comes of it, `clear`. docs/promql.md shows the format.

load 5m
requests{node="a"} 0+10x10
requests{node="b"} 0+20x5 stale _ 7

eval instant at 50m sum(requests)
{} 107

eval range from 0 to 10m step 5m requests{node="a"}
requests{node="a"} 0 10 20

eval_ordered instant at 50m sort_desc(requests)
eval_fail instant at 0 requests * requests
expected_fail_message many-to-many
eval_warn instant at 0 histogram_quantile(2, x)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from rayscope.model.metrics import NAME, Labels, Matcher
from rayscope.query.metrics.frames import ABSENT, STALE, Frame, is_absent
from rayscope.query.promql.parse import parse_duration

_SERIES = re.compile(r"([^\s{]*)(\{.*?\})?\s+(.*)$")
_LABEL = re.compile(r'(\w+)\s*=\s*"((?:\\.|[^"\\])*)"')
_RUN = re.compile(r"(.+?)([+-](?:\d|\.|[Ii]nf|e)+?)?x(\d+)$")
_INSTANT = re.compile(r"(eval\w*) instant at (\S+) (.*)$")
_RANGE = re.compile(r"(eval\w*) range from (\S+) to (\S+) step (\S+) (.*)$")


class MemoryMetrics:
    """Frames in memory, asked as the store is."""

    def __init__(self, frames: Sequence[Frame] = ()) -> None:
        self.frames = list(frames)

    def select(self, _session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, **_: int) -> list[Frame]:
        found = []
        for frame in self.frames:
            rows = [row for row, labels in enumerate(frame.labels) if all(fits(matcher, labels) for matcher in matchers)]
            columns = slice(*np.searchsorted(frame.times, [start_ms, end_ms + 1]).tolist())
            values = frame.values[rows, columns]
            kept = ~is_absent(np.ascontiguousarray(values)).all(axis=1) if values.size else np.zeros(len(rows), np.bool_)
            if kept.any():
                labels = [frame.labels[row] for row, keep in zip(rows, kept, strict=True) if keep]
                found.append(Frame(labels, frame.times[columns], values[kept]))
        return found

    def select_each(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, **_: int) -> Iterator[Frame]:
        yield from self.select(session, matchers, start_ms, end_ms)

    def select_sums(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, **_: object) -> list[Frame]:
        return self.select(session, matchers, start_ms, end_ms)


def fits(matcher: Matcher, labels: Labels) -> bool:
    """Whether a series has what is asked."""
    value = labels.get(matcher.name, "")
    same = value == matcher.value if matcher.op in {"=", "!="} else re.fullmatch(matcher.value, value) is not None
    return same != matcher.op.startswith("!")


class Case(Struct, kw_only=True):
    """One `eval`: `words` is it, `expected` its lines."""

    where: str
    kind: str
    text: str
    start_ms: int
    end_ms: int
    step_ms: int
    expected: list[str]
    frames: list[Frame]


def duration(text: str) -> int:
    """Milliseconds of `5m`, `-1h`, or of a number of seconds."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    if re.fullmatch(r"[\d.]+", text):
        return sign * round(float(text) * 1000)
    return sign * parse_duration(text)


def cases(path: Path) -> Iterator[Case]:
    """All evaluations of a file."""
    frames: list[Frame] = []
    blocks = _blocks(path.read_text())
    for line, head, body in blocks:
        if head == "clear":
            frames = []
        elif head.startswith("load "):
            frames = [*frames, *load(duration(head.split()[1]), body)]
        elif found := _INSTANT.match(head):
            at = duration(found[2])
            yield Case(where=f"{path.name}:{line}", kind=found[1], text=found[3], start_ms=at, end_ms=at, step_ms=0, expected=body, frames=frames)
        elif found := _RANGE.match(head):
            start, end, step = (duration(found[i]) for i in (2, 3, 4))
            yield Case(where=f"{path.name}:{line}", kind=found[1], text=found[5], start_ms=start, end_ms=end, step_ms=step, expected=body, frames=frames)
        else:
            raise ValueError(f"{path.name}:{line}: {head!r} is no command")


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, head, indented lines) of every command."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.lstrip().startswith("#")]
    heads = [i for i, (_, line) in enumerate(lines) if not line[0].isspace()]
    for i, after in zip(heads, [*heads[1:], len(lines)], strict=True):
        yield lines[i][0], lines[i][1].strip(), [line.strip() for _, line in lines[i + 1 : after]]


def load(interval_ms: int, lines: Sequence[str]) -> list[Frame]:
    """The first half of the series in one frame, the others in frames of their own: both are the same to a question."""
    parsed = [(labels, expand(text)) for labels, text in map(series, lines)]
    longest = max(len(values) for _, values in parsed)
    times = np.arange(longest, dtype=np.int64) * interval_ms
    shared = parsed[: (len(parsed) + 1) // 2]
    rows = np.full((len(shared), longest), ABSENT)
    for row, (_, values) in enumerate(shared):
        rows[row, : len(values)] = values
    alone = [Frame([labels], times[: len(values)], values[None, :]) for labels, values in parsed[len(shared) :]]
    return [Frame([labels for labels, _ in shared], times, rows), *alone]


def series(line: str) -> tuple[Labels, str]:
    """Labels, and the rest of a line."""
    found = _SERIES.match(line)
    if found is None:
        raise ValueError(f"no series: {line!r}")
    labels = {name: value.encode().decode("unicode_escape") if "\\" in value else value for name, value in _LABEL.findall(found[2] or "")}
    if found[1]:
        labels[NAME] = found[1]
    return labels, found[3]


def expand(text: str) -> np.ndarray:
    """`1 _ 0+2x3 stale`: values, ABSENT for `_`. ``a+bxn`` is n + 1 numbers, ``axn`` as many, ``_xn`` n gaps."""
    out: list[np.float64] = []
    for word in text.split():
        run = _RUN.match(word)
        if run is None:
            out.append(_number(word))
        elif run[1] == "_":
            out += [ABSENT] * int(run[3])
        else:
            first, step = _number(run[1]), np.float64(run[2] or 0)
            out += [first + step * i for i in range(int(run[3]) + 1)]
    return np.array(out, np.float64)


def _number(word: str) -> np.float64:
    return ABSENT if word == "_" else STALE if word == "stale" else np.float64(word.replace("Inf", "inf"))
