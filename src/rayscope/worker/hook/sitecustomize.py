"""Python imports this at start-up, in every process that has this folder on PYTHONPATH: it installs Rayscope's hooks.

The folder is put there by `rayscope run`, or by the environment that `rayscope env` prints. Any other sitecustomize that this one hides is run as well.
"""

import importlib.machinery
import importlib.util
import os
import sys


def _install() -> None:
    """Load the folder above as a package of a name of its own: the user's environment need not have rayscope."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.dirname(here)
    spec = importlib.util.spec_from_file_location("_rayscope_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["_rayscope_worker"] = package
    spec.loader.exec_module(package)
    importlib.import_module("_rayscope_worker.roles").install()


def _run_hidden() -> None:
    """Run the sitecustomize that would have been found without this one."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


try:
    _install()
except Exception as error:  # being observed must never stop a program from starting
    sys.stderr.write(f"rayscope: its hooks are off in this process: {error!r}\n")
_run_hidden()
