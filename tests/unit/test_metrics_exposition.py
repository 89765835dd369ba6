"""Reading pages of metrics: what is right is read, what is wrong costs its line only."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.agent.metrics.exposition import LONGEST_LINE, LONGEST_VALUE, Parsed, Parser, kept_apart

Series = tuple[str, frozenset[tuple[str, str]]]


class Reader:
    """A parser, with what it numbered."""

    def __init__(self, most: int = 20_000) -> None:
        self.numbers: dict[Series, int] = {}
        self.parser = Parser(self._define, most)

    def _define(self, name: str, labels: dict[str, str]) -> int:
        return self.numbers.setdefault((name, frozenset(labels.items())), len(self.numbers))

    def read(self, page: bytes, *, piece: int = 1 << 20, is_openmetrics: bool = False) -> tuple[dict[Series, float], Parsed]:
        self.parser.begin(is_openmetrics=is_openmetrics)
        for start in range(0, len(page), piece):
            self.parser.feed(page[start : start + piece])
        parsed = self.parser.finish()
        names = {number: series for series, number in self.numbers.items()}
        return {names[number]: value for number, value in zip(parsed.ids, parsed.values, strict=True)}, parsed


def series(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,10}", fullmatch=True).filter(lambda name: name not in {"__name__", "job", "instance", "session", "node"})
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
labelled = st.tuples(names, st.dictionaries(label_names, texts, max_size=4))
numbers = st.one_of(st.floats(), st.integers(-(2**53), 2**53).map(float))


def written(value: float) -> str:
    return "NaN" if math.isnan(value) else {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))


def escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def line(name: str, labels: dict[str, str], value: float, rest: str = "") -> str:
    inner = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {written(value)}{rest}" if labels else f"{name} {written(value)}{rest}"


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


@given(st.lists(st.tuples(labelled, numbers, st.sampled_from(["", " 1700000000000", " -5", ' # {trace_id="a b"} 0.5 1.5', " "]))), st.integers(1, 40))
def test_what_is_written_is_read(rows: list[Any], piece: int) -> None:
    """In whatever pieces it comes, the first time and again: names, labels with anything in them, all numbers."""
    page = "\n".join(line(name, labels, value, rest) for (name, labels), value, rest in rows).encode()
    wanted: dict[Series, float] = {}
    for (name, labels), value, _ in rows:
        wanted.setdefault(series(name, **labels), value)
    reader = Reader()
    for _ in range(2):
        found, parsed = reader.read(page, piece=piece)
        assert found.keys() == wanted.keys()
        assert all(same(found[key], wanted[key]) for key in wanted)
        assert parsed.rejects.counts.get("a series twice", 0) == len(rows) - len(wanted)
        assert set(parsed.rejects.counts) <= {"a series twice"}


@given(st.lists(st.binary(max_size=60)), st.lists(st.tuples(labelled, numbers), max_size=5))
def test_no_line_breaks_another(rubbish: list[bytes], good: list[Any]) -> None:
    """Bytes of any kind between good lines."""
    lines = [line(f"good_{number}", labels, value).encode() for number, ((_, labels), value) in enumerate(good)]
    noise = [b"".join(part.split(b"\n")) for part in rubbish if b"good_" not in part and not part.lstrip().startswith(b"# EOF")]
    page = b"\n".join([*noise, *lines, *noise])
    reader = Reader()
    for _ in range(2):
        found, _ = reader.read(page)
        for number, ((_, labels), value) in enumerate(good):
            assert same(found[series(f"good_{number}", **labels)], value)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"x", "no value, or more after it"),
        (b"x 1 2 3", "no value, or more after it"),
        (b"x one", "no number"),
        (b"x 1_000", "no number"),
        (b"x 0x10", "no number"),
        (b"x{a=1} 1", "bad labels"),
        (b'x{a="1} 1', "bad labels"),
        (b'x{a="1" b="2"} 1', "bad labels"),
        (b'x{a="1",a="2"} 1', "a label twice"),
        (b'x{__name__="y"} 1', "a label twice"),
        (b'{a="1"} 1', "no metric name"),
        (b"0x 1", "no metric name"),
        (b'x{a="\xff"} 1', "not UTF-8"),
        (b"# TYPE x speed", "no type of a metric"),
        (b"x{" + b",".join(b'l%d="1"' % number for number in range(65)) + b"} 1", "over 64 labels"),
        (b"y" * 2000 + b" 1", "a name over 1024 characters"),
        (b"z" * (LONGEST_LINE + 5), f"a line over {LONGEST_LINE} bytes"),
    ],
)
def test_a_bad_line_is_counted_with_its_reason(bad: bytes, reason: str) -> None:
    """And the lines around it count, also where it comes again with the names known."""
    reader = Reader()
    for _ in range(2):
        found, parsed = reader.read(b"before 1\n" + bad + b"\nafter 2\n", piece=1 << 18)
        if reason != "no type of a metric":  # a comment is read once
            assert parsed.rejects.counts == {reason: 1}
            assert parsed.rejects.example.startswith(f"{reason}: {bad[:20].decode('utf-8', 'replace')}")
        assert {series("before"): 1.0, series("after"): 2.0}.items() <= found.items()


def test_a_known_name_with_a_bad_value() -> None:
    """The quick way is as strict as the slow one."""
    reader = Reader()
    assert reader.read(b"x 1\ny 2\n")[0] == {series("x"): 1.0, series("y"): 2.0}
    found, parsed = reader.read(b"x 1_0\ny abc\nx\ny 3\n")
    assert found == {series("y"): 3.0}
    assert parsed.rejects.counts == {"no number": 2, "no value, or more after it": 1}


def test_families() -> None:
    """What pages say of metrics is told once, and again where it changes."""
    page = b"# HELP a words\\n with \\\\ \n# TYPE a counter\n# a comment\n#\n# TYPE b untyped\n# UNIT a seconds\na 1\n"
    reader = Reader()
    told = {family.name: tuple(family[1:]) for family in reader.read(page)[1].families}
    assert told == {"a": ("counter", "words\n with \\", "seconds")}
    assert reader.read(page)[1].families == []
    assert [tuple(family) for family in reader.read(page.replace(b"words", b"others"))[1].families] == [("a", "counter", "others\n with \\", "seconds")]


def test_openmetrics() -> None:
    """Counters have the names of their samples; nothing counts after the end."""
    page = b'# TYPE a counter\n# UNIT a seconds\na_total{x="1"} 5 # {id="7"} 1 1.5\na_created 3\n# EOF\nb 1\n'
    reader = Reader()
    found, parsed = reader.read(page, is_openmetrics=True)
    assert found == {series("a_total", x="1"): 5.0, series("a_created"): 3.0}
    assert [family.name for family in parsed.families] == ["a_total"]


def test_bounds() -> None:
    """Too many series, and values that are too long: cut so that two stay two."""
    reader = Reader(most=10)
    page = b"".join(b'x{n="%d"} %d\n' % (number, number) for number in range(25))
    found, parsed = reader.read(page)
    assert len(found) == 10
    assert parsed.rejects.counts == {"over 10 series": 15}
    others = b"".join(b'y{n="%d"} 1\n' % number for number in range(8))
    reader.read(others)
    found, parsed = reader.read(others)
    assert len(found) == 8, "names that are gone make room"
    long = b"a" * (1 << 20)
    found, parsed = reader.read(b'z{v="%sb"} 1\nz{v="%sc"} 2\n' % (long, long))
    assert sorted(found.values()) == [1.0, 2.0]
    assert parsed.cut == 2
    assert all(len(dict(labels)["v"]) <= LONGEST_VALUE for _, labels in found)


def test_labels_that_say_where_it_came_from_are_kept_apart() -> None:
    """As Prometheus does it; a label without a value is none."""
    assert kept_apart({"job": "a", "exported_job": "b", "node": "c", "x": "", "session": ""}) == {
        "exported_exported_job": "a",
        "exported_job": "b",
        "exported_node": "c",
    }


def test_a_page_that_was_not_finished_leaves_nothing() -> None:
    """A scrape that fails half way is no scrape."""
    reader = Reader()
    reader.parser.feed(b"x 1\ny 2")
    assert reader.read(b"z 3\n")[0] == {series("z"): 3.0}
