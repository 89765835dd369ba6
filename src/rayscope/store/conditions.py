"""What a question asks of rows, apart from how it is put to the database: conditions and orders."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Condition(Struct, frozen=True):
    """``column op values``. Op is one of = != < <= > >= ~ !~ in prefix; only `in` has more than one value. None stands for null."""

    column: str
    op: str
    values: tuple[Any, ...]


class Order(Struct, frozen=True):
    """One term of an order. Nulls come last either way."""

    column: str
    descending: bool = False
