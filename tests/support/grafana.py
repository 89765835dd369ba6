"""The expressions of the Grafana dashboards that Ray generates itself, with their variables filled, and series for each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from rayscope.model.metrics import NAME, Labels, Matcher
from rayscope.query.promql.parse import parse
from rayscope.query.promql.syntax import Aggregate, Binary, Node, Selector, children

_DURATIONS = {"interval": "30s", "window": "1m", "__rate_interval": "1m", "__range": "2m", "__interval": "15s"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_GENERATORS = ("default", "serve", "serve_deployment", "serve_llm", "serve_llm_sglang", "data", "data_llm", "train")
_SERVED = "ray_serve_deployment_request_counter_total"
"""What others are joined with by their worker: a worker has one deployment and one replica."""
_BOUNDS = ("0.1", "1", "10", "+Inf")


def expressions() -> list[str]:
    """All of them, each once."""
    from ray.dashboard.modules.metrics import grafana_dashboard_factory as factory

    found: dict[str, None] = {}
    for name in _GENERATORS:
        text, _ = getattr(factory, f"generate_{name}_grafana_dashboard")()
        found |= dict.fromkeys(filled(expr) for expr in _exprs(json.loads(text)))
    return list(found)


def _exprs(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        for value in part.values():
            yield from _exprs(value)
    elif isinstance(part, list):
        for value in part:
            yield from _exprs(value)


def filled(expr: str) -> str:
    """With `All` chosen for every variable."""
    return _VARIABLE.sub(lambda found: _DURATIONS.get(found[1] or found[2], ".*"), expr)


def selectors(node: Node) -> Iterator[tuple[Selector, frozenset[str]]]:
    """Every selector, with the labels that the expression speaks of."""
    words = frozenset(_words(node))

    def below(part: Node) -> Iterator[Selector]:
        if isinstance(part, Selector):
            yield part
        for child in children(part):
            yield from below(child)

    yield from ((selector, words) for selector in below(node))


def _words(node: Node) -> Iterator[str]:
    if isinstance(node, Aggregate) and not node.without:
        yield from node.labels
    if isinstance(node, Binary) and node.matching.on:
        yield from node.matching.labels
    for child in children(node):
        yield from _words(child)


def series_for(exprs: list[str]) -> list[Labels]:
    """Some series of every metric that the expressions name: two of each label that they group by or match."""
    found: dict[tuple[tuple[str, str], ...], Labels] = {}
    for expr in exprs:
        for selector, words in selectors(parse(expr)):
            for labels in _fitting(selector, words):
                found[tuple(sorted(labels.items()))] = labels
    names = ("application", "deployment", "replica", "WorkerId", "model_name", "route", "ray_io_cluster")
    served: list[Labels] = [{NAME: _SERVED, **dict.fromkeys(names, value)} for value in "ab"]
    return [labels for labels in found.values() if labels[NAME] != _SERVED] + served


def _fitting(selector: Selector, words: frozenset[str]) -> Iterator[Labels]:
    name = next((matcher.value for matcher in selector.matchers if matcher.name == NAME and matcher.op == "="), None)
    if name is None:
        return
    values = {word: ("a", "b") for word in sorted(words)[:4] if word not in {NAME, "le"}}
    for matcher in selector.matchers:
        if matcher.name != NAME and (fitting := _values(matcher, values.get(matcher.name, ("a", "b") if matcher.name == "WorkerId" else ("x",)))):
            values[matcher.name] = fitting
    if name.endswith("_bucket") or "le" in words:
        values["le"] = _BOUNDS
    yield from _combined({NAME: name}, list(values.items()))


def _values(matcher: Matcher, known: tuple[str, ...]) -> tuple[str, ...]:
    """What fits a matcher: what is known of the label, or words of the matcher itself."""
    if matcher.op == "=":
        return (matcher.value,) if matcher.value else ()
    if matcher.op != "=~" or all(re.fullmatch(matcher.value, word) for word in known):
        return known
    words = [word for word in re.findall(r"[\w.-]+", matcher.value) if re.fullmatch(matcher.value, word)]
    return tuple(words[:2])


def _combined(labels: Labels, rest: list[tuple[str, tuple[str, ...]]]) -> Iterator[Labels]:
    if not rest:
        yield labels
        return
    (name, values), *others = rest
    for value in values[: 4 if name == "le" else 2]:
        yield from _combined({**labels, name: value}, others)


def samples_for(labels: list[Labels], count: int) -> np.ndarray:
    """[series, count]: counters that fall at times, gauges, and buckets that are cumulative."""
    random = np.random.default_rng(9)
    values = np.cumsum(random.integers(0, 20, (len(labels), count)), axis=1).astype(np.float64)
    for row, each in enumerate(labels):
        if "le" in each:
            values[row] = np.arange(count) * (2 + 3 * _BOUNDS.index(each["le"])) if each["le"] in _BOUNDS else values[row]
        elif row % 7 == 0:
            values[row] = random.normal(50, 20, count)
        elif row % 11 == 0:
            values[row, count // 2 :] -= values[row, count // 2]
    return values
