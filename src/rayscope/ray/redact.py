"""Values that look like secrets, taken out of runtime envs and of events before anything is stored."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

MASK: Final = "[redacted]"

_SECRET_NAME: Final = re.compile(
    r"(?i)(passw|passphrase|secret|token|api_?key|access_?key|private_?key|credential|authoriz|auth_?key|_key$|^key$|cookie|signature)"
)
_ENV_NAMES: Final = frozenset({"serializedRuntimeEnv", "serialized_runtime_env"})
_URL_CREDENTIALS: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s:@]*:[^/\s@]+@")


def redact(value: Any) -> Any:
    """``value`` (parsed JSON) with every text under a name that looks secret, and the credentials in every URL, masked."""
    if isinstance(value, dict):
        return {name: _redact_named(name, part) for name, part in value.items()}
    if isinstance(value, list):
        return [redact(part) for part in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """``text`` without the credentials in its URLs."""
    return _URL_CREDENTIALS.sub(rf"\1{MASK}@", text) if "://" in text else text


@lru_cache(maxsize=4096)  # a job's tasks share few runtime envs
def redact_json(text: str) -> str:
    """The same for JSON text; what is no JSON is treated as plain text."""
    if text in {"", "{}"}:
        return "{}"
    try:
        return json.dumps(redact(json.loads(text)), separators=(", ", ": "))
    except ValueError:
        return redact_text(text)


def redact_event(raw: bytes) -> str:
    """The same for an event that could not be read, as far as its form can be told, with the runtime envs inside it."""
    try:
        return json.dumps(redact_envs(json.loads(raw)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return redact_text(raw.decode(errors="replace"))


def redact_envs(value: Any) -> Any:
    """``value`` masked, and the JSON texts of runtime envs in it too."""
    if isinstance(value, list):
        return [redact_envs(part) for part in value]
    if not isinstance(value, dict):
        return redact(value)
    return {name: _redact_env(part) if name in _ENV_NAMES else redact_envs(part) for name, part in redact(value).items()}


def _redact_env(value: Any) -> Any:
    return redact_json(value) if isinstance(value, str) else redact_envs(value)


def _redact_named(name: str, part: Any) -> Any:
    return _mask(part) if _SECRET_NAME.search(name) else redact(part)


def _mask(value: Any) -> Any:
    """Every text in ``value`` masked; numbers under such names are sizes and counts (`max_tokens`)."""
    if isinstance(value, dict):
        return {name: _mask(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_mask(part) for part in value]
    return MASK if isinstance(value, str) and value else value
