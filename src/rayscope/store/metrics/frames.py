"""Frames: samples of series that share their times, as numpy arrays; and the two NaNs that mean something."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.model.metrics import Labels

Times: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.float64]

ABSENT_BITS: Final = 0x7FF8000000000ABC
STALE_BITS: Final = 0x7FF0000000000002

ABSENT: Final = np.uint64(ABSENT_BITS).view(np.float64)
"""In a frame: this series has no sample at this time."""

STALE: Final = np.uint64(STALE_BITS).view(np.float64)
"""Prometheus's own mark: from this time on the series is not there."""

NAN: Final = np.uint64(0x7FF8000000000001).view(np.float64)
"""Prometheus's ordinary NaN."""


class Frame(Struct, frozen=True, eq=False):
    """Samples of S series at T times. ``values[s, t]`` is ABSENT where series s has no sample at time t, STALE where it ended.

    ``times`` ascend (ms). A series may be in several frames, whose times then do not overlap but for those of samples written from outside.
    """

    labels: list[Labels]
    times: Times
    values: Values


def is_absent(values: Values) -> NDArray[np.bool_]:
    """Where there is no sample. Compares bits: an ordinary NaN is a sample."""
    found: NDArray[np.bool_] = values.view(np.uint64) == ABSENT_BITS
    return found


def is_stale(values: Values) -> NDArray[np.bool_]:
    """Where a series ended."""
    found: NDArray[np.bool_] = values.view(np.uint64) == STALE_BITS
    return found
