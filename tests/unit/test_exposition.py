"""Pages of metrics: what is written is what the world's own parsers read."""

from __future__ import annotations

import math
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from rayscope.meters import Counter, Histogram
from rayscope.wire.exposition import Metric, Sample, is_openmetrics_wanted, number, openmetrics_page, text_page

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}x", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r"), max_size=12)
VALUES = st.floats()
TIMES = st.none() | st.integers(0, 2**42)


@st.composite
def families(draw: st.DrawFn) -> list[Metric]:
    """Counters and gauges of different names, with any labels and values."""
    made = []
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        kind = draw(st.sampled_from(["counter", "gauge", "unknown"]))
        values = st.floats(min_value=0, allow_infinity=False) if kind == "counter" else VALUES
        labels = draw(st.lists(st.dictionaries(NAMES, TEXTS, max_size=3), min_size=1, max_size=3, unique_by=lambda one: tuple(sorted(one.items()))))
        suffix = "_total" if kind == "counter" else ""
        samples = tuple(Sample(draw(values), one, suffix, draw(TIMES)) for one in labels)
        made.append(Metric(name, kind, draw(TEXTS).strip(), samples))
    return made


def told(metrics: list[Metric]) -> list[tuple[Any, ...]]:
    """What a page should say."""
    return [(one.name + sample.suffix, dict(sample.labels), repr(sample.value), sample.time_ms) for one in metrics for sample in one.samples]


def read(found: Any, times: float) -> list[tuple[Any, ...]]:
    """What a parser read; its times are ``times`` of a millisecond."""
    return [
        (sample.name, sample.labels, repr(float(sample.value)), None if sample.timestamp is None else round(float(sample.timestamp) * times))
        for family in found
        for sample in family.samples
    ]


@settings(max_examples=40)
@given(families())
def test_text_is_read_back(metrics: list[Metric]) -> None:
    """Prometheus's client reads the values, labels and times that were written."""
    assert read(parser.text_string_to_metric_families(text_page(metrics)), 1000) == told(metrics)


@settings(max_examples=40)
@given(families())
def test_openmetrics_is_read_back(metrics: list[Metric]) -> None:
    """Its OpenMetrics parser is strict about order, units and the end."""
    timed = [Metric(m.name, m.type, m.help, tuple(Sample(s.value, s.labels, s.suffix, s.time_ms) for s in m.samples), m.unit) for m in metrics]
    assert read(openmetrics_parser.text_string_to_metric_families(openmetrics_page(timed)), 1000) == told(timed)


@given(st.floats())
def test_numbers_are_exact(value: float) -> None:
    """Every double survives."""
    again = float(number(value))
    assert again == value or (math.isnan(again) and math.isnan(value))


def test_help_texts_are_read_back() -> None:
    """Line ends and quotes in them."""
    metric = Metric("a", "gauge", 'one "two"\nthree\\', (Sample(1.0),))
    assert next(iter(parser.text_string_to_metric_families(text_page([metric])))).documentation == metric.help
    assert next(iter(openmetrics_parser.text_string_to_metric_families(openmetrics_page([metric])))).documentation == metric.help


def own_page() -> list[Metric]:
    """A counter and a histogram that have seen something."""
    counter = Counter("rayscope_things", "Things that happened.", ["kind"])
    counter.add(2, "good")
    counter.add(1, 'b"ad\n')
    histogram = Histogram("rayscope_wait_seconds", "How long something took.")
    for seconds in (0.0001, 0.3, 100.0, 0.25):
        histogram.observe(seconds)
    return [counter.metric(), histogram.metric()]


def test_histograms_are_what_the_parsers_take() -> None:
    """Cumulative, ended by +Inf, with sum and count; OpenMetrics checks that."""
    page = openmetrics_page(own_page())
    samples = {(s.name, s.labels.get("le")): s.value for family in openmetrics_parser.text_string_to_metric_families(page) for s in family.samples}
    assert samples["rayscope_wait_seconds_bucket", "0.25"] == 2
    assert samples["rayscope_wait_seconds_bucket", "+Inf"] == samples["rayscope_wait_seconds_count", None] == 4
    assert page.endswith("# EOF\n")
    assert openmetrics is not None


def test_promtool_finds_nothing_to_say() -> None:
    """`promtool check metrics` lints names, units and help texts."""
    assert shutil.which("promtool"), "promtool is missing; hint: apt-get install prometheus"
    done = subprocess.run(["promtool", "check", "metrics"], input=text_page(own_page()), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text; version=1.0.0", True),
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.2", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
    ],
)
def test_the_format_is_the_askers(accept: str, wanted: bool) -> None:
    """Prometheus asks for OpenMetrics first; a person's browser gets text."""
    assert is_openmetrics_wanted(accept) is wanted
