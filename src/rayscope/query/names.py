"""The dictionaries of a store: the different names of its attempts and what the failed ones said, by session.

They are kept in memory and brought up to date as attempts settle: a search reads what is new, not a million rows.
"""

from __future__ import annotations

import threading
from typing import Any

from msgspec import Struct

from rayscope.store import search as store
from rayscope.store.database import Connection
from rayscope.store.limits import SEARCH_ERRORS, SEARCH_NAMES


class Said(Struct):
    """What attempts of a session said when they failed: its type, the line folded, one of them as it was, a function of theirs, when last."""

    session_no: int
    error_type: str
    folded: str
    line: str
    name: str
    last_ns: int

    @property
    def text(self) -> str:
        """What it is found by."""
        return f"{self.error_type} {self.line}".lower()


class Names:
    """Names and errors of everything that settled. Safe to use from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._until, self._key = -1, 0
        self._names: dict[tuple[int, str], str] = {}
        self._errors: dict[tuple[int, str, str], Said] = {}
        self.is_whole = True

    def update(self, connection: Connection) -> None:
        """Take in what settled since the last time. Attempts that came back to the hot table leave their name: it is one still.

        Where the store took rows away, places may have been given anew: then another attempt stands at the last known one, and all is read again.
        """
        with self._guard:
            until, key = store.last_cold(connection)
            if (until, key) == (self._until, self._key):
                return
            if self._until >= 0 and store.cold_key(connection, self._until) != self._key:
                self._until = -1
            self._add(store.cold_names(connection, self._until, until), store.cold_errors(connection, self._until, until, SEARCH_ERRORS))
            self._until, self._key = until, key

    def _add(self, names: list[tuple[int, str]], errors: list[tuple[Any, ...]]) -> None:
        for session_no, name in names:
            if len(self._names) >= SEARCH_NAMES:
                self.is_whole = False
                break
            self._names[session_no, name] = name.lower()
        for row in errors:
            if len(self._errors) < SEARCH_ERRORS:
                said = _said(row)
                self._errors[said.session_no, said.error_type, said.folded] = said
            else:
                self.is_whole = False

    def find(self, connection: Connection, words: list[str]) -> tuple[list[tuple[int, str]], list[Said]]:
        """Names (of which session) and errors that hold all words."""
        hot: dict[tuple[int, str], str] = {}
        said: dict[tuple[int, str, str], Said] = {}
        if store.has_hot(connection):
            hot = {(number, name): name.lower() for number, name in store.hot_names(connection)}
            said = {row[:3]: _said(row) for row in store.hot_errors(connection, SEARCH_ERRORS)}
        with self._guard:
            names = [key for key, text in (self._names | hot).items() if all(word in text for word in words)]
            errors = [one for one in (self._errors | said).values() if all(word in one.text for word in words)]
        return names, errors


def _said(row: tuple[Any, ...]) -> Said:
    session_no, error_type, folded, line, name, last_ns = row
    return Said(session_no, error_type, folded or "", line or "", name or "", last_ns or 0)
