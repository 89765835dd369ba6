"""The sizes of log pieces and blocks, which the format on disk depends on; other limits of logs stand in `rayscope.store.limits`."""

from __future__ import annotations

from typing import Final

from rayscope.store.limits import KIB, MIB

MAX_PIECE_BYTES: Final = 256 * KIB
"""A stretch of one file that is searched at once. Longer ones make the search of a block slower, shorter ones the index larger."""

BLOCK_BYTES: Final = 256 * KIB
"""Bytes from which on a block is closed: compression gains little beyond, and to read one line a whole block is read."""

SEGMENT_BYTES: Final = 128 * MIB
"""Where a new segment file begins. Retention frees whole segments."""

MAX_TAIL_BYTES: Final = 64 * KIB
"""How much of an unfinished line is remembered for the words that go over the boundary of two pieces."""
