"""The query language of logs: what parses, what fits, and errors that point at their place."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import FilterError
from rayscope.query.logs.language import ALL, And, Field, Node, Not, Or, Regex, Text, lift, parse
from rayscope.query.logs.match import PieceText, fitting, may_fit, may_hold_text
from rayscope.ray.log_lines import Mark, read_lines
from rayscope.ray.log_names import LogName
from rayscope.ray.log_times import LONG_AGO
from rayscope.store.logs.memory import FileState
from rayscope.store.logs.tokens import hash_words, make_filter

STATE = FileState(file_no=1, session_no=1, session="s", node_id="abc", file="f", path="old/raylet.out", name=LogName(source="raylet", stream="out", pid=7))


def piece(*lines: str) -> PieceText:
    """Lines as a piece of a raylet's log."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return PieceText(data, read_lines(data, (Mark(0, 0, 1),), LONG_AGO, 0), STATE)


def fits(query: str, line: str) -> bool:
    """Whether a line fits a query; and if it does, its block's filter must say that it may."""
    node = parse(query)
    found = bool(fitting(node, piece("before", line, "after"))[1])
    data = f"before\n{line}\nafter\n".encode()
    assert not found or (may_fit(node, make_filter([hash_words(data)])) and may_hold_text(node, data))
    return found


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("", "anything"),
        ("*", ""),
        ("error", "an ERROR here"),
        ("error", "ValueError: x"),
        ("ValueError", "raise ValueError(x)"),
        ("valueerror", "raise ValueError(x)"),
        ("error", "error_code=3"),
        ("task_id", "my task_id is"),
        ('"connection refused"', "OSError: Connection refused by peer"),
        ("conn*", "disconnect? connection!"),
        ("*nect", "disconnect!"),
        ("*onn*", "disconnected"),
        ("http://host:80/x", "GET http://host:80/x HTTP"),
        ("/var/log/x", "open /var/log/x"),
        ("/b.d/", "a bad day"),
        ("/B.D/i", "a bad day"),
        ("/^a bad day$/", "a bad day"),
        (r"/\Aa bad day\z/", "a bad day"),
        (r"/a\/b/", "path a/b/c"),
        ("a b", "b then a"),
        ("a and b", "b then a"),
        ("a or b", "only b"),
        ("a or b and c", "a"),
        ("(a or b) c", "b c"),
        ("not a", "b"),
        ("not (a or b)", "c"),
        ("NOT a AND b", "b"),
        ("source:raylet", "x"),
        ("file:raylet.*", "x"),
        ("pid:7 stream:out node:ab", "x"),
        ("level:warning", "ERROR x"),
        ("level:warning or x", "x"),
        (r'"say \"hi\""', 'he can say "hi" now'),
        ("naïve", "a naïve try"),
        ("a:b", "key a:b value"),
    ],
)
def test_fits(query: str, line: str) -> None:
    """Words whole or in parts of names, phrases, patterns, operators, fields."""
    assert fits(query, line)


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("error", "errors terror"),
        ("taskerror", "RayTaskError"),
        ('"connection refused"', "refused connection"),
        ("conn", "connection"),
        ("conn*", "disconnect"),
        ("/B.D/", "a bad day"),
        ("a b", "a"),
        ("a or b and c", "b"),
        ("not a", "a"),
        ("source:gcs", "x"),
        ("level:error", "WARNING x"),
        ("level:info", "no level here"),
        ("12", "123 012"),
    ],
)
def test_does_not_fit(query: str, line: str) -> None:
    """The near misses of the above."""
    assert not fits(query, line)


@pytest.mark.parametrize(
    ("query", "at", "what"),
    [
        ("(", 2, "is missing"),
        ("a)", 2, "a ) without its ("),
        ("(a", 1, "a ( without its )"),
        ("or", 1, "is missing"),
        ("a and", 6, "is missing"),
        ("a or or b", 6, "is missing"),
        ("not", 4, "is missing"),
        ('"abc', 1, "without its end"),
        ("a /(/", 3, "not a regular expression"),
        ("(" * 60 + "a", 51, "nested deeper"),
    ],
)
def test_errors_point_at_the_place(query: str, at: int, what: str) -> None:
    """The message names the character and shows a caret below it."""
    with pytest.raises(FilterError) as caught:
        parse(query)
    first, shown, caret = caught.value.message.split("\n")
    assert f"at character {at}:" in first
    assert what in first
    assert len(caret) - 3 <= len(shown)
    assert caret.endswith("^")


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Never another error; and what parses can be asked of lines."""
    try:
        node = parse(text)
        fitting(node, piece("some line", "ERROR of level", ""))
    except FilterError:
        return


WORDS = st.sampled_from(["alpha", "beta", "Gamma", "RayTaskError", "x1"])


def nodes() -> st.SearchStrategy[str]:
    """Queries of words and operators."""
    return st.recursive(
        WORDS,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
            st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
            inner.map(lambda one: f"not ({one})"),
        ),
        max_leaves=6,
    )


@given(query=nodes(), lines=st.lists(st.lists(WORDS, max_size=4).map(" ".join), min_size=1, max_size=8))
def test_queries_mean_what_python_would_say(query: str, lines: list[str]) -> None:
    """Against an evaluation of the words as sets, and no block is left out that has a fitting line."""
    flags = fitting(parse(query), piece(*lines))
    wanted = [eval(re.sub(r"\b(?!or\b|and\b|not\b)(\w+)\b", r"('\1' in words)", query), {"words": set(line.split())}) for line in lines]
    assert flags.tolist() == wanted
    assert not any(wanted) or may_fit(parse(query), make_filter([hash_words(("\n".join(lines)).encode())]))


def test_operators_bind_as_documented() -> None:
    """Not before and before or; nothing between two terms is and."""
    a, b, c = (Text(name) for name in (b"a", b"b", b"c"))
    assert parse("a or b c") == Or((a, And((b, c))))
    assert parse("not a b") == And((Not(a), b))
    assert parse("a and (b or not c)") == And((a, Or((b, Not(c)))))
    assert parse("/x/i *") == And((Regex("x", ignore_case=True), ALL))


def test_fields_of_the_whole_query_are_lifted() -> None:
    """Those inside of or and not stay."""
    fields, rest = lift(parse("job:01000000 boom (level:error or source:gcs)"))
    assert fields == {"job": "01000000"}
    wanted: Node = And((Text(b"boom"), Or((Field("level", "error", 19), Field("source", "gcs", 34)))))
    assert rest == wanted


def test_a_task_inside_of_or_is_refused() -> None:
    """It must hold for the whole query."""
    with pytest.raises(FilterError, match="only be asked of the whole query"):
        fitting(parse("task:abc or x"), piece("x"))
