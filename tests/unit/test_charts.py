"""Charts, bars and sparklines in a terminal, and the words beside them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.cli.output.chart import Frame, Line, bar, bounds, chart, sparkline
from rayscope.cli.output.metric_list import metric_lines
from rayscope.cli.output.series import number_of, sample_table, series_chart, short_number, telling
from rayscope.cli.output.table import display_width
from rayscope.model.metric_answers import Metric
from rayscope.model.prometheus import Sample, SampleSeries

FRAME = Frame(start_ms=0, end_ms=600_000, step_ms=10_000, width=60, height=9)
TIMES = list(range(0, 600_001, 10_000))


def test_a_chart_of_a_line() -> None:
    """Dots, an axis of values from zero, times below."""
    shown = chart([Line("x", TIMES, [float(at) for at in range(61)])], FRAME, short_number, coloured=False)
    assert shown[0].startswith("60 ┤")
    assert shown[6].startswith(" 0 ┤")
    assert shown[-1].split() == ["00:00:00", "00:05:00", "00:10:00"]
    assert max(len(line) for line in shown) <= 60
    assert "⣀" in shown[6] or "⡠" in shown[6] or "⢀" in shown[6]


def test_a_gap_stays_a_gap() -> None:
    """Where there is no value, and where two are far apart."""
    values = [5.0 if at < 20 or at > 40 else math.nan for at in range(61)]
    flat = chart([Line("x", TIMES, values)], FRAME, short_number, coloured=False)
    sparse = chart([Line("x", [0, 600_000], [5.0, 5.0])], FRAME, short_number, coloured=False)
    row = next(line for line in flat if any(0x2800 < ord(char) < 0x2900 for char in line))
    assert row[4:].strip() != row[4:].strip().replace(" ", "")
    assert sum(0x2800 < ord(char) < 0x2900 for line in sparse for char in line) == 2


@given(
    st.lists(st.lists(st.floats(), min_size=1, max_size=61), max_size=4),
    st.integers(10, 200),
    st.integers(3, 40),
)
def test_no_value_breaks_a_chart(every: list[list[float]], width: int, height: int) -> None:
    """Whatever it is, and however large the chart: it fits."""
    frame = Frame(start_ms=0, end_ms=600_000, step_ms=10_000, width=width, height=height)
    shown = chart([Line("x", TIMES[: len(values)], values) for values in every], frame, lambda value: short_number(value)[:6], coloured=False)
    assert len(shown) == height
    assert max(len(line) for line in shown) <= max(width, 10)


def test_axes() -> None:
    """From zero unless the values are far from it; never of no height."""
    assert bounds([]) == (0.0, 1.0)
    assert bounds([3.0, 9.2]) == (0.0, 9.5)
    assert bounds([95.0, 99.0]) == (95.0, 99.0)
    assert bounds([-5.0, -5.0]) == (-6.0, -4.0)
    assert bounds([math.nan, math.inf, 4.0]) == (0.0, 4.0)


def test_bars_and_sparklines() -> None:
    """To an eighth of a character; what is no number is a gap."""
    assert bar(0.5, 4) == "██  "
    assert bar(2.0, 3) == "███"
    assert bar(math.nan, 3) == "   "
    assert bar(1 / 32, 4) == "▏   "
    assert sparkline([0.0, 4.0, math.nan, 8.0], 4) == "▁▄ █"
    assert sparkline([1.0], 3, high=1.0) == "  █"
    assert sparkline([], 3) == "   "


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("ray_node_mem_used", 3 * 1024**3, "3 GiB"),
        ("rate(rayscope_node_network_received_bytes_total[1m])", 2048.0, "2 KiB/s"),
        ("a_bytes / b_bytes", 0.5, "0.5"),
        ("count(a_bytes)", 12345.0, "12.3k"),
        ('up{file="x_bytes"}', 1.0, "1"),
        ("ray_step_seconds", 0.25, "250 ms"),
        ("rate(rayscope_process_cpu_seconds_total[1m])", 0.25, "0.25"),
        ("x", math.nan, "NaN"),
        ("x_bytes", math.inf, "+Inf"),
    ],
)
def test_numbers_have_the_units_of_their_metrics(text: str, value: float, shown: str) -> None:
    """Bytes and seconds where the names say so, and nothing divides them."""
    assert number_of(text)(value) == shown


def test_the_labels_that_tell_series_apart() -> None:
    """Those that all share are said once; a session or an instance only where it must be."""
    every = [{"__name__": "x", "job": "ray", "instance": str(at), "State": state} for at, state in enumerate(("A", "B"))]
    assert telling(every) == ({"job": "ray"}, ["State"])
    assert telling([every[0], every[0] | {"instance": "9"}])[1] == ["instance"]


def test_a_list_of_metrics_fits_and_has_names_whole() -> None:
    """A long one has a line of its own; what they say of themselves is cut."""
    long = Metric(name="ray_aggregator_agent_consecutive_failures_since_last_success", type="histogram", series=12345, help="Number of them. " * 9)
    lines = metric_lines([Metric(name="ray_tasks", type="gauge", series=3, help="Tasks."), long], 80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["NAME", "TYPE", "SERIES", "HELP"]
    assert lines[1].split() == ["ray_tasks", "gauge", "3", "Tasks."]
    assert lines[2] == long.name
    assert lines[3].split()[:2] == ["histogram", "12,345"]
    assert lines[3].endswith("…")
    assert len(metric_lines([long], None)) == 2


def test_a_table_of_samples() -> None:
    """The largest first, ids short."""
    samples = [Sample(labels={"__name__": "x", "node": f"{at:056x}"[::-1], "State": "RUNNING"}, time_ms=0, value=float(at)) for at in (3, 20, 1)]
    lines = sample_table(samples, short_number, 80)
    assert lines[0].split() == ["NODE", "VALUE"]
    assert [line.split()[-1] for line in lines[1:]] == ["20", "3", "1"]
    assert all(len(line.split()[0]) == 8 for line in lines[1:])


def test_a_chart_of_two_hundred_series_shows_the_greatest_and_counts_the_rest() -> None:
    """With a legend of last, least and greatest value, in eighty columns."""
    every = [SampleSeries(labels={"__name__": "x", "worker": f"w{at}"}, times_ms=[0, 10_000], values=[float(at), at / 2]) for at in range(200)]
    frame = Frame(start_ms=0, end_ms=600_000, step_ms=10_000, width=80, height=15)
    lines = series_chart(every, frame, short_number, 5, coloured=False)
    assert max(display_width(line) for line in lines) <= 80
    assert lines[-1] == "… 195 more series, with lower values"
    assert lines[-6].split() == ["━", "w199", "99.5", "99.5", "199"]
    assert any("\x1b[36m" in line for line in series_chart(every, frame, short_number, 5, coloured=True))
