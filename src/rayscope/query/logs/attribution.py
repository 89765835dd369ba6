"""Who printed a line. In a worker with hooks, the task of the mark that covers it; in others, the only attempt whose own range holds it; else nobody knows.

What is known is right: where two could have printed it, none is named. A mark that is missing says something, too: what a thread of nobody's prints while a
task runs stands in the range that Ray reports for the task, and hooks leave it out.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from rayscope.ray.log_lines import is_marker
from rayscope.store.logs.memory import Attribution, Hooks
from rayscope.store.logs.questions import People, Range, Window

Output = tuple[int, str, str]
"""Session number, worker id, stream."""
Printer = tuple[str, int]
"""Task id and attempt."""

_FOR_EVER: Final = 2**62


class Spans:
    """The ranges of one output: which of them hold an offset."""

    def __init__(self, spans: Iterable[tuple[int, int, Printer]]) -> None:
        self._spans = sorted(spans)
        self._starts = [start for start, _, _ in self._spans]
        self._reach: list[int] = []
        for _, end, _ in self._spans:
            self._reach.append(max(end, self._reach[-1] if self._reach else 0))

    def holding(self, offset: int) -> set[Printer]:
        """The printers whose ranges hold an offset."""
        found: set[Printer] = set()
        at = bisect.bisect_right(self._starts, offset) - 1
        while at >= 0 and self._reach[at] > offset:
            _, end, printer = self._spans[at]
            if end > offset:
                found.add(printer)
            at -= 1
        return found

    def begins_at(self, offset: int) -> bool:
        """Whether a range begins there."""
        at = bisect.bisect_left(self._starts, offset)
        return at < len(self._starts) and self._starts[at] == offset

    def begins_after(self, offset: int) -> bool:
        """Whether a range begins behind it."""
        return bool(self._starts) and self._starts[-1] > offset


class Printers:
    """Marks and ranges of some outputs, ready to be asked."""

    def __init__(self, people: People, hooks: Hooks) -> None:
        """``hooks``: marks that are not in the database yet, and the workers that have hooks."""
        self.people = people
        self._hooked = hooks.left_out
        self._marks = _grouped([*people.marks, *hooks.marks])
        self._ranges = _grouped(people.ranges)

    def of(self, output: Output, offset: int) -> Printer | None:
        """Who printed the line that begins there, if that is certain."""
        spans = (self._marks if output[:2] in self._hooked else self._ranges).get(output)
        found = spans.holding(offset) if spans else ()
        return next(iter(found)) if len(found) == 1 else None

    def is_rays(self, output: Output, offset: int, line: bytes) -> bool:
        """Whether a line of a worker's output is one that Ray itself prints between tasks, and no user's that looks the same.

        Ray's stand outside of every task: those of the job and of an actor at the head of the file, that of a task right
        before its range.
        """
        if not is_marker(line):
            return False
        marks, ranges = self._marks.get(output), self._ranges.get(output)
        if any(spans.holding(offset) for spans in (marks, ranges) if spans):
            return False
        if line.startswith(b":task_name:"):
            behind = offset + len(line) + 1
            if ranges is None or ranges.begins_at(behind):
                return output[:2] not in self.people.actors
            return not ranges.begins_after(behind)
        return offset < _HEAD_BYTES or line.startswith(b":actor_name:")


_HEAD_BYTES: Final = 4096


def _grouped(found: Sequence[Attribution] | Sequence[Range]) -> dict[Output, Spans]:
    groups: defaultdict[Output, list[tuple[int, int, Printer]]] = defaultdict(list)
    for one in found:
        end = _FOR_EVER if one.end is None else one.end
        groups[one.session_no, one.worker_id, one.stream].append((one.start, end, (one.task_id, one.attempt)))
    return {output: Spans(spans) for output, spans in groups.items()}


class Place(Struct, frozen=True):
    """Where a line of a worker's output begins."""

    output: Output
    offset: int


def windows_of(places: Iterable[Place]) -> list[Window]:
    """The least window of each output that holds all its places."""
    spans: dict[Output, tuple[int, int]] = {}
    for place in places:
        first, last = spans.get(place.output, (place.offset, place.offset))
        spans[place.output] = (min(first, place.offset), max(last, place.offset))
    return [Window(*output, first, last + _MARKER_ROOM) for output, (first, last) in spans.items()]


_MARKER_ROOM: Final = 4096
"""A marker line is told by what begins behind it."""
