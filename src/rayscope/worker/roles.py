"""What this process is to Ray, and which features are installed in it. Each feature is guarded: one that fails leaves the others, and the program, alone.

A feature is a module of this folder with an ``install()``; a later one is a line in `FEATURES`.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Dict, List, Tuple

FEATURES: Dict[str, Tuple[str, ...]] = {
    "driver": ("driver",),
    "worker": ("attribution",),
    "setup_worker": ("python_path",),  # it becomes the worker, in the runtime env's environment
    "none": (),
}

_SCRIPTS = {"default_worker.py": "worker", "setup_worker.py": "setup_worker"}


def install() -> None:
    """Install the features of this process's role."""
    for feature in FEATURES[role(command_line(), dict(os.environ))]:
        _install(feature)


def _install(feature: str) -> None:
    try:
        importlib.import_module("." + feature, __package__).install()
    except Exception as error:
        sys.stderr.write("rayscope: its %s hook is off in this process: %r\n" % (feature, error))


def role(arguments: List[str], environment: Dict[str, str]) -> str:
    """What the process of that command line is; a driver's hooks are there for the programs of `rayscope run` only."""
    scripts = [_SCRIPTS[name] for name in map(os.path.basename, arguments) if name in _SCRIPTS]
    if scripts:
        return "none" if environment.get("RAYSCOPE_HOOKS") == "off" else scripts[0]
    return "driver" if environment.get("RAYSCOPE_RUN_DIR") else "none"


def command_line() -> List[str]:
    """The whole command line: sys.argv is not there yet when Python starts up, and sys.orig_argv came with 3.10."""
    original = getattr(sys, "orig_argv", None)
    if original is not None:
        return list(original)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []
