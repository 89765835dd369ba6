"""What names and bytes of logs tell by themselves: sources, lines, times, levels, marker lines, words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.cli.output.lines import harmless
from rayscope.ray.log_lines import LEVELS, Mark, is_marker, level_mask, level_of, read_lines, without_blank_end
from rayscope.ray.log_names import LogName, read_log_name
from rayscope.ray.log_times import LONG_AGO, tells_times
from rayscope.ray.secrets import redact_bytes
from rayscope.store.logs.memory import Arrival, cut, stretches
from rayscope.store.logs.tokens import hash_words, make_filter, may_hold, probes_of

WORKER = "0a" * 28
SEEN = 1_795_600_000_000_000_000


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"worker-{WORKER}-01000000-402.out", LogName(source="worker", stream="out", worker_id=WORKER, job_id="01000000", pid=402)),
        (f"worker-{WORKER}-ffffffff-402.err", LogName(source="worker", stream="err", worker_id=WORKER, pid=402)),
        (f"old/worker-{WORKER}-01000000-402.out.2", LogName(source="worker", stream="out", worker_id=WORKER, job_id="01000000", pid=402)),
        (f"python-core-worker-{WORKER}_402.log", LogName(source="worker", stream="log", worker_id=WORKER, pid=402)),
        (f"python-core-driver-01000000{'f' * 48}_22.log", LogName(source="driver", stream="log", worker_id=f"01000000{'f' * 48}", pid=22)),
        ("driver-01000000.out", LogName(source="driver", stream="out", job_id="01000000")),
        ("job-driver-raysubmit_x.log", LogName(source="driver", stream="out", submission_id="raysubmit_x")),
        ("raylet.out", LogName(source="raylet", stream="out")),
        ("raylet.1.err", LogName(source="raylet", stream="err")),
        ("gcs_server.out", LogName(source="gcs", stream="out")),
        ("dashboard_JobHead.log", LogName(source="dashboard")),
        ("dashboard_agent.log", LogName(source="agent")),
        ("log_monitor.err", LogName(source="agent", stream="err")),
        ("runtime_env_agent.log.3", LogName(source="runtime_env")),
        ("runtime_env_setup-01000000.log", LogName(source="runtime_env")),
        ("monitor.out", LogName(source="autoscaler", stream="out")),
        ("events/event_GCS.log", LogName(source="event")),
        ("debug_state.txt", LogName(source="other")),
        (f"rayscope/marks-{WORKER}-402.log", LogName(source="marks", worker_id=WORKER, pid=402)),
        ("rayscope/crash-x.jsonl", LogName(source="hook")),
    ],
)
def test_names_tell_their_source(path: str, name: LogName) -> None:
    """Ray's own names, rotated and moved ones, and ours."""
    assert read_log_name(path) == name


@given(st.text(max_size=80))
def test_any_name_has_a_source(path: str) -> None:
    """Whoever puts a file there."""
    assert read_log_name(path).source


def ns(text: str) -> int:
    """UTC nanoseconds of an ISO time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1000


@pytest.mark.parametrize(
    ("line", "time_ns"),
    [
        ("2026-11-24 21:00:00,123 INFO x", ns("2026-11-24T21:00:00.123")),
        ("2026-11-24 21:00:00,123\tINFO x", ns("2026-11-24T21:00:00.123")),
        ("[2026-11-24 21:00:00,123 I 1 1] (raylet) x", ns("2026-11-24T21:00:00.123")),
        ("2026-11-24T21:00:00.123456789Z x", ns("2026-11-24T21:00:00.123456") + 789),
        ("2026-11-24T21:00:00+02:00 x", ns("2026-11-24T19:00:00")),
        ("2026-11-24 21:00:00.5-0130 x", ns("2026-11-24T22:30:00.5")),
        ("2026-11-24 21:00:00", ns("2026-11-24T21:00:00")),
        ("\x1b[36m2026-11-24 21:00:00\x1b[0m x", ns("2026-11-24T21:00:00")),
        ('{"asctime": "2026-11-24 21:00:00,123", "levelname": "INFO"}', ns("2026-11-24T21:00:00.123")),
        ('{"a": 1, "timestamp_ns": 1795554000123456789}', 1795554000123456789),
        ("2024-02-29 00:00:00 x", ns("2024-02-29T00:00:00")),
        ("2026-13-24 21:00:00 x", SEEN),
        ("2026-11-24 29:00:00 x", SEEN),
        ("2026-11-24 21:00 x", SEEN),
        ("x 2026-11-24 21:00:00", SEEN),
        ("", SEEN),
        ("{", SEEN),
        ("\x1b[", SEEN),
    ],
)
def test_times_of_lines(line: str, time_ns: int) -> None:
    """Where a line begins with one; else when it was seen."""
    data = line.encode() + b"\nnext\n"
    lines = read_lines(data, (Mark(0, SEEN, 1),), LONG_AGO, 0)
    assert int(lines.keys[0]) == time_ns
    assert bool(lines.stamped[0]) == (time_ns != SEEN)
    assert tells_times(data) or time_ns == SEEN


def test_local_times_are_those_of_the_node() -> None:
    """An hour ahead of UTC."""
    lines = read_lines(b"2026-11-24 21:00:00 x\n2026-11-24 21:00:00Z\n", (Mark(0, SEEN, 1),), LONG_AGO, 3600)
    assert int(lines.keys[0]) == ns("2026-11-24T20:00:00")
    assert int(lines.keys[1]) == ns("2026-11-24T21:00:00")


@given(st.binary(max_size=400), st.lists(st.integers(0, 399), max_size=4))
def test_any_bytes_have_lines(data: bytes, cuts: list[int]) -> None:
    """As many as splitting gives, with keys that never fall."""
    marks = tuple(Mark(at, SEEN + number, number) for number, at in enumerate(sorted({0, *(cut for cut in cuts if cut < len(data))})))
    lines = read_lines(data, marks, LONG_AGO, 0)
    wanted = data.split(b"\n")
    wanted = wanted[:-1] if wanted[-1] == b"" else wanted
    assert [data[start:end] for start, end in zip(lines.starts, lines.ends, strict=True)] == wanted
    keys = lines.keys.tolist()
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"[2026-11-24 21:00:00,123 W 1 1] (raylet) x", "WARNING"),
        (b"[2026-11-24 21:00:00,123 C 1 1] x", "FATAL"),
        (b"2026-11-24 21:00:00,123\tINFO x", "INFO"),
        (b"ERROR:root:boom", "ERROR"),
        (b'{"levelname": "warning"}', "WARNING"),
        (b"CRITICAL - x", "FATAL"),
        (b"an INFORMATION", None),
        (b"ValueError: x", None),
        (b"", None),
    ],
)
def test_levels_of_lines(line: bytes, level: str | None) -> None:
    """Where a line tells one; and the mask of its piece has it."""
    found = level_of(line)
    assert (LEVELS[found] if found is not None else None) == level
    assert found is None or level_mask(line) >> found & 1


@pytest.mark.parametrize(
    ("line", "is_one"), [(b":task_name:f", True), (b":job_id:01", True), (b":actor_name:A", True), (b" :task_name:f", False), (b":x:", False)]
)
def test_marker_lines(line: bytes, is_one: bool) -> None:
    """Their form."""
    assert is_marker(line) == is_one


@given(st.binary(max_size=600))
def test_masks_keep_the_length(data: bytes) -> None:
    """Whatever is masked; and masking again masks nothing."""
    masked, _ = redact_bytes(data)
    assert len(masked) == len(data)
    assert redact_bytes(masked) == (masked, 0)


@given(st.lists(st.text("aB9_é -", max_size=12), max_size=12))
def test_a_filter_never_denies_a_word_that_is_there(words: list[str]) -> None:
    """Runs of letters and digits, in any case."""
    data = "\n".join(words).encode()
    filter_ = make_filter([hash_words(data)])
    runs = [run for run in data.replace(b"_", b" ").replace(b"-", b" ").split() if run]
    assert all(may_hold(filter_, probes_of(run)) for run in runs)


def test_a_filter_denies_most_others() -> None:
    """At most one in twenty wrong."""
    filter_ = make_filter([hash_words(b" ".join(b"%x" % (number * 7919) for number in range(20_000)))])
    wrong = sum(may_hold(filter_, probes_of(b"absent%d" % number)) for number in range(1000))
    assert wrong < 50


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=10), text=st.binary(min_size=1, max_size=50), most=st.integers(1, 64))
def test_pieces_put_together_are_the_stretch(sizes: list[int], text: bytes, most: int) -> None:
    """With every byte under the mark of its arrival."""
    data = (text * 40)[: sum(sizes)]
    arrivals, at = [], 0
    for number, size in enumerate(sizes):
        if part := data[at : at + size]:
            arrivals.append(Arrival(number, 1, at, part, number, stamped=False))
        at += size
    (stretch,) = stretches(arrivals)
    cuts = cut(stretch, most)
    assert b"".join(stretch.data[part.start : part.end] for part in cuts) == data
    assert all(part.marks[0].at == 0 for part in cuts)
    for part in cuts:
        for place in range(part.start, part.end):
            mark = [mark for mark in part.marks if mark.at <= place - part.start][-1]
            arrival = next(arrival for arrival in arrivals if arrival.start <= place < arrival.end)
            assert mark.seq == arrival.seq


@pytest.mark.parametrize(
    ("text", "plain", "coloured"),
    [
        ("a\x1b[31mred\x1b[0m", "ared", "a\x1b[31mred\x1b[0m\x1b[0m"),
        ("\x1b[2Jgone\x07", "␛[2Jgone␇", "␛[2Jgone␇"),
        ("50%\r100%\r", "50%␍100%", "50%␍100%"),
        ("tab\there", "tab\there", "tab\there"),
        ("\x1b]0;title\x07", "␛]0;title␇", "␛]0;title␇"),
        ("\x9b31m\0", "�31m␀", "�31m␀"),
    ],
)
def test_nothing_but_colour_reaches_the_terminal(text: str, plain: str, coloured: str) -> None:
    """Control characters become symbols."""
    assert harmless(text, coloured=False) == plain
    assert harmless(text, coloured=True) == coloured


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", b""),
        (b"a\n", b"a\n"),
        (b"a\nb", b"a\nb"),
        (b"a\n\x1b[0m", b"a\n"),
        (b"\x1b[0m\t\x1b[?25h", b""),
        (b"a\n \x1b[0", b"a\n \x1b[0"),
        (b"a\n\x1b[0mb", b"a\n\x1b[0mb"),
        (b"\n\x1b[0m\n", b"\n\x1b[0m\n"),
    ],
)
def test_an_end_without_anything_to_see(data: bytes, seen: bytes) -> None:
    """Only behind the last newline, and only what is certainly whole."""
    assert without_blank_end(data) == seen
