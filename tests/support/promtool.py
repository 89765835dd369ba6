"""What a real Prometheus says: Debian's `promtool test rules` evaluates hundreds of expressions over given series in one go, and prints each answer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from rayscope.model.metrics import Labels
from rayscope.query.metrics.frames import Frame, is_absent, is_stale
from rayscope.query.promql.parse import parse_duration
from rayscope.query.promql.shown import show_labels

HINT = "this test compares with a real Prometheus. hint: apt-get install prometheus"
_ENTRY = re.compile(r'^    expr: ("(?:\\.|[^"\\])*"), time: (\S+?),(?: err: (.*))?$')
_SAMPLE = re.compile(r'(\{(?:[^"{}]|"(?:\\.|[^"\\])*")*\}) (\S+?)(?:, |$)')
_LABEL = re.compile(r'(\w+)=("(?:\\.|[^"\\])*")')


class Asked(Struct, frozen=True):
    """An expression, and when."""

    text: str
    time_ms: int


class Answer(Struct):
    """Values by labels; or Prometheus's word against the expression."""

    values: dict[str, float]
    error: str | None = None


def promtool() -> str:
    """The program. Fails with a hint where it is not."""
    found = shutil.which("promtool")
    assert found is not None, HINT
    return found


def answers(groups: Sequence[tuple[Sequence[Frame], Sequence[Asked]]], folder: Path, interval_ms: int = 1000) -> list[list[Answer]]:
    """Prometheus's answer to each question, over each group's own series, whose times are multiples of the interval."""
    text = "rule_files: []\nevaluation_interval: 1m\ntests:\n" + "".join(_group(i, *group, interval_ms) for i, group in enumerate(groups))
    path = folder / "asked.yaml"
    path.write_text(text)
    done = subprocess.run([promtool(), "test", "rules", path], capture_output=True, text=True, check=False)
    return _read(done.stdout + done.stderr, groups)


def _group(number: int, frames: Sequence[Frame], asked: Sequence[Asked], interval_ms: int) -> str:
    series = [
        f"  - series: {json.dumps(show_labels(labels))}\n    values: {json.dumps(_notation(frame.times, frame.values[row], interval_ms))}\n"
        for frame in frames
        for row, labels in enumerate(frame.labels)
    ]
    questions = [_mark(number, frames, asked), *asked]
    tests = [f"  - expr: {json.dumps(each.text)}\n    eval_time: {each.time_ms}ms\n" for each in questions]
    return f"- interval: {interval_ms}ms\n  input_series:\n{''.join(series)}  promql_expr_test:\n{''.join(tests)}"


def _mark(number: int, frames: Sequence[Frame], asked: Sequence[Asked]) -> Asked:
    """A question that tells the groups' answers apart. Samples are loaded up to the last whole minute that is asked about, so it asks after all of them."""
    last = max([*(int(frame.times[-1]) for frame in frames if len(frame.times)), *(each.time_ms for each in asked), 0])
    return Asked(f"vector({number})", (last // 60_000 + 1) * 60_000)


def _notation(times: np.ndarray, values: np.ndarray, interval_ms: int) -> str:
    """`1 _x14 2 stale`."""
    absent, stale = is_absent(values), is_stale(values)
    words, last = [], -1
    for at, value, gone, ended in zip(times.tolist(), values.tolist(), absent.tolist(), stale.tolist(), strict=True):
        if gone:
            continue
        place = at // interval_ms
        if place - last > 1:
            words.append(f"_x{place - last - 1}")
        words.append("stale" if ended else repr(value).replace("inf", "Inf").replace("nan", "NaN"))
        last = place
    return " ".join(words)


def _read(output: str, groups: Sequence[tuple[Sequence[Frame], Sequence[Asked]]]) -> list[list[Answer]]:
    entries = _entries(output)
    found: list[list[Answer]] = []
    for number, (frames, asked) in enumerate(groups):
        entry = entries.pop(0) if entries else None
        assert entry is not None, output[-2000:]
        assert entry[0] == _mark(number, frames, asked), (entry, output[-2000:])
        found.append([entries.pop(0)[1] if entries and entries[0][0] == question else Answer({}) for question in asked])
    assert not entries, entries[0]
    return found


def _entries(output: str) -> list[tuple[Asked, Answer]]:
    entries: list[tuple[Asked, Answer]] = []
    for line in output.splitlines():
        if (head := _ENTRY.match(line)) is not None:
            entries.append((Asked(json.loads(head[1]), parse_duration(head[2]) if head[2] != "0s" else 0), Answer({}, head[3])))
        elif line.startswith("        got: ") and line != "        got: nil":
            entries[-1][1].values.update(_samples(line.removeprefix("        got: ")))
    return entries


def _samples(text: str) -> dict[str, float]:
    return {show_labels(_labels(labels)): float(value) for labels, value in _SAMPLE.findall(text)}


def _labels(text: str) -> Labels:
    return {name: json.loads(value) for name, value in _LABEL.findall(text)}
