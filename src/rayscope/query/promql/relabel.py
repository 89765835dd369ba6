"""label_replace, label_join, and the labels that `absent` makes up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rayscope.errors import PromqlExecutionError
from rayscope.model.metrics import NAME, Labels
from rayscope.query.promql.syntax import Node, Range, Selector
from rayscope.query.promql.values import Vector

LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_REFERENCE: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """Where the label ``source`` matches, ``target`` becomes the replacement with its `$1`. Raises PromqlExecutionError."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PromqlExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    if not LABEL_NAME.fullmatch(target):
        raise PromqlExecutionError(f"invalid destination label name in label_replace(): {target}")
    labels = []
    for each in vector.labels:
        found = compiled.fullmatch(each.get(source, ""))
        labels.append(each if found is None else _with(each, target, _expanded(replacement, found)))
    return vector.with_labels(labels)


def _expanded(template: str, found: re.Match[str]) -> str:
    """Go's Regexp.Expand: an unknown group is empty, `$$` a dollar."""

    def group(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        name = reference[1] or reference[2]
        if name.isdigit():
            return (found[int(name)] or "") if int(name) <= (found.re.groups) else ""
        return found.groupdict().get(name) or ""

    return _REFERENCE.sub(group, template)


def label_join(vector: Vector, target: str, separator: str, sources: Sequence[str]) -> Vector:
    """``target`` becomes the values of the sources, joined. Raises PromqlExecutionError."""
    for source in sources:
        if not LABEL_NAME.fullmatch(source):
            raise PromqlExecutionError(f"invalid source label name in label_join(): {source}")
    if not LABEL_NAME.fullmatch(target):
        raise PromqlExecutionError(f"invalid destination label name in label_join(): {target}")
    return vector.with_labels([_with(each, target, separator.join(each.get(source, "") for source in sources)) for each in vector.labels])


def _with(labels: Labels, name: str, value: str) -> Labels:
    """The labels with one set; an empty value is no label."""
    rest = {other: text for other, text in labels.items() if other != name}
    return {**rest, name: value} if value else rest


def labels_of_absent(node: Node) -> Labels:
    """What a selector that finds nothing would have found, as far as it says: its labels compared by `=`, once each."""
    selector = node.selector if isinstance(node, Range) else node
    if not isinstance(selector, Selector):
        return {}
    labels: Labels = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.name == NAME:
            continue
        if matcher.op == "=" and matcher.name not in seen:
            seen.add(matcher.name)
            labels[matcher.name] = matcher.value
        else:
            labels.pop(matcher.name, None)
    return {name: value for name, value in labels.items() if value}
