"""Workers' output on the terminal of `rayscope run`: against a made-up live tail, on real pipes and pseudo-terminals."""

from __future__ import annotations

import os
import pty
import re
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.client import Client
from rayscope.model.log import LogLine
from rayscope.run.folder import ClusterFacts
from rayscope.run.redirect.arrival import missing_bytes, sizes_here
from rayscope.run.redirect.folding import Folding
from rayscope.run.redirect.options import RedirectOptions, dedup_wanted
from rayscope.run.redirect.redirect import Redirect
from rayscope.run.redirect.wording import Wording
from rayscope.run.screen import Screen
from support.commands import until
from support.live_tail import LiveTail, a_file, a_line


def line(text: str, **more: Any) -> LogLine:
    return msgspec.convert(a_line(text, **more), LogLine)


PLAIN = Wording(colour=False, terminal=False, environment={})


@pytest.mark.parametrize(
    ("given", "ip", "times", "wanted"),
    [
        (line("x"), None, 1, "(f pid=11) x\n"),
        (line("x", name=None), "10.0.0.2", 1, "(pid=11, ip=10.0.0.2) x\n"),
        (line("x", name="Counter(3)"), None, 7, "(Counter(3) pid=11) x [repeated 7x across cluster]\n"),
        (line("", name="f"), None, 1, "(f pid=11) \n"),
        (line("x", name="Trainer(0.5).fit", actor_id="aa"), None, 1, "(Trainer(0.5) pid=11) x\n"),
        (line("x", name="Trainer(0.5)", actor_id="aa"), None, 1, "(Trainer(0.5) pid=11) x\n"),
        (line("x", name="module.f"), None, 1, "(module.f pid=11) x\n"),
        (line("a", cut=True, path="w.out", offset=7), None, 1, "(f pid=11) a … [cut: the rest is at w.out:7]\n"),
        (line("\x1b[31mred\x1b[0m\x07"), None, 1, "(f pid=11) \x1b[31mred\x1b[0m\x07\n"),
    ],
)
def test_a_line_in_a_pipe(given: LogLine, ip: str | None, times: int, wanted: str) -> None:
    """The prefix is Ray's; the text is what it was."""
    assert PLAIN.line(given, ip, times) == wanted


def test_a_line_in_a_terminal_keeps_its_colours_and_moves_nothing() -> None:
    """Colours of prefixes depend on the worker, and stay."""
    wording = Wording(colour=True, terminal=True, environment={})
    assert wording.line(line("\x1b[31mred\x1b[2J\x08 10%\r 20%\r"), None) == "\x1b[95m(f pid=11)\x1b[0m  20%\n"
    assert wording.line(line("\x1b[31mred\x1b[2J\t\x08"), None) == "\x1b[95m(f pid=11)\x1b[0m \x1b[31mred\\x1b[2J\t\\x08\x1b[0m\n"
    assert wording.line(line("x", pid=12), None) == "\x1b[35m(f pid=12)\x1b[0m x\n"
    assert Wording(colour=False, terminal=True).line(line("\x1b[31mred"), None) == "(f pid=11) red\n"
    assert Wording(colour=True, terminal=True, environment={"RAY_COLOR_PREFIX": "0"}).line(line("x"), None) == "(f pid=11) x\n"


def test_only_equal_lines_of_several_workers_fold() -> None:
    """Numbers count; what one worker repeats is not folded; the count is told when the window ends."""
    folding: Folding[str] = Folding(5.0)
    shown = [
        [(one.line, one.times) for one in folding.add(f"{worker}:{text}", text, "out", worker, now)]
        for now, worker, text in [
            (0, "w1", "loss 0.5"),
            (0, "w1", "loss 0.5"),
            (1, "w2", "loss 0.6"),
            (1, "w2", "loss 0.5"),
            (2, "w3", "loss 0.5"),
            (2, "w1", "loss 0.5"),
            (2, "w1", ""),
        ]
    ]
    assert shown == [[("w1:loss 0.5", 1)], [("w1:loss 0.5", 1)], [("w2:loss 0.6", 1)], [], [], [], [("w1:", 1)]]
    assert folding.due(4.9) == []
    assert [(one.line, one.times) for one in folding.due(5.0)] == [("w1:loss 0.5", 3)]
    assert folding.add("w2:loss 0.5", "loss 0.5", "out", "w2", 7.0) == []
    assert [(one.line, one.times) for one in folding.rest()] == [("w2:loss 0.5", 1)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["w1", "w2", "w3"]), st.floats(0, 4)), max_size=60))
def test_folding_loses_no_line(steps: list[tuple[str, str, float]]) -> None:
    """Of each text as many are told as came."""
    folding, now, told = Folding[str](5.0), 0.0, dict.fromkeys("abc", 0)
    for text, worker, later in steps:
        now += later
        for one in [*folding.due(now), *folding.add(text, text, "out", worker, now)]:
            told[one.line] += one.times
    for one in folding.rest():
        told[one.line] += one.times
    assert told == {text: sum(step[0] == text for step in steps) for text in "abc"}


@pytest.mark.parametrize(
    ("sources", "name", "wanted"),
    [
        ((), None, True),
        ((), "f", True),
        (("Train*", "f"), "Trainer", True),
        (("Train*", "f"), "f", True),
        (("Train*",), "f", False),
        (("Train*",), None, False),
    ],
)
def test_what_is_wanted(sources: tuple[str, ...], name: str | None, *, wanted: bool) -> None:
    assert RedirectOptions(sources=sources).wants(name) is wanted


def test_rays_own_switch_of_folding_counts() -> None:
    assert dedup_wanted({})
    assert not dedup_wanted({"RAY_DEDUP_LOGS": "0"})


def test_sizes_and_what_is_missing(tmp_path: Path) -> None:
    """Workers' files only."""
    (tmp_path / "logs").mkdir()
    for name in ("worker-a-01-7.out", "worker-a-01-7.err", "raylet.out"):
        (tmp_path / "logs" / name).write_text("12345")
    here = sizes_here(str(tmp_path))
    assert here == {"worker-a-01-7.out": 5, "worker-a-01-7.err": 5}
    assert missing_bytes(here, {"worker-a-01-7.out": 9}) == 5
    assert sizes_here("/nowhere") == {}


@dataclass
class Stage:
    """A redirect of two screens, whose readers keep what they get."""

    tail: LiveTail
    folder: Path
    shown: dict[str, bytes] = field(default_factory=lambda: {"out": b"", "err": b""})
    gate: threading.Event = field(default_factory=threading.Event)
    writers: list[int] = field(default_factory=list)
    screens: list[Screen] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def redirect(self, options: RedirectOptions | None = None, *, terminal: bool = False) -> Redirect:
        self.gate.set()
        for name in ("out", "err"):
            reader, writer = pty.openpty() if terminal else os.pipe()
            self.writers.append(writer)
            self.screens.append(Screen(writer))
            self.threads.append(threading.Thread(target=self._read, args=(name, reader), daemon=True))
            self.threads[-1].start()
        recording: Any = SimpleNamespace(info=SimpleNamespace(url=self.tail.url), client=Client(self.tail.url))
        done = Redirect(options or RedirectOptions(window_s=0.3), recording, *self.screens, lambda _: PLAIN)
        done.follow(self.facts())
        return done

    def facts(self, **more: Any) -> ClusterFacts:
        known = {"pid": 1, "started_here": True, "session_name": "session_x", "log_dir": str(self.folder), "address": "", "metrics": "", "dashboard": None}
        known |= {"job_id": "01000000", "ray_version": "2.60.0", "python_version": "3.11", "started_ns": 0, "node_id": "n1", "redirect": True}
        return ClusterFacts(**(known | more))

    def close(self) -> None:
        for writer in self.writers:
            os.close(writer)
        for thread in self.threads:
            thread.join(10)

    def text(self, name: str = "out") -> str:
        return self.shown[name].decode().replace("\r\n", "\n")

    def _read(self, name: str, reader: int) -> None:
        while True:
            self.gate.wait()
            try:
                chunk = os.read(reader, 4096)
            except OSError:
                return
            if not chunk:
                return
            self.shown[name] += chunk


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    tail = LiveTail()
    yield Stage(tail, tmp_path)
    tail.close()


def test_lines_go_where_they_went(stage: Stage) -> None:
    """stdout to stdout, stderr to stderr, in the order of each; at the end everything is there, and the question was the right one."""
    redirect = stage.redirect()
    for n in range(1200):
        stage.tail.say(f"line {n}", stream="err" if n % 3 == 0 else "out")
    assert redirect.finish(30, lambda _: None) is None
    stage.close()
    assert stage.text("out").splitlines() == [f"(f pid=11) line {n}" for n in range(1200) if n % 3]
    assert stage.text("err").splitlines() == [f"(f pid=11) line {n}" for n in range(0, 1200, 3)]
    wanted = {"path": "/api/v1/logs/follow", "session": "session_x", "job": "01000000", "source": "worker", "cursor": "0"}
    assert any(wanted.items() <= asked.items() for asked in stage.tail.asked)


def test_a_terminal_that_lags_loses_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is bounded, and its number is known."""
    monkeypatch.setattr("rayscope.run.redirect.backlog.LIMIT_BYTES", 1)
    redirect = stage.redirect()
    stage.gate.clear()
    for n in range(20_000):
        stage.tail.say(f"line {n}")
    told: list[str] = []
    until(lambda: sum(feed.behind_bytes for feed in redirect._feeds.values()) > 0, "something waits on the server")
    assert redirect._backlog.lines < 20_000
    threading.Timer(2.5, stage.gate.set).start()
    assert redirect.finish(60, told.append) is None
    stage.close()
    assert stage.text().splitlines() == [f"(f pid=11) line {n}" for n in range(20_000)]
    assert re.search(r"[\d,]+ lines and [\d,]+ bytes of the workers' output to come", "\n".join(told))


def test_a_connection_that_ends_is_taken_up_where_it_ended(stage: Stage) -> None:
    """Every line once."""
    stage.tail.cut_after = 500
    redirect = stage.redirect()
    for n in range(1500):
        stage.tail.say(f"line {n}")
    assert redirect.finish(30, lambda _: None) is None
    stage.close()
    assert stage.text().splitlines() == [f"(f pid=11) line {n}" for n in range(1500)]


def test_a_server_that_is_away_is_told_of_once_and_caught_up_with(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same address, seconds later."""
    monkeypatch.setattr("rayscope.run.redirect.feed._RETRY_S", (0.05, 0.05, 0.05))
    redirect = stage.redirect()
    stage.tail.say("before")
    until(lambda: "before" in stage.text(), "the first line")
    stage.tail.close()
    until(lambda: "cannot be shown now" in stage.text("err"), "a word about the server")
    again = LiveTail(stage.tail.port)
    again.lines = stage.tail.lines
    again.say("after")
    assert redirect.finish(30, lambda _: None) is None
    again.close()
    stage.close()
    assert stage.text() == "(f pid=11) before\n(f pid=11) after\n"
    assert stage.text("err").count("cannot be shown now") == 1


def test_the_end_waits_for_what_lies_on_the_disk(stage: Stage) -> None:
    """Until the server has as much as the files."""
    (stage.folder / "logs").mkdir()
    (stage.folder / "logs" / "worker-a-01000000-7.out").write_text("x" * 100)
    redirect = stage.redirect()
    stage.tail.say("early")
    until(lambda: "early" in stage.text(), "the first line")

    def arrive() -> None:
        stage.tail.say("late")
        stage.tail.files = [a_file("worker-a-01000000-7.out", 100)]

    threading.Timer(1.0, arrive).start()
    assert redirect.finish(30, lambda _: None) is None
    stage.close()
    assert stage.text().splitlines()[-1] == "(f pid=11) late"


def test_whoever_interrupts_the_last_wait_gets_his_prompt(stage: Stage) -> None:
    """And is told where the rest is."""
    redirect = stage.redirect()
    (stage.folder / "logs").mkdir()
    (stage.folder / "logs" / "worker-a-01000000-7.out").write_text("never shipped")

    def interrupt(text: str) -> None:
        if text:
            raise KeyboardInterrupt

    said = redirect.finish(30, interrupt)
    stage.close()
    assert said is not None
    assert "interrupted" in said


def test_bytes_behind_that_fit_nothing_are_not_waited_for(stage: Stage) -> None:
    """A ping says that the server has looked at all of them."""
    stage.tail.claim_behind(72)
    redirect = stage.redirect()
    stage.tail.say("x")
    assert redirect.finish(30, lambda _: None) is None
    stage.close()


def test_what_never_arrives_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its size, and where it is."""
    monkeypatch.setattr("rayscope.run.redirect.redirect.SILENT_S", 0.3)
    (stage.folder / "logs").mkdir()
    (stage.folder / "logs" / "worker-a-01000000-7.out").write_text("x" * 1234)
    redirect = stage.redirect()
    said = redirect.finish(30, lambda _: None)
    assert said is not None
    assert said.startswith("1,234 bytes of the workers' output were not shown")
    assert f"{stage.folder}/logs" in said
    stage.close()


@pytest.mark.parametrize(("options", "redirect"), [({"mode": "off"}, True), ({"mode": "ray"}, True), ({}, False)])
def test_off_means_off(stage: Stage, options: dict[str, Any], *, redirect: bool) -> None:
    """By option, or because the program said how it wants it: nobody asks the server."""
    done = Redirect(RedirectOptions(**options), SimpleNamespace(), Screen(1), Screen(2), lambda _: PLAIN)  # type: ignore[arg-type]
    done.follow(stage.facts(redirect=redirect))
    assert done.finish(1, lambda _: None) is None
    assert stage.tail.asked == []


def test_folded_lines_and_filters(stage: Stage) -> None:
    """Equal lines of three workers, one number, and what is left out."""
    redirect = stage.redirect(RedirectOptions(window_s=0.2, sources=("f", "g")))
    for pid in (1, 2, 3):
        stage.tail.say("loading", pid=pid)
        stage.tail.say(f"loss {pid}", pid=pid)
        stage.tail.say("other", pid=pid, name="h")
    assert redirect.finish(30, lambda _: None) is None
    stage.close()
    assert sorted(stage.text().splitlines()) == sorted(
        ["(f pid=1) loading", "(f pid=1) loss 1", "(f pid=2) loss 2", "(f pid=3) loss 3", "(f pid=3) loading [repeated 2x across cluster]"]
    )


def test_a_status_line_fits_its_terminal(stage: Stage) -> None:
    """A wrapped one could not be taken away."""
    stage.redirect(RedirectOptions(mode="off"), terminal=True)
    termios.tcsetwinsize(stage.writers[0], (24, 20))
    stage.screens[0].status("12,345,678 bytes to come")
    stage.screens[0].status("")
    stage.close()
    assert stage.text() == "12,345,678 bytes t…\r\x1b[K"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_workers_line_never_lands_inside_the_programs(stage: Stage, *, terminal: bool) -> None:
    """It waits a moment for the line's end, then begins a new one; a status line gives way."""
    stage.redirect(RedirectOptions(mode="off"), terminal=terminal)
    out, writer = stage.screens[0], stage.writers[0]
    out.pass_on(writer, b"Continue? ")
    out.lines(b"(f pid=1) x\n")
    out.status("5 lines to come")
    out.pass_on(writer, b"10%\r")
    threading.Timer(0.05, out.pass_on, (writer, b"done\n")).start()
    out.lines(b"(f pid=1) y\n")
    stage.close()
    status = "5 lines to come\r\x1b[K" if terminal else ""
    assert stage.text() == f"Continue? \n(f pid=1) x\n{status}10%\rdone\n(f pid=1) y\n"
