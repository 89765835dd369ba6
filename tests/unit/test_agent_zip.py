"""The agent as one file, which `rayscope attach` brings to other machines."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import rayscope.agent
from rayscope.run.attach import agent_zip


def test_all_of_the_agent_is_in_it(tmp_path: Path) -> None:
    """And it runs alone, with the standard library."""
    content = agent_zip()
    folder = Path(rayscope.agent.__file__).parents[1]
    modules = {str(path.relative_to(folder.parent)) for path in (folder / "agent").rglob("*.py")}
    assert set(zipfile.ZipFile(io.BytesIO(content)).namelist()) == {*modules, "__main__.py", "rayscope/__init__.py"}
    path = tmp_path / "agent.zip"
    path.write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(path), "--server", "x", "--token", "t", "--scrape-interval", "0.1"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "error: metrics cannot be scraped every 0.1 s; give 0.5 to 3600, or 0 for no metrics" in ran.stderr
