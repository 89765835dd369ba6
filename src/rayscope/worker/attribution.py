"""In a worker: whose output is whose. Ray's streams are replaced before the first task, and Ray's word of each task's start and end is listened to."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
from typing import Any, Callable, List, Optional

from .imports import after_import
from .marks import MarksFile, Soon
from .output import Output
from .running import Running


def install() -> None:
    """Patch Ray's worker when it is imported."""
    after_import({"ray._private.worker": _patch})


def _patch(module: Any) -> None:
    """The main loop is entered when Ray has made its streams, and before any task."""
    main_loop = module.Worker.main_loop

    @functools.wraps(main_loop)
    def attribute_and_loop(worker: Any) -> Any:
        try:
            attribute(worker, module.Worker)
        except Exception as error:
            sys.stderr.write("rayscope: output is not attributed in this worker: %r\n" % error)
        return main_loop(worker)

    module.Worker.main_loop = attribute_and_loop


def attribute(worker: Any, kind: Any) -> None:
    """Replace the streams, and follow the tasks."""
    import ray._raylet

    coroutine_task = getattr(ray._raylet, "async_task_id", None)
    running = Running(coroutine_task.get if coroutine_task is not None else lambda: None, worker.core_worker.current_actor_is_asyncio)
    out_path, err_path = worker.get_out_file_path(), worker.get_err_file_path()
    folder, out_name = os.path.split(out_path)
    marks = MarksFile(
        os.path.join(folder, "rayscope", "marks-%s-%d.log" % (_hex(worker.worker_id), os.getpid())),
        "v1 %s %s\n" % (out_name, os.path.basename(err_path)),
    )
    attribution = Attribution(running, marks)
    attribution.take_streams(out_path, err_path)
    attribution.listen(kind)


def _hex(worker_id: Any) -> str:
    """Ray's worker id is bytes, or an object of its own."""
    text: str = worker_id.hex()
    return text


class Attribution:
    """The streams, the running tasks and the marks of one worker."""

    def __init__(self, running: Running, marks: MarksFile) -> None:
        self._running = running
        self._marks = marks
        self._outputs: List[Output] = []
        self._soon = Soon(self._flush_soon)
        self._flush_c = _c_flush()

    def take_streams(self, out_path: str, err_path: str) -> None:
        """Put ours in the place of sys.stdout and sys.stderr, also in the logging handlers that hold these."""
        for name, path in (("stdout", out_path), ("stderr", err_path)):
            stream = getattr(sys, name)
            output = Output(getattr(stream, "stream", stream), name, self._running.task, self._soon, path)
            self._outputs.append(output)
            setattr(sys, name, output)
        _hand_to_loggers({output.fileno(): output for output in self._outputs})
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._stop)

    def listen(self, kind: Any) -> None:
        """Ray calls these two around every task, in the thread that executes it; the end after its last word."""
        started, ended = kind.record_task_log_start, kind.record_task_log_end

        @functools.wraps(started)
        def start(worker: Any, task_id: Any, attempt_number: int) -> Any:
            _quietly(self.start, task_id, attempt_number)
            return started(worker, task_id, attempt_number)

        @functools.wraps(ended)
        def end(worker: Any, task_id: Any, attempt_number: int) -> Any:
            _quietly(self.end, task_id)
            return ended(worker, task_id, attempt_number)

        kind.record_task_log_start, kind.record_task_log_end = start, end

    def start(self, task_id: Any, attempt: int) -> None:
        """An attempt starts. What it writes past Python is known to be its own if it is alone, and no child of an earlier task is left."""
        was_alone = not self._running.is_concurrent
        self._running.start(task_id, attempt)
        if was_alone:
            sole = self._running.only if _has_no_children() else None
            for output in self._outputs:
                output.change(sole)

    def end(self, task_id: Any) -> None:
        """An attempt has ended: everything of it goes out."""
        alone = self._running.only is not None
        if alone and self._flush_c is not None:
            self._flush_c()
        task = self._running.end(task_id)
        for output in self._outputs:
            output.flush_task(task)
            if alone:
                output.change(None)
        if alone and self._soon.is_asked:
            self._flush_marks()

    def close(self) -> None:
        """The process ends."""
        for output in self._outputs:
            output.flush_all()
        self._flush_marks()
        self._marks.close()

    def _flush_soon(self) -> None:
        if not self._running.is_concurrent:  # else a line that others write in between would cut it
            for output in self._outputs:
                output.flush_all()
        self._flush_marks()

    def _flush_marks(self) -> None:
        if not any(output.is_placed for output in self._outputs):
            return
        self._marks.append([("o" if output is self._outputs[0] else "e", found) for output in self._outputs for found in output.take()])

    def _stop(self) -> None:
        self._marks.stop()
        for output in self._outputs:
            output.stop()
        atexit.unregister(self.close)


def _quietly(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    except Exception:
        return


def _hand_to_loggers(outputs: Any) -> None:
    """Ray, and whoever was imported before, logs to a stream on the same descriptors."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference() if callable(reference) else reference
        held = vars(handler).get("stream") if isinstance(handler, logging.StreamHandler) else None  # logging's last resort looks for sys.stderr each time
        output = outputs.get(_descriptor(held))
        if output is not None:
            handler.stream = output


def _descriptor(stream: Any) -> Optional[int]:
    try:
        number: int = stream.fileno()
    except Exception:
        return None
    return number


def _has_no_children() -> bool:
    """Whether no child could write now; one that has ended and was not waited for cannot."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    except (AttributeError, OSError):
        return False
    try:
        return not any(_is_alive(child) for child in _children())
    except OSError:
        return False


def _children() -> List[str]:
    found: List[str] = []
    for thread in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/children" % thread) as file:
            found += file.read().split()
    return found


def _is_alive(process: str) -> bool:
    with open("/proc/%s/stat" % process) as file:
        return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")


def _c_flush() -> Optional[Callable[[], Any]]:
    """C's own buffer of stdout would come out in a later task."""
    try:
        import ctypes

        library = ctypes.CDLL(None)
        stdout = ctypes.c_void_p.in_dll(library, "stdout")
        return functools.partial(library.fflush, stdout)
    except Exception:
        return None
