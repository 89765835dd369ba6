"""The host's own figures, from /proc and /sys: processors, memory, disks, file systems, network. What cannot be read is left out."""

from __future__ import annotations

import os
from typing import Callable, Dict, Iterator, List, Set

from rayscope.agent.metrics.samples import Sample

MOST_DEVICES = 32
"""Of each kind: a host with hundreds of virtual ones has series enough."""

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_MEMORY = {"MemTotal": "memory_total", "MemAvailable": "memory_available", "Shmem": "memory_shared"}
_LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs"})
"""File systems that answer at once: one over a network may hang for ever."""

_SECTOR = 512
_UNREAL_DISKS = ("loop", "ram", "zram", "sr", "fd")
_UNREAL_NETS = ("lo", "veth", "cali", "docker", "br-", "virbr", "tunl", "kube", "dummy", "ifb")
_CGROUPS = (  # version 2, then 1: limit, usage, and what in memory.stat can be dropped
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


class Vitals:
    """Reads a host's figures. ``root``: where the system's folders are. ``folders``: those whose file systems count beside the large ones."""

    def __init__(self, root: str = "/", folders: List[str] = []) -> None:  # noqa: B006 never changed
        self._root = root.rstrip("/")
        self._folders = folders
        self._hertz = os.sysconf("SC_CLK_TCK")

    def read(self) -> List[Sample]:
        """All that can be had."""
        found: List[Sample] = []
        for part in (self._processors, self._load, self._memory, self._cgroup, self._pressure, self._disks, self._network, self._file_systems):
            found += _whole(part)
        return found

    def _lines(self, path: str) -> List[str]:
        with open(f"{self._root}/{path}", encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def _processors(self) -> Iterator[Sample]:
        lines = self._lines("proc/stat")
        ticks = [int(word) for word in lines[0].split()[1 : len(_MODES) + 1]]
        for mode, count in zip(_MODES, ticks):
            yield Sample("rayscope_node_cpu_seconds_total", count / self._hertz, {"mode": mode})
        yield Sample("rayscope_node_cpus", float(sum(line.startswith("cpu") for line in lines) - 1))

    def _load(self) -> Iterator[Sample]:
        for name, word in zip(("load1", "load5", "load15"), self._lines("proc/loadavg")[0].split()):
            yield Sample(f"rayscope_node_{name}", float(word))

    def _memory(self) -> Iterator[Sample]:
        known = {line.partition(":")[0]: float(line.split()[1]) * 1024 for line in self._lines("proc/meminfo")}
        for key, name in _MEMORY.items():
            yield Sample(f"rayscope_node_{name}_bytes", known[key])
        yield Sample("rayscope_node_memory_used_bytes", known["MemTotal"] - known["MemAvailable"])
        yield Sample("rayscope_node_swap_used_bytes", known["SwapTotal"] - known["SwapFree"])

    def _cgroup(self) -> Iterator[Sample]:
        """Of a container with a limit below what the host has."""
        total = float(self._lines("proc/meminfo")[0].split()[1]) * 1024
        for limit, usage, stat, droppable in _CGROUPS:
            try:
                most, used = float(self._lines(f"sys/fs/cgroup/{limit}")[0]), float(self._lines(f"sys/fs/cgroup/{usage}")[0])
                cached = [float(line.split()[1]) for line in self._lines(f"sys/fs/cgroup/{stat}") if line.startswith(f"{droppable} ")]
            except (OSError, ValueError, IndexError):
                continue
            if most < total:
                yield Sample("rayscope_node_cgroup_memory_limit_bytes", most)
                yield Sample("rayscope_node_cgroup_memory_used_bytes", max(used - sum(cached), 0.0))
            return

    def _pressure(self) -> Iterator[Sample]:
        for resource in ("cpu", "memory", "io"):
            total = self._lines(f"proc/pressure/{resource}")[0].rpartition("total=")[2]
            yield Sample("rayscope_node_pressure_seconds_total", int(total) / 1e6, {"resource": resource})

    def _disks(self) -> Iterator[Sample]:
        whole = set(os.listdir(f"{self._root}/sys/block"))
        rows = [line.split() for line in self._lines("proc/diskstats")]
        real = [row for row in rows if row[2] in whole and not row[2].startswith(_UNREAL_DISKS)]
        for row in real[:MOST_DEVICES]:
            where = {"device": row[2]}
            yield Sample("rayscope_node_disk_read_bytes_total", float(int(row[5]) * _SECTOR), where)
            yield Sample("rayscope_node_disk_written_bytes_total", float(int(row[9]) * _SECTOR), where)
            yield Sample("rayscope_node_disk_io_seconds_total", int(row[12]) / 1000, where)

    def _network(self) -> Iterator[Sample]:
        rows = [line.partition(":") for line in self._lines("proc/net/dev")[2:]]
        real = [(name.strip(), figures.split()) for name, _, figures in rows if not name.strip().startswith(_UNREAL_NETS)]
        for device, figures in real[:MOST_DEVICES]:
            yield Sample("rayscope_node_network_received_bytes_total", float(figures[0]), {"device": device})
            yield Sample("rayscope_node_network_transmitted_bytes_total", float(figures[8]), {"device": device})

    def _file_systems(self) -> Iterator[Sample]:
        seen: Set[int] = set()
        mounts = [line.split() for line in self._lines("proc/self/mounts")]
        kinds: Dict[str, str] = {_plain(row[1]): row[2] for row in mounts}
        own = [max((mount for mount in kinds if _is_below(folder, mount)), key=len, default="/") for folder in self._folders]
        large = [mount for mount, kind in kinds.items() if kind in _LOCAL and (kind != "tmpfs" or mount == "/dev/shm")]  # noqa: S108 a name, not a file
        for mount in [mount for mount in dict.fromkeys(["/", *own, *large]) if kinds.get(mount) in _LOCAL][:MOST_DEVICES]:
            try:
                device, room = os.stat(f"{self._root}{mount}").st_dev, os.statvfs(f"{self._root}{mount}")
            except OSError:
                continue
            if device not in seen and room.f_blocks:
                seen.add(device)
                yield Sample("rayscope_node_filesystem_size_bytes", float(room.f_blocks * room.f_frsize), {"mount": mount})
                yield Sample("rayscope_node_filesystem_available_bytes", float(room.f_bavail * room.f_frsize), {"mount": mount})


def _whole(part: Callable[[], Iterator[Sample]]) -> List[Sample]:
    """What a part gives; nothing of one that this system does not have, or has in another shape."""
    try:
        return list(part())
    except (OSError, ValueError, IndexError, KeyError):
        return []


def _plain(mount: str) -> str:
    """A mount's folder: the table writes blanks as octal numbers."""
    return mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _is_below(folder: str, mount: str) -> bool:
    return folder == mount or folder.startswith(mount.rstrip("/") + "/")
