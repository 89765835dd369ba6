"""Numbers, labels and durations as Prometheus writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from decimal import Decimal

from rayscope.model.metrics import NAME, Labels

_LARGE, _SMALL = 1e21, 1e-6


def show_number(value: float) -> str:
    """Go's shortest text that reads as the same number, without an exponent: `FormatFloat(v, 'f', -1, 64)`."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "n" in text:
        return _special(value)
    return format(Decimal(text), "f") if "e" in text else text


def show_samples(values: Iterable[float]) -> list[str]:
    """`show_sample` of many."""
    return [text if text[-2:] != ".0" and "e" not in text and "n" not in text else show_sample(float(text)) for text in map(repr, values)]


def show_sample(value: float) -> str:
    """As in answers: very large and very small numbers have an exponent, of two digits at least."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" not in text:
        return _special(value) if "n" in text else text
    if _SMALL <= abs(value) < _LARGE:
        return format(Decimal(text), "f")
    digits, _, exponent = text.partition("e")
    return f"{digits}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-').rjust(2, '0')}"


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def show_labels(labels: Labels) -> str:
    """`name{label="value"}`."""
    rest = sorted(item for item in labels.items() if item[0] != NAME)
    inner = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in rest)
    name = labels.get(NAME, "")
    return f"{name}{{{inner}}}" if inner or not name else name
