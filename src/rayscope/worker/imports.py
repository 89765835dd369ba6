"""Doing something to a module right after it is imported, without importing it."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Optional, Sequence

Patch = Callable[[ModuleType], None]


def after_import(patches: Dict[str, Patch]) -> None:
    """Call each patch with its module when that has been executed; those that are there already are patched now."""
    for name, patch in list(patches.items()):
        if name in sys.modules:
            patch(sys.modules[name])
    sys.meta_path.insert(0, _Finder({name: patch for name, patch in patches.items() if name not in sys.modules}))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the named modules as everyone else does, and wraps their loaders."""

    def __init__(self, patches: Dict[str, Patch]) -> None:
        self._patches = patches

    def find_spec(self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None) -> Any:
        """The spec of a named module, None for all others."""
        patch = self._patches.pop(fullname, None)
        if patch is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, patch)
        return spec


class _Loader(importlib.abc.Loader):
    """Another loader, and then the patch."""

    def __init__(self, loader: Any, patch: Patch) -> None:
        self._loader = loader
        self._patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Optional[ModuleType]:
        """As the wrapped loader does."""
        created: Optional[ModuleType] = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, give it its own loader back, and patch it."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._patch(module)
