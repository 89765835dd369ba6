"""How far a destination has come, in a file: what a kill interrupts goes on there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from rayscope.errors import UsageError
from rayscope.export.post import shown_url

FOLDER: Final = "export"


class _Kept(Struct):
    url: str
    cursor: int = 0


class CursorFile:
    """One destination's. ``value`` is 0 where nothing was sent yet."""

    def __init__(self, folder: Path, kind: str, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{kind}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"
        self._url = shown_url(url)  # for whoever looks into the folder: without a password
        self.value = self._read()

    def save(self, cursor: int) -> None:
        """All before ``cursor`` has arrived. A power cut may forget that, and some is then sent twice; nothing is left out."""
        new = self._path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(_Kept(self._url, cursor)) + b"\n")
        new.replace(self._path)
        self.value = cursor

    def _read(self) -> int:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept).cursor
        except FileNotFoundError:
            return 0
        except (OSError, msgspec.DecodeError) as error:
            raise UsageError(f"cannot read {self._path}: {error}", hint="delete it, and all that is kept is sent again") from error
