"""Frames, for those who ask: samples of series that share their times."""

from __future__ import annotations

from rayscope.store.metrics.frames import ABSENT, ABSENT_BITS, NAN, STALE, STALE_BITS, Frame, Times, Values, is_absent, is_stale

__all__ = ["ABSENT", "ABSENT_BITS", "NAN", "STALE", "STALE_BITS", "Frame", "Times", "Values", "is_absent", "is_stale"]
