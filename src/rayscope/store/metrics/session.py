"""One session's metrics in memory: series, targets, families, the epochs of its agents, and what was refused. One writer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct, field

from rayscope.model.metrics import NAME, SCRAPED, Budget, Family, Labels, MetricBody, Scrape, Write
from rayscope.store import limits
from rayscope.store.metrics.arrays import Grow
from rayscope.store.metrics.frames import ABSENT_BITS, NAN, STALE, Times, Values
from rayscope.store.metrics.head import Part, Target
from rayscope.store.metrics.index import EpochRow, Saved, Unsaved
from rayscope.store.metrics.series import NEVER, Numbers, SeriesIndex

TargetKey = tuple[tuple[str, str], ...]

_KEPT_EPOCHS = 2
_TURNOVER = 10

LEFT_OUT = -1
"""In an epoch's table: a series that the budget, or a limit, left out."""


class Epoch(Struct, kw_only=True, eq=False):
    """What an agent's numbers mean: ``targets`` and ``series`` by its own numbers. ``stored`` is how many of its series the database has."""

    node_id: str
    epoch: str
    next_seq: int = 0
    targets: list[int] = field(default_factory=list)
    series: Grow = field(default_factory=lambda: Grow(np.int32))
    stored: int = 0
    number: int = -1
    last: dict[int, tuple[bytes, Numbers, Numbers | None]] = field(default_factory=dict)
    """By target: the ids of its last scrape, the series that they are, and which of them are kept (None: all)."""


class SessionMetrics:
    """The metrics of one session."""

    def __init__(self, session_no: int, session: str, limit: int) -> None:
        self.session_no = session_no
        self.session = session
        self.limit = limit
        self.index = SeriesIndex()
        self.targets: list[Target] = []
        self.families: dict[str, Family] = {}
        self.epochs: dict[tuple[str, str], Epoch] = {}
        self.by_name: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.dropped_samples = 0
        self.used_s = 0.0
        """When it was last named, on the monotonic clock."""
        self._counted: int | None = None
        self._first_fresh = 0
        self._fresh_families: dict[str, Family] = {}
        self._changed_epochs: dict[int, Epoch] = {}
        self._next_epoch = 0
        self._stored = [0, 0, 0]
        self._stored_counts: dict[tuple[str, str], int] = {}
        self._target_nos: dict[TargetKey, int] = {}

    # the database's part

    def fill(self, saved: Saved) -> None:
        """Take what the database knows. Into an empty one."""
        self.index.fill(saved.labels, saved.series_labels, saved.series_targets)
        for labels in saved.targets:
            self.target_no(labels)
        self.families = {family.name: family for family in saved.families}
        for row in saved.epochs:
            epoch = Epoch(number=row.epoch_no, node_id=row.node_id, epoch=row.epoch, next_seq=row.next_seq, targets=list(row.targets), stored=len(row.series))
            epoch.series.extend(row.series)
            self.epochs[row.node_id, row.epoch] = epoch
            self._next_epoch = max(self._next_epoch, row.epoch_no + 1)
        self.by_name = Counter(self.index.counts())
        for (kind, name), value in saved.counts.items():
            if kind == "dropped":
                self.dropped_samples = value
            else:
                (self.rejected if kind == "rejected" else self.left_out)[name] = value
        self._stored, self._stored_counts = self._sizes(), self._counts()

    def unsaved(self) -> Unsaved:
        """What the database does not know. It counts as known from here on: the caller keeps it until it is."""
        labels, series, targets = self.index.since(self._stored[0], self._stored[1])
        counts = self._counts()
        found = Unsaved(
            session_no=self.session_no,
            first_label=self._stored[0],
            labels=labels,
            first_series=self._stored[1],
            series_targets=targets,
            series_labels=series,
            first_target=self._stored[2],
            targets=[target.labels for target in self.targets[self._stored[2] :]],
            families=list(self._fresh_families.values()),
            epochs=[_row(epoch) for epoch in self._changed_epochs.values()],
            counts={key: value for key, value in counts.items() if self._stored_counts.get(key) != value},
        )
        self._stored, self._stored_counts, self._fresh_families, self._changed_epochs = self._sizes(), counts, {}, {}
        return found

    def _sizes(self) -> list[int]:
        return [len(self.index.names), len(self.index), len(self.targets)]

    def _counts(self) -> dict[tuple[str, str], int]:
        rejected = {("rejected", reason): count for reason, count in self.rejected.items()}
        return rejected | {("left_out", name): count for name, count in self.left_out.items()} | {("dropped", ""): self.dropped_samples}

    # epochs

    def begin_epoch(self, node_id: str, name: str) -> Epoch:
        """A new table of an agent's numbers."""
        epoch = self.epochs[node_id, name] = Epoch(number=self._next_epoch, node_id=node_id, epoch=name)
        self._next_epoch += 1
        return epoch

    def note_epoch(self, epoch: Epoch, next_seq: int) -> None:
        """A body of it was taken."""
        epoch.next_seq = next_seq
        self._changed_epochs[epoch.number] = epoch

    def old_epochs(self) -> list[Epoch]:
        """All but the two newest of each node: an agent that has begun a new one does not go back."""
        by_node: dict[str, list[Epoch]] = {}
        for epoch in self.epochs.values():
            by_node.setdefault(epoch.node_id, []).append(epoch)
        return [old for epochs in by_node.values() for old in sorted(epochs, key=lambda epoch: epoch.number)[:-_KEPT_EPOCHS]]

    # definitions

    def take_definitions(self, epoch: Epoch, body: MetricBody) -> None:
        """The targets, families and series that a body tells of."""
        for _, labels in body.targets:
            own = {"node": body.node_id, **{name: value for name, value in labels.items() if name in {"instance", "job"}}}
            epoch.targets.append(self.target_no(own))
        for name, type_, help_, unit in body.families:
            self.note_family(Family(name, type_, help_[: limits.METRIC_HELP_CHARS], unit))
        for _, target, name, labels in body.series:
            number = epoch.targets[target]
            epoch.series.append(self._series_no(self._scraped(name, labels, self.targets[number]), number))
            epoch.last.pop(target, None)

    def _scraped(self, name: str, labels: Mapping[str, str], target: Target) -> Labels:
        found = {f"exported_{label}" if label in SCRAPED else label: value for label, value in labels.items() if label != NAME}
        return {NAME: name, **found, **target.labels, "session": self.session}

    def note_family(self, family: Family) -> None:
        """What is said of a metric; the last word counts."""
        if self.families.get(family.name) != family and (family.name in self.families or len(self.families) < limits.METRIC_FAMILIES):
            self.families[family.name] = self._fresh_families[family.name] = family

    def target_no(self, labels: Mapping[str, str]) -> int:
        """The number of a target; a new one for new labels."""
        key = tuple(sorted(labels.items()))
        number = self._target_nos.get(key)
        if number is None:
            number = self._target_nos[key] = len(self.targets)
            self.targets.append(Target(number=number, labels=dict(key)))
        return number

    def _series_no(self, labels: Labels, target_no: int) -> int:
        """The number of a series; a new one where it is new and the budget has room for it."""
        if (number := self.index.find(labels)) >= 0:
            return number
        if _is_oversized(labels):
            self.rejected["oversized labels"] += 1
            return LEFT_OUT
        if not self._has_room(labels[NAME]):
            self.left_out[labels[NAME]] += 1
            if len(self.left_out) > limits.METRIC_FAMILIES:
                self.left_out = Counter(dict(self.left_out.most_common(limits.METRIC_FAMILIES // 2)))
            return LEFT_OUT
        self.by_name[labels[NAME]] += 1
        return self.index.add(labels, target_no)

    def _has_room(self, name: str) -> bool:
        """The last tenth of the budget is for metrics that have less than a hundredth of it: what grows without bound does not push the others out."""
        if len(self.index) >= _TURNOVER * self.limit:
            return False
        size = self.active
        if size < self.limit - self.limit // 10:
            return True
        return size < self.limit and self.by_name[name] < max(self.limit // 100, 1)

    @property
    def active(self) -> int:
        """Series that count against the budget: those that have been heard of within a day, as last counted, and new ones."""
        return len(self.index) if self._counted is None else self._counted + len(self.index) - self._first_fresh

    def refresh(self, now_ms: int) -> None:
        """Count the active series."""
        last_ms = self.index.last_ms
        self._counted, self._first_fresh = int(np.count_nonzero(last_ms >= now_ms - limits.METRIC_ACTIVE_S * 1000)), len(last_ms)

    # samples

    def take_scrape(self, epoch: Epoch, scrape: Scrape, seq: int, now_ms: int) -> int:
        """One scrape into memory; how many samples of it are kept."""
        target = self.targets[epoch.targets[scrape.t]]
        count = (len(scrape.ids) + len(scrape.stale)) // 4
        if (reason := self._refusal(target, scrape.time_ms, now_ms)) is not None:
            self.rejected[reason] += count
            return 0
        series, values = self._scrape_of(epoch, scrape)
        self.dropped_samples += count - len(series)
        if not len(series):
            return 0
        target.scraped_ms = scrape.time_ms
        self.index.note_times(series, scrape.time_ms, scrape.time_ms)
        target.active.append(Part(seq, np.array([scrape.time_ms], np.int64), series, values[None, :]))
        return len(series)

    @staticmethod
    def _refusal(target: Target, time_ms: int, now_ms: int) -> str | None:
        if time_ms > now_ms + limits.METRIC_FUTURE_S * 1000:
            return "future"
        if time_ms <= target.scraped_ms:
            return "duplicate" if time_ms == target.scraped_ms else "out of order"
        return "malformed" if time_ms < 0 else None

    def _scrape_of(self, epoch: Epoch, scrape: Scrape) -> tuple[Numbers, Values]:
        known = epoch.last.get(scrape.t)
        if known is None or known[0] != scrape.ids:
            known = epoch.last[scrape.t] = _kept(scrape.ids, epoch)
        _, series, kept = known
        told = np.frombuffer(scrape.values, "<f8")
        values = _without_absent(told.copy() if kept is None else told[kept])  # a copy: the body is not to be held
        if not scrape.stale:
            return series, values
        _, stale, _ = _kept(scrape.stale, epoch)
        stale = stale[~np.isin(stale, series)]
        return np.concatenate([series, stale]), np.concatenate([values, np.full(len(stale), STALE)])

    def take_writes(self, writes: Sequence[Write], seq: int, now_ms: int) -> list[tuple[int, Part]]:
        """Samples from outside; by the number of their target what is kept of them. The caller puts it into the targets.

        New series that come together, at the same times, share a target by `instance`, `job` and `node`. One that comes alone is a target of its own: in
        a matrix with others it would mostly be holes.
        """
        alike = Counter(_origin(write) for write in writes)
        taken = [kept for write in writes if (kept := self._take_write(write, seq, now_ms, alone=alike[_origin(write)] == 1)) is not None]
        return _groups_of(taken)

    def _take_write(self, write: Write, seq: int, now_ms: int, *, alone: bool) -> tuple[int, Part] | None:
        labels = {f"exported_{name}" if name == "session" else name: value for name, value in write.labels.items()} | {"session": self.session}
        if not labels.get(NAME) or len(write.times) != len(write.values):
            self.rejected["malformed"] += len(write.times)
            return None
        if (number := self.index.find(labels)) < 0:
            target = labels if alone else {name: labels[name] for name in ("instance", "job", "node") if labels.get(name)}
            number = self._series_no(labels, self.target_no(target))
        if number == LEFT_OUT:
            self.dropped_samples += len(write.times)
            return None
        times, values = self._in_order(write.times, write.values, int(self.index.last_ms[number]), now_ms)
        if not len(times):
            return None
        series = np.array([number], np.int32)
        self.index.note_times(series, int(times[0]), int(times[-1]))
        return int(self.index.targets[number]), Part(seq, times, series, _without_absent(values)[:, None])

    def _in_order(self, times: Times, values: Values, last_ms: int, now_ms: int) -> tuple[Times, Values]:
        ahead = times > now_ms + limits.METRIC_FUTURE_S * 1000
        newest = np.maximum.accumulate(np.concatenate([[last_ms], np.where(ahead, NEVER, times)]))[:-1]
        late, again = ~ahead & (times < newest), ~ahead & (times == newest)
        for reason, refused in (("future", ahead), ("out of order", late), ("duplicate", again)):
            if count := int(np.count_nonzero(refused)):
                self.rejected[reason] += count
        kept = ~(ahead | late | again)
        return times[kept], values[kept]

    def budget(self) -> Budget:
        """How the session stands with its limit."""
        together = self.by_name + self.left_out
        return Budget(
            limit=self.limit,
            series=self.active,
            dropped_series=self.left_out.total(),
            dropped_samples=self.dropped_samples,
            offenders=together.most_common(limits.METRIC_OFFENDERS),
            rejected=dict(self.rejected),
        )


def _row(epoch: Epoch) -> EpochRow:
    first, epoch.stored = epoch.stored, epoch.series.size
    return EpochRow(epoch.number, epoch.node_id, epoch.epoch, epoch.next_seq, list(epoch.targets), first, epoch.series.view[first:].copy())


def _kept(ids: bytes, epoch: Epoch) -> tuple[bytes, Numbers, Numbers | None]:
    series = epoch.series.view[np.frombuffer(ids, "<u4")]
    if (series >= 0).all():
        return ids, series, None
    kept = np.flatnonzero(series >= 0).astype(np.int32)
    return ids, series[kept], kept


def _without_absent(values: Values) -> Values:
    """A sample with the bits that mean "no sample" is an ordinary NaN."""
    nan = np.isnan(values)
    if nan.any() and (taken := values.view(np.uint64) == ABSENT_BITS).any():
        values = values.copy()
        values[taken] = NAN
    return values


def _is_oversized(labels: Labels) -> bool:
    if len(labels) > limits.METRIC_LABELS:
        return True
    return any(len(value) > limits.METRIC_LABEL_CHARS or len(name) > limits.METRIC_LABEL_CHARS for name, value in labels.items())


def check_body(epoch_targets: int, epoch_series: int, body: MetricBody) -> str | None:
    """What is wrong with a body for an epoch that has so many targets and series; None where nothing is."""
    if [number for number, _ in body.targets] != list(range(epoch_targets, epoch_targets + len(body.targets))):
        return f"its targets do not go on from number {epoch_targets}"
    if [entry[0] for entry in body.series] != list(range(epoch_series, epoch_series + len(body.series))):
        return f"its series do not go on from number {epoch_series}"
    targets, series = epoch_targets + len(body.targets), epoch_series + len(body.series)
    if any(not 0 <= entry[1] < targets or not entry[2] for entry in body.series):
        return "a series has no name, or names a target that is not defined"
    return next((word for scrape in body.scrapes if (word := _scrape_fault(scrape, targets, series))), None)


def _scrape_fault(scrape: Scrape, targets: int, series: int) -> str | None:
    if not 0 <= scrape.t < targets:
        return f"a scrape names target {scrape.t}, which is not defined"
    if len(scrape.ids) % 4 or len(scrape.stale) % 4 or len(scrape.values) != 2 * len(scrape.ids):
        return f"a scrape has {len(scrape.ids)} bytes of ids, {len(scrape.values)} of values and {len(scrape.stale)} of stale ids"
    if any(_largest(numbers) >= series for numbers in (scrape.ids, scrape.stale)):
        return f"a scrape names a series that is not defined: the epoch has {series}"
    return None


def _largest(ids: bytes) -> int:
    return int(np.frombuffer(ids, "<u4").max()) if ids else -1


def _origin(write: Write) -> tuple[str | None, ...]:
    return (*(write.labels.get(name) for name in ("instance", "job", "node")), write.times.tobytes().hex())


def _groups_of(parts: Iterable[tuple[int, Part]]) -> list[tuple[int, Part]]:
    """Parts of single series with the same target and times, put together."""
    grouped: dict[tuple[int, bytes], list[Part]] = {}
    for target, part in parts:
        grouped.setdefault((target, part.times.tobytes()), []).append(part)
    return [(target, _together(members)) for (target, _), members in grouped.items()]


def _together(parts: list[Part]) -> Part:
    first = parts[0]
    if len(parts) == 1:
        return first
    return Part(first.seq, first.times, np.concatenate([part.series for part in parts]), np.concatenate([part.values for part in parts], axis=1))
