"""The compression of samples: every bit comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rayscope.query.metrics.frames import ABSENT_BITS, STALE_BITS
from rayscope.store.metrics.codec import FLOAT, INT8, SAME, decode_chunk, decode_times, encode_chunk, encode_times

SPECIAL = [
    ABSENT_BITS, STALE_BITS, 0, 1, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000001, 0x7FF8DEADBEEF0001, 0x433FFFFFFFFFFFFF,
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(SPECIAL),
    st.integers(0, 2**64 - 1),
    st.floats(allow_nan=False).map(lambda value: int(np.float64(value).view(np.uint64))),
    st.integers(-(2**55), 2**55).map(lambda value: int(np.float64(value).view(np.uint64))),
    st.decimals(-10_000, 10_000, places=2).map(lambda value: int(np.float64(float(value)).view(np.uint64))),
)


def bits_back(bits: np.ndarray) -> np.ndarray:
    data, raw = encode_chunk(bits.view(np.float64))
    return decode_chunk(data, raw, *bits.shape).values().view(np.uint64)


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.uint64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=VALUES))
def test_every_bit_comes_back(bits: np.ndarray) -> None:
    assert (bits_back(bits) == bits).all()


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(-(2**40), 2**40)), st.integers(0, 9), st.data())
def test_whole_numbers_and_decimals_come_back(numbers: np.ndarray, digits: int, data: st.DataObject) -> None:
    """With holes in them, and some rows asked for alone."""
    values = numbers / 10.0**digits
    values[data.draw(hnp.arrays(np.bool_, values.shape))] = np.uint64(ABSENT_BITS).view(np.float64)
    packed, raw = encode_chunk(values)
    chunk = decode_chunk(packed, raw, *values.shape)
    rows = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), unique=True)), np.intp)
    assert (chunk.values().view(np.uint64) == values.view(np.uint64)).all()
    assert (chunk.values(rows).view(np.uint64) == values[rows].view(np.uint64)).all()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([5.5] * 4, SAME),
        ([1.0, 2.0, 3.0, 100.0], INT8),
        ([0.1, 0.2, 0.3, 0.25], INT8),
        ([float("nan"), 1.0, 2.0, 3.0], FLOAT),
        ([0.0, -0.0, 1.0, 2.0], FLOAT),
        ([1 / 3, 1 / 7, 2.0, 1.0], FLOAT),
    ],
)
def test_the_smallest_kind_is_taken(values: list[float], kind: int) -> None:
    data, raw = encode_chunk(np.array([values]))
    assert decode_chunk(data, raw, 1, len(values)).kinds.tolist() == [kind]


def test_times_come_back() -> None:
    times = np.array([1_795_521_600_000, 1_795_521_615_003, 1_795_521_630_001], np.int64)
    assert decode_times(encode_times(times)).tolist() == times.tolist()
