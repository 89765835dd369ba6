"""Bodies of samples as an agent makes them; and metrics in memory, with nothing on disk, for whoever evaluates questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rayscope.ingest.committer import Committer
from rayscope.ingest.metrics import MetricIngest, decode_metrics
from rayscope.model.metrics import NAME, Matcher, Rejected, Write
from rayscope.query.metrics.frames import STALE, is_absent
from rayscope.query.metrics.service import Metrics
from rayscope.store.database import Database
from rayscope.store.journal import Journal, Position
from rayscope.store.metrics.live import LiveMetrics

SESSION = "session_2026-11-24_10-00-00_000001_1"
NODE = "ab" * 28
START_MS = 1_795_521_600_000  # 2026-11-24 12:00:00 UTC
FAR_MS = 1 << 60
WAIT_S = 30.0

Series = tuple[str, Mapping[str, str]]
"""A name and labels."""


class AgentBodies:
    """Makes M1 bodies: give it what a target's scrape found, it numbers series and targets by itself."""

    def __init__(self, session: str = SESSION, node_id: str = NODE, epoch: str = "epoch-1") -> None:
        self.session, self.node_id, self.epoch, self.seq = session, node_id, epoch, 0
        self._targets: dict[tuple[str, str], int] = {}
        self._series: dict[tuple[Any, ...], int] = {}

    def body(
        self,
        *scrapes: tuple[int, Mapping[Series, float] | Sequence[tuple[Series, float]]],
        instance: str = "10.0.0.1:8080",
        job: str = "ray",
        families: Sequence[tuple[str, str, str, str]] = (),
        stale: Sequence[Series] = (),
    ) -> bytes:
        """One body of scrapes of one target: (time in ms, values by (name, labels)). ``stale`` goes with the last of them."""
        targets, series, shipped = [], [], []
        if (instance, job) not in self._targets:
            targets.append([len(self._targets), {"instance": instance, "job": job}])
        target = self._targets.setdefault((instance, job), len(self._targets))

        def number(name: str, labels: Mapping[str, str]) -> int:
            key = (target, name, *sorted(labels.items()))
            if key not in self._series:
                self._series[key] = len(self._series)
                series.append([self._series[key], target, name, dict(labels)])
            return self._series[key]

        for at, (time_ms, found) in enumerate(scrapes):
            items = list(found.items()) if isinstance(found, Mapping) else list(found)
            ids = np.array([number(name, labels) for (name, labels), _ in items], "<u4").tobytes()
            gone = np.array([number(name, labels) for name, labels in stale], "<u4").tobytes() if at == len(scrapes) - 1 else b""
            shipped.append({"t": target, "time_ms": time_ms, "ids": ids, "values": np.array([value for _, value in items], "<f8").tobytes(), "stale": gone})
        body = {"session": self.session, "node_id": self.node_id, "agent_id": "agent-1", "epoch": self.epoch, "seq": self.seq}
        self.seq += 1
        return msgspec.msgpack.encode(body | {"targets": targets, "families": list(families), "series": series, "scrapes": shipped})


def key(name: str, **labels: str) -> tuple[str, Any]:
    """A series, for `AgentBodies.body`: it can be a dict's key."""
    return (name, FrozenLabels(labels))


class FrozenLabels(dict[str, str]):
    """Labels that can be part of a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


class MemoryMetrics(Metrics):
    """`rayscope.query.metrics.service.Metrics` over memory alone: for the evaluator's tests. Samples go in by `append` or `put`."""

    def __init__(self, limit: int = 1_000_000) -> None:
        super().__init__(LiveMetrics(limit), self)

    def write(self, session: str, writes: Sequence[Write]) -> Rejected:
        number = 1 + [*self.store._sessions, session].index(session)
        return self.store.apply_writes(self.store.session(number, session), writes, FAR_MS, Position())

    def put(self, labels: Mapping[str, str], samples: Sequence[tuple[int, float | None]], session: str = SESSION) -> None:
        """One series: (ms, value) in order, None for its end (a stale marker). ``labels`` has `__name__`."""
        assert labels.get(NAME)
        values = np.array([STALE if value is None else value for _, value in samples], np.float64)
        refused = self.append(session, [Write(dict(labels), np.array([time for time, _ in samples], np.int64), values)])
        assert not refused.samples, refused


class MetricRecording:
    """A store of metrics with its ingest and its questions, over a folder, without a server. `crash` leaves the folder as a kill would."""

    def __init__(self, folder: Path, series: int = 10_000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._closed = False
        self.database = Database(folder / "rayscope.duckdb")
        self.committer = Committer(self.database, Journal(folder / "journal"))
        self.ingest = MetricIngest(self.database, folder / "metrics", self.committer.number, self._note, series)
        self.metrics = Metrics(self.ingest.store, self.ingest)

    def _note(self, session: str) -> None:
        self.committer.submit_report(lambda changes: (changes.number(session), changes.session(session), None)[2]).result(WAIT_S)

    def ship(self, body: bytes) -> None:
        """One body, acknowledged."""
        decoded = decode_metrics(body)
        self._note(decoded.session)
        self.ingest.submit(body, decoded).result(WAIT_S)

    def samples(self, *matchers: Matcher, session: str | None = None, start_ms: int = 0, end_ms: int = FAR_MS) -> dict[str, list[tuple[int, float]]]:
        """All samples, by the text of their labels but session and node."""
        found: dict[str, list[tuple[int, float]]] = {}
        for frame in self.metrics.select(session, matchers, start_ms, end_ms, max_samples=10_000_000):
            for labels, values in zip(frame.labels, frame.values, strict=True):
                text = ",".join(f"{name}={value}" for name, value in sorted(labels.items()) if name not in {"session", "node"})
                there = ~is_absent(values)
                found.setdefault(text, []).extend(zip(frame.times[there].tolist(), values[there].tolist(), strict=True))
        return {text: sorted(samples, key=lambda sample: sample[0]) for text, samples in found.items()}

    def close(self) -> None:
        """An orderly stop. Again does nothing."""
        if self._closed:
            return
        self._closed = True
        self.metrics.close()
        self.ingest.close()
        self.committer.close()
        self.database.close()

    def crash(self) -> None:
        """Stop without a flush."""
        self.ingest.store.flush = lambda: None  # type: ignore[method-assign]
        self.ingest.store.journal.empty = lambda: None  # type: ignore[method-assign]
        self.close()
