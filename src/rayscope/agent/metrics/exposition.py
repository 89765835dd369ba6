"""Prometheus's text format and OpenMetrics, read line by line into series numbers and values. Pure, and quick where a page has the series that it had before.

A line is cut at its last space; what is before it names the series, and is looked up as it stands. Only what was never seen is taken apart. One line's fault
costs that line: it is counted with its reason, and the first one is kept as an example. A sample's own timestamp is left out (it counts when it was scraped),
as are exemplars.
"""

from __future__ import annotations

import re
import zlib
from array import array
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

MOST_SERIES = 20_000
"""Of one target. Ray's own nodes have about 2,000; each costs some 600 bytes of memory here."""

LONGEST_VALUE = 1024
"""Characters of a label's value. A longer one is cut and gets a checksum, so that two stay two."""

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of a line: what is longer is passed over."""

MOST_LABELS = 64
EXAMPLE_CHARS = 160
_TOO_LONG = f"a line over {LONGEST_LINE} bytes"

Define = Callable[[str, Dict[str, str]], int]
"""The number of a series, by its name and labels; the same for the same ones."""

_NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LINE = re.compile(rb"[ \t]*(" + _NAME + rb')(?:[ \t]*\{([^"}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"}]*)*)\})?(.*)', re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*(,|$)', re.DOTALL)
_REST = re.compile(rb"[ \t]+(\S+)(?:[ \t]+(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?))?[ \t]*(?:#.*)?\r?$", re.DOTALL)
_COMMENT = re.compile(rb"#[ \t]+(HELP|TYPE|UNIT)[ \t]+(" + _NAME + rb")(?:[ \t]+(.*))?$", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RESERVED = frozenset({"instance", "job", "session", "node"})
_TYPES = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "untyped": "unknown",
    "unknown": "unknown",
    "info": "gauge",
    "stateset": "gauge",
    "gaugehistogram": "histogram",
}


class Family(NamedTuple):
    """What a page says of a metric. ``type``: counter, gauge, histogram, summary or unknown."""

    name: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""


class Rejects:
    """Lines that were not taken, by reason, and the first of them."""

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self.example = ""

    def add(self, reason: str, line: bytes) -> None:
        """Count one."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if not self.example:
            self.example = f"{reason}: {line[:EXAMPLE_CHARS].decode('utf-8', 'replace')}"


class Parsed(NamedTuple):
    """One page: series numbers and values, as many of each; families that are new or have changed; what was rejected. ``cut``: values that were too long."""

    ids: array[int]
    values: array[float]
    families: List[Family]
    rejects: Rejects
    cut: int


class _Refused(Exception):
    """Why a line is not taken."""


class Parser:
    """The pages of one target. `feed` a page in pieces, then `finish`."""

    def __init__(self, define: Define, most_series: int = MOST_SERIES) -> None:
        self._define = define
        self._most = most_series
        self._numbers: Dict[bytes, int] = {}
        self._known: Set[int] = set()
        self._comments: Set[bytes] = set()
        self._families: Dict[str, Family] = {}
        self._over = f"over {most_series} series"
        self.begin()

    def begin(self, *, is_openmetrics: bool = False) -> None:
        """A new page. What was fed and not finished is forgotten."""
        self._is_openmetrics = is_openmetrics
        self._rest = b""
        self._is_over = self._is_skipping = self._is_pruned = False
        self._ids: array[int] = array("I")
        self._values: array[float] = array("d")
        self._changed: Dict[str, Family] = {}
        self._rejects = Rejects()
        self._cut = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes of the page."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if self._is_skipping:
            self._is_skipping = not lines
            self._rest = self._rest if lines else b""
            del lines[:1]
        if len(self._rest) > LONGEST_LINE:
            self._rejects.add(_TOO_LONG, self._rest)
            self._is_skipping, self._rest = True, b""
        self._take(lines)

    def finish(self) -> Parsed:
        """What the page says."""
        if self._rest and not self._is_skipping:
            self._take([self._rest])
        ids, values = self._ids, self._values
        if len(set(ids)) != len(ids):
            ids, values = self._without_repeats(ids, values)
        self._known = set(ids)
        if len(self._numbers) > 2 * len(ids) + 1000:
            self._numbers.clear()  # names that came and went: the next page is taken apart anew
        if len(self._comments) > self._most:
            self._comments.clear()
        parsed = Parsed(ids, values, list(self._changed.values()), self._rejects, self._cut)
        self.begin()
        return parsed

    def _take(self, lines: List[bytes]) -> None:
        numbers, put_id, put_value = self._numbers, self._ids.append, self._values.append
        for line in lines:
            head, _, tail = line.rpartition(b" ")
            number = numbers.get(head)
            if number is None:
                self._take_apart(line)
                continue
            try:
                value = float(tail)
            except ValueError:
                self._rejects.add("no number", line)
                continue
            if b"_" in tail:  # Python's own liberty
                self._rejects.add("no number", line)
                continue
            put_id(number)
            put_value(value)

    def _take_apart(self, line: bytes) -> None:
        if self._is_over or not line.strip():
            return
        try:
            if line.lstrip().startswith(b"#"):
                self._take_comment(line.strip())
            else:
                number, value = self._sample(line)
                self._ids.append(number)
                self._values.append(value)
        except _Refused as refused:
            self._rejects.add(str(refused), line)
        except UnicodeDecodeError:
            self._rejects.add("not UTF-8", line)

    def _sample(self, line: bytes) -> Tuple[int, float]:
        """Raises _Refused."""
        if len(line) > LONGEST_LINE:
            raise _Refused(_TOO_LONG)
        match = _LINE.match(line)
        if match is None:
            raise _Refused("no metric name")
        rest = _REST.match(match[3])
        if rest is None:
            raise _Refused("bad labels" if match[3].lstrip().startswith(b"{") else "no value, or more after it")
        value = _number(rest[1])
        head = line[: match.start(3)]
        number = self._numbers.get(head)
        if number is None:
            number = self._new(match[1].decode(), (match[2] or b"").decode())
            self._numbers[head] = number
        return number, value

    def _new(self, name: str, text: str) -> int:
        if len(self._numbers) >= self._most and not self._has_room():
            raise _Refused(self._over)
        labels = self._labels(text)
        if len(name) > LONGEST_VALUE:
            raise _Refused(f"a name over {LONGEST_VALUE} characters")
        return self._define(name, labels)

    def _has_room(self) -> bool:
        """Whether there is room for one more, once names are forgotten that neither the last page nor this one had."""
        if not self._is_pruned:
            self._is_pruned = True
            living = self._known.union(self._ids)
            for head in [head for head, number in self._numbers.items() if number not in living]:
                del self._numbers[head]
        return len(self._numbers) < self._most

    def _labels(self, text: str) -> Dict[str, str]:
        """Raises _Refused."""
        labels: Dict[str, str] = {}
        at = 0
        while at < len(text.rstrip()):
            match = _LABEL.match(text, at)
            if match is None:
                raise _Refused("bad labels")
            at = match.end()
            if match[1] in labels or match[1] == "__name__":
                raise _Refused("a label twice")
            labels[match[1]] = self._value(match[2])
        if len(labels) > MOST_LABELS:
            raise _Refused(f"over {MOST_LABELS} labels")
        return kept_apart(labels)

    def _value(self, text: str) -> str:
        value = _ESCAPE.sub(_unescape, text) if "\\" in text else text
        if len(value) <= LONGEST_VALUE:
            return value
        self._cut += 1
        return f"{value[: LONGEST_VALUE - 10]}…{zlib.crc32(value.encode('utf-8', 'replace')):08x}"

    def _take_comment(self, line: bytes) -> None:
        if line in self._comments:
            return
        self._comments.add(line)
        if line == b"# EOF":
            self._is_over = self._is_openmetrics
        match = _COMMENT.match(line)
        if match is None:
            return
        name, kind, words = match[2].decode(), match[1], (match[3] or b"").decode().strip()
        before = self._families.get(name) or Family(name)
        family = _told(before, kind, words)
        self._families[name] = family
        if family != before:
            named = f"{name}_total" if self._is_openmetrics and family.type == "counter" else name
            self._changed[name] = family._replace(name=named)

    def _without_repeats(self, ids: array[int], values: array[float]) -> Tuple[array[int], array[float]]:
        """The first of each."""
        first: Dict[int, float] = {}
        for number, value in zip(ids, values):
            first.setdefault(number, value)
        self._rejects.counts["a series twice"] = len(ids) - len(first)
        return array("I", first), array("d", first.values())


def kept_apart(labels: Dict[str, str]) -> Dict[str, str]:
    """A page's own labels beside those that say where it came from, as Prometheus does: `job` becomes `exported_job`. A label without a value is none."""
    kept = {name: value for name, value in labels.items() if value and name not in _RESERVED}
    for name in _RESERVED & labels.keys():
        if labels[name]:
            new = f"exported_{name}"
            while new in labels:
                new = f"exported_{new}"
            kept[new] = labels[name]
    return kept


def _number(text: bytes) -> float:
    """Raises _Refused."""
    try:
        if b"_" not in text:
            return float(text)
    except ValueError:
        pass
    raise _Refused("no number")


def _unescape(match: re.Match[str]) -> str:
    return {"n": "\n", '"': '"', "\\": "\\"}.get(match[1], match[0])


def _told(family: Family, kind: bytes, words: str) -> Family:
    """Raises _Refused for a type that there is not."""
    if kind == b"HELP":
        return family._replace(help=_ESCAPE.sub(_unescape, words)[:LONGEST_VALUE])
    if kind == b"UNIT":
        return family._replace(unit=words[:LONGEST_VALUE])
    type_: Optional[str] = _TYPES.get(words.lower())
    if type_ is None:
        raise _Refused("no type of a metric")
    return family._replace(type=type_)
