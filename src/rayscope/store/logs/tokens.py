"""The words of a block as a Bloom filter: which blocks can hold a word is known without reading them.

A *run* is a stretch of letters, digits and bytes from 128 on. Its *parts* begin where an upper-case letter follows another:
``ValueError`` is one run of the parts ``Value`` and ``Error``. Runs and parts are the words; case does not count.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from rayscope.store.logs.limits import MAX_PIECE_BYTES, MAX_TAIL_BYTES

Hashes = npt.NDArray[np.uint64]

_ROOM: Final = MAX_PIECE_BYTES + MAX_TAIL_BYTES + 1
_BASE: Final = 0x9E3779B97F4A7C15 | 1
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)
_PROBES: Final = 4
_MAX_BITS: Final = 1 << 20
_MIN_BITS: Final = 1 << 9
_FULL: Final = 0.4
"""A filter is made no smaller than this share of set bits allows: about one wrong yes in forty."""

_LOWER, _UPPER = 1, 2


def _splitmix(count: int) -> Hashes:
    """Fixed random numbers, the same in every version of everything."""
    mask, state, values = (1 << 64) - 1, 0x5261797363, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        value = state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        values.append(value ^ (value >> 31))
    return np.array(values, np.uint64)


def _powers(base: int, count: int) -> Hashes:
    values = np.full(count, base, np.uint64)
    values[0] = 1
    return np.multiply.accumulate(values)


def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[128:] = kinds[ord("a") : ord("z") + 1] = kinds[ord("0") : ord("9") + 1] = _LOWER
    kinds[ord("A") : ord("Z") + 1] = _UPPER
    return kinds


def _values() -> Hashes:
    values = _splitmix(256)
    values[ord("A") : ord("Z") + 1] = values[ord("a") : ord("z") + 1]
    return values


KINDS: Final = _kinds()
_VALUES: Final = _values()
_POWERS: Final = _powers(_BASE, _ROOM)
_INVERSES: Final = _powers(pow(_BASE, -1, 1 << 64), _ROOM)


def hash_words(data: bytes) -> Hashes:
    """The hash of every run and part, repeats included. At most MAX_PIECE_BYTES + MAX_TAIL_BYTES at a time."""
    raw = np.frombuffer(data, np.uint8)
    kinds = np.zeros(raw.size + 2, np.uint8)
    np.take(KINDS, raw, out=kinds[1:-1])
    word = kinds > 0
    edges = np.flatnonzero(word[1:] != word[:-1])
    starts, ends = edges[0::2], edges[1::2]
    sums = np.zeros(raw.size + 1, np.uint64)
    np.cumsum(_VALUES[raw] * _POWERS[: raw.size], out=sums[1:])
    runs = (sums[ends] - sums[starts]) * _INVERSES[starts]
    splits = np.flatnonzero((kinds[2:-1] == _UPPER) & (kinds[1:-2] == _LOWER)) + 1
    if splits.size:
        starts, ends = np.sort(np.concatenate((starts, splits))), np.sort(np.concatenate((ends, splits)))
        runs = np.concatenate((runs, (sums[ends] - sums[starts]) * _INVERSES[starts]))
    return _mixed(runs)


def _mixed(hashes: Hashes) -> Hashes:
    hashes = (hashes ^ (hashes >> np.uint64(32))) * _MIX
    return hashes ^ (hashes >> np.uint64(29))


def make_filter(hashes: list[Hashes]) -> bytes:
    """The Bloom filter of words, as small as its share of set bits allows. Its length is a power of two, in bytes."""
    bits = np.zeros(_MAX_BITS, np.bool_)
    for some in hashes:
        for probe in _probes(some):
            bits[probe & np.uint64(_MAX_BITS - 1)] = True
    while bits.size > _MIN_BITS:
        half = bits[: bits.size // 2] | bits[bits.size // 2 :]
        if np.count_nonzero(half) > _FULL * half.size:
            break
        bits = half
    return np.packbits(bits, bitorder="little").tobytes()


def _probes(hashes: Hashes) -> list[Hashes]:
    low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
    return [low + np.uint64(probe) * high for probe in range(_PROBES)]


def probes_of(word: bytes) -> tuple[int, ...]:
    """Where to look for one run in filters (see `may_hold`)."""
    first = hash_words(word.lower())[:1]
    return tuple(int(probe[0]) for probe in _probes(first))


def may_hold(filter_: bytes, probes: tuple[int, ...]) -> bool:
    """Whether a block with this filter can hold the word."""
    mask = len(filter_) * 8 - 1
    for probe in probes:
        bit = probe & mask
        if not filter_[bit >> 3] >> (bit & 7) & 1:
            return False
    return True
