"""Where the error of a question in PromQL is, and how that is shown."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.query.promql_place import caret_lines, place_of


def told(text: str) -> tuple[str, int | None]:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 the parser's only kind
        promql_parser.parse(text)
    return place_of(text, str(raised.value))


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("rate(x[5m]", 10),
        ("foo bar", 4),
        ("foo{a=}", 6),
        ("1 + * 2", 4),
        ("sum by (x) (rate(foo[1m])) +", 28),
        ("nofunc(foo)", 0),
        ("1 + rate(foo)", 4),
        ('sum(rate(ray_tasks{State="RUNNING"}[5m]) by (Name)', 41),
        ("sum(rate(x[5m]))) + 1", 16),
        ("", 0),
    ],
)
def test_the_place_of_an_error(text: str, position: int) -> None:
    """The first word after which nothing makes a question of it; a function that does not fit."""
    assert told(text)[1] == position


def test_a_place_that_is_named_is_taken() -> None:
    """Prometheus names line and column."""
    assert place_of("sum(\nx y)", "1:6: parse error: unexpected identifier") == ("unexpected identifier", 5)
    assert place_of("sum(\nx y)", 'invalid parameter "query": 2:3: parse error: bad') == ('invalid parameter "query": bad', 7)
    assert place_of("x", "the store is on fire") == ("the store is on fire", None)


def test_carets_stand_under_the_place() -> None:
    """In its own line of the text, cut around it where that is long."""
    assert caret_lines("sum(\nx y)", 7) == ["x y)", "  ^"]
    assert caret_lines("x", None) == []
    line, caret = caret_lines("a" * 200 + "?" + "b" * 200, 200, 60)
    assert (len(line), line[len(caret) - 1]) == (60, "?")


@given(st.text(alphabet='ab(){}[]"=~,+-1 5m:@\\\n', max_size=24))
def test_every_error_has_a_place_within_the_text(text: str) -> None:
    """Or none."""
    try:
        promql_parser.parse(text)
    except ValueError as error:
        _, position = place_of(text, str(error))
        assert position is None or 0 <= position <= len(text)
        caret_lines(text, position)
