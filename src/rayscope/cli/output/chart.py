"""Charts in a terminal: lines of braille dots, an axis of values and one of times, a legend. Pure: numbers in, lines of text out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

PALETTE: Final = ("36", "33", "35", "32", "34", "31", "96", "93", "95", "92", "94", "91")
"""Colours of the lines, in their order; then again from the first."""

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE: Final = 0x2800
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_GAP_STEPS: Final = 1.5
"""A line is drawn between two values that are no further apart than so many steps: a gap stays one."""


_LARGEST: Final = 1e300
"""Beyond this a chart's arithmetic overflows."""


class Line(Struct, frozen=True):
    """One line of a chart: its name, and values at times, in order."""

    name: str
    times_ms: Sequence[int]
    values: Sequence[float]


class Frame(Struct, frozen=True, kw_only=True):
    """What a chart is of: from when to when, how far apart its values are, and how large it is in characters, axes included."""

    start_ms: int
    end_ms: int
    step_ms: int
    width: int
    height: int


def chart(lines: Sequence[Line], frame: Frame, number: Callable[[float], str], *, coloured: bool) -> list[str]:
    """The lines of text of a chart. Values that are no numbers are gaps; one that is infinite is drawn nowhere."""
    low, high = bounds([value for line in lines for value in line.values])
    rows = max(frame.height - 2, 1)
    ticks = [number(high - (high - low) * row / max(rows - 1, 1)) if _has_tick(row, rows) else "" for row in range(rows)]
    margin = max(len(tick) for tick in ticks)
    columns = max(frame.width - margin - 2, 2)
    canvas = _Canvas(columns, rows)
    for at, line in enumerate(lines):
        _draw(canvas, line, frame, (low, high), at)
    body = [f"{tick:>{margin}} {'┤' if tick else '│'}{canvas.row(row, coloured=coloured)}" for row, tick in enumerate(ticks)]
    return [*(line.rstrip() for line in body), " " * (margin + 1) + "└" + "─" * columns, " " * (margin + 2) + _times(frame, columns)]


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest of an axis that holds them: from 0, unless they are far from it."""
    finite = [value for value in values if abs(value) < _LARGEST]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if 0 <= low < high / 2 or low == high > 0:
        low = 0.0
    elif low == high:
        low, high = low - 1, high + 1
    return low, _rounded_up(high) if low == 0 else high


def sparkline(values: Sequence[float], width: int, high: float | None = None) -> str:
    """The last ``width`` values as blocks, from 0 to ``high`` (without it the greatest); what is no number is a gap."""
    shown = list(values)[-width:]
    top = high if high is not None else max((value for value in shown if math.isfinite(value)), default=0.0)
    text = "".join(_block(value / top if top > 0 else 0.0) if math.isfinite(value) else " " for value in shown)
    return text.rjust(width)


def bar(share: float, width: int) -> str:
    """A bar of so many characters, filled to a share between 0 and 1, to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8) if math.isfinite(share) else 0
    full, rest = divmod(eighths, 8)
    return ("█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")).ljust(width)


def _block(share: float) -> str:
    return _BLOCKS[min(max(math.ceil(share * 8), 1 if share >= 0 else 0), 8)]


def _rounded_up(high: float) -> float:
    """The next number of one or two digits."""
    if high <= 0:
        return high
    unit: float = 10.0 ** math.floor(math.log10(high)) / 2
    return math.ceil(high / unit - 1e-9) * unit


def _has_tick(row: int, rows: int) -> bool:
    return row in {0, rows - 1} or (rows >= 8 and row == (rows - 1) // 2)  # noqa: PLR2004 room for one between


class _Canvas:
    """Cells of two by four dots, each in the colour of the line that was drawn in it last."""

    def __init__(self, columns: int, rows: int) -> None:
        self.width, self.height = columns * 2, rows * 4
        self._cells = [[0] * columns for _ in range(rows)]
        self._lines = [[0] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, line: int) -> None:
        """Set a dot; y counts from above."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            self._lines[y // 4][x // 2] = line

    def line(self, start: tuple[int, int], end: tuple[int, int], line: int) -> None:
        """Set the dots between two."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for at in range(steps + 1):
            self.dot(round(start[0] + (end[0] - start[0]) * at / steps), round(start[1] + (end[1] - start[1]) * at / steps), line)

    def row(self, row: int, *, coloured: bool) -> str:
        """One row of characters."""
        text, last = [], None
        for cell, line in zip(self._cells[row], self._lines[row], strict=True):
            colour = PALETTE[line % len(PALETTE)] if coloured and cell else None
            if colour != last:
                text.append(f"\x1b[{colour}m" if colour else "\x1b[0m")
                last = colour
            text.append(chr(_BRAILLE + cell) if cell else " ")
        return "".join(text) + ("\x1b[0m" if last else "")


def _draw(canvas: _Canvas, line: Line, frame: Frame, axis: tuple[float, float], at: int) -> None:
    low, high = axis
    before: tuple[int, int, int] | None = None
    for time_ms, value in zip(line.times_ms, line.values, strict=True):
        if not abs(value) < _LARGEST:
            before = None
            continue
        x = round((time_ms - frame.start_ms) / max(frame.end_ms - frame.start_ms, 1) * (canvas.width - 1))
        y = round((high - value) / ((high - low) or 1.0) * (canvas.height - 1))
        if before is not None and time_ms - before[2] <= frame.step_ms * _GAP_STEPS:
            canvas.line(before[:2], (x, y), at)
        else:
            canvas.dot(x, y, at)
        before = (x, y, time_ms)


def _times(frame: Frame, columns: int) -> str:
    """The start, the middle and the end of the axis of times, as far as there is room."""
    from datetime import UTC, datetime

    long = frame.end_ms - frame.start_ms >= 86_400_000  # noqa: PLR2004 a day
    texts = [
        datetime.fromtimestamp(moment / 1000, UTC).strftime("%m-%d %H:%M" if long else "%H:%M:%S")
        for moment in (frame.start_ms, (frame.start_ms + frame.end_ms) // 2, frame.end_ms)
    ]
    if columns < len(texts[0]) + len(texts[2]) + 1:
        return texts[0][:columns]
    if columns < sum(len(text) for text in texts) + 4:
        return texts[0] + " " * max(columns - 2 * len(texts[0]), 1) + texts[2]
    left = (columns - len(texts[1])) // 2 - len(texts[0])
    right = columns - len(texts[0]) - left - len(texts[1]) - len(texts[2])
    return texts[0] + " " * left + texts[1] + " " * right + texts[2]
