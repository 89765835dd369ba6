"""Which task runs here: in this thread, in this coroutine, and in the whole process.

A task is "<task id> <attempt>". Ray says when one starts and ends, in the thread that executes it; a coroutine carries its task's id in a
context variable of Ray's.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from typing import Any, Callable, Dict, FrozenSet, Optional


class Running:
    """The tasks that run in this process now."""

    def __init__(self, coroutine_task: Callable[[], Any], is_asyncio: Callable[[], bool]) -> None:
        """``coroutine_task``: the id of the task whose coroutine calls, or None; ``is_asyncio``: whether this is an async actor's process."""
        self._coroutine_task = coroutine_task
        self._is_asyncio = is_asyncio
        self._tasks: Dict[Any, str] = {}
        self._here = _Here()
        self._main = threading.main_thread().ident
        self._older: FrozenSet[int] = frozenset()
        self.is_concurrent = False
        self.only: Optional[str] = None

    def task(self) -> Optional[str]:
        """The task that the caller is part of; None where that is not certain."""
        task_id = self._coroutine_task()
        if task_id is not None:
            return self._tasks.get(task_id)
        return self._here.task or (self._of_thread() if self.only is not None else None)

    def start(self, task_id: Any, attempt: int) -> None:
        """An attempt starts, in this thread."""
        task = self._tasks[task_id] = "%s %d" % (task_id.hex(), attempt)
        if self._is_asyncio():
            self.is_concurrent = True  # this thread only waits for the coroutine
        else:
            self._leave_thread()
            self._here.task, self._here.task_id = task, task_id
        if len(self._tasks) > 1 or get_ident() != self._main:
            self.is_concurrent = True
        self.only = None if self.is_concurrent else task
        if self.only is not None:
            self._older = frozenset(threading._active)  # type: ignore[attr-defined]

    def end(self, task_id: Any) -> Optional[str]:
        """An attempt has ended, in this thread."""
        if self._here.task_id == task_id:
            self._here.task = self._here.task_id = None
        self.only = None
        return self._tasks.pop(task_id, None)

    def _leave_thread(self) -> None:
        """A thread executes one task at a time: one whose end nobody told is over."""
        if self._here.task_id is not None:
            self._tasks.pop(self._here.task_id, None)

    def _of_thread(self) -> Optional[str]:
        """A thread that the only running task started works for it; one that was there before may work for anyone."""
        thread = get_ident()
        if thread in self._older:
            return None
        known = threading._active.get(thread)  # type: ignore[attr-defined]
        return None if known is None or isinstance(known, threading._DummyThread) else self.only


class _Here(threading.local):
    """The task that this thread executes."""

    task: Optional[str] = None
    task_id: Any = None
