"""The processes of one node, from /proc: its raylet, what that started (workers and Ray's own agents), on the head also the GCS, the dashboard and drivers."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import Callable, Dict, List, NamedTuple, Optional, Set

from rayscope.agent.discovery import Place
from rayscope.agent.metrics.samples import Sample
from rayscope.agent.processes import PROC, arguments_of, parent_of

UNIQUE_S = 30.0
"""How often a process's own memory is counted: the kernel walks all its pages for it, some milliseconds for a large one."""

UNIQUE_BUDGET_S = 0.03
"""So long at most in one round; who had no turn has it in the next."""

FOREIGN_ROUNDS = 12
"""For so many rounds a process that is none of ours is not looked at again."""

MOST_PROCESSES = 1000
"""Five series each. The ones with the lowest numbers stay."""

_LOG = re.compile(r"^python-core-(worker|driver)-([0-9a-f]{56})_(\d+)\.log$")
_SCRIPTS = {
    "dashboard/agent.py": "dashboard_agent",
    "runtime_env/agent/main.py": "runtime_env_agent",
    "dashboard/dashboard.py": "dashboard",
    "_private/log_monitor.py": "log_monitor",
    "autoscaler/_private/monitor.py": "autoscaler",
    "autoscaler/v2/monitor.py": "autoscaler",
    "util/client/server/__main__.py": "client_server",
}
_HEADS = frozenset({"gcs_server", "dashboard", "log_monitor", "autoscaler", "client_server"})
_TITLES = {"ray::DashboardAgent": "dashboard_agent", "ray::RuntimeEnvAgent": "runtime_env_agent"}
_MODULE = "ray-dashboard-"
_IDLE = "IDLE"
_SHARED = "shared"

LONGEST_NAME = 200
MOST_NAMES = 20
"""Of what one worker ran in its life. One that runs more is `shared` from then on: tasks may be named one by one."""


class Stat(NamedTuple):
    """What the kernel says of a process. ``born``: ticks since boot."""

    parent: int
    ticks: int
    threads: int
    born: int
    pages: int


class Known:
    """A process of ours. ``kind``: worker, driver or system. ``name``: what it is, or last was; ``unique``: bytes of its own, when they were last counted."""

    __slots__ = ("born", "kind", "name", "names", "unique", "unique_s", "worker_id")

    def __init__(self, kind: str, name: str, born: int) -> None:
        self.kind = kind
        self.name = name
        self.names = {name}
        self.born = born
        self.worker_id = ""
        self.unique: Optional[float] = None
        self.unique_s = 0.0


class Processes:
    """Samples one node's processes, round by round."""

    def __init__(self, place: Place, has_rest: Callable[[], bool], proc: str = PROC, own_pid: Optional[int] = None) -> None:
        """``has_rest`` says whether what is no single node's (drivers) is this one's."""
        self._place = place
        self._has_rest = has_rest
        self._proc = proc
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._known: Dict[int, Known] = {}
        self._foreign: Dict[int, int] = {}
        self._logs: Dict[int, Set[str]] = {}
        self._hertz = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")

    def read(self) -> List[Sample]:
        """All samples of this round."""
        stats = self._look()
        self._count_unique()
        samples: List[Sample] = []
        for pid in sorted(stats)[:MOST_PROCESSES]:
            samples += self._samples(pid, self._known[pid], stats[pid])
        return samples

    def has_lost_worker(self) -> bool:
        """Whether a worker has ended since the last round. Takes note of new ones, which may not live to see the next."""
        pids = self._pids()
        is_lost = any(known.kind == "worker" and pid not in pids for pid, known in self._known.items())
        self._find(pids - self._known.keys())
        return is_lost

    def _look(self) -> Dict[int, Stat]:
        """Ours that live, with what the kernel says of them."""
        pids = self._pids()
        self._known = {pid: known for pid, known in self._known.items() if pid in pids}
        self._foreign = {pid: rounds - 1 for pid, rounds in self._foreign.items() if pid in pids and rounds > 1}
        return self._find(pids)

    def _find(self, pids: Set[int]) -> Dict[int, Stat]:
        """Ours among these."""
        if any(pid not in self._known and pid not in self._foreign for pid in pids):
            self._list_logs()
        found: Dict[int, Stat] = {}
        for pid in sorted(pids - self._foreign.keys()):  # parents before their children
            stat = self._stat(pid)
            if stat is not None and self._is_ours(pid, stat):
                found[pid] = stat
        return found

    def _is_ours(self, pid: int, stat: Stat) -> bool:
        known = self._known.get(pid)
        if known is not None and known.born != stat.born:
            known = None  # another process by now
        if known is None:
            known = self._recognize(pid, stat)
        elif known.kind == "worker":
            self._rename(known, arguments_of(pid, self._proc))
        if known is None:
            self._known.pop(pid, None)
            self._foreign[pid] = FOREIGN_ROUNDS
            return False
        self._known[pid] = known
        if not known.worker_id and known.kind != "system":
            known.worker_id = self._worker_id(pid)
        return True

    def _recognize(self, pid: int, stat: Stat) -> Optional[Known]:
        if pid in {self._place.raylet_pid, self._own_pid}:
            return Known("system", "raylet" if pid == self._place.raylet_pid else "rayscope_agent", stat.born)
        arguments = arguments_of(pid, self._proc)
        name = _system_name(arguments)
        if stat.parent == self._place.raylet_pid and self._place.raylet_pid > 0:
            if name:
                return Known("system", name, stat.born)
            known = Known("worker", _IDLE, stat.born)
            self._rename(known, arguments)
            return known
        if self._place.is_head and (self._is_of_session(arguments) if name in _HEADS else name.startswith(_MODULE) and self._is_dashboards(stat.parent)):
            return Known("system", name, stat.born)
        if any("-driver-" in log for log in self._logs.get(pid, ())) and self._has_rest() and self._has_log_open(pid):
            return Known("driver", "driver", stat.born)
        return None

    def _is_dashboards(self, parent: int) -> bool:
        """Whether a process with this parent is one of the dashboard's modules: these are forked by a server between."""
        known = self._known.get(parent) or self._known.get(parent_of(parent, self._proc))
        return known is not None and known.name == "dashboard"

    def _is_of_session(self, arguments: List[str]) -> bool:
        place = self._place
        return any(
            place.session_dir in argument or place.session in argument or (place.gcs_address and place.gcs_address in argument) for argument in arguments
        )

    def _has_log_open(self, pid: int) -> bool:
        """Whether the process is the one that its log's name means, and not another that got its number."""
        folder = f"{self._proc}/{pid}/fd"
        try:
            return any(os.path.basename(os.readlink(f"{folder}/{number}")) in self._logs[pid] for number in os.listdir(folder))
        except OSError:
            return False

    def _worker_id(self, pid: int) -> str:
        """By the name of its log: the one written last, where the number was another worker's before."""
        logs = self._logs.get(pid, ())
        newest = max(logs, key=self._written_at) if len(logs) > 1 else next(iter(logs), "")
        match = _LOG.match(newest)
        return match[2] if match else ""

    def _written_at(self, log: str) -> float:
        try:
            return os.stat(os.path.join(self._place.log_dir, log)).st_mtime
        except OSError:
            return 0.0

    def _rename(self, known: Known, arguments: List[str]) -> None:
        """By what it says that it runs. One that is idle keeps the name of what it ran last: its memory is that one's still."""
        name = read_title(arguments[0]) if arguments else ""
        if name in {"", _IDLE, known.name}:
            return
        known.names.add(name)
        known.name = name if len(known.names) <= MOST_NAMES else _SHARED

    def _samples(self, pid: int, known: Known, stat: Stat) -> List[Sample]:
        labels = {"pid": str(pid), "name": known.name, "kind": known.kind}
        if known.worker_id:
            labels["worker_id"] = known.worker_id
        samples = [
            Sample("rayscope_process_cpu_seconds_total", stat.ticks / self._hertz, labels),
            Sample("rayscope_process_resident_bytes", float(stat.pages * self._page), labels),
            Sample("rayscope_process_threads", float(stat.threads), labels),
        ]
        if known.unique is not None:
            samples.append(Sample("rayscope_process_unique_bytes", known.unique, labels))
        with suppress(OSError):
            samples.append(Sample("rayscope_process_open_files", float(len(os.listdir(f"{self._proc}/{pid}/fd"))), labels))
        return samples

    def _count_unique(self) -> None:
        """Of those whose turn it is, the longest waiting first; of those that never were counted, workers."""
        began_s = time.monotonic()
        for pid, known in sorted(self._known.items(), key=lambda item: (item[1].unique_s, item[1].kind != "worker")):
            now_s = time.monotonic()
            if (known.unique is not None and now_s - known.unique_s < UNIQUE_S) or now_s - began_s > UNIQUE_BUDGET_S:
                return
            known.unique, known.unique_s = self._unique(pid), now_s

    def _unique(self, pid: int) -> Optional[float]:
        try:
            with open(f"{self._proc}/{pid}/smaps_rollup", "rb") as file:
                return 1024.0 * sum(int(line.split()[1]) for line in file if line.startswith((b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:")))
        except (OSError, ValueError, IndexError):
            return None

    def _stat(self, pid: int) -> Optional[Stat]:
        try:
            with open(f"{self._proc}/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
            if words[0] in {b"Z", b"X"}:
                return None
            return Stat(int(words[1]), int(words[11]) + int(words[12]), int(words[17]), int(words[19]), int(words[21]))
        except (OSError, ValueError, IndexError):
            return None

    def _pids(self) -> Set[int]:
        try:
            return {int(name) for name in os.listdir(self._proc) if name.isdigit()}
        except OSError:
            return set()

    def _list_logs(self) -> None:
        """Which process is which worker: the names of their logs say it. A folder of thousands of logs is listed only where a process is new."""
        try:
            names = os.listdir(self._place.log_dir)
        except OSError:
            return
        self._logs.clear()
        for match in (found for found in map(_LOG.match, names) if found):
            self._logs.setdefault(int(match[3]), set()).add(match[0])


def read_title(title: str) -> str:
    """The name by a worker's title: of `ray::Counter.add` the actor's class, of `ray::train` the task's function. Nothing of one that has no such title yet."""
    if not title.startswith("ray::"):
        return ""
    name = title[len("ray::") :].rstrip().removesuffix("()")
    if name.startswith(f"{_IDLE}_"):
        return name[len(_IDLE) + 1 :]
    owner, dot, _ = name.rpartition(".")
    return (owner if dot and owner.isidentifier() else name)[:LONGEST_NAME]


def _system_name(arguments: List[str]) -> str:
    """What a process of Ray's own is; nothing of others."""
    program = arguments[0] if arguments else ""
    if os.path.basename(program) in {"raylet", "gcs_server"}:
        return os.path.basename(program)
    if program.startswith(_MODULE):
        return program.partition(" ")[0].rstrip("0123456789").rstrip("-")
    scripts = (name for argument in arguments[1:6] for ending, name in _SCRIPTS.items() if argument.endswith(ending))
    return _TITLES.get(program) or next(scripts, "")
