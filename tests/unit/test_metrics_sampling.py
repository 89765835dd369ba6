"""What the agent samples itself, from folders that look like /proc and /sys, and from a library that looks like NVIDIA's."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rayscope.agent.discovery import Place
from rayscope.agent.metrics.gpus import Gpus, samples_of
from rayscope.agent.metrics.nvml import Nvml
from rayscope.agent.metrics.processes import MOST_NAMES, Processes, read_title
from rayscope.agent.metrics.samples import FAMILIES, Sample
from rayscope.agent.metrics.targets import Targets
from rayscope.agent.metrics.vitals import Vitals

RAYLET, WORKER, ACTOR, AGENT, GCS, BOARD, DRIVER, OTHER, OWN = 100, 101, 102, 103, 50, 55, 60, 70, 80
FIRST, SECOND = "1" * 56, "2" * 56
HERTZ = os.sysconf("SC_CLK_TCK")


class FakeProc:
    """A /proc, and the log folder beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "proc"
        self.session = root / "session_1"
        self.logs = self.session / "logs"
        self.logs.mkdir(parents=True)
        self.root.mkdir()

    def process(self, pid: int, parent: int, *arguments: str, ticks: int = 200, born: int = 5, files: tuple[str, ...] = ()) -> None:
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        words = ["S", str(parent), *["0"] * 9, str(ticks // 2), str(ticks - ticks // 2), *["0"] * 4, "7", "0", str(born), "0", "10"]
        (folder / "stat").write_text(f"{pid} (a (name) 1) {' '.join(words)}")
        (folder / "cmdline").write_text("\0".join(arguments) + "\0")
        (folder / "smaps_rollup").write_text("Rss: 40 kB\nShared_Clean: 10 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: 16 kB\n")
        for number, name in enumerate(files):
            (folder / "fd" / str(number)).symlink_to(self.logs / name)

    def title(self, pid: int, title: str) -> None:
        (self.root / str(pid) / "cmdline").write_text(f"{title}\0")

    def end(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))

    def place(self, *, is_head: bool = True, raylet: int = RAYLET) -> Place:
        return Place("session_1", str(self.session), "ab" * 28, raylet, "", is_head, frozenset(), "127.0.0.1:6379")


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    fake = FakeProc(tmp_path)
    (fake.logs / f"python-core-worker-{FIRST}_{WORKER}.log").touch()
    (fake.logs / f"python-core-driver-{SECOND}_{DRIVER}.log").touch()
    fake.process(RAYLET, 1, "/ray/core/src/ray/raylet/raylet", "--node_id=ab")
    fake.process(WORKER, RAYLET, "ray::IDLE")
    fake.process(ACTOR, RAYLET, "ray::Counter.add")
    fake.process(AGENT, RAYLET, "ray::DashboardAgent")
    fake.process(GCS, 1, "/ray/core/src/ray/gcs/gcs_server", f"--log_dir={fake.logs}")
    fake.process(BOARD, 1, "python", "/ray/dashboard/dashboard.py", f"--session-dir={fake.session}")
    fake.process(BOARD + 1, BOARD, "python", "-c", "from multiprocessing.forkserver import main")
    fake.process(BOARD + 2, BOARD + 1, 'ray-dashboard-JobHead-0 (python -c "from multiprocessing.forkserver import main")')
    fake.process(DRIVER, 1, "python", "program.py", files=("x", f"python-core-driver-{SECOND}_{DRIVER}.log"))
    fake.process(OTHER, 1, "/ray/core/src/ray/gcs/gcs_server", "--log_dir=/elsewhere")
    fake.process(OWN, 1, "python", "-m", "rayscope.agent")
    return fake


def named(samples: list[Sample]) -> dict[int, tuple[str, str, str]]:
    """Name, kind and worker of each process."""
    return {int(sample.labels["pid"]): (sample.labels["name"], sample.labels["kind"], sample.labels.get("worker_id", "")) for sample in samples}


def value(samples: list[Sample], name: str, **labels: str) -> float:
    (found,) = [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    return found


def test_the_processes_of_a_node(proc: FakeProc) -> None:
    """Each with what it is: the raylet and its children, and on the head the GCS and the driver; no others."""
    samples = Processes(proc.place(), lambda: True, str(proc.root), OWN).read()
    assert named(samples) == {
        RAYLET: ("raylet", "system", ""),
        WORKER: ("IDLE", "worker", FIRST),
        ACTOR: ("Counter", "worker", ""),
        AGENT: ("dashboard_agent", "system", ""),
        GCS: ("gcs_server", "system", ""),
        BOARD: ("dashboard", "system", ""),
        BOARD + 2: ("ray-dashboard-JobHead", "system", ""),
        DRIVER: ("driver", "driver", SECOND),
        OWN: ("rayscope_agent", "system", ""),
    }
    pid = str(DRIVER)
    assert value(samples, "rayscope_process_cpu_seconds_total", pid=pid) == 200 / HERTZ
    assert value(samples, "rayscope_process_resident_bytes", pid=pid) == 10 * os.sysconf("SC_PAGE_SIZE")
    assert value(samples, "rayscope_process_unique_bytes", pid=pid) == 20 * 1024
    assert value(samples, "rayscope_process_threads", pid=pid) == 7
    assert value(samples, "rayscope_process_open_files", pid=pid) == 2


def test_the_processes_of_another_node(proc: FakeProc) -> None:
    """One that is not the head has its raylet's children only."""
    samples = Processes(proc.place(is_head=False), lambda: False, str(proc.root), 0).read()
    assert named(samples).keys() == {RAYLET, WORKER, ACTOR, AGENT}
    assert Processes(proc.place(is_head=False, raylet=0), lambda: False, str(proc.root), 0).read() == []


def test_a_worker_is_named_by_what_it_runs(proc: FakeProc) -> None:
    """The last one, while it is idle; `shared` where it runs many by many names."""
    processes = Processes(proc.place(), lambda: True, str(proc.root), OWN)
    processes.read()
    for title, name in (("ray::train", "train"), ("ray::IDLE", "train"), ("ray::f", "f"), ("ray::train", "train")):
        proc.title(WORKER, title)
        assert named(processes.read())[WORKER][0] == name
    for number in range(MOST_NAMES):
        proc.title(WORKER, f"ray::task-{number}")
        processes.read()
    assert named(processes.read())[WORKER][0] == "shared"


def test_processes_come_and_go(proc: FakeProc) -> None:
    """One that ended is noticed, and one that has its number is another; a log of an earlier driver makes no driver."""
    processes = Processes(proc.place(), lambda: True, str(proc.root), OWN)
    processes.read()
    assert not processes.has_lost_worker()
    proc.process(OTHER + 1, RAYLET, "ray::brief")
    assert not processes.has_lost_worker()
    proc.end(OTHER + 1)
    assert processes.has_lost_worker(), "one that no round has seen"
    processes.read()
    proc.end(WORKER)
    assert processes.has_lost_worker()
    assert WORKER not in named(processes.read())
    proc.process(WORKER, 1, "bash", born=9)
    proc.end(DRIVER)
    proc.process(DRIVER, 1, "bash", born=9)
    proc.process(ACTOR, RAYLET, "ray::Other.go", born=9)
    found = named(processes.read())
    assert found.keys() & {WORKER, DRIVER} == set()
    assert found[ACTOR] == ("Other", "worker", "")


def test_unique_memory_is_counted_rarely(proc: FakeProc) -> None:
    """It is told all the same."""
    processes = Processes(proc.place(), lambda: True, str(proc.root), OWN)
    processes.read()
    (proc.root / str(WORKER) / "smaps_rollup").write_text("Private_Dirty: 99 kB\n")
    assert value(processes.read(), "rayscope_process_unique_bytes", pid=str(WORKER)) == 20 * 1024


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("python", ""),
        ("ray::IDLE", "IDLE"),
        ("ray::IDLE_SpillWorker", "SpillWorker"),
        ("ray::train()", "train"),
        ("ray::Counter", "Counter"),
        ("ray::Counter.__init__", "Counter"),
        ("ray::main.<locals>.f", "main.<locals>.f"),
        ("ray::ReadParquet->Map(f)", "ReadParquet->Map(f)"),
        ("ray::Map(a.b)", "Map(a.b)"),
    ],
)
def test_titles(title: str, name: str) -> None:
    """An actor's class, a task's function."""
    assert read_title(title) == name


def test_this_host() -> None:
    """What every Linux has is there, under names that have a family, and costs little."""
    began_s = time.process_time()
    samples = Vitals(folders=["/tmp"]).read()
    assert time.process_time() - began_s < 0.2
    known = {family.name for family in FAMILIES}
    assert {sample.name for sample in samples} <= known
    assert value(samples, "rayscope_node_cpus") == os.cpu_count()
    used, available = value(samples, "rayscope_node_memory_used_bytes"), value(samples, "rayscope_node_memory_available_bytes")
    assert used + available == value(samples, "rayscope_node_memory_total_bytes")
    assert value(samples, "rayscope_node_cpu_seconds_total", mode="idle") > 0
    assert value(samples, "rayscope_node_filesystem_size_bytes", mount="/") > 0


def test_a_host_that_lacks_and_garbles(tmp_path: Path) -> None:
    """What cannot be read is left out, the rest is there."""
    (tmp_path / "proc" / "net").mkdir(parents=True)
    (tmp_path / "proc" / "loadavg").write_text("0.5 1.5 2.5 1/2 3\n")
    (tmp_path / "proc" / "meminfo").write_text("rubbish")
    (tmp_path / "proc" / "net" / "dev").write_text("a\nb\n  eth0: 10 0 0 0 0 0 0 0 20 0\n lo: 1 0 0 0 0 0 0 0 1 0\n")
    found = {(sample.name, sample.value) for sample in Vitals(str(tmp_path)).read()}
    assert found == {
        ("rayscope_node_load1", 0.5),
        ("rayscope_node_load5", 1.5),
        ("rayscope_node_load15", 2.5),
        ("rayscope_node_network_received_bytes_total", 10.0),
        ("rayscope_node_network_transmitted_bytes_total", 20.0),
    }


def test_a_container_with_a_limit(tmp_path: Path) -> None:
    """Its memory counts beside the host's."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 500 kB\nShmem: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
    cgroup = tmp_path / "sys" / "fs" / "cgroup"
    cgroup.mkdir(parents=True)
    for name, text in (("memory.max", "512000"), ("memory.current", "300000"), ("memory.stat", "anon 1\ninactive_file 100000\n")):
        (cgroup / name).write_text(text)
    samples = Vitals(str(tmp_path)).read()
    assert value(samples, "rayscope_node_cgroup_memory_limit_bytes") == 512_000
    assert value(samples, "rayscope_node_cgroup_memory_used_bytes") == 200_000
    (cgroup / "memory.max").write_text("max")
    assert "rayscope_node_cgroup_memory_limit_bytes" not in {sample.name for sample in Vitals(str(tmp_path)).read()}


FAKE_NVML = r"""
typedef void *device;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process;
static int text(const char *from, char *to, unsigned room) { unsigned i = 0; for (; from[i] && i + 1 < room; i++) to[i] = from[i]; to[i] = 0; return 0; }
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = COUNT; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *found) { *found = (device)(0x7f0000000000UL + index); return 0; }
static unsigned number(device of) { return (unsigned)((unsigned long)of - 0x7f0000000000UL); }
int nvmlDeviceGetUUID(device of, char *to, unsigned room) { return text(number(of) ? "GPU-1" : "GPU-0", to, room); }
int nvmlDeviceGetName(device of, char *to, unsigned room) { return text("Fake 9000", to, room); }
int nvmlDeviceGetUtilizationRates(device of, utilization *to) { to->gpu = 40 + number(of); to->memory = 3; return number(of) == 2 ? 3 : 0; }
int nvmlDeviceGetMemoryInfo(device of, memory *to) { to->total = 80000000000ULL; to->free = 70000000000ULL; to->used = 10000000000ULL; return 0; }
int nvmlDeviceGetTemperature(device of, int sensor, unsigned *to) { *to = 55; return sensor; }
int nvmlDeviceGetPowerUsage(device of, unsigned *to) { *to = 123456; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(device of, unsigned *count, process *to) {
    if (*count < 2) return 7;
    *count = 2; to[0].pid = 4242; to[0].used = 7000000000ULL; to[1].pid = 4243; to[1].used = ~0ULL; return 0;
}
"""
"""Two processors or three, the third of which does not tell its utilisation; no functions for what draws."""


def build(folder: Path, *, init: int = 0, count: int = 2) -> str:
    compiler = shutil.which("cc")
    assert compiler is not None, "no C compiler here; hint: apt-get install gcc libc6-dev"
    source, library = folder / "nvml.c", folder / f"nvml-{init}-{count}.so"
    source.write_text(FAKE_NVML)
    subprocess.run([compiler, "-shared", "-fPIC", f"-DINIT={init}", f"-DCOUNT={count}", "-o", str(library), str(source)], check=True)
    return str(library)


def test_graphics_processors(tmp_path: Path) -> None:
    """Through the real ways of ctypes: utilisation, memory, power, temperature, and each process's memory where it is known."""
    nvml = Nvml.open(build(tmp_path))
    assert nvml
    first, second = nvml.read()
    assert (first.number, first.uuid, first.model) == (0, "GPU-0", "Fake 9000")
    assert (second.uuid, second.utilization) == ("GPU-1", 0.41)
    assert [(process.pid, process.memory) for process in first.processes] == [(4242, 7_000_000_000), (4243, None)]
    nvml.close()
    samples = samples_of(first)
    assert {sample.name.removeprefix("rayscope_gpu_"): sample.value for sample in samples} == {
        "utilization_ratio": 0.4,
        "memory_used_bytes": 10_000_000_000,
        "memory_total_bytes": 80_000_000_000,
        "temperature_celsius": 55,
        "power_watts": 123.456,
        "process_memory_bytes": 7_000_000_000,
    }
    assert samples[-1].labels == {"gpu": "0", "uuid": "GPU-0", "model": "Fake 9000", "pid": "4242"}
    assert {sample.name for sample in samples} <= {family.name for family in FAMILIES}


def test_a_processor_that_tells_less(tmp_path: Path) -> None:
    """What it does not tell is left out."""
    third = samples_of((Nvml.open(build(tmp_path, count=3)) or pytest.fail("none")).read()[2])
    assert "rayscope_gpu_utilization_ratio" not in {sample.name for sample in third}
    assert len(third) == 5


def test_no_graphics_processors(tmp_path: Path) -> None:
    """No library, no driver, none in the host, another library: nothing, and nothing is said."""
    libraries = ["libno-such-thing.so.1", build(tmp_path, init=9), build(tmp_path, count=0), "libc.so.6"]
    assert [Gpus(library).read() for library in libraries] == [[], [], [], []]


def test_graphics_processors_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that hangs is not waited for, and not asked again meanwhile."""

    async def work() -> None:
        gpus = Gpus(build(tmp_path))
        assert len(await gpus.sample()) == 12
        assert gpus._nvml
        calls: list[int] = []
        monkeypatch.setattr("rayscope.agent.metrics.gpus.PATIENCE_S", 0.05)
        monkeypatch.setattr(gpus._nvml, "read", lambda: calls.append(1) or time.sleep(0.5) or [])
        assert await gpus.sample() == []
        assert await gpus.sample() == []
        assert calls == [1]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("is_head", "host", "listed", "wanted"),
    [
        (True, "10.0.0.1", ["10.0.0.1:9001", "10.0.0.2:9002", "10.0.0.1:44217", "10.0.0.1:44227"], ["10.0.0.1:9001", "10.0.0.1:44217", "10.0.0.1:44227"]),
        (True, "10.0.0.1", ["10.0.0.1:9001", "10.0.0.2:44227"], ["10.0.0.1:9001"]),
        (False, "10.0.0.1", ["10.0.0.1:9001", "10.0.0.1:44217"], ["10.0.0.1:9001"]),
        (False, "", ["10.0.0.3:9001", "10.0.0.2:9002"], ["10.0.0.3:9001"]),
        (False, "", [], ["127.0.0.1:9001"]),
        (False, "fd00::1", [], ["[fd00::1]:9001"]),
    ],
)
def test_targets(tmp_path: Path, is_head: bool, host: str, listed: list[str], wanted: list[str]) -> None:
    """A node's own, the head's two, and never another node's."""
    place = Place("s", str(tmp_path), "ab" * 28, 0, "", is_head, frozenset(), host=host)
    targets = Targets(place)
    assert targets.now() == []
    (tmp_path / f"metrics_export_port_{place.node_id}").write_text("9001")
    (tmp_path / "metrics_export_port_other").write_text("9002")
    (tmp_path / "prom_metrics_service_discovery.json").write_text(str([{"labels": {"job": "ray"}, "targets": listed}]).replace("'", '"'))
    assert targets.now() == wanted
    (tmp_path / f"metrics_export_port_{place.node_id}").write_text("-1")
    (tmp_path / "prom_metrics_service_discovery.json").write_text("{")
    assert targets.now() == []


def test_moved_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's environment says where the dashboard's and the autoscaler's are."""
    moved: Any = {"DASHBOARD_METRIC_PORT": "5", "AUTOSCALER_METRIC_PORT": "x"}
    monkeypatch.setattr("rayscope.agent.metrics.targets.environment_of", lambda _: moved)
    (tmp_path / "prom_metrics_service_discovery.json").write_text('[{"targets": ["127.0.0.1:5", "127.0.0.1:44217", "127.0.0.1:44227"]}]')
    assert Targets(Place("s", str(tmp_path), "a", 1, "", True, frozenset())).now() == ["127.0.0.1:5", "127.0.0.1:44217"]
