"""The tree of an expression, in this project's own types. Durations and times are milliseconds; `parse` makes it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from rayscope.model.metrics import NAME, Matcher

At: TypeAlias = int | Literal["start", "end"] | None
"""Of an `@` modifier: a time in ms, or the beginning or end of the question's range."""

Kind = Literal["scalar", "vector", "matrix", "string"]
Card = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


class Node(Struct, frozen=True):
    """A part of an expression."""


class Number(Node, frozen=True):
    """A literal."""

    value: float


class Text(Node, frozen=True):
    """A literal."""

    value: str


class Selector(Node, frozen=True):
    """An instant vector selector, whose metric's name is among the matchers."""

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At = None

    @property
    def has_one_name(self) -> bool:
        """Whether all its series have the same metric name, so that dropping it makes no two of them equal."""
        return any(matcher.name == NAME and matcher.op == "=" for matcher in self.matchers)


class Range(Node, frozen=True):
    """A range vector selector."""

    selector: Selector
    range_ms: int


class Subquery(Node, frozen=True):
    """An expression evaluated at every ``step_ms`` (None: the default) of a range."""

    expr: Node
    range_ms: int
    step_ms: int | None
    offset_ms: int = 0
    at: At = None


class Negate(Node, frozen=True):
    """Unary minus."""

    expr: Node


class Matching(Struct, frozen=True):
    """How a binary operator finds the partner of a series: by ``on`` the labels, or by all but them (``ignoring``)."""

    card: Card = "one-to-one"
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


class Binary(Node, frozen=True):
    """A binary operator."""

    op: str
    left: Node
    right: Node
    matching: Matching
    return_bool: bool = False


class Call(Node, frozen=True):
    """A function of its arguments."""

    name: str
    args: tuple[Node, ...]


class Aggregate(Node, frozen=True):
    """An aggregation ``by`` the labels, or ``without`` them."""

    op: str
    expr: Node
    param: Node | None
    without: bool
    labels: tuple[str, ...]


_TIMED = frozenset({"time", "timestamp", "predict_linear", "year", "month", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute"})


def is_fixed(node: Node) -> bool:
    """Whether the expression is the same at all steps of a question, because everything in it is held by an `@`."""
    if isinstance(node, (Selector, Subquery)):
        return node.at is not None
    if isinstance(node, Range):
        return node.selector.at is not None
    if isinstance(node, Call) and node.name in _TIMED:
        return False
    return all(is_fixed(child) for child in children(node))


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node."""
    if isinstance(node, (Negate, Subquery)):
        return (node.expr,)
    if isinstance(node, Aggregate):
        return (node.expr,) if node.param is None else (node.expr, node.param)
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Range):
        return (node.selector,)
    return node.args if isinstance(node, Call) else ()


def has_selector(node: Node) -> bool:
    """Whether the expression reads series at all."""
    return isinstance(node, Selector) or any(has_selector(child) for child in children(node))


_SCALARS = frozenset({"time", "pi", "scalar"})


def kind_of(node: Node) -> Kind:
    """What the expression gives."""
    if isinstance(node, Number):
        return "scalar"
    if isinstance(node, Text):
        return "string"
    if isinstance(node, (Range, Subquery)):
        return "matrix"
    if isinstance(node, Negate):
        return kind_of(node.expr)
    if isinstance(node, Binary):
        return "scalar" if kind_of(node.left) == kind_of(node.right) == "scalar" else "vector"
    return "scalar" if isinstance(node, Call) and node.name in _SCALARS else "vector"
