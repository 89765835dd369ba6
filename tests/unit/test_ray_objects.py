"""What an object's id says, and rows of the object table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rayscope.ray.ids import task_key
from rayscope.ray.objects import TASK_KEY_MASK, is_put, maker, read_rows
from support.ids import constructor_id, method_id, task_id
from support.objects import put_id, reference, return_id


def test_ids_seen_in_ray() -> None:
    """As Ray 2.60 printed them, with the task that made them."""
    assert maker("32d950ec0ccf9d2affffffffffffffffffffffff0100000001000000")[0] == "32d950ec0ccf9d2affffffffffffffffffffffff01000000"
    assert maker("00ffffffffffffffffffffffffffffffffffffff0100000001e1f505")[0] == "f" * 40 + "01000000"
    assert maker("00ffffffffffffff671060a032f357d38ff9cde10100000001e1f505")[0] == "ffffffffffffffff671060a032f357d38ff9cde101000000"
    retried = "01ef45ccd0112571ffffffffffffffffffffffff0100000002e1f505"
    assert maker(retried) == (None, task_key("c8ef45ccd0112571ffffffffffffffffffffffff01000000") & TASK_KEY_MASK)


@given(number=st.integers(0, 2**64 - 2**56), index=st.integers(1, 1000), attempt=st.integers(0, 255))
def test_puts_and_returns_are_told_apart(number: int, index: int, attempt: int) -> None:
    """By the index; both have the key of their task, whichever attempt put it."""
    task = task_id(number)
    assert not is_put(return_id(task, index))
    assert is_put(put_id(index, task, attempt))
    assert maker(return_id(task, index)) == (task.hex(), task_key(task.hex()) & TASK_KEY_MASK)
    assert maker(put_id(index, task, attempt))[1] == task_key(task.hex()) & TASK_KEY_MASK


def test_constructors_are_known_whole_and_methods_by_their_key() -> None:
    """A constructor's own part is all set."""
    assert maker(put_id(1, constructor_id(7)))[0] == constructor_id(7).hex()
    assert maker(put_id(1, method_id(3, 7)))[0] is None


@given(st.text(max_size=60))
def test_other_ids_say_nothing(text: str) -> None:
    """And break nothing."""
    made_by, key = maker(text)
    assert (made_by is None and key is None) or len(text) == 56


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.dictionaries(st.text(), st.integers()), st.just(reference(put_id(1))))))
def test_bad_rows_never_break_good_ones(rows: list[object]) -> None:
    """Each row is read or counted."""
    good, bad = read_rows(rows)
    assert len(good) + bad == len(rows)
    assert len(good) >= rows.count(reference(put_id(1)))
