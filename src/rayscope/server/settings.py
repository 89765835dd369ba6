"""What a server was told to keep, to mask and to send on, in files of its data folder, so that the next start need not be told again."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rayscope.errors import UsageError
from rayscope.export.post import check_url
from rayscope.model.export import OTLP, REMOTE_WRITE, Destination, Kind
from rayscope.model.retention import Retention
from rayscope.query.retention import parse_retention
from rayscope.ray.secrets import Policy
from rayscope.store.limits import METRIC_SERIES

T = TypeVar("T", bound=Struct)

_REDACTION: Final = "redact.json"
_RETENTION: Final = "retain.json"
_EXPORTS: Final = "export.json"
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OFF: Final = "off"
_TOKEN: Final = "RAYSCOPE_EXPORT_TOKEN"  # noqa: S105 a name
_METRICS: Final = "metrics.json"


class Redaction(Struct, forbid_unknown_fields=True):
    """The content of redact.json: whether secrets are masked, and the user's own patterns beside the rules."""

    enabled: bool = True
    patterns: list[str] = []


class _Retained(Struct, forbid_unknown_fields=True):
    retain: str = ""


class _Exported(Struct, forbid_unknown_fields=True):
    """The content of export.json."""

    destinations: list[Destination] = []


class _Metrics(Struct, forbid_unknown_fields=True):
    series: int = METRIC_SERIES


class Settings(Struct, frozen=True, kw_only=True):
    """What a start may be told; None: as it was."""

    retain: str | None = None
    redact: bool | None = None
    patterns: Sequence[str] | None = None
    remote_write: Sequence[str] | None = None
    otlp_metrics: Sequence[str] | None = None
    export_headers: Sequence[str] | None = None
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
        if self.remote_write or self.otlp_metrics:
            _write(data / _EXPORTS, _Exported(self._destinations(data)), mode=0o600)
        elif self.export_headers:
            raise UsageError("--export-header says nothing without an address", hint="give it together with --remote-write or --otlp-metrics")

    def _destinations(self, data: Path) -> list[Destination]:
        """Those of a kind that is given replace the known ones of it."""
        headers = dict(parse_header(text) for text in self.export_headers or ())
        found: list[Destination] = []
        kinds: tuple[tuple[Kind, Sequence[str] | None], ...] = ((REMOTE_WRITE, self.remote_write), (OTLP, self.otlp_metrics))
        for kind, urls in kinds:
            if not urls:
                found += [one for one in _read(data / _EXPORTS, _Exported).destinations if one.kind == kind]
            else:
                found += [Destination(kind=kind, url=_checked(url), headers=headers) for url in dict.fromkeys(urls) if url != _OFF]
        return found


def read_policy(data: Path) -> Policy:
    """How this folder's server masks secrets. Raises UsageError for a file that cannot be read as such."""
    known = _redaction(data)
    return Policy(known.patterns, enabled=known.enabled)


def read_retention(data: Path) -> Retention:
    """What this folder's server keeps. Raises UsageError likewise."""
    return parse_retention(_read(data / _RETENTION, _Retained).retain)


def read_destinations(data: Path) -> list[Destination]:
    """Where this folder's server sends metrics; with the token of the environment, where none is kept. Raises UsageError likewise."""
    known, token = _read(data / _EXPORTS, _Exported).destinations, os.environ.get(_TOKEN)
    return [_with_token(one, token) for one in known] if token else known


def parse_header(text: str) -> tuple[str, str]:
    """`NAME: VALUE`. Raises UsageError for what is none."""
    name, separator, value = text.partition(":")
    if not separator or not _HEADER_NAME.fullmatch(name.strip()) or not value.strip().isprintable():
        raise UsageError("--export-header is no NAME: VALUE", hint="write it as 'X-Scope-OrgID: tenant-1'")
    return name.strip(), value.strip()


def _checked(url: str) -> str:
    check_url(url)
    return url


def _with_token(destination: Destination, token: str) -> Destination:
    if any(name.lower() == "authorization" for name in destination.headers) or "@" in urlsplit(destination.url).netloc:
        return destination
    return replace(destination, headers=destination.headers | {"Authorization": f"Bearer {token}"})


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
        hint = "mend it, or delete it; docs/redaction.md, docs/retention.md, docs/metrics.md and docs/export.md show what it holds"
        raise UsageError(f"cannot read {path}: {error}", hint=hint) from error


def _write(path: Path, content: Struct, mode: int = 0o644) -> None:
    new = path.with_suffix(".new")
    new.touch(mode)
    new.chmod(mode)
    new.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    new.replace(path)
