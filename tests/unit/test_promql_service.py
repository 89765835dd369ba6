"""What the evaluator refuses, and how it reads: limits, depth, time; sums and parts give what whole series give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.errors import PromqlError, PromqlExecutionError, PromqlTimeout
from rayscope.model.metrics import Write
from rayscope.model.promql import PromqlResult
from rayscope.query.promql import source
from rayscope.query.promql.parse import parse
from rayscope.query.promql.service import Promql
from rayscope.query.promql.shown import show_number, show_sample
from rayscope.query.promql.syntax import Call, Range, Selector
from rayscope.store.limits import PROMQL_OPERATORS
from support.metrics import SESSION, START_MS, MemoryMetrics

STEP_MS = 15_000


def asked(metrics: MemoryMetrics, text: str) -> PromqlResult:
    return Promql(metrics).range(SESSION, text, START_MS, START_MS + 600_000, 60_000)


def filled(count: int = 41) -> MemoryMetrics:
    """Three targets with counters: some reset, some have gaps."""
    metrics, random = MemoryMetrics(), np.random.default_rng(3)
    times = START_MS + np.arange(count, dtype=np.int64) * STEP_MS
    writes = []
    for target in "abc":
        for number in range(6):
            values = np.cumsum(random.integers(0, 9, count)) + 1000.0 * (number % 2)
            if number == 3:
                values[count // 2 :] -= values[count // 2]
            there = random.random(count) > (0.3 if number == 5 else 0.0)
            writes.append(Write({"__name__": "x", "instance": target, "job": "ray", "n": str(number)}, times[there], values[there]))
    assert not metrics.append(SESSION, writes).samples
    return metrics


@pytest.mark.parametrize(
    "text", ["(" * 150 + "x" + ")" * 150, "-(" * 90 + "x" + ")" * 90, "+".join(["x"] * 200), "abs(" * 199 + "x" + ")" * 199, "^".join(["2"] * 200)]
)
def test_what_is_deep_but_allowed_is_evaluated(text: str) -> None:
    """As far as the limit goes, the stack does."""
    Promql(MemoryMetrics()).query(SESSION, text, START_MS)


@pytest.mark.parametrize("text", ["(" * 50_000, "-" * 50_000 + "x", "+".join(["x"] * 5000), "abs(" * 300 + "x" + ")" * 300])
def test_what_is_deeper_is_refused(text: str) -> None:
    """Before the parser, whose stack would overflow, sees it."""
    with pytest.raises(PromqlError, match="more than"):
        parse(text)


def test_matchers_and_strings_are_not_counted() -> None:
    """However many operators are in them."""
    parse(" or ".join(["x{" + ",".join(f'l{i}="+-*/(("' for i in range(20)) + "}"] * 20))
    assert PROMQL_OPERATORS < 400


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Never anything else."""
    try:
        parse(text)
    except PromqlError as error:
        assert "parse error" in error.message  # noqa: PT017 the other way is as good


@pytest.mark.parametrize(
    "text",
    [
        "sum by (instance) (rate(x[1m]))",
        "sum by (n) (increase(x[2m]))",
        "sum(rate(x[1m] offset 1m))",
        "sum without (n) (rate(x[1m]))",
        "sum(x)",
        "sum by (instance) (x)",
        "avg by (n) (rate(x[1m]))",
        "max(rate(x[1m]) * 2)",
        "count(x)",
        "min by (instance) (-x)",
        "group(x)",
    ],
)
def test_sums_and_parts_are_what_whole_series_give(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick ways against the plain one."""
    metrics = filled()
    quick = asked(metrics, text)
    monkeypatch.setattr("rayscope.query.promql.evaluate.is_streamed", lambda _: False)
    plain = asked(metrics, text)
    assert [each.labels for each in quick.series] == [each.labels for each in plain.series]
    for mine, other in zip(quick.series, plain.series, strict=True):
        assert mine.times_ms.tolist() == other.times_ms.tolist()
        np.testing.assert_allclose(mine.values, other.values, rtol=1e-9)


def test_parts_need_no_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of samples is of what is in memory at a time."""
    metrics = filled()
    monkeypatch.setattr(source, "PROMQL_SAMPLES", 300)
    with pytest.raises(PromqlExecutionError, match=r"too many samples .* limit of 300"):
        asked(metrics, "topk(1, rate(x[1m]))")
    assert asked(metrics, "max(rate(x[1m]))").series
    assert asked(metrics, 'topk(1, rate(x{n="1"}[1m]))').series


def test_time_over_is_told() -> None:
    """Also within a long window."""
    with pytest.raises(PromqlTimeout, match="query timed out"):
        Promql(filled()).range(SESSION, "stddev_over_time(x[10m])", START_MS, START_MS + 600_000, 1000, timeout_s=0.0)


def test_a_question_of_another_session_finds_nothing() -> None:
    """And all sessions find it."""
    promql = Promql(filled())
    assert promql.query("other", "x", START_MS).series == []
    assert len(promql.query(None, "x", START_MS + 60_000).series) == 18


def test_the_tree_of_an_expression() -> None:
    """Durations and times in ms."""
    node = parse('rate(x{a!~"b"}[1m30s] offset -5m @ 12.5)')
    assert isinstance(node, Call)
    assert node.name == "rate"
    (ranged,) = node.args
    assert isinstance(ranged, Range)
    assert ranged.range_ms == 90_000
    selector = ranged.selector
    assert isinstance(selector, Selector)
    assert (selector.offset_ms, selector.at) == (-300_000, 12_500)
    assert [(m.name, m.op, m.value) for m in selector.matchers] == [("__name__", "=", "x"), ("a", "!~", "b")]


@given(st.floats())
def test_numbers_read_back(value: float) -> None:
    """Whatever the spelling, it is the same number."""
    for text in (show_number(value), show_sample(value)):
        assert float(text) == value or np.isnan(value)
    assert "e" not in show_number(value).replace("Inf", "")
