"""What arrived since an arrival: which part of it fits one answer, and its samples, from memory and from blocks. Pure but for the reading of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store.metrics.blocks import BlockRow
from rayscope.store.metrics.head import Matrix, Part, matrix_of

Events = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Numbers of arrivals, and how many samples came with each."""


class Held(Struct, frozen=True, eq=False):
    """What is in memory of one target."""

    session_no: int
    parts: list[Part]


class Since(Struct, frozen=True, eq=False):
    """Where everything after ``seq`` is: blocks by their first arrival, and memory. ``newest`` is the last arrival of all."""

    seq: int
    newest: int
    blocks: list[BlockRow]
    held: list[Held]


def choose(since: Since, max_samples: int, seqs_of: Callable[[BlockRow], NDArray[np.int64]]) -> tuple[int, int]:
    """The last arrival that fits the answer, at least the first there is; and how many of the blocks have some of it."""
    events = [_in_memory(since)]
    cut, count = _cut(since, events, max_samples), 0
    while count < len(since.blocks) and since.blocks[count].first_seq <= cut:
        while count < len(since.blocks) and since.blocks[count].first_seq <= cut:
            row = since.blocks[count]
            seqs = seqs_of(row)
            seqs = seqs[seqs > since.seq]
            events.append((seqs, np.full(len(seqs), row.samples / row.times)))
            count += 1
            if count % _STEP == 0:
                break
        cut = _cut(since, events, max_samples)
    return cut, count


_STEP = 64


def _in_memory(since: Since) -> Events:
    parts = [part for held in since.held for part in held.parts]
    return np.array([part.seq for part in parts], np.int64), np.array([part.values.size for part in parts], np.float64)


def _cut(since: Since, events: Sequence[Events], max_samples: int) -> int:
    """The last arrival up to which all events together are no more samples than that."""
    seqs, sizes = np.concatenate([seqs for seqs, _ in events]), np.concatenate([sizes for _, sizes in events])
    if not len(seqs):
        return since.newest
    arrivals, places = np.unique(seqs, return_inverse=True)
    total = np.cumsum(np.bincount(places, weights=sizes))
    fitting = int(np.searchsorted(total, max_samples, side="right"))
    return since.newest if fitting == len(arrivals) else int(arrivals[max(fitting - 1, 0)])


def between(matrix: Matrix, seq: int, cut: int) -> Matrix | None:
    """The times of a matrix that came behind an arrival and up to another."""
    kept = (matrix.seqs > seq) & (matrix.seqs <= cut)
    if not kept.any():
        return None
    return Matrix(matrix.series, matrix.times[kept], matrix.values[:, kept], matrix.seqs[kept])


def from_memory(since: Since, cut: int) -> list[tuple[int, Matrix]]:
    """By session: what is in memory up to an arrival."""
    found = [(held.session_no, matrix_of([part for part in held.parts if part.seq <= cut])) for held in since.held]
    return [(session_no, matrix) for session_no, matrix in found if matrix is not None]
