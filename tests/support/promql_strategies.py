"""Made-up series, and expressions over them, for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from rayscope.query.metrics.frames import ABSENT, STALE, Frame

STEP_MS = 15_000
LABELS = [
    {"__name__": name, "a": a, "b": b} | ({"le": le} if le else {})
    for name, les in (("m", ("",)), ("n", ("",)), ("h_bucket", ("0.5", "1", "+Inf")))
    for a in "xy"
    for b in "12"
    for le in les
]
_numbers = st.one_of(
    st.integers(0, 20).map(float),
    st.floats(-100, 100, width=32).map(lambda v: round(v, 3)),
    st.sampled_from([0.0, 1.0, float("nan"), float("inf"), -float("inf"), 1e15, 1e-9]),
)


@st.composite
def series_frames(draw: st.DrawFn) -> list[Frame]:
    """Counters with resets, gauges and histograms, with gaps and ends; some share their times."""
    found = []
    for labels in draw(st.lists(st.sampled_from(LABELS), min_size=3, max_size=10, unique_by=lambda each: tuple(each.items()))):
        size = draw(st.integers(3, 25))
        if labels["__name__"] == "m":
            values = np.cumsum(draw(st.lists(st.integers(-3, 30), min_size=size, max_size=size)), dtype=np.float64)
            values = np.where(values < 0, 0, values)
        elif labels["__name__"] == "n":
            values = np.array(draw(st.lists(_numbers, min_size=size, max_size=size)))
        else:
            values = np.cumsum(draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), dtype=np.float64) + float(labels["le"]) ** 0
        for at in draw(st.lists(st.integers(0, size - 1), max_size=5)):
            values[at] = draw(st.sampled_from([ABSENT, ABSENT, STALE]))
        found.append((labels, values))
    return _framed(found, together=draw(st.booleans()))


def _framed(found: list[tuple[dict[str, str], np.ndarray]], *, together: bool) -> list[Frame]:
    longest = max(len(values) for _, values in found)
    times = np.arange(longest, dtype=np.int64) * STEP_MS
    if not together:
        return [Frame([labels], times[: len(values)], values[None, :]) for labels, values in found]
    rows = np.full((len(found), longest), ABSENT)
    for row, (_, values) in enumerate(found):
        rows[row, : len(values)] = values
    return [Frame([labels for labels, _ in found], times, rows)]


_names = st.sampled_from(["m", "n", 'm{a="x"}', 'n{b!="1"}', 'm{b=~"1|3"}', '{__name__=~"m|n", a="y"}', "h_bucket", "nothing"])
_offsets = st.sampled_from(["", "", "", " offset 30s", " offset -45s", " @ 120", " @ 90 offset 15s"])
_selectors = st.builds("{}{}".format, _names, _offsets)
_ranges = st.sampled_from(["1m", "30s", "45s", "2m", "5m", "10s"])
_scalars = st.sampled_from(["0", "1", "2.5", "-3", "0.5", "time()", "scalar(m)", 'scalar(n{a="x",b="1"})', "NaN", "Inf"])
_groups = st.sampled_from(["", " by (a)", " by (b)", " by (a, b)", " without (a)", " without (b, le)", " by (le)", " by ()", " by (__name__)"])
_arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2"])
_comparison = st.sampled_from(["==", "!=", ">", "<", ">=", "<=", "== bool", "> bool", "<= bool"])
_matching = st.sampled_from(
    [
        "",
        " on (a)",
        " on (a, b)",
        " ignoring (b)",
        " on (a) group_left",
        " on (a) group_right",
        " ignoring (b) group_left",
        " on (a, b) group_left (le)",
        " on ()",
    ]
)
_set_matching = st.sampled_from(["", " on (a)", " ignoring (a)", " on ()"])
OVER_TIME = ["rate", "increase", "delta", "irate", "idelta", "deriv", "resets", "changes", "absent_over_time"] + [
    f"{word}_over_time" for word in ("avg", "min", "max", "sum", "count", "stddev", "stdvar", "last", "present")
]
MATH = ["abs", "ceil", "floor", "exp", "ln", "sqrt", "sgn", "round", "sort", "timestamp", "absent", "cos", "log2", "deg", "-"]


def expressions() -> st.SearchStrategy[str]:
    """Vectors of any depth that a person would still read."""
    ranged = st.one_of(
        st.builds("{}({}[{}]{})".format, st.sampled_from(OVER_TIME), _names, _ranges, _offsets),
        st.builds("quantile_over_time({}, {}[{}])".format, st.sampled_from(["0.3", "0.9", "2"]), _names, _ranges),
        st.builds("predict_linear({}[{}]{}, {})".format, _names, _ranges, st.sampled_from(["", " offset 30s"]), st.sampled_from(["60", "-30"])),
        st.builds("holt_winters({}[{}], 0.3, 0.6)".format, _names, _ranges),
        st.builds("histogram_quantile({}, {})".format, st.sampled_from(["0.5", "0.99", "0", "1"]), st.sampled_from(["h_bucket", "rate(h_bucket[1m])"])),
    )
    return st.recursive(st.one_of(_selectors, ranged, ranged), _deeper, max_leaves=4)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    nested = inner.map("({})".format)
    return st.one_of(
        st.builds("{}{} ({})".format, st.sampled_from(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]), _groups, inner),
        st.builds("quantile{} ({}, {})".format, _groups, st.sampled_from(["0.5", "0.1", "-1"]), inner),
        st.builds('count_values{} ("v", round({}, 0.01))'.format, _groups, inner),
        st.builds("{}({})".format, st.sampled_from(MATH), inner),
        st.builds("clamp({}, -5, 5)".format, inner),
        st.builds("{} {} {}".format, nested, st.one_of(_arithmetic, _comparison), _scalars),
        st.builds("{} {} {}".format, _scalars, st.one_of(_arithmetic, _comparison), nested),
        st.builds("{} {}{} {}".format, nested, st.one_of(_arithmetic, _comparison), _matching, nested),
        st.builds("{} {}{} {}".format, nested, st.sampled_from(["and", "or", "unless"]), _set_matching, nested),
        st.builds("{}({}[{}:{}]{})".format, st.sampled_from(OVER_TIME), nested, _ranges, st.sampled_from(["", "15s", "20s"]), _offsets),
        st.builds('label_replace({}, "{}", "$1", "a", "(.)")'.format, inner, st.sampled_from(["c", "b", "__name__"])),
        st.builds('label_join({}, "c", "-", "a", "b")'.format, inner),
    )
