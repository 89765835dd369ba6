"""Samples that are in the journal and not yet in a block: by target, as they came; and the matrix that parts of them make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from rayscope.store.limits import METRIC_BLOCK_CELLS
from rayscope.store.metrics.frames import ABSENT, Times, Values, is_absent
from rayscope.store.metrics.series import NEVER, Numbers


class Part(Struct, frozen=True, eq=False):
    """What came at once of one target: ``values[t, s]`` at ``times[t]`` of ``series[s]``. A scrape has one time. ``seq`` counts arrivals."""

    seq: int
    times: Times
    series: Numbers
    values: Values


class Matrix(Struct, frozen=True, eq=False):
    """Samples of one target: ``values[s, t]`` of ``series[s]`` (ascending) at ``times[t]`` (ascending); ABSENT where there is none.

    ``seqs[t]``: the last arrival with that time.
    """

    series: Numbers
    times: Times
    values: Values
    seqs: NDArray[np.int64]


class Target(Struct, kw_only=True, eq=False):
    """What is scraped: an address and a job on a node. Of what is written from outside: the same by the samples' own labels.

    ``frozen`` is on its way into a block, ``active`` came since.
    """

    number: int
    labels: dict[str, str]
    scraped_ms: int = NEVER
    frozen: list[Part] = field(default_factory=list)
    active: list[Part] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        """All that is in memory."""
        return [*self.frozen, *self.active]


def matrix_of(parts: Sequence[Part], wanted: Numbers | None = None, span: tuple[int, int] | None = None, after_seq: int = -1) -> Matrix | None:
    """Parts put together: of the wanted series only, of the times within the span, of what came after an arrival. None where nothing is left."""
    kept = [part for part in parts if part.seq > after_seq and (span is None or (part.times[-1] >= span[0] and part.times[0] <= span[1]))]
    series = _series_of(kept, wanted)
    if not len(series):
        return None
    if wanted is not None:
        sharing = {id(part.series): bool(np.isin(part.series, series).any()) for part in {id(part.series): part for part in kept}.values()}
        kept = [part for part in kept if sharing[id(part.series)]]
    times = np.unique(np.concatenate([part.times for part in kept]))
    if span is not None:
        times = times[(times >= span[0]) & (times <= span[1])]
    if not len(times):
        return None
    return _filled(kept, series, times)


def matrices_of(parts: Sequence[Part]) -> Iterator[Matrix]:
    """Parts put together, in several matrices where one would be too large, or mostly holes."""
    series = _series_of(parts, None)
    times = len(np.unique(np.concatenate([part.times for part in parts])))
    width = max(min(METRIC_BLOCK_CELLS, _HOLES * sum(part.values.size for part in parts) + _CELLS) // times, 1)
    for first in range(0, len(series), width):
        if (matrix := matrix_of(parts, series[first : first + width])) is not None:
            yield matrix


_HOLES: Final = 8
_CELLS: Final = 10_000


def _filled(parts: Iterable[Part], series: Numbers, times: Times) -> Matrix:
    values = np.full((len(times), len(series)), ABSENT)
    seqs = np.zeros(len(times), np.int64)
    places = _Places(series)
    for part in parts:
        rows = np.searchsorted(times, part.times)
        inside = (rows < len(times)) & (times[np.minimum(rows, len(times) - 1)] == part.times)
        rows, source = rows[inside], part.values[inside]
        sources, columns = places.of(part.series)
        if sources is None:
            values[rows[:, None], columns] = source
        else:
            values[rows[:, None], columns] = source[:, sources]
        seqs[rows] = np.maximum(seqs[rows], part.seq)
    return Matrix(series, times, np.ascontiguousarray(values.T), seqs)


class _Places:
    """Where each series of a part goes. Parts of one target mostly share their array of series, which is looked up once."""

    def __init__(self, series: Numbers) -> None:
        self._series = series
        self._known: dict[int, tuple[NDArray[np.int64] | None, NDArray[np.int64]]] = {}

    def of(self, series: Numbers) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
        known = self._known.get(id(series))
        if known is None:
            places = np.searchsorted(self._series, series)
            found = self._series[np.minimum(places, len(self._series) - 1)] == series
            known = (None, places) if found.all() else (np.flatnonzero(found), places[found])
            self._known[id(series)] = known
        return known


def _series_of(parts: Sequence[Part], wanted: Numbers | None) -> Numbers:
    """All series of the parts, ascending; of the wanted ones those that are there."""
    different = list({id(part.series): part.series for part in parts}.values())
    if not different:
        return np.empty(0, np.int32)
    together = np.unique(np.concatenate(different)) if len(different) > 1 else np.unique(different[0])
    return together if wanted is None else together[np.isin(together, wanted, assume_unique=True)]


def sample_count(matrix: Matrix) -> int:
    """How many samples there are."""
    return int(matrix.values.size - np.count_nonzero(is_absent(matrix.values)))
