"""Who printed a line: what is certain is said, what is not is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.query.logs.attribution import Printers, Spans
from rayscope.store.logs.memory import Attribution, Hooks
from rayscope.store.logs.questions import People, Range

OUTPUT = (1, "w", "out")
A, B = "aa" * 24, "bb" * 24


def printers(ranges: list[tuple[int, int | None, str]] = [], marks: list[tuple[int, int, str]] = [], *, actor: bool = False) -> Printers:  # noqa: B006 never changed
    """Ranges as Ray reports them, and marks of hooks, of one output. Without marks there are no hooks."""
    people = People(
        [Attribution(*OUTPUT, start, end, task, 0) for start, end, task in marks],
        [Range(*OUTPUT, start, end, task, 0) for start, end, task in ranges],
        {(1, "w"): {"actor_id": "a"}} if actor else {},
        {},
    )
    return Printers(people, Hooks([], {OUTPUT[:2]: 0} if marks else {}))


def test_a_range_tells_its_printer() -> None:
    """From its beginning to before its end; nothing outside."""
    found = printers([(10, 20, A), (30, None, B)])
    assert [found.of(OUTPUT, offset) for offset in (9, 10, 19, 20, 30, 10**9)] == [None, (A, 0), (A, 0), None, (B, 0), (B, 0)]


def test_two_ranges_tell_nothing() -> None:
    """Where both hold the line; elsewhere each its own."""
    found = printers([(0, 20, A), (10, 30, B)])
    assert [found.of(OUTPUT, offset) for offset in (5, 15, 25)] == [(A, 0), None, (B, 0)]


def test_where_there_are_hooks_they_decide() -> None:
    """What they do not name is nobody's, though Ray's range of a task holds it: a thread of the worker's own printed it, on either stream."""
    found = printers([(0, 100, A)], [(10, 20, B)])
    assert [found.of(OUTPUT, offset) for offset in (5, 15, 25)] == [None, (B, 0), None]
    people = People([], [Range(1, "w", "err", 0, 100, A, 0)], {}, {})
    assert Printers(people, Hooks([], {(1, "w"): 0})).of((1, "w", "err"), 5) is None
    assert Printers(people, Hooks([], {(1, "another"): 0})).of((1, "w", "err"), 5) == (A, 0)


def test_other_outputs_are_others() -> None:
    """Of the same worker, too."""
    assert printers([(0, 100, A)]).of((1, "w", "err"), 5) is None


@pytest.mark.parametrize(
    ("line", "offset", "found", "is_rays"),
    [
        (b":task_name:f", 0, printers([(13, 50, A)]), True),  # right before a range
        (b":task_name:f", 20, printers([(13, 50, A)]), False),  # inside of one
        (b":task_name:f", 60, printers([(13, 50, A)]), True),  # behind all: the next task's
        (b":task_name:f", 60, printers([(13, 50, A), (200, 300, B)]), False),  # between two, right before neither
        (b":task_name:f", 20, printers(marks=[(10, 50, A)]), False),  # inside of a mark
        (b":task_name:f", 60, printers(actor=True), False),  # actors' methods have none
        (b":actor_name:A", 17, printers(actor=True), True),
        (b":job_id:01000000", 0, printers(), True),
        (b":job_id:01000000", 90_000, printers(), False),  # not at the head of the file
        (b"x:task_name:f", 0, printers(), False),
    ],
)
def test_markers_of_ray_stand_between_tasks(line: bytes, offset: int, found: Printers, is_rays: bool) -> None:
    """A user's that look the same do not."""
    assert found.is_rays(OUTPUT, offset, line) == is_rays


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.sampled_from("abc")), max_size=12), st.integers(0, 80))
def test_spans_hold_what_a_scan_would_find(found: list[tuple[int, int, str]], offset: int) -> None:
    """However they lie over each other."""
    spans = Spans((start, start + size, (name, 0)) for start, size, name in found)
    assert spans.holding(offset) == {(name, 0) for start, size, name in found if start <= offset < start + size}
