"""The queue between the accepter and the applier."""

from __future__ import annotations

import threading

from rayscope.ingest.backlog import Backlog

WAIT_S = 10.0


def put_aside(backlog: Backlog[str], item: str, weight: int) -> threading.Thread:
    thread = threading.Thread(target=backlog.put, args=(item, weight), daemon=True)
    thread.start()
    return thread


def test_items_come_in_order_up_to_a_weight() -> None:
    """A group ends with the item that fills it; what follows waits for the next."""
    backlog: Backlog[str] = Backlog(100)
    for item in "abc":
        backlog.put(item, 4)
    assert backlog.take(5, 0.0) == ["a", "b"]
    assert backlog.take(5, 0.0) == ["c"]


def test_an_item_heavier_than_a_group_comes_alone() -> None:
    """Whatever its weight, an item is taken sooner or later."""
    backlog: Backlog[str] = Backlog(100)
    backlog.put("heavy", 99)
    backlog.put("light", 1)
    assert backlog.take(10, 0.0) == ["heavy"]
    assert backlog.take(10, 0.0) == ["light"]


def test_an_item_without_weight_is_taken() -> None:
    """An empty batch has a sender too."""
    backlog: Backlog[str] = Backlog(100)
    backlog.put("empty", 0)
    assert backlog.take(10, 0.0) == ["empty"]


def test_an_item_over_the_capacity_goes_into_an_empty_backlog() -> None:
    """A batch larger than the whole backlog does not wait for ever."""
    backlog: Backlog[str] = Backlog(10)
    backlog.put("huge", 1000)
    assert backlog.take(1, 0.0) == ["huge"]


def test_putting_waits_for_room() -> None:
    """A full backlog holds its senders back until something is taken."""
    backlog: Backlog[str] = Backlog(10)
    backlog.put("first", 10)
    thread = put_aside(backlog, "second", 1)
    assert thread.is_alive()
    assert backlog.take(1, 0.0) == ["first"]
    thread.join(WAIT_S)
    assert backlog.take(1, 0.0) == ["second"]


def test_taking_waits_only_so_long() -> None:
    """Where nothing comes in time there is nothing, and the backlog is still open."""
    backlog: Backlog[str] = Backlog(100)
    assert backlog.take(50, 0.01) == []
    backlog.put("late", 1)
    assert backlog.take(50, None) == ["late"]


def test_a_closed_backlog_is_emptied_then_ends() -> None:
    """What was accepted before the close is still applied; then there is None, at once."""
    backlog: Backlog[str] = Backlog(100)
    backlog.put("last", 1)
    backlog.close()
    assert backlog.take(50, 60.0) == ["last"]
    assert backlog.take(50, 60.0) is None


def test_closing_wakes_whoever_waits() -> None:
    """A taker that waits for the first item learns of the close."""
    backlog: Backlog[str] = Backlog(100)
    got: list[list[str] | None] = []
    thread = threading.Thread(target=lambda: got.append(backlog.take(1, 60.0)), daemon=True)
    thread.start()
    backlog.close()
    thread.join(WAIT_S)
    assert got == [None]
