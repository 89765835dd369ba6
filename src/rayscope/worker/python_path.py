"""In the process that becomes a worker: keep the hook's folder on PYTHONPATH, also where a runtime env sets that variable itself."""

from __future__ import annotations

import os
from typing import Any, MutableMapping

from .imports import after_import

HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook")


def install() -> None:
    """Patch the taking over of a runtime env's variables."""
    after_import({"ray._private.runtime_env.context": _patch})


def _patch(module: Any) -> None:
    update = module.update_envs

    def update_and_keep(variables: Any) -> Any:
        result = update(variables)
        keep(os.environ)
        return result

    module.update_envs = update_and_keep


def keep(environment: MutableMapping[str, str]) -> None:
    """Put the folder first on PYTHONPATH, unless it is there."""
    paths = environment.get("PYTHONPATH", "")
    if HOOK not in paths.split(os.pathsep):
        environment["PYTHONPATH"] = HOOK + os.pathsep + paths if paths else HOOK
