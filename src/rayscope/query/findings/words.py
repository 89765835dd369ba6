"""Figures in findings, as people read them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def bytes_text(count: float) -> str:
    """``1.5 GiB``."""
    value, at = float(count), 0
    while abs(value) >= 1024 and at < len(_UNITS) - 1:  # noqa: PLR2004 a kibibyte
        value, at = value / 1024, at + 1
    return f"{value:.3g} {_UNITS[at]}" if abs(value) < 1000 else f"{value:.0f} {_UNITS[at]}"  # noqa: PLR2004 three digits


def byte_rate(a_second: float) -> str:
    """``12.3 MiB a minute``, or an hour where that is little."""
    return f"{bytes_text(a_second * 60)} a minute" if a_second * 60 >= 1024 * 1024 else f"{bytes_text(a_second * 3600)} an hour"


def lasted(milliseconds: float) -> str:
    """``40 s``, ``14 min``, ``3.5 h``."""
    seconds = milliseconds / 1000
    if seconds < 120:  # noqa: PLR2004 two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 two hours


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
