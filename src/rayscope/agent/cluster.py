"""Agents on every node of a running cluster, brought there by Ray itself: the driver of `rayscope attach` and `rayscope detach`, and the actors that it leaves.

Run as a script in a Python that has Ray of the cluster's version: an order as JSON on stdin, words as JSON on stdout, a line each. Being a script, its classes
travel by value: nothing is installed on the cluster. A watcher actor places one actor on each node, also on those that join later; that actor starts the agent,
a process of its own which outlives both the actor and the raylet, so that a node's last lines arrive. None of them asks for a CPU.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Optional

NAMESPACE = "rayscope"
WATCHER = "rayscope-watcher"
PREFIX = "rayscope-agent-"
LOOK_S = 3.0
READY_S = 60.0
STOP_S = 15.0


class NodeActor:
    """On one node: starts the agent there, starts it again should it crash, ends it when told."""

    def __init__(self, code: bytes, ingest: str, node_id: str, options: List[str]) -> None:
        import ray

        self._session_dir = ray._private.worker._global_node.get_session_dir_path()  # noqa: SLF001 Ray tells it nowhere else
        self._node_id = node_id
        self._ingest = ingest
        self._options = options
        self._base = os.path.join(self._session_dir, f"{PREFIX}{node_id}")
        self._is_ended = threading.Event()
        with open(f"{self._base}.zip", "wb") as file:
            file.write(code)
        self._keeping = threading.Thread(target=self._keep, daemon=True)
        self._keeping.start()

    def status(self) -> Dict[str, Any]:
        """Whether the agent runs, and what it said last."""
        return {"node_id": self._node_id, "pid": self._pid(), "said": self._said()}

    def stop(self, within_s: float) -> bool:
        """Have the agent ship what is there, and end it. Whether it has ended by itself."""
        until_s = time.monotonic() + within_s
        self._is_ended.set()
        self._keeping.join(within_s)  # it may be starting one just now
        pid = self._pid()
        if pid:
            os.kill(pid, 15)
        while self._pid() and time.monotonic() < until_s:
            time.sleep(0.05)
        if pid and self._pid() == pid:
            os.kill(pid, 9)
            return False
        os.unlink(f"{self._base}.zip")
        return True

    def _keep(self) -> None:
        raylet = os.getppid()
        while not self._is_ended.is_set():
            _end_without(raylet)
            if not self._pid():
                self._start()
            self._is_ended.wait(LOOK_S)

    def _start(self) -> None:
        command = [sys.executable, f"{self._base}.zip", "--daemon", "--node-id", self._node_id, "--session-dir", self._session_dir]
        command += ["--leave-within", str(STOP_S - 5), "--pid-file", f"{self._base}.pid", "--log-file", f"{self._base}.log", *self._options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAYSCOPE_")}
        subprocess.run(command, env={**environment, "RAYSCOPE_INGEST": self._ingest}, check=False, stdin=subprocess.DEVNULL)

    def _pid(self) -> int:
        """The process that holds the node's lock, ours or one that was there before; 0 where none does."""
        try:
            with open(f"{self._base}.lock", encoding="ascii") as file:
                pid = int(file.read().split()[1])
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                return 0 if file.read().rpartition(")")[2].split()[0] == "Z" else pid
        except (OSError, ValueError, IndexError):
            return 0

    def _said(self) -> str:
        try:
            with open(f"{self._base}.log", encoding="utf-8", errors="replace") as file:
                return (file.read()[-2000:].strip().splitlines() or [""])[-1]
        except OSError:
            return ""


class Watcher:
    """Places a `NodeActor` on each living node, again and again."""

    def __init__(self, code: bytes, ingest: str, options: List[str]) -> None:
        self._code = code
        self._ingest = ingest
        self._options = options
        self._placed: Dict[str, Any] = {}
        self._looked = threading.Event()
        threading.Thread(target=self._keep, daemon=True).start()

    def status(self) -> List[Dict[str, Any]]:
        """Of every living node."""
        self._looked.wait(READY_S)
        asked = {node_id: actor.status.remote() for node_id, actor in self._placed.items()}
        return [_answer(node_id, reference) for node_id, reference in asked.items()]

    def _keep(self) -> None:
        raylet = os.getppid()
        while True:
            _end_without(raylet)
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 the next look may do
                sys.stderr.write(f"rayscope watcher: {error!r}\n")
            self._looked.set()
            time.sleep(LOOK_S)

    def _look(self) -> None:
        import ray

        living = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        self._placed = {node_id: actor for node_id, actor in self._placed.items() if node_id in living}
        for node_id in sorted(living - set(self._placed)):
            options = {"name": f"{PREFIX}{node_id}", "get_if_exists": True, **_detached(node_id)}
            self._placed[node_id] = ray.remote(NodeActor).options(**options).remote(self._code, self._ingest, node_id, self._options)


def _end_without(raylet: int) -> None:
    """End this process if its raylet is dead. Ray lets such workers live on, out of the reach of `detach`, and they would start agents for ever."""
    if os.getppid() != raylet:
        os._exit(0)


def _detached(node_id: str, *, soft: bool = False) -> Dict[str, Any]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pinned = NodeAffinitySchedulingStrategy(node_id=node_id, soft=soft)
    return {"namespace": NAMESPACE, "lifetime": "detached", "num_cpus": 0, "max_restarts": -1, "max_task_retries": 2, "scheduling_strategy": pinned}


def _answer(node_id: str, reference: Any, wait_s: float = 10.0) -> Dict[str, Any]:
    import ray

    try:
        answer: Dict[str, Any] = ray.get(reference, timeout=wait_s)
    except Exception as error:  # noqa: BLE001 a node may die at any time
        return {"node_id": node_id, "pid": 0, "said": f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}"}
    return answer


def attach(order: Dict[str, Any]) -> Dict[str, Any]:
    """Leave a watcher, unless there is one; wait until every living node has its agent."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    code = base64.b64decode(order["code"])
    was_there = _actor(WATCHER) is not None
    watcher = ray.remote(Watcher).options(name=WATCHER, get_if_exists=True, **_detached(here, soft=True)).remote(code, order["ingest"], order["options"])
    until_s = time.monotonic() + READY_S
    while True:
        nodes = ray.get(watcher.status.remote(), timeout=READY_S)
        if (nodes and all(node["pid"] and node["said"] for node in nodes)) or time.monotonic() > until_s:
            break
        time.sleep(0.2)
    addresses = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes()}
    return {"nodes": [{**node, "address": addresses.get(node["node_id"])} for node in nodes], "was_there": was_there}


def detach(_: Dict[str, Any]) -> Dict[str, Any]:
    """End the watcher, then every agent, each after it has shipped what is there."""
    from ray.util import list_named_actors

    watcher = _actor(WATCHER)
    if watcher is not None:
        _kill(watcher, WATCHER)
    names = [entry["name"] for entry in list_named_actors(all_namespaces=True) if entry["namespace"] == NAMESPACE and entry["name"].startswith(PREFIX)]
    actors = {name: actor for name in names for actor in [_actor(name)] if actor is not None}
    stopping = {name: actor.stop.remote(STOP_S) for name, actor in actors.items()}
    ended = {name: _is_done(reference) for name, reference in stopping.items()}
    for name, actor in actors.items():
        _kill(actor, name)
    return {"nodes": len(actors), "killed": [name[len(PREFIX) :] for name, done in ended.items() if not done], "was_there": watcher is not None}


def _kill(actor: Any, name: str) -> None:
    """Ray kills in its own time: go on when the name is free, so that a watcher places nothing any more."""
    import ray

    until_s = time.monotonic() + STOP_S
    ray.kill(actor)
    while _actor(name) is not None and time.monotonic() < until_s:
        time.sleep(0.1)


def _is_done(reference: Any) -> bool:
    import ray

    try:
        return bool(ray.get(reference, timeout=STOP_S + 10))
    except Exception:  # noqa: BLE001 its node may be gone
        return False


def _actor(name: str) -> Optional[Any]:
    import ray

    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def main() -> None:
    """Carry out one order."""
    order = json.load(sys.stdin)
    try:
        import ray
    except ImportError as error:
        _say({"error": "no_ray", "message": str(error)})
        return
    try:
        ray.init(address=order["address"], namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
        done = {"attach": attach, "detach": detach}[order["do"]](order)
        _say({**done, "ray": ray.__version__})
    except Exception as error:  # noqa: BLE001 it is told to whoever asked
        _say({"error": "failed", "message": f"{type(error).__name__}: {error}", "ray": ray.__version__})


def _say(word: Dict[str, Any]) -> None:
    sys.stdout.write(f"\nrayscope:{json.dumps(word)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
