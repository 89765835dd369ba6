"""The whole of it: a feed for each job of the run, one thread that prints, and a last wait until everything is printed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from rayscope.errors import RayscopeError
from rayscope.model.log import LogLine
from rayscope.query.logs.request import LogQuery
from rayscope.run.folder import ClusterFacts
from rayscope.run.redirect.arrival import missing_bytes, sizes_here
from rayscope.run.redirect.backlog import Backlog
from rayscope.run.redirect.feed import Feed
from rayscope.run.redirect.folding import Folding, Shown
from rayscope.run.redirect.options import RedirectOptions
from rayscope.run.redirect.wording import Wording, name_of
from rayscope.run.screen import Screen
from rayscope.run.server import Recording

_STEP_S: Final = 0.1
_SHOW_COUNT_S: Final = 2.0
"""A terminal that is this far behind is told how much is still to come."""

QUIET_S: Final = 0.5
"""A cluster that lives on has said all that it says for now when nothing has come for this long."""

STALLED_S: Final = 10.0
"""When nothing has moved for this long at the end, nothing will: the agent is gone, or the server."""

SILENT_S: Final = 6.0
"""Likewise, a little longer than the server's pings are apart, where no agent is left, or not one line came in the whole run."""


class Redirect:
    """Workers' output on this terminal."""

    def __init__(self, options: RedirectOptions, recording: Recording, out: Screen, err: Screen, wording: Callable[[Screen], Wording]) -> None:
        self._options = options
        self._recording = recording
        self._screens = {"out": out, "err": err}
        self._wordings = {"out": wording(out), "err": wording(err)}
        self._backlog = Backlog()
        self._folding: Folding[LogLine] = Folding(options.window_s)
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._facts: dict[str, ClusterFacts] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._print, name="redirect", daemon=True)
        self._heard_s = time.monotonic()
        self._printed = 0
        self._behind_since_s: float | None = None

    def follow(self, facts: ClusterFacts) -> None:
        """Show the output of a driver's workers from now on, if that driver leaves it to us."""
        key = (facts.session_name, facts.job_id)
        if self._options.mode != "rayscope" or not facts.redirect or key in self._feeds:
            return
        if not self._feeds:
            self._thread.start()
        self._facts[facts.session_name] = facts
        query = LogQuery(session=facts.session_name, job=facts.job_id, source="worker", level=self._options.level)
        feed = self._feeds[key] = Feed(self._recording.client, query, self._backlog.put, self._say)
        feed.start()

    def finish(self, limit_s: float, progress: Callable[[str], None], *, all_gone: bool = False) -> str | None:
        """The program has ended: print what is still to come, for that long at most. What did not come, in words.

        ``all_gone``: no agent of its clusters is left that could ship more.
        """
        if not self._feeds:
            return None
        try:
            missing = self._await_rest(limit_s, progress, all_gone=all_gone)
        except KeyboardInterrupt:
            self._backlog.drop()
            missing = f"the rest of the workers' output was not shown, as it was interrupted; it is in {self._places()}"
        self._ending.set()
        self._backlog.close()
        self._thread.join()
        for feed in self._feeds.values():
            feed.stop()
        progress("")
        return missing

    def _await_rest(self, limit_s: float, progress: Callable[[str], None], *, all_gone: bool) -> str | None:
        patience_s = SILENT_S if all_gone or not self._printed else STALLED_S
        here = {name: sizes_here(facts.log_dir) for name, facts in self._facts.items()}
        began_s = moved_s = time.monotonic()
        last: object = None
        missing: int | None = None
        mark: str | None = None
        while True:
            missing = self._missing(here) if missing != 0 else 0
            mark = mark or (self._mark() if missing == 0 else None)
            now_s = time.monotonic()
            behind = sum(feed.behind_bytes for feed in self._feeds.values())
            if (state := (missing, behind, self._backlog.lines, self._printed)) != last:
                last, moved_s = state, now_s
            if mark is not None and all(feed.has_reached(mark) for feed in self._feeds.values()) and (all_gone or self._is_quiet(began_s, now_s)):
                return None
            if now_s - began_s >= limit_s or now_s - moved_s >= patience_s:
                return self._what_is_missing(missing or 0, behind)
            if now_s - began_s >= _SHOW_COUNT_S:
                progress(_to_come(self._backlog.lines, behind + (missing or 0)))
            time.sleep(_STEP_S)

    def _is_quiet(self, began_s: float, now_s: float) -> bool:
        """Of other nodes' files it is not known how long they are."""
        return not self._backlog.lines and now_s - max(self._heard_s, began_s) >= QUIET_S

    def _mark(self) -> str | None:
        """The place of what arrives next; None: the server does not say."""
        try:
            return next(self._recording.client.follow_logs(LogQuery(session=next(iter(self._facts)))))[0]
        except (RayscopeError, StopIteration):
            return None

    def _missing(self, here: dict[str, dict[str, int]]) -> int | None:
        """Bytes that have not arrived at the server; None: it does not say."""
        try:
            return sum(missing_bytes(sizes, self._arrived(name)) for name, sizes in here.items())
        except RayscopeError:
            return None

    def _arrived(self, session: str) -> dict[str, int]:
        node_id = self._facts[session].node_id
        files = self._recording.client.log_files(LogQuery(session=session, source="worker")).files
        return {Path(file.path).name: file.size_bytes for file in files if file.node_id == node_id}

    def _what_is_missing(self, missing: int, behind: int) -> str:
        what = f"{missing + behind:,} bytes of the workers' output were" if missing + behind else "the last of the workers' output may be"
        return f"{what} not shown: no agent and server passed them on in time; it is in {self._places()}"

    def _places(self) -> str:
        return ", ".join(f"{facts.log_dir}/logs" for facts in self._facts.values())

    def _print(self) -> None:
        while not self._ending.is_set() or self._backlog.lines:
            lines = self._backlog.get(_STEP_S)
            now_s = time.monotonic()
            if lines:
                self._heard_s = now_s
            self._show([shown for line in lines if self._wanted(line) for shown in self._folded(line, now_s)] + self._folding.due(now_s))
            self._printed += len(lines)
            self._count(now_s)
        self._show(self._folding.rest())

    def _wanted(self, line: LogLine) -> bool:
        return self._options.wants(name_of(line))

    def _folded(self, line: LogLine, now_s: float) -> list[Shown[LogLine]]:
        if not self._options.dedup:
            return [Shown(line)]
        return self._folding.add(line, line.text, line.stream, f"{line.node_id}/{line.pid}", now_s)

    def _show(self, shown: Iterable[Shown[LogLine]]) -> None:
        """In one go what goes to the same place."""
        place, text = "", ""
        for one in shown:
            target = "err" if one.line.stream == "err" else "out"
            if target != place:
                self._put(place, text)
                place, text = target, ""
            text += self._wordings[target].line(one.line, self._address(one.line), one.times)
        self._put(place, text)

    def _put(self, place: str, text: str) -> None:
        if text:
            self._screens[place].lines(text.encode("utf-8", "surrogateescape"))

    def _address(self, line: LogLine) -> str | None:
        """Of a worker on another node than its driver."""
        if not line.node_id or line.node_id == self._facts[line.session].node_id:
            return None
        key = (line.session, line.node_id)
        if key not in self._addresses:
            try:
                self._addresses[key] = str(self._recording.client.get("nodes", line.node_id, line.session)[0]["node_ip"])
            except (RayscopeError, LookupError):
                return line.node_id[:8]  # asked again with the next line
        return self._addresses[key]

    def _count(self, now_s: float) -> None:
        behind = sum(feed.behind_bytes for feed in self._feeds.values())
        if not self._backlog.lines and not behind:
            if self._behind_since_s is not None:
                self._screens["err"].status("")
            self._behind_since_s = None
            return
        self._behind_since_s = self._behind_since_s or now_s
        if now_s - self._behind_since_s >= _SHOW_COUNT_S:
            self._screens["err"].status(f"rayscope: {_to_come(self._backlog.lines, behind)}")

    def _say(self, text: str) -> None:
        self._screens["err"].lines(f"rayscope: {text}\n".encode())


def _to_come(lines: int, size_bytes: int) -> str:
    counts = ([f"{lines:,} lines"] if lines else []) + ([f"{size_bytes:,} bytes"] if size_bytes else [])
    return f"{' and '.join(counts) or 'the last lines'} of the workers' output to come"
