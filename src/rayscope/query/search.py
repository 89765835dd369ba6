"""Search over everything: ids by prefix, names, entrypoints, what errors said; over all sessions; the best first."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rayscope.errors import FilterError
from rayscope.model.progress import Link
from rayscope.model.search import Hit, SearchAnswer
from rayscope.query.labels import node_label
from rayscope.query.moment import ask
from rayscope.query.names import Names, Said
from rayscope.query.sessions import ALL, resolve_session
from rayscope.store import questions
from rayscope.store import search as store
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.labels import labels_in
from rayscope.store.limits import SEARCH_HITS, SEARCH_WORDS

_VIEWS: Final = {"node": "nodes", "worker": "workers", "actor": "actors", "job": "jobs", "submission": "jobs", "placement-group": "placement-groups"}
_HEX: Final = re.compile(r"[0-9a-f]{4,56}")
_SHORT: Final = 12
_ERROR_RANK: Final = 6
_DETAIL: Final = 200


class Found(Struct):
    """A hit with what decides its place: how well it fits (0 best), how new its session is (0 newest), how new it is itself."""

    rank: int
    session_no: int
    time_ns: int
    hit: Hit


class Search:
    """Finds things in one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names = Names()

    def find(self, text: str, session: str, limit: int) -> SearchAnswer:
        """The best hits. Raises FilterError, NotFound, Ambiguous."""
        if not 1 <= limit <= SEARCH_HITS:
            raise FilterError(f"limit {limit} is not between 1 and {SEARCH_HITS}")
        words = text.lower().split()[:SEARCH_WORDS]
        if not words:
            raise FilterError("nothing to search for", hint="give an id or the beginning of one, a name, or words of an error")
        begin = time.perf_counter()
        hits = ask(self._database, lambda connection: self._find(connection, words, session, limit + 1))
        took_ms = round((time.perf_counter() - begin) * 1000, 1)
        return SearchAnswer(q=text, hits=hits[:limit], took_ms=took_ms, complete=len(hits) <= limit and self._names.is_whole)

    def _find(self, connection: Connection, words: list[str], session: str, limit: int) -> list[Hit]:
        chosen = None if session == ALL else resolve_session(questions.sessions(connection), session)
        known = {row["session_no"]: row for row in store.session_words(connection)}
        only = None if chosen is None else [chosen[0]]
        self._names.update(connection)
        found = [
            *_sessions(known, words, only),
            *_entities(connection, known, words, only, limit),
            *_tasks(connection, known, words, only, limit),
            *_classes(connection, known, words, only, limit),
            *self._from_names(connection, known, words, only, limit),
        ]
        newest = {number: at for at, number in enumerate(known)}
        found.sort(key=lambda one: (one.rank, newest[one.session_no], -one.time_ns, one.hit.id))
        return _with_states(connection, found[:limit])

    def _from_names(self, connection: Connection, known: dict[int, Row], words: list[str], only: list[int] | None, limit: int) -> Iterator[Found]:
        names, errors = self._names.find(connection, words)
        newest = {number: at for at, number in enumerate(known)}
        fits = [(number, name) for number, name in names if number in known and (only is None or number in only)]
        best = sorted(fits, key=lambda pair: (_rank(pair[1], words), newest[pair[0]], pair[1]))[:limit]
        counts = store.name_counts(connection, best)
        for number, name in best:
            if row := counts.get((number, name)):
                yield _function(known[number], name, row, words)
        said = [one for one in errors if one.session_no in known and (only is None or one.session_no in only)]
        for one in sorted(said, key=lambda one: (newest[one.session_no], -one.last_ns))[:limit]:
            yield _error(known[one.session_no], one)


def _rank(text: str, words: list[str]) -> int:
    """How well a name fits: equal 2, begins so 3, a word of it begins so 4, holds it 5."""
    name, asked = text.lower(), " ".join(words)
    if name == asked:
        return 2
    if name.startswith(asked):
        return 3
    return 4 if re.search(rf"(?<![a-z0-9]){re.escape(words[0])}", name) else 5


def _sessions(known: dict[int, Row], words: list[str], only: list[int] | None) -> Iterator[Found]:
    for number, row in known.items():
        texts = [row["session"], row["cluster"] or "", row["command"] or ""]
        if (only is None or number in only) and all(any(word in text.lower() for text in texts) for word in words):
            rank = 0 if [row["session"].lower()] == words else min(_rank(text, words) for text in texts if text)
            link = Link(view="session", params={"session": row["session"]})
            hit = _hit("session", row["session"], row["cluster"] or row["session"], row["command"] or row["session"], row, row["time_ns"], link)
            yield Found(rank, number, row["time_ns"] or 0, hit)


def _entities(connection: Connection, known: dict[int, Row], words: list[str], only: list[int] | None, limit: int) -> Iterator[Found]:
    for kind in store.entity_kinds():
        for row in store.entities(connection, kind, only, words, limit):
            session = known[row["session_no"]]
            rank = 0 if [row["id"]] == words else 1 if len(words) == 1 and row["id"].startswith(words[0]) else min(_rank(text, words) for text in row["texts"])
            label = next((text for text in row["texts"] if text), row["id"][:_SHORT])
            link = Link(view=_VIEWS[kind], params={"session": session["session"], "id": row["id"]})
            detail = " ".join(dict.fromkeys([row["id"][:_SHORT], *(text for text in row["texts"] if text and text != label)]))
            hit = _hit("job" if kind == "submission" else kind, row["id"], label, detail, session, row["time_ns"], link)
            yield Found(rank, row["session_no"], row["time_ns"] or 0, hit)


def _tasks(connection: Connection, known: dict[int, Row], words: list[str], only: list[int] | None, limit: int) -> Iterator[Found]:
    """By id: a hexadecimal word of four digits or more."""
    if len(words) != 1 or not _HEX.fullmatch(words[0]):
        return
    for row in store.tasks_by_prefix(connection, only, words[0], limit):
        session = known[row["session_no"]]
        link = Link(view="tasks", params={"session": session["session"], "id": row["id"]})
        hit = _hit("task", row["id"], row["name"] or row["id"][:_SHORT], row["id"], session, row["time_ns"], link)
        yield Found(0 if row["id"] == words[0] else 1, row["session_no"], row["time_ns"] or 0, replace(hit, count=row["attempts"]))


def _classes(connection: Connection, known: dict[int, Row], words: list[str], only: list[int] | None, limit: int) -> Iterator[Found]:
    for row in store.classes(connection, only, words, limit):
        session = known[row["session_no"]]
        link = Link(view="actors", params={"session": session["session"], "filter": [f"class_name={row['name']}"]})
        hit = _hit("class", row["name"], row["name"], "class of actors", session, row["time_ns"], link)
        yield Found(_rank(row["name"], words), row["session_no"], row["time_ns"] or 0, replace(hit, count=row["count"]))


def _function(session: Row, name: str, row: Row, words: list[str]) -> Found:
    link = Link(view="tasks", params={"session": session["session"], "filter": [f"name={name}"]})
    hit = _hit("function", name, name, "function", session, row["time_ns"], link)
    return Found(_rank(name, words), session["session_no"], row["time_ns"] or 0, replace(hit, count=row["count"]))


def _error(session: Row, said: Said) -> Found:
    pattern = "[^\\n]*".join(re.escape(part).replace("\\ ", " ") for part in said.folded.split("#"))
    filters = [f"error_type={said.error_type}", f"error_message~{pattern}"] if said.error_type else [f"error_message~{pattern}"]
    link = Link(view="tasks", params={"session": session["session"], "filter": filters})
    hit = _hit("error", said.folded, said.line[:_DETAIL], f"{said.error_type} in {said.name}", session, said.last_ns or None, link)
    return Found(_ERROR_RANK, session["session_no"], said.last_ns, hit)


def _hit(kind: str, key: str, label: str, detail: str, session: Row, time_ns: int | None, link: Link) -> Hit:
    return Hit(kind=kind, id=key, label=label, detail=detail, session=session["session"], count=None, state=None, time_ns=time_ns, link=link)


def _with_states(connection: Connection, found: list[Found]) -> list[Hit]:
    """The hits, those of entities with their states and the names that people know them by."""
    known: dict[str, dict[tuple[int, str], Row]] = {}
    for kind in {one.hit.kind for one in found}:
        alike = [one for one in found if one.hit.kind == kind]
        known[kind] = labels_in(connection, kind, sorted({one.session_no for one in alike}), [one.hit.id for one in alike], None)
    return [_with_state(one.hit, known[one.hit.kind].get((one.session_no, one.hit.id))) for one in found]


def _with_state(hit: Hit, known: Row | None) -> Hit:
    if known is None:
        return hit
    label = hit.label
    if hit.kind == "node":
        label = node_label(hit.id, known)
    elif hit.kind == "worker" and known["pid"]:
        label = f"pid {known['pid']}"
    return replace(hit, state=known["state"], label=label)
