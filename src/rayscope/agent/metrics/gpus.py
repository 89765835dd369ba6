"""Samples of the host's graphics processors."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import List, Optional

from rayscope.agent.metrics.nvml import LIBRARY, Gpu, Nvml
from rayscope.agent.metrics.samples import Sample

AGAIN_S = 60.0
"""How often it is looked for a library that was not there: a driver may come up after the node."""


PATIENCE_S = 2.0
"""How long a round waits for the library: one that hangs is asked nothing more until it answers."""


class Gpus:
    """Reads them round by round, in a thread: the library takes milliseconds, the first time more, and may hang."""

    def __init__(self, library: str = LIBRARY) -> None:
        self._library = library
        self._nvml: Optional[Nvml] = None
        self._looked_s = float("-inf")
        self._is_busy = False

    async def sample(self) -> List[Sample]:
        """All samples; none where there is no processor, or where the library is not done in time."""
        if self._is_busy or (self._nvml is None and time.monotonic() - self._looked_s < AGAIN_S):
            return []
        loop = asyncio.get_running_loop()
        found: asyncio.Future[List[Sample]] = loop.create_future()
        self._is_busy = True
        threading.Thread(target=self._work, args=(loop, found), name="nvml", daemon=True).start()
        try:
            return await asyncio.wait_for(found, PATIENCE_S)
        except asyncio.TimeoutError:
            return []

    def _work(self, loop: asyncio.AbstractEventLoop, found: asyncio.Future[List[Sample]]) -> None:
        try:
            samples = self.read()
        finally:
            self._is_busy = False
        with suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(_answer, found, samples)

    def read(self) -> List[Sample]:
        """All samples, in the calling thread."""
        if self._nvml is None and time.monotonic() - self._looked_s >= AGAIN_S:
            self._looked_s = time.monotonic()
            self._nvml = Nvml.open(self._library)
        return [sample for gpu in (self._nvml.read() if self._nvml else []) for sample in samples_of(gpu)]


def _answer(found: asyncio.Future[List[Sample]], samples: List[Sample]) -> None:
    if not found.done():
        found.set_result(samples)


def samples_of(gpu: Gpu) -> List[Sample]:
    """What one processor tells."""
    labels = {"gpu": str(gpu.number), "uuid": gpu.uuid, "model": gpu.model}
    values = {
        "utilization_ratio": gpu.utilization,
        "memory_used_bytes": gpu.memory_used,
        "memory_total_bytes": gpu.memory_total,
        "temperature_celsius": gpu.temperature,
        "power_watts": gpu.power,
    }
    samples = [Sample(f"rayscope_gpu_{name}", float(value), labels) for name, value in values.items() if value is not None]
    shares = [(process.pid, process.memory) for process in gpu.processes if process.memory is not None]
    return samples + [Sample("rayscope_gpu_process_memory_bytes", float(memory), {**labels, "pid": str(pid)}) for pid, memory in shares]
