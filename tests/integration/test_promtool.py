"""PromQL beside a real Prometheus's own evaluator (`promtool test rules`): the queries of tests/queries, and made-up data."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.errors import PromqlError
from rayscope.query.metrics.frames import Frame
from rayscope.query.promql.service import Promql
from rayscope.query.promql.shown import show_labels
from support.promql_strategies import expressions, series_frames
from support.promqltest import Case, MemoryMetrics, cases
from support.promtool import Answer, Asked, answers

FILES = sorted((Path(__file__).parents[1] / "queries").glob("*.test"))
NEWER = ("first_over_time", "mad_over_time", "limitk", "sort_by_label", "double_exponential_smoothing")
"""What Prometheus 2.42 does not have."""
LATEST_MS = 10_000_000
"""promtool goes there minute by minute."""


def ours(frames: list[Frame], asked: Asked) -> Answer:
    """Rayscope's answer."""
    try:
        result = Promql(MemoryMetrics(frames)).query(None, asked.text, asked.time_ms)
    except PromqlError as error:
        return Answer({}, error.message)
    return Answer({show_labels(each.labels): float(each.values[-1]) for each in result.series})


def differs(mine: Answer, theirs: Answer) -> bool:
    """Whether two answers are not the same within float error."""
    if (mine.error is None) != (theirs.error is None):
        return True
    if mine.values.keys() != theirs.values.keys():
        return True
    return not all(np.isclose(mine.values[key], value, rtol=1e-9, atol=1e-12, equal_nan=True) for key, value in theirs.values.items())


def steps_of(case: Case) -> list[Asked]:
    """The instants of an evaluation. What speaks of a range's own start and end is no question at one instant."""
    if "start()" in case.text or "end()" in case.text or any(name in case.text for name in NEWER):
        return []
    times = range(case.start_ms, case.end_ms + 1, case.step_ms or 1)
    return [Asked(case.text, at) for at in times if 0 <= at < LATEST_MS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_queries_of_a_file_have_the_same_answers_there(path: Path, tmp_path: Path) -> None:
    """Also those that are expected to fail; ranges instant by instant."""
    groups = []
    for _, group in groupby(cases(path), key=lambda case: id(case.frames)):
        found = [case for case in group if not case.text.startswith('"') and not case.text.endswith("m]")]
        groups.append((found[0].frames if found else [], [asked for case in found for asked in steps_of(case)]))
    faults = []
    for (frames, asked), theirs in zip(groups, answers(groups, tmp_path), strict=True):
        for question, answer in zip(asked, theirs, strict=True):
            mine = ours(frames, question)
            if differs(mine, answer):
                faults.append(f"{question.text} at {question.time_ms} ms\n    ours  {mine}\n    there {answer}")
    assert groups
    assert not faults, "\n".join(faults)


@settings(max_examples=40, derandomize=True)  # a comparison of numbers that differ in their last digit may go either way
@given(series_frames(), st.lists(st.tuples(expressions(), st.integers(0, 500)), min_size=15, max_size=40))
def test_made_up_expressions_over_made_up_series(tmp_path_factory: pytest.TempPathFactory, made: list[Frame], asked: list[tuple[str, int]]) -> None:
    """Any of them, at any time: the same series with the same numbers, or an error on both sides."""
    questions = [Asked(text, seconds * 1000) for text, seconds in asked]
    (theirs,) = answers([(made, questions)], tmp_path_factory.mktemp("made"), 15_000)
    for question, answer in zip(questions, theirs, strict=True):
        mine = ours(made, question)
        assert not differs(mine, answer), f"{question.text} at {question.time_ms} ms\n    ours  {mine}\n    there {answer}"
