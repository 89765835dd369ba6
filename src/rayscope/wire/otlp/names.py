"""OpenTelemetry's names and units in Prometheus's words, by the rules of its compatibility specification."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

_UNITS: Final = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
    "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
    "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent", "1": "",
}  # fmt: skip
_PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_BAD_METRIC: Final = re.compile(r"[^a-zA-Z0-9:]+")
_BAD_LABEL: Final = re.compile(r"[^a-zA-Z0-9_]")
_ANNOTATION: Final = re.compile(r"\{[^}]*\}")


@lru_cache(maxsize=10_000)
def metric_name(name: str, unit: str, *, is_counter: bool, is_gauge: bool) -> str:
    """A metric's name: what no name may have becomes ``_``, the unit its ending, and ``_total`` that of a counter."""
    words = [word for word in _BAD_METRIC.split(name) if word]
    for word in _unit_words(unit):
        if word not in words:
            words.append(word)
    if unit == "1" and is_gauge:
        words = [word for word in words if word != "ratio"] + ["ratio"]
    if is_counter:
        words = [word for word in words if word != "total"] + ["total"]
    text = "_".join(words)
    return f"_{text}" if text[:1].isdigit() else text


@lru_cache(maxsize=10_000)
def label_name(name: str) -> str:
    """A label's name."""
    text = _BAD_LABEL.sub("_", name)
    return f"key_{text}" if text[:1].isdigit() or (text.startswith("_") and not text.startswith("__")) else text


def labels_of(attributes: Iterable[Any]) -> dict[str, str]:
    """Attributes as labels. Those whose names become the same have their values joined, in the order of their own names."""
    labels: dict[str, str] = {}
    for attribute in sorted(attributes, key=lambda attribute: str(attribute.key)):
        name, value = label_name(attribute.key), value_text(attribute.value)
        labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def value_text(value: Any) -> str:
    """An attribute's value as text; lists and maps as JSON."""
    import json  # rarely needed

    kind = value.WhichOneof("value")
    if kind == "string_value":
        return str(value.string_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    plain = _plain(value)
    return "" if plain is None else plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {one.key: _plain(one.value) for one in value.kvlist_value.values}
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def _unit_words(unit: str) -> list[str]:
    """The words that a unit adds: ``By/s`` is bytes, per, second."""
    main, _, per = _ANNOTATION.sub("", unit).strip().partition("/")
    words = [_UNITS.get(main, _BAD_METRIC.sub("_", main).strip("_"))]
    if per:
        words += ["per", _PER.get(per, _BAD_METRIC.sub("_", per).strip("_"))]
    return [word for word in words if word]
