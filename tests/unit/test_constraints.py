"""The tested versions: one of each package that the project names, without addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def named(requirement: str) -> str:
    """`ray[default]>=2.51` is about ray."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def test_every_package_that_is_named_has_its_tested_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {named(line) for line in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][^\s/@]*", line) for line in lines), lines
    assert wanted - {line.split("==")[0].lower() for line in lines} == set()
