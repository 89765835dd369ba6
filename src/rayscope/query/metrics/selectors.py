"""A selector of series, `up{job="ray"}`, as matchers."""

from __future__ import annotations

from typing import Final

import promql_parser

from rayscope.errors import UsageError
from rayscope.model.metrics import NAME, Matcher, Op

_OPS: Final[dict[str, Op]] = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_HINT: Final = """write a selector: up, {job="ray"}, ray_tasks{State=~"RUNNING|FAILED"}"""


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of an instant selector. Raises UsageError for what is none."""
    try:
        tree = promql_parser.parse(text)
    except ValueError as error:
        raise UsageError(f"not a selector: {text[:200]!r}: {error}", hint=_HINT) from error
    if not isinstance(tree, promql_parser.VectorSelector) or tree.offset is not None or tree.at is not None or tree.matchers.or_matchers:
        raise UsageError(f"not a plain selector of series: {text[:200]!r}", hint=_HINT)
    named = [Matcher(NAME, "=", tree.name)] if tree.name else []
    return (*named, *(Matcher(one.name, _OPS[str(one.op)], one.value) for one in tree.matchers.matchers))
