"""Log lines as programs write them, for benchmarks: levels, modules, ids, numbers, tracebacks; in files of workers of several jobs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

JOBS: Final = 10
WORKERS: Final = 10
_START_S: Final = 1_795_500_000
_WORDS: Final = [
    "batch",
    "shard",
    "epoch",
    "loss",
    "gradient",
    "checkpoint",
    "worker",
    "queue",
    "request",
    "response",
    "cache",
    "index",
    "tensor",
    "stage",
    "retry",
    "partition",
    "offset",
    "commit",
    "replica",
    "lease",
]
_MODULES: Final = [
    f"{package}.{name}" for package in ("train", "data", "serve", "io", "model") for name in ("loader", "loop", "store", "client", "cache", "plan")
]
_LEVELS: Final = ["INFO"] * 85 + ["DEBUG"] * 8 + ["WARNING"] * 5 + ["ERROR"] * 2
_HOSTS: Final = [f"node-{number:03d}.cluster.internal" for number in range(64)]
_RARE: Final = "xylophone"

_TRACEBACK: Final = """Traceback (most recent call last):
  File "/home/user/app/%s.py", line %d, in run
    result = self.step(batch, timeout=30)
  File "/home/user/app/train.py", line 118, in step
    raise TimeoutError(f"no answer from {host} within {timeout} s")
TimeoutError: no answer from %s within 30 s
"""


class LogFile(Struct, frozen=True):
    """One worker's file: its name, its job, and its text's place on disk."""

    path: str
    job: str
    source: Path


def write_files(folder: Path, lines: int, seed: int = 7) -> list[LogFile]:
    """About so many lines over all files, on disk. A rare word is in three lines of one job."""
    files: list[LogFile] = []
    each = lines // (JOBS * WORKERS)
    for job, worker in itertools.product(range(JOBS), range(WORKERS)):
        name = f"worker-{job:04x}{worker:04x}{'5e' * 24}-{job + 1:02x}000000-{1000 + job * WORKERS + worker}.out"
        file = LogFile(name, f"{job + 1:02x}000000", folder / name)
        with file.source.open("wb") as out:
            for text in texts(each, random.Random(f"{seed} {job} {worker}"), rare=job == JOBS // 2 and worker < 3):
                out.write(text)
        files.append(file)
    return files


def texts(count: int, random_: random.Random, *, rare: bool) -> Iterator[bytes]:
    """Lines, some thousands at a time."""
    made = 0
    while made < count:
        size = min(20_000, count - made)
        lines = _lines(size, made / count, random_)
        if rare and made <= count // 2 < made + size:
            lines[size // 2] = f"{lines[size // 2][:30]} the {_RARE} was played once\n"
        made += size
        yield "".join(lines).encode()


def _lines(count: int, at: float, random_: random.Random) -> list[str]:
    choices = random_.choices
    levels, modules, words, hosts = choices(_LEVELS, k=count), choices(_MODULES, k=count), choices(_WORDS, k=3 * count), choices(_HOSTS, k=count)
    numbers = [random_.getrandbits(40) for _ in range(count)]
    second = _START_S + int(at * 7200)
    found: list[str] = []
    for number in range(count):
        bits = numbers[number]
        stamp = second + number * 60 // count
        clock = f"2026-11-24 {stamp // 3600 % 24:02d}:{stamp // 60 % 60:02d}:{stamp % 60:02d},{bits % 1000:03d}"
        kind = bits % 20
        if kind < 11:
            what = f"{modules[number]}:{bits % 700} -- {words[number]} {bits % 100_000} of {words[-number]}"
            text = f"{clock} {levels[number]} {what} took {bits % 9973 / 10:.1f} ms\n"
        elif kind < 15:
            text = f"{clock} {levels[number]} {modules[number]} request {bits:010x} from {hosts[number]} {words[number]}={bits % 331} {words[-number]} done\n"
        elif kind < 19:
            text = f"step {bits % 1_000_000} {words[number]} {words[-number]} {bits / 2**40:.6f} {bits % 7919 / 7919:.4f} lr 0.00{bits % 97}\n"
        elif bits % 200 == 19:
            text = f"{clock} ERROR {modules[number]} failed\n" + _TRACEBACK % (words[number], bits % 400, hosts[number])
        else:
            text = f"{clock} DEBUG {modules[number]} cache key user:{bits % 5_000_000}:session {words[number]} hit\n"
        found.append(text)
    return found


RARE: Final = _RARE
