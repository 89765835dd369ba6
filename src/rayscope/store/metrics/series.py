"""The series of one session: their labels, interned, and which of them fit conditions. All in memory, some 60 bytes a series."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rayscope.errors import UsageError
from rayscope.model.metrics import NAME, Labels, Matcher
from rayscope.store.metrics.arrays import Grow, HashMap

Numbers: TypeAlias = NDArray[np.int32]
"""Numbers of series, ascending."""

NEVER: Final = -(1 << 62)
_STALE_POSTINGS: Final = 4096
_NO_LABELS: Final[dict[str, int]] = {}


class SeriesIndex:
    """One session's series. One writer; reading is free.

    A label (name and value) has a number, and a series is an ascending run of such numbers. The same labels are the same series for ever.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[str] = []
        self._labels: dict[str, dict[str, int]] = {}
        self._flat = Grow(np.int32)
        self._ends = Grow(np.int64)
        self._targets = Grow(np.int32)
        self._first = Grow(np.int64)
        self._last = Grow(np.int64)
        self._hashes = HashMap()
        self._lock = threading.Lock()
        self._postings = _Postings.none()
        self._texts: dict[str, tuple[pa.Array, Numbers]] = {}

    def __len__(self) -> int:
        return self._targets.size

    @property
    def targets(self) -> Numbers:
        """By series: the number of its target."""
        return self._targets.view

    @property
    def first_ms(self) -> NDArray[np.int64]:
        """By series: the time of its oldest sample."""
        return self._first.view

    @property
    def last_ms(self) -> NDArray[np.int64]:
        """By series: the time of its newest sample."""
        return self._last.view

    def note_times(self, series: Numbers, first_ms: int, last_ms: int) -> None:
        """Samples of these series have come."""
        self.first_ms[series] = np.minimum(self.first_ms[series], first_ms)
        self.last_ms[series] = last_ms

    # the writer's part

    def find(self, labels: Labels) -> int:
        """The number of the series with these labels, or -1."""
        numbers = [self._labels.get(name, _NO_LABELS).get(value, -1) for name, value in labels.items() if value]
        numbers.sort()
        return -1 if not numbers or numbers[0] < 0 else self._found(np.array(numbers, np.int32).tobytes())

    def add(self, labels: Labels, target_no: int) -> int:
        """A new series."""
        numbers = np.array(sorted(self._label(name, value) for name, value in labels.items() if value), np.int32)
        key, number = numbers.tobytes(), len(self)
        self._flat.extend(numbers)
        self._ends.append(self._flat.size)
        self._first.append(-NEVER)
        self._last.append(NEVER)
        self._hashes.add(self._free_hash(key), number)
        self._targets.append(target_no)
        return number

    def _label(self, name: str, value: str) -> int:
        values = self._labels.setdefault(name, {})
        number = values.get(value)
        if number is None:
            number = len(self.names)
            self.values.append(value)
            self.names.append(name)
            values[value] = number  # last: a reader that sees the number finds the texts
        return number

    def _found(self, key: bytes) -> int:
        hash_ = _hash(key)
        while (number := self._hashes.get(hash_)) >= 0 and self.key(number) != key:
            hash_ = (hash_ + 1) & _ALL_BITS
        return number

    def _free_hash(self, key: bytes) -> int:
        hash_ = _hash(key)
        while self._hashes.get(hash_) >= 0:
            hash_ = (hash_ + 1) & _ALL_BITS
        return hash_

    def fill(self, labels: Sequence[tuple[str, str]], series: tuple[NDArray[np.int64], NDArray[np.int32]], targets: Numbers) -> None:
        """Take what the database knows, by number: labels, and series as the ends of each one's labels in all of them. Into an empty index."""
        for name, value in labels:
            self._label(name, value)
        self._ends.extend(series[0])
        self._flat.extend(series[1])
        self._targets.extend(targets)
        self._first.extend(np.full(len(targets), -NEVER))
        self._last.extend(np.full(len(targets), NEVER))
        hashes: dict[int, int] = {}
        for number in range(len(targets)):
            hash_ = _hash(self.key(number))
            while hash_ in hashes:
                hash_ = (hash_ + 1) & _ALL_BITS
            hashes[hash_] = number
        self._hashes.fill(np.fromiter(hashes.keys(), np.uint64, len(hashes)), np.fromiter(hashes.values(), np.int32, len(hashes)))

    def since(self, first_label: int, first_series: int) -> tuple[list[tuple[str, str]], tuple[NDArray[np.int64], NDArray[np.int32]], Numbers]:
        """Labels and series from a number on: the labels, the series as offsets into their labels (one more than series) and these, and their targets."""
        ends, start = self._ends.view, int(self._ends.view[first_series - 1]) if first_series else 0
        offsets = np.concatenate([[0], ends[first_series:] - start])
        return (
            list(zip(self.names[first_label:], self.values[first_label:], strict=True)),
            (offsets, self._flat.view[start:].copy()),
            self.targets[first_series:].copy(),
        )

    # what is asked

    def key(self, number: int) -> bytes:
        """The numbers of a series's labels, as bytes."""
        ends = self._ends.view
        return self._flat.view[ends[number - 1] if number else 0 : ends[number]].tobytes()

    def labels(self, number: int) -> Labels:
        """The labels of a series, by name."""
        return dict(sorted((self.names[label], self.values[label]) for label in np.frombuffer(self.key(number), np.int32).tolist()))

    def value_of(self, name: str) -> tuple[Numbers, list[str]]:
        """Of all series: the place of their label ``name``'s value in the list, -1 for those without it."""
        values = list(self._labels.get(name, {}).items())
        ends = self._ends.view[: len(self)]
        found = np.full(len(ends), -1, np.int32)
        if not len(ends):
            return found, []
        place_of = np.full(len(self.names), -1, np.int32)
        place_of[[label for _, label in values]] = np.arange(len(values))
        places = place_of[self._flat.view[: int(ends[-1])]]
        there = np.flatnonzero(places >= 0)
        found[np.searchsorted(ends, there, side="right")] = places[there]
        return found, [value for value, _ in values]

    def match(self, matchers: Iterable[Matcher]) -> Numbers:
        """The series that fit all conditions. Raises UsageError for a regular expression that is none."""
        size = len(self)
        fits = np.ones(size, np.bool_)
        for matcher in matchers:
            fits &= self._fitting(matcher, size)
        return np.flatnonzero(fits).astype(np.int32)

    def _fitting(self, matcher: Matcher, size: int) -> NDArray[np.bool_]:
        is_not = matcher.op in {"!=", "!~"}
        wanted, takes_empty = self._values_fitting(matcher)
        fits = np.zeros(size, np.bool_)
        fits[self._having(wanted, size)] = True
        if takes_empty:
            lacking = np.ones(size, np.bool_)
            lacking[self._having(list(self._labels.get(matcher.name, {}).values()), size)] = False
            fits |= lacking
        return ~fits if is_not else fits

    def _values_fitting(self, matcher: Matcher) -> tuple[list[int], bool]:
        """The labels whose value is the text, or fits the expression; and whether the empty text does."""
        if matcher.op in {"=", "!="}:
            number = self._labels.get(matcher.name, {}).get(matcher.value)
            return [] if number is None else [number], not matcher.value
        expression = f"^(?s:{matcher.value})$"
        try:
            takes_empty = bool(pc.match_substring_regex(pa.array([""]), expression)[0].as_py())
            texts, numbers = self._text_of(matcher.name)
            fits = pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise UsageError(f"not a regular expression: {matcher.value!r}: {error}", hint="the syntax is RE2's, as in Prometheus") from error
        return numbers[fits].tolist(), takes_empty

    def _text_of(self, name: str) -> tuple[pa.Array, Numbers]:
        """The values of a label, for expressions; kept until there are more."""
        values = self._labels.get(name, {})
        known = self._texts.get(name)
        if known is None or len(known[1]) != len(values):
            items = list(values.items())
            known = self._texts[name] = (pa.array([value for value, _ in items], pa.string()), np.array([number for _, number in items], np.int32))
        return known

    def _having(self, labels: Sequence[int], size: int) -> NDArray[Any]:
        """The series below ``size`` that have any of the labels."""
        postings = self._fresh_postings()
        parts = [postings.of(label) for label in labels]
        late = self._late(postings, labels, size)
        found = np.concatenate([*parts, late]) if parts or len(late) else np.empty(0, np.int32)
        return found[found < size]

    def _late(self, postings: _Postings, labels: Sequence[int], size: int) -> NDArray[Any]:
        """Those that came after the postings were made."""
        if postings.size >= size or not labels:
            return np.empty(0, np.int32)
        ends = self._ends.view[:size]
        first = int(ends[postings.size - 1]) if postings.size else 0
        places = first + np.flatnonzero(np.isin(self._flat.view[first : int(ends[-1])], np.array(labels, np.int32)))
        return np.searchsorted(ends, places, side="right")

    def _fresh_postings(self) -> _Postings:
        with self._lock:
            size = len(self)
            if size - self._postings.size > max(_STALE_POSTINGS, self._postings.size // 8):
                self._postings = _Postings.made(self._flat.view, self._ends.view[:size], len(self.names))
            return self._postings

    def label_names(self, series: Numbers | None = None) -> list[str]:
        """The names of labels, of some series or of all."""
        return sorted({self.names[label] for label in self._used(series)} if series is not None else set(self._labels))

    def label_values(self, name: str, series: Numbers | None = None) -> list[str]:
        """The values of a label, of some series or of all."""
        values = self._labels.get(name, {})
        if series is None:
            return sorted(values)
        used = set(self._used(series))
        return sorted(value for value, label in values.items() if label in used)

    def _used(self, series: Numbers) -> list[int]:
        ends = self._ends.view
        chosen = np.zeros(len(ends), np.bool_)
        chosen[series] = True
        sizes = np.diff(ends, prepend=0)
        used: list[int] = np.unique(self._flat.view[: int(ends[-1]) if len(ends) else 0][np.repeat(chosen, sizes)]).tolist()
        return used

    def counts(self) -> dict[str, int]:
        """How many series each metric has."""
        return {name: len(self._having([label], len(self))) for name, label in list(self._labels.get(NAME, {}).items())}


class _Postings:
    """By label: the series that have it, in order. Of the first ``size`` series."""

    def __init__(self, starts: NDArray[np.int64], series: Numbers, size: int) -> None:
        self.starts, self.series, self.size = starts, series, size

    @classmethod
    def none(cls) -> _Postings:
        return cls(np.zeros(1, np.int64), np.empty(0, np.int32), 0)

    @classmethod
    def made(cls, flat: Numbers, ends: NDArray[np.int64], labels: int) -> _Postings:
        used = flat[: int(ends[-1]) if len(ends) else 0]
        owners = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))
        starts = np.zeros(labels + 1, np.int64)
        np.cumsum(np.bincount(used, minlength=labels), out=starts[1:])
        return cls(starts, owners[np.argsort(used, kind="stable")], len(ends))

    def of(self, label: int) -> Numbers:
        return self.series[self.starts[label] : self.starts[label + 1]] if label + 1 < len(self.starts) else self.series[:0]


_ALL_BITS: Final = (1 << 64) - 1


def _hash(key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
