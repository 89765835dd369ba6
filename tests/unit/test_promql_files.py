"""PromQL, by files of queries: tests/queries/*.test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rayscope.errors import PromqlError
from rayscope.model.promql import PromqlResult
from rayscope.query.metrics.frames import is_absent
from rayscope.query.promql.service import Promql
from rayscope.query.promql.shown import show_labels
from support.promqltest import Case, MemoryMetrics, cases, expand, series

FILES = sorted((Path(__file__).parents[1] / "queries").glob("*.test"))
TOLERANCE = 1e-9


def ask(case: Case) -> PromqlResult:
    promql = Promql(MemoryMetrics(case.frames))
    if case.step_ms:
        return promql.range(None, case.text, case.start_ms, case.end_ms, case.step_ms)
    return promql.query(None, case.text, case.start_ms)


def check(case: Case) -> None:
    """Raises AssertionError, ValueError where the answer is another."""
    if case.kind == "eval_fail":
        with pytest.raises(PromqlError) as raised:
            ask(case)
        for line in case.expected:
            assert line.removeprefix("expected_fail_message ") in raised.value.message
        return
    result = ask(case)
    assert bool(result.warnings) == (case.kind == "eval_warn"), result.warnings
    if result.kind in {"scalar", "string"} and not case.step_ms:
        (expected,) = case.expected
        assert same(result.series[0].values, expand(expected)) if result.kind == "scalar" else result.text == expected
        return
    compare(case, result)


def compare(case: Case, result: PromqlResult) -> None:
    """Series by series; in order where that was asked."""
    wanted = [(labels, expand(text)) for labels, text in map(series, case.expected)]
    names = [show_labels(labels) for labels, _ in wanted]
    found = {show_labels(each.labels): each for each in result.series}
    assert len(found) == len(result.series), "two series with the same labels"
    assert (list(found) if case.kind == "eval_ordered" else sorted(found)) == (names if case.kind == "eval_ordered" else sorted(names))
    for name, (_, values) in zip(names, wanted, strict=True):
        there = ~is_absent(values)
        times = case.start_ms + np.flatnonzero(there) * case.step_ms
        assert found[name].times_ms.tolist() == times.tolist(), name
        assert same(found[name].values, values[there]), f"{name}: {found[name].values} instead of {values[there]}"


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(found, expected, rtol=TOLERANCE, atol=1e-12, equal_nan=True))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_query_of_a_file(path: Path) -> None:
    """All of a file, so that one run tells all that differs."""
    faults = []
    for case in cases(path):
        try:
            check(case)
        except Exception as error:
            faults.append(f"{case.where}: {case.kind} {case.text}\n    {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)


def test_there_are_files() -> None:
    """Of hundreds of queries."""
    assert sum(1 for path in FILES for _ in cases(path)) > 300
