"""Workers' output: whose bytes are whose, and lines that stay whole. Real files, made-up tasks."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.worker import marks, output, running
from rayscope.worker.ranges import Ranges


class Tasks:
    """A settable answer to: who writes?"""

    def __init__(self) -> None:
        self.current: str | None = None

    def __call__(self) -> str | None:
        return self.current


class Worker:
    """A stream on a file, as Ray's worker has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.task = Tasks()
        self.stream = output.Output(os.fdopen(descriptor, "w", buffering=1, encoding="utf-8"), "stdout", self.task, marks.Soon(lambda: None), str(path))

    def owned(self) -> list[tuple[str, bytes]]:
        """What the ranges say, with the bytes they name."""
        content = self.path.read_bytes()
        return [(task, content[start:end]) for start, end, task in self.stream.take()]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "worker-1.out")


def test_a_line_is_its_writers(worker: Worker) -> None:
    """Also one that comes in parts, and lines of one task in a row are one range."""
    worker.task.current = "a 0"
    print("one", "two", file=worker.stream)
    print("three", file=worker.stream)
    worker.task.current = "b 1"
    print("four", file=worker.stream)
    assert worker.owned() == [("a 0", b"one two\nthree\n"), ("b 1", b"four\n")]


def test_lines_of_two_writers_do_not_mix(worker: Worker) -> None:
    """Parts wait for their line's end."""
    for part in ("1", "2", "3\n"):
        for name in "ab":
            worker.task.current = name
            worker.stream.write(f"{name}{part}")
    assert worker.path.read_text() == "a1a2a3\nb1b2b3\n"


def test_a_part_comes_at_flush_and_the_next_writer_begins_a_new_line(worker: Worker) -> None:
    """The end of line that is put between them is nobody's."""
    worker.task.current = "a"
    print("loading …", end="", file=worker.stream, flush=True)
    assert worker.path.read_text() == "loading …"
    worker.task.current = "b"
    print("b's", file=worker.stream)
    worker.task.current = "a"
    print(" done", file=worker.stream)
    assert worker.path.read_text() == "loading …\nb's\n done\n"
    assert worker.owned() == [("a", "loading …".encode()), ("b", b"b's\n"), ("a", b" done\n")]


def test_a_part_comes_at_its_tasks_end(worker: Worker) -> None:
    """Whichever thread it came from."""
    worker.task.current = "a"
    thread = threading.Thread(target=worker.stream.write, args=("from a thread",))
    thread.start()
    thread.join()
    worker.stream.write("from the task")
    worker.stream.flush_task("a")
    assert sorted(worker.path.read_text().split("\n")) == ["from a thread", "from the task"]


def test_native_output_is_the_only_tasks(worker: Worker) -> None:
    """What a child or C code writes while one task alone runs."""
    worker.stream.change("a")
    worker.task.current = "a"
    print("python", file=worker.stream)
    subprocess.run(["echo", "child"], stdout=worker.stream.fileno(), check=True)
    os.write(worker.stream.fileno(), b"native\n")
    worker.stream.change(None)
    os.write(worker.stream.fileno(), b"nobody's\n")
    worker.stream.change("b")
    worker.stream.change(None)
    assert worker.owned() == [("a", b"python\nchild\nnative\n")]


def test_native_output_beside_others_is_nobodys(worker: Worker) -> None:
    """It cannot be known whose it is."""
    worker.task.current = "a"
    print("one", file=worker.stream)
    os.write(worker.stream.fileno(), b"native\n")
    worker.task.current = "b"
    print("two", file=worker.stream)
    assert worker.owned() == [("a", b"one\n"), ("b", b"two\n")]


def test_writes_in_between_are_never_taken_for_ones_own(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer to the file that comes between the look at it and the write: the range is left out."""
    write = os.write

    def overtaken(descriptor: int, data: bytes) -> int:
        with worker.path.open("ab", buffering=0) as other:
            other.write(b"other\n")
        return write(descriptor, data)

    worker.task.current = "a"
    monkeypatch.setattr(output.os, "write", overtaken)
    print("mine", file=worker.stream)
    monkeypatch.undo()
    print("mine again", file=worker.stream)
    assert worker.owned() == [("a", b"mine again\n")]


def test_a_descriptor_that_is_another_file_for_a_while(worker: Worker, tmp_path: Path) -> None:
    """As capturing libraries do it."""
    descriptor, worker.task.current = worker.stream.fileno(), "a"
    print("before", file=worker.stream)
    saved = os.dup(descriptor)
    with (tmp_path / "captured").open("wb") as captured:
        os.dup2(captured.fileno(), descriptor)
        print("captured", file=worker.stream)
        os.dup2(saved, descriptor)
    os.close(saved)
    print("after", file=worker.stream)
    assert (tmp_path / "captured").read_text() == "captured\n"
    assert b"".join(data for _, data in worker.owned()) == b"before\nafter\n"


def test_a_forked_child_marks_nothing(worker: Worker) -> None:
    """And does not repeat what its parent has begun."""
    worker.task.current = "a"
    worker.stream.write("begun")
    if (child := os.fork()) == 0:
        worker.stream.stop()
        print("child", file=worker.stream)
        worker.stream.flush_all()
        os._exit(0 if worker.stream.take() == [] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    worker.stream.write(" and ended\n")
    assert worker.path.read_text() == "child\nbegun and ended\n"


def test_it_is_a_stream_as_any(worker: Worker) -> None:
    """What libraries ask of sys.stdout."""
    stream: Any = worker.stream
    assert not stream.isatty()
    assert stream.encoding == "utf-8"
    assert stream.writable()
    assert copy.deepcopy(stream) is stream
    assert stream.__reduce__() == (getattr, (sys, "stdout"))
    stream.writelines(["a\n", "b\n"])
    stream.reconfigure(encoding="latin-1", errors="replace")
    print("ä€", file=stream)
    stream.buffer.write(b"raw\n")
    print("after raw", file=stream)
    assert worker.path.read_bytes() == b"a\nb\n\xe4?\nraw\nafter raw\n"
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"bytes")
    with contextlib.redirect_stdout(stream), contextlib.redirect_stdout(io.StringIO()) as inside:
        print("captured")
    assert inside.getvalue() == "captured\n"
    handler = logging.StreamHandler(stream)
    handler.emit(logging.LogRecord("x", logging.INFO, "f", 1, "logged", None, None))
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.write("late\n")


def test_what_cannot_be_encoded_is_refused_whole(worker: Worker) -> None:
    """As Python's own stream does."""
    with pytest.raises(UnicodeEncodeError):
        worker.stream.write("\ud800\n")
    assert worker.path.read_bytes() == b""


def test_a_long_line_without_end_goes_out(worker: Worker) -> None:
    """Memory is bounded."""
    for _ in range(100):
        worker.stream.write("x" * 1000)
    assert worker.path.stat().st_size > output.PARTIAL_BYTES


def test_printing_from_a_signal_handler_or_finalizer_inside_a_write(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """No deadlock, every line there, and nothing of it marked wrongly."""
    write, nested = os.write, [True]

    def interrupted(descriptor: int, data: bytes) -> int:
        if nested.pop() if nested else False:
            print("inner", file=worker.stream)
        return write(descriptor, data)

    worker.task.current = "a"
    monkeypatch.setattr(output.os, "write", interrupted)
    print("outer", file=worker.stream)
    assert worker.path.read_text() == "inner\nouter\n"
    assert all(data in {b"inner\n", b"inner\nouter\n"} for _, data in worker.owned())


@given(st.lists(st.tuples(st.sampled_from(["python", "native", "change", "take"]), st.sampled_from([None, "a", "b"]), st.integers(1, 9)), max_size=40))
def test_ranges_never_name_a_wrong_task(steps: list[tuple[str, str | None, int]]) -> None:
    """Against a model that knows each byte's task; ``change`` says who is alone, and then only that one, or a writer unknown, writes."""
    ranges, owners, sole, found = Ranges(), list[str | None](), None, list[tuple[int, int, str]]()
    for kind, who, size in steps:
        if kind == "change":
            ranges.change(len(owners), who)
            sole = who
        elif kind == "take":
            found += ranges.take()
        else:
            writer = who if sole is None or who is None else sole
            start = len(owners)
            owners += [(sole if kind == "native" else writer)] * size
            if kind == "python":
                ranges.wrote(start, len(owners), writer)
    found += ranges.take()
    assert all(owners[byte] == task for start, end, task in found for byte in range(start, end))
    assert all(start < end for start, end, _ in found)


class Id(str):
    """A task id as Ray's has it."""

    __slots__ = ()

    def hex(self) -> str:
        return str(self)


def test_threads_of_a_task_are_part_of_it_and_older_ones_are_not() -> None:
    """A pool's thread that an earlier task began may work for anyone."""
    tasks = running.Running(lambda: None, lambda: False)
    said: dict[str, str | None] = {}
    go, done = threading.Event(), threading.Event()

    def late() -> None:
        go.wait(10)
        said["of the first, in the second"] = tasks.task()
        done.set()

    tasks.start(Id("01"), 0)
    old = threading.Thread(target=late)
    old.start()
    young = threading.Thread(target=lambda: said.update({"young": tasks.task()}))
    young.start()
    young.join()
    tasks.end(Id("01"))
    assert tasks.task() is None
    tasks.start(Id("02"), 3)
    assert tasks.task() == "02 3"
    go.set()
    assert done.wait(10)
    assert said == {"young": "01 0", "of the first, in the second": None}
    old.join()


def test_two_at_a_time_make_a_process_concurrent() -> None:
    """From then on only what each thread and coroutine says of itself counts."""
    tasks = running.Running(lambda: None, lambda: False)
    tasks.start(Id("01"), 0)
    assert tasks.only == "01 0"
    thread = threading.Thread(target=lambda: tasks.start(Id("02"), 0))
    thread.start()
    thread.join()
    assert tasks.only is None
    assert tasks.is_concurrent
    assert tasks.task() == "01 0"


def test_marks_stop_at_their_limit_and_say_so(tmp_path: Path) -> None:
    """The count is the last line."""
    path = tmp_path / "rayscope" / "marks-w-1.log"
    file = marks.MarksFile(str(path), "v1 a.out a.err\n", limit_bytes=20)
    for start in range(5):
        file.append([("o", (start, start + 1, "ab 0"))])
    file.close()
    lines = path.read_text().splitlines()
    assert lines[:3] == ["v1 a.out a.err", "o 0 1 ab 0", "o 1 2 ab 0"]
    assert lines[-1] == "x 3"


def test_output_of_nobody_leaves_a_file_without_marks(tmp_path: Path) -> None:
    """Which says that there are hooks."""
    path = tmp_path / "rayscope" / "marks-w-1.log"
    file = marks.MarksFile(str(path), "v1 a.out a.err\n")
    file.append([])
    file.append([])
    assert path.read_text() == "v1 a.out a.err\n"
    file.append([("o", (0, 1, "ab 0"))])
    assert path.read_text() == "v1 a.out a.err\no 0 1 ab 0\n"


def test_marks_that_cannot_be_written_hurt_nobody(tmp_path: Path) -> None:
    """A full or read-only disk."""
    (tmp_path / "rayscope").write_text("a file where the folder should be")
    file = marks.MarksFile(str(tmp_path / "rayscope" / "marks-w-1.log"), "v1 a b\n")
    file.append([("o", (0, 1, "ab 0"))])
    file.append([("o", (1, 2, "ab 0"))])
    file.close()
