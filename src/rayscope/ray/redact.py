"""Secrets taken out of runtime envs, metadata and messages before anything is stored: by the names that values have, and by how they look.

What is masked is counted by where it stood; `taken` gives this thread's counts since it was last asked.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from functools import lru_cache
from typing import Any, Final, TypeVar

from rayscope.ray.secrets import MASK, Policy, active

T = TypeVar("T")

_SECRET_NAME: Final = re.compile(
    r"(?i)(passw|passphrase|secret|token|api_?key|access_?key|private_?key|credential|authoriz|auth_?key|_key$|^key$|cookie|signature)"
)
_ENV_NAMES: Final = frozenset({"serializedRuntimeEnv", "serialized_runtime_env"})

FIELDS, ENVS, TEXTS = "fields", "runtime_envs", "texts"
"""Where secrets are counted: in metadata and other fields, in runtime envs, in messages and commands."""


class _Tally(threading.local):
    """What this thread has masked and nobody has asked for yet."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()


_tally: Final = _Tally()


def taken() -> dict[str, int]:
    """How many values this thread masked since the last call, by where they stood."""
    if not _tally.counts:
        return {}
    counts, _tally.counts = _tally.counts, Counter()
    return counts


def redact(value: Any) -> Any:
    """``value`` (parsed JSON) with every text under a name that looks secret, and every secret in any other text, masked."""
    policy = active()
    return _counted(FIELDS, _redact(policy, value)) if policy.enabled else value


def redact_text(text: str) -> str:
    """``text`` without what looks like a secret."""
    return _counted(TEXTS, active().in_text(text)) if text else text


def redact_json(text: str) -> str:
    """The same for the JSON text of a runtime env; what is no JSON is treated as plain text."""
    if text in {"", "{}"}:
        return "{}"
    return _counted(ENVS, _redact_json(active(), text))


def redact_event(raw: bytes) -> str:
    """The same for an event that could not be read, as far as its form can be told, with the runtime envs inside it."""
    try:
        return json.dumps(redact_envs(json.loads(raw)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return redact_text(raw.decode(errors="replace"))


def redact_envs(value: Any) -> Any:
    """``value`` masked, and the JSON texts of runtime envs in it too."""
    policy = active()
    return _counted(FIELDS, _redact(policy, value)) if policy.enabled else value


def _counted(place: str, value: T) -> T:
    """``value``, its masks counted."""
    if count := _masks(value):
        _tally.counts[place] += count
    return value


def _masks(value: Any) -> int:
    if isinstance(value, str):
        return value.count(MASK) if MASK in value else 0
    if isinstance(value, dict):
        return sum(map(_masks, value.values()))
    return sum(map(_masks, value)) if isinstance(value, list) else 0


@lru_cache(maxsize=4096)  # a job's tasks share few runtime envs
def _redact_json(policy: Policy, text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return policy.in_text(text)
    return json.dumps(_redact(policy, value) if policy.enabled else value, separators=(", ", ": "))


def _redact(policy: Policy, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _redact_named(policy, name, part) for name, part in value.items()}
    if isinstance(value, list):
        return [_redact(policy, part) for part in value]
    return policy.in_text(value) if isinstance(value, str) else value


def _redact_named(policy: Policy, name: str, part: Any) -> Any:
    if name in _ENV_NAMES and isinstance(part, str):
        return _redact_json(policy, part)
    return _mask(part) if _SECRET_NAME.search(name) else _redact(policy, part)


def _mask(value: Any) -> Any:
    """Every text in ``value`` masked; numbers under such names are sizes and counts (`max_tokens`)."""
    if isinstance(value, dict):
        return {name: _mask(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_mask(part) for part in value]
    return MASK if isinstance(value, str) and value else value
