"""Text to tree. The grammar is `promql-parser`'s; what it can be broken with is refused before it sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import promql_parser as grammar

from rayscope.errors import PromqlError
from rayscope.model.metrics import NAME, Matcher, Op
from rayscope.query.promql.syntax import Aggregate, At, Binary, Call, Card, Matching, Negate, Node, Number, Range, Selector, Subquery, Text
from rayscope.store.limits import PROMQL_BYTES, PROMQL_OPERATORS

T = TypeVar("T")

_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|#[^\n]*')
_BRACES: Final = re.compile(r"\{[^}]*\}")
_NESTING: Final = re.compile(r"[-+*/%^(\[<>=!]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_OPS: Final[dict[str, Op]] = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_CARDS: Final[dict[str, Card]] = {"OneToOne": "one-to-one", "ManyToOne": "many-to-one", "OneToMany": "one-to-many", "ManyToMany": "many-to-many"}
_SETS: Final = frozenset({"and", "or", "unless"})
_V: Final = grammar.ValueType

grammar.register_extra_functions([grammar.Function("holt_winters", [_V.Matrix, _V.Scalar, _V.Scalar], _V.Vector)])


def parse(text: str) -> Node:
    """The tree of an expression. Raises PromqlError."""
    return _guarded(lambda: _convert(_parse(text)))


def prettify(text: str) -> str:
    """The expression, laid out. Raises PromqlError."""
    return _guarded(lambda: str(_parse(text).prettify()))


def parse_selector(text: str) -> Selector:
    """The selector in a `match[]`. Raises PromqlError for what is not one."""
    node = parse(text)
    if not isinstance(node, Selector):
        raise PromqlError(f"expected type vector selector, got {text!r}")
    return node


def parse_duration(text: str) -> int:
    """Milliseconds of `5m`, `1h30m` and the like. Raises ValueError."""
    found: timedelta = grammar.parse_duration(text)
    return _ms(found)


def _parse(text: str) -> Any:
    """The grammar's own tree. Deep trees would overflow its stack, and end the process."""
    if len(text) > PROMQL_BYTES:
        raise PromqlError(f"parse error: the expression has {len(text):,} characters, more than {PROMQL_BYTES:,}")
    if (found := len(_NESTING.findall(_BRACES.sub("", _STRING.sub("", text))))) > PROMQL_OPERATORS:
        raise PromqlError(f"parse error: the expression has {found:,} operators and parentheses, more than {PROMQL_OPERATORS:,}")
    return grammar.parse(text)


def _guarded(make: Callable[[], T]) -> T:
    """The grammar's errors, and its panics, as ours."""
    try:
        return make()
    except (ValueError, OverflowError, RecursionError) as error:
        raise PromqlError(f"parse error: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise PromqlError("parse error: a time before 1970 or out of range") from error


def _convert(node: Any) -> Node:
    return _CONVERTERS[type(node)](node)


def _selector(node: Any) -> Selector:
    if node.matchers.or_matchers:
        raise PromqlError('parse error: unexpected <op:or> in label matching, expected "," or "}"')
    matchers = tuple(Matcher(m.name, _OPS[_last(m.op)], m.value) for m in node.matchers.matchers)
    if node.name is not None:
        matchers = (Matcher(NAME, "=", node.name), *(m for m in matchers if m != Matcher(NAME, "=", node.name)))
    return Selector(matchers, _ms(node.offset), _at(node.at))


def _binary(node: Any) -> Binary:
    op, modifier = str(node.op), node.modifier
    if modifier is None:
        return Binary(op, _convert(node.lhs), _convert(node.rhs), Matching("many-to-many" if op in _SETS else "one-to-one"))
    labels, on = (), False
    if modifier.matching is not None:
        labels, on = tuple(modifier.matching.labels), _last(modifier.matching.type) == "Include"
    if modifier.fill_values is not None and (modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None):
        raise PromqlError("parse error: fill modifiers are not supported")
    matching = Matching(_CARDS[_last(modifier.card)], on, labels, tuple(modifier.group_labels or ()))
    return Binary(op, _convert(node.lhs), _convert(node.rhs), matching, bool(modifier.return_bool))


def _aggregate(node: Any) -> Aggregate:
    without, labels = False, ()
    if node.modifier is not None:
        without, labels = _last(node.modifier.type) == "Without", tuple(node.modifier.labels)
    return Aggregate(str(node.op), _convert(node.expr), None if node.param is None else _convert(node.param), without, labels)


def _subquery(node: Any) -> Subquery:
    return Subquery(_convert(node.expr), _ms(node.range), None if node.step is None else _ms(node.step), _ms(node.offset), _at(node.at))


_CONVERTERS: Final[dict[type, Callable[[Any], Node]]] = {
    grammar.NumberLiteral: lambda node: Number(float(node.val)),
    grammar.StringLiteral: lambda node: Text(node.val),
    grammar.VectorSelector: _selector,
    grammar.MatrixSelector: lambda node: Range(_selector(node.vector_selector), _ms(node.range)),
    grammar.SubqueryExpr: _subquery,
    grammar.UnaryExpr: lambda node: Negate(_convert(node.expr)),
    grammar.ParenExpr: lambda node: _convert(node.expr),
    grammar.BinaryExpr: _binary,
    grammar.Call: lambda node: Call(node.func.name, _all(node.args)),
    grammar.AggregateExpr: _aggregate,
}


def _all(nodes: Sequence[Any]) -> tuple[Node, ...]:
    return tuple(_convert(node) for node in nodes)


def _at(at: Any) -> At:
    if at is None:
        return None
    kind = _last(at.type)
    if kind == "Start":
        return "start"
    return "end" if kind == "End" else round(at.at.timestamp() * 1000)


def _ms(duration: timedelta | None) -> int:
    return 0 if duration is None else duration // timedelta(milliseconds=1)


def _last(member: Any) -> str:
    """The name of a member of one of the grammar's enumerations."""
    return str(member).rpartition(".")[2]
