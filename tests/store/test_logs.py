"""Log bytes in and out of a store: exactly once, exactly as they were, before and after flushes and crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import DiskFull, FilterError, NotFound, PayloadError
from rayscope.ingest.logs import decode_chunks
from rayscope.store.logs import flush as flushing
from rayscope.store.logs import index
from rayscope.store.segment_files import SegmentWriter
from support import events as ev
from support.ids import task_id, wire
from support.logs import ERR, NODE, NOON_NS, OUT, SESSION, WORKER, LogRecording, chunk, chunks_body, numbered, split
from support.recording import stored

Open = Callable[[Path], LogRecording]


@pytest.fixture
def open_logs() -> Iterator[Open]:
    """A function that opens a store of logs; what it opened and the test did not close is closed."""
    opened: list[LogRecording] = []

    def open_in(folder: Path) -> LogRecording:
        opened.append(LogRecording(folder))
        return opened[-1]

    yield open_in
    for one in opened:
        one.close()


@pytest.fixture
def recording(open_logs: Open, tmp_path: Path) -> LogRecording:
    """An empty store."""
    return open_logs(tmp_path / "data")


def test_bytes_come_back_as_they_were(recording: LogRecording) -> None:
    """Before a flush, across one, and after."""
    data = numbered(5000)
    recording.ship(chunk(OUT, 0, data[:40_000]))
    assert recording.bytes_of(OUT) == data[:40_000]
    recording.flush()
    recording.ship(chunk(OUT, 40_000, data[40_000:]))
    assert recording.bytes_of(OUT) == data
    recording.flush()
    assert recording.bytes_of(OUT) == data
    assert len(recording.texts(limit=10_000)) == 5000


@stored
@given(
    data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=6), order=st.randoms(use_true_random=False), flushes=st.sets(st.integers(0, 12))
)
def test_overlaps_and_repeats_change_nothing(tmp_path_factory: Any, data: bytes, cuts: list[int], order: Any, flushes: set[int]) -> None:
    """Chunks sent again, whole or in parts, with flushes and a crash in between, give the same bytes."""
    folder = tmp_path_factory.mktemp("logs")
    recording = LogRecording(folder)
    known = 0
    for number, (offset, part) in enumerate(split(data, cuts)):
        again = order.randint(0, offset) if offset else 0
        known = max(known, recording.ship(chunk(OUT, again, data[again : offset + len(part)]))[OUT])
        if number in flushes:
            recording.flush()
    assert known == len(data)
    recording.ship(chunk(OUT, known, b"", ended=True))
    before = recording.texts(limit=10_000)
    recording.crash()
    recording = LogRecording(folder)
    assert recording.ship(chunk(OUT, 0, data, ended=True))[OUT] == len(data)
    assert recording.bytes_of(OUT) == data
    assert recording.texts(limit=10_000) == before
    assert recording.followed()[0] == before
    recording.flush()
    assert recording.texts(limit=10_000) == before
    assert recording.followed()[0] == before
    recording.close()


@stored
@given(lengths=st.lists(st.integers(0, 90), min_size=1, max_size=40), cuts=st.lists(st.integers(0, 2000), max_size=10), page=st.integers(1, 9))
def test_pages_follow_each_other(tmp_path_factory: Any, lengths: list[int], cuts: list[int], page: int) -> None:
    """Every line once, in order, in both orders, however the file was cut into chunks, pieces and pages."""
    recording = LogRecording(tmp_path_factory.mktemp("logs"))
    data = b"".join(b"%d %s\n" % (number, b"x" * length) for number, length in enumerate(lengths))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flushing, "MAX_PIECE_BYTES", 64)
        patch.setattr(flushing, "BLOCK_BYTES", 128)
        for number, (offset, part) in enumerate(split(data, cuts)):
            recording.ship(chunk(OUT, offset, part, observed_ns=NOON_NS + number))
            if number % 3 == 0:
                recording.flush()
        wanted = data.decode().splitlines()
        assert _paged(recording, page, "oldest") == wanted
        assert _paged(recording, page, "newest") == wanted[::-1]
        assert recording.followed()[0] == wanted
    recording.close()


def _paged(recording: LogRecording, size: int, order: str) -> list[str]:
    texts: list[str] = []
    cursor: str | None = None
    while True:
        page = recording.search(limit=size, order=order, cursor=cursor)
        texts += [line.text for line in page.lines]
        if (cursor := page.next) is None:
            return texts


def test_a_crash_loses_nothing_acknowledged(open_logs: Open, tmp_path: Path) -> None:
    """Numbers of files and cursors stay true."""
    recording = open_logs(tmp_path / "data")
    recording.ship(chunk(OUT, 0, numbered(10)), chunk(ERR, 0, b"oops\n"))
    recording.flush()
    recording.ship(chunk("raylet.out", 0, b"up\n"))
    recording.ship(chunk(OUT, len(numbered(10)), numbered(5, 10)))
    _, cursor = recording.followed()
    number = recording.line("up").file_no
    recording.crash()
    recording = open_logs(tmp_path / "data")
    assert recording.line("up").file_no == number
    assert recording.texts(source="worker", stream="out") == numbered(15).decode().splitlines()
    recording.ship(chunk("raylet.out", 3, b"and running\n"))
    assert recording.followed(cursor)[0] == ["and running"]


def test_lost_bytes_are_counted_and_said(recording: LogRecording) -> None:
    """A gap splits nothing that was there, and every answer about the file names it."""
    recording.ship(chunk(OUT, 0, b"first\nunfini"))
    recording.ship(chunk(OUT, 100, b"later\n", gap={"from": 12, "reason": "deleted before it was read"}))
    for _ in range(2):
        page = recording.search()
        assert [line.text for line in page.lines] == ["first", "unfini", "later"]
        assert page.notes == [f"88 bytes of these files could not be read any more (88 bytes of {OUT} at 12: deleted before it was read)"]
        recording.flush()
    (file,) = recording.logs.files(_all()).files
    assert (file.lost_bytes, file.state, file.size_bytes) == (88, "lost", 106)


def _all() -> Any:
    from rayscope.query.logs.request import LogQuery

    return LogQuery()


def test_a_secret_never_reaches_the_disk(recording: LogRecording, tmp_path: Path) -> None:
    """Masked in the journal and the segments, counted, and of the same length."""
    line = b"connecting to postgres://me:hunter22@db/x with api_key=abcdef123456\n"
    recording.ship(chunk(OUT, 0, line))
    recording.flush()
    text = recording.line().text
    assert text.startswith("connecting to postgres://")
    assert text.endswith("@db/x with api_key=************")
    assert len(text) == len(line) - 1
    (file,) = recording.logs.files(_all()).files
    assert file.redacted == 2
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"hunter22" not in on_disk
    assert b"abcdef123456" not in on_disk


def test_ordinary_lines_are_not_masked(recording: LogRecording) -> None:
    """Words that only sound like secrets."""
    for line in ("token count: 17", "key=3", "the key is under the mat", "https://example.org/a:b@c"):
        recording.ship(chunk(line, 0, line.encode() + b"\n"))
    assert recording.texts() == ["token count: 17", "key=3", "the key is under the mat", "https://example.org/a:b@c"]


def test_nuls_and_bad_utf8_are_shown_as_such(recording: LogRecording) -> None:
    """And harm nothing near them."""
    recording.ship(chunk(OUT, 0, b"\0" * 100_000 + b"\nbad \xff\xfe bytes\nfine\n"))
    recording.flush()
    texts = recording.texts()
    assert texts[0] == "\0" * 100_000
    assert texts[1:] == [r"bad \xff\xfe bytes", "fine"]
    assert recording.texts("fine") == ["fine"]


def test_a_line_of_ten_megabytes_is_cut_with_a_mark(recording: LogRecording) -> None:
    """It is one line, and its neighbours are found."""
    long = b"start " + b"0123456789abcdef" * (11 * 65_536) + b" end\n"
    data = b"before\n" + long + b"after\n"
    for offset in range(0, len(data), 1 << 20):
        recording.ship(chunk(OUT, offset, data[offset : offset + (1 << 20)]))
    for _ in range(2):
        page = recording.search(limit=10)
        shown = [(line.text[:6], line.cut) for line in page.lines if not line.text.startswith("0123")]
        assert ("before", False) in shown
        assert ("after", False) in shown
        assert any(line.cut for line in page.lines)
        assert sum(len(line.text) for line in page.lines) < 1 << 20
        recording.flush()


def test_a_clock_that_jumps_keeps_the_order(recording: LogRecording) -> None:
    """Lines of a file stay in order; a time ahead of the reading is not believed."""
    lines = ["2026-11-24 11:00:00,000 one", "2099-01-01 00:00:00 two", "2026-11-24 10:59:00,000 three", "no time", "2026-11-24 11:00:01 four"]
    recording.ship(chunk(OUT, 0, "\n".join(lines).encode() + b"\n"))
    for _ in range(2):
        found = recording.search().lines
        assert [line.text for line in found] == lines
        assert [line.time_is for line in found] == ["line", "observed", "observed", "observed", "line"]
        assert [line.time_ns for line in found] == sorted(line.time_ns for line in found)
        assert found[0].time_ns == NOON_NS - 3600 * 10**9
        recording.flush()


def test_lines_of_several_files_come_in_the_order_of_time(recording: LogRecording) -> None:
    """Newest and oldest first, and between two times."""
    for second in range(6):
        path = (OUT, ERR)[second % 2]
        text = f"2026-11-24 11:00:0{second} number {second}\n".encode()
        recording.ship(chunk(path, (second // 2) * len(text), text))
    assert [text[-1] for text in recording.texts()] == list("012345")
    assert [text[-1] for text in recording.texts(order="newest", limit=2)] == list("54")
    assert [text[-1] for text in recording.texts(since="2026-11-24T11:00:02", until="2026-11-24T11:00:04")] == list("234")


def test_context_is_added_once_and_marked(recording: LogRecording) -> None:
    """Lines around, in the order of the file."""
    recording.ship(chunk(OUT, 0, numbered(10)))
    found = recording.search("4 or 6", context=2).lines
    assert [(line.text.split()[1], line.context) for line in found] == [
        ("2", True),
        ("3", True),
        ("4", False),
        ("5", True),
        ("6", False),
        ("7", True),
        ("8", True),
    ]


def test_what_hooks_marked_is_the_tasks(recording: LogRecording) -> None:
    """A mark names the printer; a marker that a user forged is shown and steals nothing; one that Ray printed is hidden."""
    task, other = "11" * 24, "22" * 24
    data = b":job_id:01000000\n:task_name:load\nhello\n:task_name:forged\nmine\nsomebody\n"
    first, last = data.index(b"hello"), data.index(b"somebody")
    marks = f"v1 {OUT} {ERR}\no {first} {last} {task} 0\nnonsense\no 5 2 {other} 0\n".encode()
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, marks[:50]))
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 50, marks[50:]), chunk(OUT, 0, data))
    for _ in range(2):
        found = recording.search().lines
        assert [(line.text, line.task_id) for line in found] == [("hello", task), (":task_name:forged", task), ("mine", task), ("somebody", None)]
        assert [line.text for line in recording.search(task=task[:10]).lines] == ["hello", ":task_name:forged", "mine"]
        recording.flush()
    with pytest.raises(NotFound):
        recording.search(task=other)


def test_marks_that_were_left_out_are_said(open_logs: Open, tmp_path: Path) -> None:
    """The last count is the one; it is known after a restart, and said wherever lines of that worker may be shown."""
    recording = open_logs(tmp_path / "store")
    marks = f"v1 {OUT} {ERR}\no 0 4 {'11' * 24} 0\nx 3\nx 70\n".encode()
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, marks[:-3]), chunk(OUT, 0, b"one\ntwo\n"), chunk("raylet.out", 0, b"three\n"))
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", len(marks) - 3, marks[-3:]))
    for again in (recording.flush, recording.close):
        (note,) = recording.search(task="11").notes
        assert note == f"70 marks of who printed what were left out by worker {WORKER[:12]}: lines from there on name no task"
        assert recording.search(source="raylet").notes == []
        again()
    assert len(open_logs(tmp_path / "store").search(source="worker").notes) == 1


def test_what_hooks_do_not_name_is_nobodys(recording: LogRecording) -> None:
    """Ray's range of the task holds it, too: it is a line of a thread that was there before."""
    task = task_id(1)
    told = {"workerId": wire(bytes.fromhex(WORKER)), "taskLogInfo": {"stdoutFile": OUT, "stdoutStart": 0, "stdoutEnd": 12}}
    recording.post([ev.task_definition(task, session=SESSION), ev.task_lifecycle(task, {"RUNNING": NOON_NS}, session=SESSION, **told)])
    recording.ship(chunk(OUT, 0, b"mine\nstray\n"))
    assert [line.task_id for line in recording.search().lines] == [task.hex()] * 2
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, f"v1 {OUT} {ERR}\no 0 5 {task.hex()} 0\n".encode()))
    for _ in range(2):
        assert [line.task_id for line in recording.search().lines] == [task.hex(), None]
        assert recording.texts(task=task.hex()) == ["mine"]
        assert recording.logs.task_output(SESSION, task.hex(), 0, "out")[1] == [(0, 5)]
        recording.flush()


def test_a_forged_marker_names_no_line_that_is_followed(recording: LogRecording) -> None:
    """Ray's own gives the name until events tell it; what a task printed does not."""
    data = b":job_id:01000000\n:task_name:load\nhello\n:task_name:forged\nmine\n"
    marks = f"o {data.index(b'hello')} {len(data)} {'11' * 24} 0\n".encode()
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, marks), chunk(OUT, 0, data))
    lines = recording.logs.follow(_all(), "0").take().lines
    assert [(line.text, line.name) for line in lines] == [("hello", "load"), (":task_name:forged", "load"), ("mine", "load")]


def test_a_rotated_output_names_nobody(recording: LogRecording) -> None:
    """Offsets do not say which of its files is meant, so no task is named: a wrong one would be worse."""
    recording.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, f"o 0 4 {'11' * 24} 0\n".encode()))
    recording.ship(chunk(OUT, 0, b"one\n", file="first"))
    assert recording.line().task_id == "11" * 24
    recording.ship(chunk(f"{OUT}.1", 4, b"", file="first", ended=True), chunk(OUT, 0, b"two\n", file="second"))
    assert [(line.text, line.task_id) for line in recording.search().lines] == [("one", None), ("two", None)]


def test_a_flush_that_dies_half_way_changes_nothing(open_logs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are on disk, the transaction is not: what is there is never read, and the next server flushes anew."""
    recording = open_logs(tmp_path / "data")
    recording.ship(chunk(OUT, 0, numbered(100)))
    with monkeypatch.context() as patch:
        patch.setattr(index, "write_log_position", _dies)
        with pytest.raises(RuntimeError):
            recording.flush()
    recording.crash()
    recording = open_logs(tmp_path / "data")
    assert recording.texts() == numbered(100).decode().splitlines()
    recording.flush()
    assert recording.texts() == numbered(100).decode().splitlines()
    assert recording.bytes_of(OUT) == numbered(100)


def _dies(*_: Any) -> None:
    raise RuntimeError("killed here")


def test_a_full_disk_is_waited_out(recording: LogRecording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders are told, nothing acknowledged is lost, and it goes on by itself."""
    recording.ship(chunk(OUT, 0, b"one\n"))
    with monkeypatch.context() as patch:
        patch.setattr(recording.database, "is_full", lambda: True)
        with pytest.raises(DiskFull):
            recording.ship(chunk(OUT, 4, b"two\n"))
    assert recording.ship(chunk(OUT, 4, b"two\n"))[OUT] == 8
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "append", _full)
        with pytest.raises(DiskFull):
            recording.flush()
        assert recording.texts() == ["one", "two"]
        recording.ship(chunk(OUT, 8, b"three\n"))
    recording.flush()
    recording.flush()
    assert recording.texts() == ["one", "two", "three"]
    assert recording.ingest.store.waiting_bytes == 0


def test_a_stop_after_a_full_disk_loses_nothing(open_logs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came since the flush that failed is flushed, too, before the journal is emptied."""
    recording = open_logs(tmp_path / "data")
    recording.ship(chunk(OUT, 0, b"before\n"))
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "append", _full)
        with pytest.raises(DiskFull):
            recording.flush()
        recording.ship(chunk(OUT, 7, b"since\n"))
    recording.close()
    assert open_logs(tmp_path / "data").texts() == ["before", "since"]


def _full(*_: Any) -> Any:
    raise DiskFull("no room")


def test_a_tail_resumes_where_it_was(recording: LogRecording) -> None:
    """Each line once, across flushes, unfinished lines whole."""
    recording.ship(chunk(OUT, 0, b"one\ntw"))
    texts, cursor = recording.followed()
    assert texts == ["one"]
    recording.flush()
    recording.ship(chunk(OUT, 6, b"o\nthree\n"), chunk(ERR, 0, b"oops\n"))
    assert recording.followed(cursor)[0] == ["two", "three", "oops"]
    recording.flush()
    assert recording.followed(cursor)[0] == ["two", "three", "oops"]
    assert recording.followed("0")[0] == ["one", "two", "three", "oops"]
    assert recording.followed(cursor, level="error")[0] == []


def test_an_ended_file_gives_its_last_words(recording: LogRecording) -> None:
    """Although they lack a newline."""
    recording.ship(chunk(OUT, 0, b"last words"))
    assert recording.followed()[0] == []
    recording.ship(chunk(OUT, 10, b"", ended=True))
    assert recording.followed()[0] == ["last words"]
    assert recording.texts() == ["last words"]


def test_an_end_that_nobody_sees_is_no_line(recording: LogRecording) -> None:
    """The end of a colour behind the last newline, as drivers leave it; its bytes are kept, and with more behind them they are a line."""
    reset = b"\x1b[0m \x1b[39;49m"
    recording.ship(chunk(OUT, 0, b"red\n" + reset), chunk(ERR, 0, b"\x1b[0m\nblue\n\x1b[0m", ended=True))
    for _ in range(2):
        assert recording.texts(stream="out") == ["red"]
        assert recording.texts(stream="err") == recording.followed(stream="err")[0] == ["\x1b[0m", "blue"]
        assert [line.text for line in recording.search("blue", context=2, limit=9).lines] == ["\x1b[0m", "blue"]
        assert recording.bytes_of(OUT) == b"red\n" + reset
        recording.flush()
    recording.ship(chunk(OUT, 4 + len(reset), b"more", ended=True))
    assert recording.texts(stream="out") == recording.followed(stream="out")[0] == ["red", reset.decode() + "more"]


def test_a_session_can_be_dropped(recording: LogRecording, tmp_path: Path) -> None:
    """Its bytes are gone from the disk, and what comes later is stored anew."""
    recording.ship(chunk(OUT, 0, numbered(1000)))
    recording.flush()
    assert recording.ingest.store.sizes()[SESSION] > 0
    assert recording.ingest.store.drop_session(recording.committer.number(SESSION), SESSION) > 0
    assert recording.texts() == []
    assert not list((tmp_path / "data" / "logs").glob("session*/*.seg"))
    assert recording.ship(chunk(OUT, 0, b"new\n"))[OUT] == 4
    recording.flush()
    assert recording.texts() == ["new"]


def test_a_segment_can_be_dropped_under_its_readers(recording: LogRecording) -> None:
    """Its lines are gone, those of others stay."""
    recording.ship(chunk(OUT, 0, numbered(100)))
    recording.flush()
    number = recording.committer.number(SESSION)
    (segment,) = recording.ingest.store.segments_of(number, SESSION)
    assert (segment.segment_no, segment.raw_bytes, segment.first_ns) == (1, len(numbered(100)), NOON_NS)
    assert recording.ingest.store.drop_segment(number, SESSION, 1) == segment.size_bytes
    recording.ship(chunk(OUT, len(numbered(100)), b"still here\n"))
    recording.flush()
    page = recording.search()
    assert [line.text for line in page.lines] == ["still here"]
    assert "deleted by retention" in page.notes[0]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"junk", "no msgpack"),
        (b"", "no msgpack"),
        (chunks_body(chunk("", 0, b"x")), "not a chunk"),
        (chunks_body(chunk(OUT, -1, b"x")), "not a chunk"),
        (chunks_body(session="../../etc"), "not a session's name"),
        (chunks_body(session=""), "not a session's name"),
    ],
)
def test_bad_bodies_are_refused(body: bytes, what: str) -> None:
    """With what is wrong."""
    with pytest.raises(PayloadError, match=what):
        decode_chunks(body)


@pytest.mark.parametrize(
    "asked", [{"order": "sideways"}, {"limit": 0}, {"level": "loud"}, {"cursor": "x"}, {"cursor": "n1.2"}, {"attempt": 1}, {"context": -1}]
)
def test_bad_questions_are_refused(recording: LogRecording, asked: dict[str, Any]) -> None:
    """With what is wrong."""
    with pytest.raises(FilterError):
        recording.search(**asked)


def test_a_search_that_runs_out_of_time_says_where_to_go_on(recording: LogRecording) -> None:
    """Together the pages have every line once."""
    from rayscope.query.logs.request import LogQuery
    from rayscope.query.logs.search import LogSearch

    for second in range(5):
        recording.ship(chunk(f"{second}.log", 0, f"2026-11-24 11:00:0{second} number\n".encode()))
    recording.flush()
    search, texts, cursor, pages = LogSearch(recording.database, recording.ingest.store), [], None, 0
    while True:
        page = search.search(LogQuery(cursor=cursor, limit=100), budget_s=-1)
        texts += [line.text[18] for line in page.lines]
        pages += 1
        if page.next is None:
            break
        assert not page.complete
        assert page.notes
        cursor = page.next
    assert texts == list("43210")
    assert pages > 1


def test_two_nodes_may_have_files_of_one_name(recording: LogRecording) -> None:
    """They are two files."""
    recording.ship(chunk("raylet.out", 0, b"one\n"))
    recording.ship(chunk("raylet.out", 0, b"two\n"), node_id="ef" * 28)
    assert sorted(recording.texts()) == ["one", "two"]
    assert recording.texts(node=NODE[:8]) == ["one"]


def test_a_line_is_found_by_its_place(recording: LogRecording) -> None:
    """In memory and in segments, whole where it was shipped in two, between those around it; no place between two lines is one."""
    data = numbered(500)
    recording.ship(chunk(OUT, 0, data[:4000]))
    recording.flush()
    recording.ship(chunk(OUT, 4000, data[4000:]))
    known = {line.text: line for line in recording.search(limit=1000).lines}
    assert len(known) == 500
    torn = data[:4000].rsplit(b"\n", 1)[1] + data[4000:].split(b"\n", 1)[0]
    for text in ("line 0 of the log", "line 100 of the log", torn.decode(), "line 499 of the log"):
        line = known[text]
        assert recording.logs.line(line.file_no, line.offset).lines == [line]
    line = known["line 250 of the log"]
    around = recording.logs.line(line.file_no, line.offset, context=3).lines
    assert [(one.text.split()[1], one.context) for one in around] == [(str(n), n != 250) for n in range(247, 254)]
    for file_no, offset in ((line.file_no, line.offset + 1), (line.file_no, len(data)), (line.file_no + 1, 0)):
        with pytest.raises(NotFound):
            recording.logs.line(file_no, offset)
    with pytest.raises(FilterError):
        recording.logs.line(line.file_no, line.offset, context=-1)
