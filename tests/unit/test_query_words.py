"""Filters, sorts, columns, values and cursors as people write them: any text parses or is a FilterError."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rayscope.errors import FilterError
from rayscope.model.resources import RESOURCES, Resource
from rayscope.query.cursor import decode_cursor, encode_cursor
from rayscope.query.filters import OPERATORS, all_conditions, column_of, parse_columns, parse_filter, parse_sort
from rayscope.query.values import parse_duration, parse_size, parse_time
from rayscope.store.conditions import Condition, Order

TASKS = RESOURCES["tasks"]
NOW = 1_795_000_000_123_456_789
INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)

UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 604800 * 10**9,
}


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("state=FAILED", Condition("state", "=", ("FAILED",))),
        ("state==FAILED", Condition("state", "=", ("FAILED",))),
        ("  STATE  !=  FAILED ", Condition("state", "!=", ("FAILED",))),
        ("duration_ns > 5s", Condition("duration_ns", ">", (5_000_000_000,))),
        ("duration_ns<=1.5m", Condition("duration_ns", "<=", (90_000_000_000,))),
        ("name~^pre.*=x", Condition("name", "~", ("^pre.*=x",))),
        ("name!~x", Condition("name", "!~", ("x",))),
        ("job_id in 01000000, 02000000", Condition("job_id", "in", ("01000000", "02000000"))),
        ("worker_pid in (1,2)", Condition("worker_pid", "in", (1, 2))),
        ("error_type=null", Condition("error_type", "=", (None,))),
        ("error_type != none", Condition("error_type", "!=", (None,))),
        ("name~null", Condition("name", "~", ("null",))),
        ("is_retry=yes", Condition("is_retry", "=", (True,))),
        ("is_retry = 0", Condition("is_retry", "=", (False,))),
        ("start_ns>=now", Condition("start_ns", ">=", (NOW,))),
        ("start_ns>=-5m", Condition("start_ns", ">=", (NOW - 300 * 10**9,))),
        ("name=", Condition("name", "=", ("",))),
        ("name=in b", Condition("name", "=", ("in b",))),
    ],
)
def test_filters(text: str, condition: Condition) -> None:
    """Each operator and each kind of value reads as it is written."""
    assert parse_filter(TASKS, text, NOW) == condition


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a filter"),
        ("state", "not a filter"),
        ("=x", "not a filter"),
        ("stat=x", "no column 'stat'"),
        ("name~(", "not a regular expression"),
        ("name~a{99999999999999999999}", "not a regular expression"),
        ("worker_pid=many", "is a number"),
        ("worker_pid=" + "9" * 30, "out of range"),
        ("duration_ns>soon", "not a duration"),
        ("start_ns>tomorrow", "not a time"),
        ("is_retry=perhaps", "true or false"),
    ],
)
def test_filters_that_do_not_parse(text: str, says: str) -> None:
    """A wrong filter says what is wrong with it."""
    with pytest.raises(FilterError, match=says):
        parse_filter(TASKS, text, NOW)


def test_a_misspelt_column_gets_a_hint() -> None:
    """The nearest names are offered, or all of them where none is near."""
    with pytest.raises(FilterError) as near:
        column_of(TASKS, "stat")
    with pytest.raises(FilterError) as far:
        column_of(TASKS, "zzzzzz")
    assert "state" in (near.value.hint or "")
    assert "its columns are" in (far.value.hint or "")


WORDS = st.sampled_from(sorted({column.name for resource in RESOURCES.values() for column in resource.columns}))
VALUES = (
    st.text(max_size=12)
    | INT64.map(str)
    | st.integers().map(str)
    | st.builds(lambda number, unit: f"{number}{unit}", st.integers() | st.floats(), st.sampled_from([*UNITS, "kb", "GiB", "Z", "e9"]))
    | st.datetimes().map(lambda moment: moment.isoformat())
    | st.sampled_from(
        ["9" * 400, "9" * 400 + "s", "9" * 5000, "-" + "9" * 5000 + "w", "1e999", "nan", "inf", "9999-12-31T23:59:59-14:00", "0001-01-01", "(" * 5000, "[[a]"]
    )
)
FILTERS = st.text(max_size=30) | st.builds(lambda name, op, value: f"{name} {op} {value}", WORDS, st.sampled_from(OPERATORS), VALUES)
ANY_RESOURCE = st.sampled_from(list(RESOURCES.values()))


@given(ANY_RESOURCE, FILTERS)
def test_any_filter_parses_or_is_an_error(resource: Resource, text: str) -> None:
    """No text makes the filter parser fail but with a FilterError, and numbers it gives fit the store's."""
    try:
        (condition,) = all_conditions(resource, [text], NOW)
    except FilterError:
        return
    assert all(-(2**63) <= value < 2**63 for value in condition.values if isinstance(value, int))


@given(ANY_RESOURCE, st.text(max_size=20) | st.lists(WORDS, max_size=3).map(",".join) | st.lists(WORDS.map(lambda word: f"-{word}"), max_size=3).map(",".join))
def test_any_sort_is_total_or_an_error(resource: Resource, text: str) -> None:
    """A sort that parses names each column of the key, so that pages never overlap."""
    try:
        order = parse_sort(resource, text)
    except FilterError:
        return
    assert {term.column for term in order} >= set(resource.key)


@given(ANY_RESOURCE, st.text(max_size=20) | st.lists(WORDS, max_size=3).map(",".join), st.booleans())
def test_any_columns_parse_or_are_an_error(resource: Resource, text: str, detail: bool) -> None:
    """A list of columns that parses names at least one column, all of the resource's."""
    try:
        columns = parse_columns(resource, text, detail=detail)
    except FilterError:
        return
    assert columns
    assert set(columns) <= set(resource.columns)


def test_sorts() -> None:
    """A minus is descending; without a sort it is the resource's own, and the key completes it."""
    key = (Order("session"), Order("task_id"), Order("attempt_number"))
    assert parse_sort(TASKS, "-duration_ns,name") == (Order("duration_ns", descending=True), Order("name"), *key)
    assert parse_sort(TASKS, None) == (Order("creation_ns"), *key)
    assert parse_sort(TASKS, "+task_id") == (Order("task_id"), Order("session"), Order("attempt_number"))
    with pytest.raises(FilterError, match="json"):
        parse_sort(TASKS, "state_times_ns")


def test_columns() -> None:
    """A comma list in its own order; without one the brief columns, or all."""
    assert [column.name for column in parse_columns(TASKS, " state , TASK_ID", detail=False)] == ["state", "task_id"]
    brief, every = parse_columns(TASKS, None, detail=False), parse_columns(TASKS, None, detail=True)
    assert {column.level for column in brief} == {"brief"}
    assert every == TASKS.columns


@given(INT64, st.sampled_from(list(UNITS.items())))
def test_durations_round_trip(number: int, unit: tuple[str, int]) -> None:
    """A whole number of any unit is exact to the nanosecond, or out of range."""
    name, size = unit
    if -(2**63) <= number * size < 2**63:
        assert parse_duration(f"{number}{name}") == parse_duration(f" {number} {name} ") == number * size
    else:
        with pytest.raises(FilterError):
            parse_duration(f"{number}{name}")


@given(INT64)
def test_plain_numbers_are_nanoseconds_and_bytes(number: int) -> None:
    """A number without a unit is taken as it is."""
    assert parse_duration(str(number)) == parse_size(str(number)) == number


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GiB", 2**30),
        ("500MB", 500_000_000),
        ("2k", 2000),
        ("2ki", 2048),
        ("1.5 kib", 1536),
        ("7b", 7),
        ("-1MB", -1_000_000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """Decimal and binary units, in any case."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("now", NOW),
        ("-5m", NOW - 300 * 10**9),
        ("1795000000", 1_795_000_000 * 10**9),
        ("1795000000.5", 1_795_000_000_500_000_000),
        ("1795000000123456789", NOW),
        ("2026-11-18T11:06:40", 1_795_000_000 * 10**9),
        ("2026-11-18 11:06:40Z", 1_795_000_000 * 10**9),
        ("2026-11-18T12:06:40+01:00", 1_795_000_000 * 10**9),
        ("2026-11-18T11:06:40.123456789Z", NOW),
        ("2026-11-18", 1_794_960_000 * 10**9),
    ],
)
def test_times(text: str, ns: int) -> None:
    """ISO 8601, epoch seconds and nanoseconds, and times relative to now, all exact."""
    assert parse_time(text, NOW) == ns


@given(VALUES)
@example("9" * 5000)
def test_any_value_parses_or_is_an_error(text: str) -> None:
    """No text makes a value parser fail but with a FilterError, and what comes out fits 64 bits."""
    for parse in (parse_duration, parse_size, lambda value: parse_time(value, NOW)):
        try:
            number = parse(text)
        except FilterError:
            continue
        assert -(2**63) <= number < 2**63


SCALARS = st.none() | st.booleans() | INT64 | st.text(max_size=10)


@given(st.text(max_size=20), st.lists(SCALARS, min_size=1, max_size=4))
def test_cursors_round_trip(sort: str, values: list[Any]) -> None:
    """A cursor gives back the values that it was made of, for the order that it was made for."""
    text = encode_cursor(sort, values)
    assert decode_cursor(text, sort, len(values)) == values
    with pytest.raises(FilterError):
        decode_cursor(text, sort + "x", len(values))
    with pytest.raises(FilterError):
        decode_cursor(text, sort, len(values) + 1)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
@example(base64.urlsafe_b64encode(b"[" * 3000).decode())
@example(base64.urlsafe_b64encode(b'["s",[{}]]').decode())
@example(base64.urlsafe_b64encode(b'["s",[]]').decode())
@example(base64.urlsafe_b64encode(msgspec.json.encode(["s", [2**200]])).decode())
def test_any_cursor_decodes_or_is_an_error(text: str) -> None:
    """A cursor that somebody made up is refused, never a failure of the server."""
    try:
        values = decode_cursor(text, "s", 1)
    except FilterError:
        return
    assert len(values) == 1
