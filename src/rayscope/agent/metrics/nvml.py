"""NVIDIA's management library through ctypes: what its graphics processors do. Of a host without the library, or without a processor, nothing is said."""

from __future__ import annotations

import ctypes
from typing import Any, List, NamedTuple, Optional, Tuple

LIBRARY = "libnvidia-ml.so.1"
MOST_PROCESSES = 64
"""Of one processor."""

_SUCCESS, _TOO_SMALL = 0, 7
_TEMPERATURE_GPU = 0
_NO_VALUE = (1 << 64) - 1
_NAME_BYTES = 96


class GpuProcess(NamedTuple):
    """A process on a processor. ``memory``: bytes; None: not known, as in a container."""

    pid: int
    memory: Optional[int]


class Gpu(NamedTuple):
    """One processor, as far as it tells: ``utilization`` from 0 to 1, memory in bytes, power in watts, temperature in degrees Celsius."""

    number: int
    uuid: str
    model: str
    utilization: Optional[float] = None
    memory_used: Optional[int] = None
    memory_total: Optional[int] = None
    temperature: Optional[int] = None
    power: Optional[float] = None
    processes: Tuple[GpuProcess, ...] = ()


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Process(ctypes.Structure):
    """Of the functions whose names end in _v2 or _v3; the first ones gave two fields only, and are not asked."""

    _fields_ = (("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong), ("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint))


class Nvml:
    """The library, opened and begun. `open` is the way in."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._known: List[Tuple[ctypes.c_void_p, str, str]] = []

    @classmethod
    def open(cls, path: str = LIBRARY) -> Optional[Nvml]:
        """None where there is no library, no driver, or no processor."""
        try:
            nvml = cls(ctypes.CDLL(path))
            if nvml._library.nvmlInit_v2() != _SUCCESS:
                return None
            nvml._find()
        except (OSError, AttributeError):
            return None
        return nvml if nvml._known else None

    def close(self) -> None:
        """Let go."""
        self._library.nvmlShutdown()

    def read(self) -> List[Gpu]:
        """Every processor, now. What one does not tell is None."""
        return [self._gpu(index, *known) for index, known in enumerate(self._known)]

    def _find(self) -> None:
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _SUCCESS:
            return
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) == _SUCCESS:
                self._known.append((handle, self._text("nvmlDeviceGetUUID", handle), self._text("nvmlDeviceGetName", handle)))

    def _gpu(self, index: int, handle: ctypes.c_void_p, uuid: str, model: str) -> Gpu:
        utilization = self._ask("nvmlDeviceGetUtilizationRates", handle, _Utilization())
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle, _Memory())
        power = self._ask("nvmlDeviceGetPowerUsage", handle, ctypes.c_uint())
        return Gpu(
            index,
            uuid,
            model,
            utilization.gpu / 100 if utilization else None,
            memory.used if memory else None,
            memory.total if memory else None,
            self._temperature(handle),
            power.value / 1000 if power else None,
            self._processes(handle),
        )

    def _ask(self, name: str, handle: ctypes.c_void_p, into: Any) -> Optional[Any]:
        return into if self._call(name, handle, ctypes.byref(into)) == _SUCCESS else None

    def _call(self, name: str, *arguments: Any) -> int:
        """What the library answers; -1 where it has no such function."""
        function = getattr(self._library, name, None)
        return int(function(*arguments)) if function is not None else -1

    def _text(self, name: str, handle: ctypes.c_void_p) -> str:
        text = ctypes.create_string_buffer(_NAME_BYTES)
        return text.value.decode("utf-8", "replace") if self._call(name, handle, text, ctypes.c_uint(_NAME_BYTES)) == _SUCCESS else ""

    def _temperature(self, handle: ctypes.c_void_p) -> Optional[int]:
        degrees = ctypes.c_uint()
        asked = self._call("nvmlDeviceGetTemperature", handle, ctypes.c_int(_TEMPERATURE_GPU), ctypes.byref(degrees))
        return degrees.value if asked == _SUCCESS else None

    def _processes(self, handle: ctypes.c_void_p) -> Tuple[GpuProcess, ...]:
        """Those that compute and those that draw, each once."""
        found = {}
        for kind in ("Compute", "Graphics"):
            for process in self._running(kind, handle):
                memory = None if process.used == _NO_VALUE else int(process.used)
                found[process.pid] = GpuProcess(int(process.pid), memory)
        return tuple(found.values())

    def _running(self, kind: str, handle: ctypes.c_void_p) -> List[_Process]:
        room = (_Process * MOST_PROCESSES)()
        for version in ("_v3", "_v2"):
            count = ctypes.c_uint(MOST_PROCESSES)
            answer = self._call(f"nvmlDeviceGet{kind}RunningProcesses{version}", handle, ctypes.byref(count), room)
            if answer in {_SUCCESS, _TOO_SMALL}:
                return list(room[: min(count.value, MOST_PROCESSES)]) if answer == _SUCCESS else []
        return []
