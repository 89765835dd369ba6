"""The table of rules, and applying them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rayscope.model.finding import Finding
from rayscope.query.findings import hot_node, idle_gpu, memory_growth, near_oom, oversubscription, spilling
from rayscope.query.findings.facts import Facts

Rule = Callable[[Facts], Iterator[Finding]]

RULES: Final[dict[str, Rule]] = {rule.KIND: rule.find for rule in (near_oom, memory_growth, spilling, idle_gpu, oversubscription, hot_node)}
NAMES: Final = tuple(dict.fromkeys(name for rule in (near_oom, memory_growth, spilling, idle_gpu, oversubscription, hot_node) for name in rule.NAMES))
"""The names of all series that a rule looks at."""

_ORDER: Final = {"error": 0, "warning": 1, "info": 2}


def find_all(facts: Facts) -> list[Finding]:
    """What all rules find: the worst first, what goes on before what is over, the newest first."""
    found = [finding for rule in RULES.values() for finding in rule(facts)]
    return sorted(found, key=lambda one: (_ORDER[one.severity], one.until_ms is not None, -one.since_ms, one.id))
