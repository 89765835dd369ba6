"""In a driver: tell `rayscope run` of each cluster that the program starts or joins, and hold a local cluster until it is drained.

Ray keeps the last seconds of events in its processes and drops them when it kills these. So before the driver disconnects, and again
before it kills the cluster that it started, it asks `rayscope run` to let everything flow out, and waits for the answer.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from types import ModuleType
from typing import Any, Callable, Dict, Optional

from .imports import after_import
from .mailbox import Mailbox


def install() -> None:
    """Patch Ray when it is imported."""
    mailbox = Mailbox.from_environment()
    if mailbox is None:
        return
    hooks = _Hooks(mailbox)
    after_import({"ray._private.worker": hooks.patch_worker, "ray._private.node": hooks.patch_node, "ray.scripts.scripts": hooks.patch_scripts})


def _quietly(work: Callable[..., None]) -> Callable[..., None]:
    """Never raise into the user's program. Ctrl-C while it waits ends the waiting."""

    @functools.wraps(work)
    def guarded(*args: Any) -> None:
        try:
            work(*args)
        except KeyboardInterrupt:
            return
        except Exception as error:
            sys.stderr.write("rayscope: %s failed: %r\n" % (work.__name__, error))

    return guarded


class _Hooks:
    """The patches of one process, with what they have said so far."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._told: Dict[str, int] = {}

    def patch_worker(self, module: Any) -> None:
        """Tell of a cluster after ray.init, and drain before ray.shutdown disconnects."""
        init, shutdown = module.init, module.shutdown

        @functools.wraps(init)
        def init_and_tell(*args: Any, **kwargs: Any) -> Any:
            started_ns = time.time_ns()
            redirect = _takes_output(kwargs)
            if redirect is not None:
                kwargs["log_to_driver"] = False
            context = init(*args, **kwargs)
            _quietly(self._tell_of_cluster)(module, started_ns, redirect)
            return context

        @functools.wraps(shutdown)
        def drain_and_shutdown(*args: Any, **kwargs: Any) -> Any:
            _quietly(self._hold)("ending", module._global_node)
            return shutdown(*args, **kwargs)

        module.init, module.shutdown = init_and_tell, drain_and_shutdown
        _replace_at_exit(shutdown, drain_and_shutdown)

    def patch_node(self, module: Any) -> None:
        """Drain before a local cluster is killed, and say so when it is gone."""
        kill = module.Node.kill_all_processes

        @functools.wraps(kill)
        def drain_and_kill(node: Any, *args: Any, **kwargs: Any) -> Any:
            is_ours = node.is_head()  # a driver that only joined a cluster kills nothing of it, though Ray calls this then, too
            if is_ours:
                _quietly(self._hold)("stopping", node)
            result = kill(node, *args, **kwargs)
            if is_ours:
                _quietly(self._tell_of_end)(node)
            return result

        module.Node.kill_all_processes = drain_and_kill

    def patch_scripts(self, module: ModuleType) -> None:
        """Drain every cluster of the run before `ray stop` kills them."""
        command: Any = getattr(module, "stop", None)
        callback = getattr(command, "callback", None)
        if callback is None:
            return

        @functools.wraps(callback)
        def drain_and_stop(*args: Any, **kwargs: Any) -> Any:
            _quietly(self._mailbox.ask)("stopping", {"session_name": None})
            result = callback(*args, **kwargs)
            _quietly(self._mailbox.ask)("gone", {"session_name": None, "ended_ns": time.time_ns()})
            return result

        command.callback = drain_and_stop

    def _tell_of_cluster(self, module: Any, started_ns: int, redirect: Optional[bool]) -> None:  # noqa: FBT001
        node = module._global_node
        if node is None or self._told.get(node.session_name) == id(node):
            return
        self._told[node.session_name] = id(node)
        self._mailbox.ask("cluster", dict(_facts(node, module), started_ns=started_ns, redirect=bool(redirect)))

    def _hold(self, kind: str, node: Any) -> None:
        if node is not None and node.session_name in self._told:
            self._mailbox.ask(kind, {"session_name": node.session_name})

    def _tell_of_end(self, node: Any) -> None:
        if node.session_name in self._told:
            del self._told[node.session_name]
            self._mailbox.say("gone", {"session_name": node.session_name, "ended_ns": time.time_ns()})


def _takes_output(arguments: Dict[str, Any]) -> Optional[bool]:
    """Whether `rayscope run` shows the workers' output itself. None: Ray does as it would; a program that says how it wants it is left alone."""
    mode = os.environ.get("RAYSCOPE_RUN_REDIRECT")
    if mode not in ("rayscope", "off") or "log_to_driver" in arguments:
        return None
    return mode == "rayscope"


def _facts(node: Any, module: Any) -> Dict[str, Any]:
    import ray

    return {
        "pid": os.getpid(),
        "started_here": bool(node.head),
        "session_name": node.session_name,
        "log_dir": node.get_session_dir_path(),
        "address": node.gcs_address,
        "metrics": "%s:%s" % (node.node_ip_address, node.metrics_export_port),
        "dashboard": node.webui_url or None,
        "job_id": module.global_worker.current_job_id.hex(),
        "ray_version": ray.__version__,
        "node_id": _node_id(module),
        "python_version": "%d.%d.%d" % sys.version_info[:3],
    }


def _node_id(module: Any) -> str:
    """The driver's node; a client of a remote cluster has none."""
    try:
        return str(module.global_worker.current_node_id.hex())
    except Exception:
        return ""


def _replace_at_exit(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Ray registers its shutdown to run at exit when the module is executed, which was before it was patched."""
    import atexit

    atexit.unregister(old)
    atexit.register(new, _exiting_interpreter=True)
