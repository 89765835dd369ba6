"""Attempts that are told whole go to the cold table at once, and any later word on them still finds them there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support import events as ev
from support.events import at
from support.ids import task_id
from support.recording import Recording


def places(recording: Recording) -> tuple[int, int]:
    """How many attempts are hot, and how many cold."""
    return recording.counted("SELECT count(*) FROM attempt_hot"), recording.counted("SELECT count(*) FROM attempt_cold")


def test_what_is_told_whole_is_appended(recording: Recording) -> None:
    """Only what lacks a word waits in the hot table."""
    whole = ev.whole_task(task_id(1), start=at(1), end=at(2))
    recording.post([*whole, *ev.whole_task(task_id(2), start=at(1), end=at(2))[:-1]])
    assert places(recording) == (1, 1)
    assert sorted(row["state"] for row in recording.rows("tasks")) == ["FINISHED", "RUNNING"]


def test_the_last_missing_word_moves_it(recording: Recording) -> None:
    """An attempt that lacked its end goes over with it, and is there once."""
    *begun, end = ev.whole_task(task_id(1), start=at(1), end=at(2))
    recording.post(begun, [end])
    assert places(recording) == (0, 1)
    assert [row["end_ns"] for row in recording.rows("tasks")] == [at(2)]


def test_a_repeat_leaves_one_row(recording: Recording) -> None:
    """A batch that is sent again finds what it made, also in the middle of newer ones."""
    first, second = (ev.whole_task(task_id(number), start=at(number), end=at(number + 1)) for number in (1, 2))
    recording.post(first, second, first)
    assert places(recording) == (0, 2)


def test_a_word_of_a_later_time_finds_it(recording: Recording) -> None:
    """Within the grace a late word is known by its attempt, not by the time it speaks of."""
    recording.post(ev.whole_task(task_id(1), start=at(1), end=at(2)), [ev.task_lifecycle(task_id(1), {"FAILED": at(900)}, **ev.error())])
    assert [(row["state"], row["end_ns"]) for row in recording.rows("tasks")] == [("FAILED", at(900))]
    assert sum(places(recording)) == 1


def test_a_late_word_after_a_restart_finds_it(open_recording: Callable[[Path], Recording], tmp_path: Path) -> None:
    """What was appended is found by its time when the server that appended it is gone."""
    recording = open_recording(tmp_path)
    recording.post(ev.whole_task(task_id(1), start=at(1), end=at(2)))
    recording.close()
    again = open_recording(tmp_path)
    again.post([ev.task_lifecycle(task_id(1), {"RUNNING_IN_RAY_GET": at(1.5)})])
    assert sum(places(again)) == 1
    assert again.rows("tasks")[0]["state_times_ns"]["RUNNING_IN_RAY_GET"] == at(1.5)


def test_equal_64_bit_keys_do_not_mix(recording: Recording) -> None:
    """Two sessions have equal task ids, hence equal keys: each word finds its own."""
    for session in ("one", "two"):
        recording.post(ev.whole_task(task_id(1), start=at(1), end=at(2), session=session))
    recording.post([ev.task_lifecycle(task_id(1), {"FAILED": at(3)}, session="two", **ev.error())])
    assert {session: recording.rows("tasks", session)[0]["state"] for session in ("one", "two")} == {"one": "FINISHED", "two": "FAILED"}
