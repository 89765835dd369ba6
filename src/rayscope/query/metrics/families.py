"""Which family a series is a part of, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rayscope.model.metrics import Family

_PARTS: Final = {"_bucket": {"histogram"}, "_count": {"histogram", "summary"}, "_sum": {"histogram", "summary"}, "_total": {"counter"}}


def family_among(families: Mapping[str, Family], name: str) -> Family | None:
    """The family of a series's name: its own, or the one that it is a part of."""
    if (own := families.get(name)) is not None:
        return own
    for suffix, types in _PARTS.items():
        if name.endswith(suffix) and (family := families.get(name.removesuffix(suffix))) is not None and family.type in types:
            return family
    return None
