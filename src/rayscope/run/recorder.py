"""The recorder of a run: reads what its drivers say, drains their clusters when they ask, reports to the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from rayscope.run.cluster import Cluster
from rayscope.run.folder import ClusterFacts, RunFolder, Word
from rayscope.run.leftover import workers_alive
from rayscope.run.progress import Progress
from rayscope.run.server import Recording

_STEP_S: Final = 0.03

_LEAVE_S: Final = 3.0
"""An agent that has no time left still has this long to say what it leaves behind."""


_WORKERS_S: Final = 3.0
"""Workers see within a second or two that their raylet is gone, and end."""


class Recorder:
    """Works in a thread of its own until `finish`."""

    def __init__(
        self,
        folder: RunFolder,
        recording: Recording,
        command: str,
        drain_s: float,
        kept: Path,
        progress: Progress,
        listeners: Sequence[Callable[[ClusterFacts], None]] = (),
    ) -> None:
        """``listeners`` hear of every driver that started or joined a cluster, while it waits."""
        self.clusters: dict[str, Cluster] = {}
        self._folder = folder
        self._recording = recording
        self._command = command
        self._drain_s = drain_s
        self._agent_log = kept / "agent.log"
        self._progress = progress
        self._listeners = listeners
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._handlers: dict[str, Callable[[Word], None]] = {
            "cluster": self._on_cluster,
            "ending": self._on_hold,
            "stopping": self._on_hold,
            "gone": self._on_gone,
        }

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def finish(self) -> None:
        """The program has ended: take its last words, let out what clusters that live on still hold, and stop."""
        self._ending.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ending.is_set():
            self._step()
            self._ending.wait(_STEP_S)
        self._step()
        self._take_leave()
        while self._is_draining():
            self._step()
            time.sleep(_STEP_S)
        for cluster in self.clusters.values():
            cluster.see_whether_gone()
        self._progress.clear()
        self._await_agents()
        self._progress.clear()

    def _await_agents(self) -> None:
        """The agents ship the last lines; that is bounded as draining is."""
        began_s = time.monotonic()
        while self._have_workers() and time.monotonic() - began_s < _WORKERS_S:
            time.sleep(_STEP_S)
        for cluster in self.clusters.values():
            cluster.dismiss_agent()
        while shipping := [cluster for cluster in self.clusters.values() if cluster.is_shipping]:
            now_s = time.monotonic()
            for cluster in shipping:
                cluster.step(now_s, self._drain_s)
            if now_s - began_s >= self._drain_s + _LEAVE_S:
                for cluster in shipping:
                    cluster.kill_agent()
            self._progress.show_shipping(now_s)
            time.sleep(_STEP_S)

    def _have_workers(self) -> bool:
        """Whether workers of a cluster that has gone still write their last lines."""
        return any(cluster.is_gone and cluster.facts.started_here and workers_alive(cluster.facts.log_dir) for cluster in self.clusters.values())

    def _step(self) -> None:
        for word in self._folder.new_words():
            self._handlers[word.kind](word)
        now_s = time.monotonic()
        for cluster in self.clusters.values():
            cluster.step(now_s, self._drain_s)
        self._progress.show(sum(cluster.undrained or 0 for cluster in self.clusters.values() if cluster.is_draining), now_s, self._is_draining())

    def _is_draining(self) -> bool:
        return any(cluster.is_draining for cluster in self.clusters.values())

    def _take_leave(self) -> None:
        """Nobody waits any more. What has not gone may be about to go (its driver was killed), or live on (it was joined)."""
        for cluster in self.clusters.values():
            cluster.give_up()
            if cluster.is_gone:
                continue
            if cluster.answers():
                cluster.hold(None)
            else:
                cluster.drained = False
                cluster.see_whether_gone()  # one that was joined may only be out of our reach

    def _on_cluster(self, word: Word) -> None:
        facts = msgspec.convert(word.content, ClusterFacts)
        before = self.clusters.get(facts.session_name)
        cluster = self.clusters[facts.session_name] = Cluster(facts, self._recording, self._command)
        for listen in self._listeners:
            listen(facts)
        word.answer()
        cluster.watch(self._agent_log, self._drain_s, before)
        if not facts.started_here:
            self._progress.say(f"joined the running cluster at {facts.address}; it is recorded if it was started with `rayscope env`")

    def _on_hold(self, word: Word) -> None:
        """Drain what is named; `ray stop` names nothing, and means all."""
        named = list(self._named(word))
        if not named:
            word.answer()
        for cluster in named:
            cluster.hold(word)

    def _on_gone(self, word: Word) -> None:
        for cluster in self._named(word):
            cluster.go(word.content["ended_ns"])
        word.answer()

    def _named(self, word: Word) -> Iterable[Cluster]:
        name = word.content.get("session_name")
        return [cluster for cluster in self.clusters.values() if not cluster.is_gone and name in {None, cluster.facts.session_name}]
