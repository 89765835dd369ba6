"""One cluster of a run: what is known of it, and how far it is drained."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rayscope.errors import NotFound, RayscopeError
from rayscope.model.report import RunReport
from rayscope.run.agent import ClusterAgent
from rayscope.run.dashboard import exporter_counts, is_listening, object_report, state_snapshot
from rayscope.run.drain import Drain
from rayscope.run.folder import ClusterFacts, Word
from rayscope.run.server import Recording

SNAPSHOT_S: Final = 5.0
"""How often the states that the event feed lacks are asked for."""

SNAPSHOT_AGAIN_S: Final = 30.0
"""How long a dashboard that did not answer is left alone: asking it takes seconds in which nothing else is done."""

PROBE_S: Final = 0.2
"""How often a draining agent is asked: its answer costs it some 30 ms."""

SILENT_S: Final = 8.0
"""An agent that has said nothing for this long while it should drain is taken to be gone."""


class Cluster:
    """A cluster that a program of the run started or joined."""

    def __init__(self, facts: ClusterFacts, recording: Recording, command: str) -> None:
        self.facts = facts
        self.is_gone = False
        self._ended_ns: int | None = None
        self.drained: bool | None = None
        self._recording = recording
        self._drain: Drain | None = None
        self._waiting: list[Word] = []
        self.silent_since_ns: int | None = None
        self.agent: ClusterAgent | None = None
        self._began_s = self._probed_s = self._heard_s = self._snapshot_due_s = 0.0
        self._last: Drain | None = None
        self._report(
            command=command,
            driver_pid=facts.pid,
            ray_version=facts.ray_version,
            python_version=facts.python_version,
            log_dir=facts.log_dir,
            started_ns=facts.started_ns,
            dashboard=facts.dashboard,
        )

    @property
    def is_draining(self) -> bool:
        """Whether somebody waits for it to be drained."""
        return self._drain is not None

    @property
    def undrained(self) -> int | None:
        """Events that Ray is known to hold still, or to have held when the cluster went; None: not known."""
        if self.drained:
            return 0
        return self._last.waiting if self._last else None

    @property
    def dropped(self) -> int | None:
        """Events that Ray dropped because a buffer of its agent was full; None: not known."""
        return self._last.dropped if self._last else None

    def hold(self, word: Word | None) -> None:
        """Begin to drain, or go on; ``word`` is answered when that is done."""
        if word is not None:
            self._waiting.append(word)
        if self._drain is None:
            self.snapshot()
            if word is not None and word.kind == "ending":  # the driver still lives; when its cluster is stopped, it has let go of all
                self._last_look_at_objects()
            now_s = time.monotonic()
            self._drain = self._last = Drain(now_s)
            self._began_s = self._heard_s = now_s
            self.drained = None

    def step(self, now_s: float, limit_s: float) -> None:
        """Take the states' snapshot when it is due, and see how far draining is."""
        if self.agent is not None:
            self.agent.step(now_s)
        if self._drain is None:
            if not self.is_gone and not self.facts.started_here and now_s >= self._snapshot_due_s:
                self.snapshot()  # of a cluster that was started here, its head's agent, which is ours, tells the states
            return
        if now_s - self._probed_s >= PROBE_S:
            self._probe(self._drain, now_s)
        if self._drain.is_done(now_s):
            self._end_drain(drained=True)
        elif now_s - self._began_s >= limit_s or now_s - self._heard_s >= SILENT_S:
            self._end_drain(drained=False)

    def give_up(self) -> None:
        """Whoever waited has gone on."""
        if self._drain is not None:
            self._end_drain(drained=False)

    def see_whether_gone(self) -> None:
        """A cluster that a program started goes with it, also where the program could not say so."""
        if not self.is_gone and self.facts.started_here and not is_listening(self.facts.address):
            self.go(time.time_ns())

    def go(self, ended_ns: int) -> None:
        """It has ended: report so, as the program may go on for long."""
        self.give_up()
        self.dismiss_agent()
        self.is_gone = True
        self._ended_ns = ended_ns
        self._report_end()

    def end(self, *, exit_code: int | None, signal: int | None, stdout_path: str, stderr_path: str) -> None:
        """Report how it went."""
        self._report_end(exit_code=exit_code, signal=signal, stdout_path=stdout_path, stderr_path=stderr_path)

    def snapshot(self) -> None:
        """Pass on the states that the event feed lacks. Ctrl-C in a terminal ends Ray's dashboard at once: then it is not waited for again soon."""
        if self.facts.dashboard is None or (self.silent_since_ns and time.monotonic() < self._snapshot_due_s):
            return
        snapshot = state_snapshot(self.facts.session_name, self.facts.dashboard)
        self._snapshot_due_s = time.monotonic() + (SNAPSHOT_S if snapshot else SNAPSHOT_AGAIN_S)
        if snapshot is None:
            self.silent_since_ns = self.silent_since_ns or time.time_ns()
            return
        self.silent_since_ns = None
        try:
            self._recording.post_states(snapshot)
        except RayscopeError as error:
            self._recording.miss(error)

    def watch(self, log: Path, leave_s: float, before: Cluster | None = None) -> None:
        """Start an agent for its nodes on this host, which writes to ``log``. One of a cluster that another driver joined ``before`` goes on."""
        self.agent = before.agent if before and before.is_shipping else ClusterAgent(self.facts, self._recording, log, leave_s)

    def dismiss_agent(self) -> None:
        """Its agent ships what is there, and ends."""
        if self.agent is not None:
            self.agent.leave()

    def kill_agent(self) -> None:
        """Its agent's time is up."""
        if self.agent is not None:
            self.agent.kill()

    @property
    def is_shipping(self) -> bool:
        """Whether its agent is still at work."""
        return self.agent is not None and not self.agent.is_done

    def _last_look_at_objects(self) -> None:
        """What a program held at its end."""
        if self.facts.dashboard is None or self.silent_since_ns:
            return
        report = object_report(self.facts.session_name, self.facts.dashboard)
        if report is None:
            return
        try:
            self._recording.post_objects(report)
        except RayscopeError as error:
            self._recording.miss(error)

    def answers(self) -> bool:
        """Whether its node's agent still answers."""
        return exporter_counts(self.facts.metrics) is not None

    def _probe(self, drain: Drain, now_s: float) -> None:
        self._probed_s = now_s
        if (counts := exporter_counts(self.facts.metrics)) is not None:
            drain.observe(counts, now_s)
            self._heard_s = now_s

    def _last_look_at_metrics(self) -> None:
        """What its processes told Ray last: those that end report once more, as they do their events, so all of it is there when these are out."""
        try:
            self._recording.scrape(self.facts.session_name)
        except NotFound:
            return  # no agent is connected, so none has anything to add
        except RayscopeError as error:
            self._recording.miss(error)

    def _end_drain(self, *, drained: bool) -> None:
        self._drain = None
        self.drained = drained
        if self._waiting and self.facts.started_here:  # one that lives on is scraped again by itself
            self._last_look_at_metrics()
        for word in self._waiting:
            word.answer()
        self._waiting.clear()

    def _report_end(self, **known: object) -> None:
        self._report(
            ended_ns=self._ended_ns or time.time_ns(),
            cluster_ended=self.is_gone,
            drained=self.drained,
            undrained=self.undrained,
            dropped=self.dropped,
            **known,
        )

    def _report(self, **known: object) -> None:
        try:
            self._recording.post_run(RunReport(session=self.facts.session_name, job_id=self.facts.job_id, **known))  # type: ignore[arg-type]  # by name
        except RayscopeError as error:
            self._recording.miss(error)
