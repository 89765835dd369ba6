"""What a server was told to keep and to mask, in files of its data folder, so that the next start need not be told again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from rayscope.errors import UsageError
from rayscope.model.retention import Retention
from rayscope.query.retention import parse_retention
from rayscope.ray.secrets import Policy
from rayscope.store.limits import METRIC_SERIES

T = TypeVar("T", bound=Struct)

_REDACTION: Final = "redact.json"
_RETENTION: Final = "retain.json"
_METRICS: Final = "metrics.json"


class Redaction(Struct, forbid_unknown_fields=True):
    """The content of redact.json: whether secrets are masked, and the user's own patterns beside the rules."""

    enabled: bool = True
    patterns: list[str] = []


class _Retained(Struct, forbid_unknown_fields=True):
    retain: str = ""


class _Metrics(Struct, forbid_unknown_fields=True):
    series: int = METRIC_SERIES


class Settings(Struct, frozen=True, kw_only=True):
    """What a start may be told; None: as it was."""

    retain: str | None = None
    redact: bool | None = None
    patterns: Sequence[str] | None = None
    metric_series: int | None = None

    def keep(self, data: Path) -> None:
        """Write into the folder what is given. Raises UsageError for what does not parse."""
        if self.redact is not None or self.patterns:
            known = _redaction(data)
            kept = Redaction(known.enabled if self.redact is None else self.redact, list(self.patterns or known.patterns))
            Policy(kept.patterns, enabled=kept.enabled)
            _write(data / _REDACTION, kept)
        if self.retain is not None:
            parse_retention(self.retain)
            _write(data / _RETENTION, _Retained(self.retain))
        if self.metric_series is not None:
            if self.metric_series < 1:
                raise UsageError(f"--metric-series {self.metric_series} leaves no room for a series", hint=f"the default is {METRIC_SERIES}")
            _write(data / _METRICS, _Metrics(self.metric_series))


def read_policy(data: Path) -> Policy:
    """How this folder's server masks secrets. Raises UsageError for a file that cannot be read as such."""
    known = _redaction(data)
    return Policy(known.patterns, enabled=known.enabled)


def read_retention(data: Path) -> Retention:
    """What this folder's server keeps. Raises UsageError likewise."""
    return parse_retention(_read(data / _RETENTION, _Retained).retain)


def read_metric_series(data: Path) -> int:
    """How many series of metrics a session may have in this folder. Raises UsageError likewise."""
    return _read(data / _METRICS, _Metrics).series


def _redaction(data: Path) -> Redaction:
    return _read(data / _REDACTION, Redaction)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", hint="mend it, or delete it; docs/redaction.md, docs/retention.md and docs/metrics.md show what it holds"
        ) from error


def _write(path: Path, content: Struct) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    new.replace(path)
