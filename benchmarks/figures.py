"""Figures as a person reads them, and as a file: a table on stdout, JSON with the machine they were taken on."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One measured value. ``target`` is a bound: at least it for rates, at most it for everything else."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """`ok`, `MISSED`, or nothing where there is no target."""
        if self.target is None:
            return ""
        return "ok" if (self.value >= self.target if self.at_least else self.value <= self.target) else "MISSED"


def options(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


def show(title: str, figures: Sequence[Figure], file: Path | None = None, facts: dict[str, Any] | None = None) -> None:
    """Print the table; with ``file`` write it as JSON, ``facts`` beside it."""
    width = max(len(figure.name) for figure in figures)
    print(f"\n{title}")
    for figure in figures:
        print(f"  {figure.name:{width}}  {_text(figure.value):>12} {figure.unit:10} {_bound(figure):>12} {figure.verdict}".rstrip())
    if file is not None:
        body = {"title": title, "machine": machine(), "facts": facts or {}, "figures": [_row(figure) for figure in figures]}
        file.write_text(json.dumps(body, indent=2) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {"cores": os.cpu_count(), "processor": _processor(), "python": platform.python_version(), "duckdb": version("duckdb"), "system": platform.system()}


def quantile(values: Sequence[float], part: float) -> float:
    """The least value that ``part`` of the values do not exceed: a real measurement, not one between two."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def _row(figure: Figure) -> dict[str, Any]:
    return {"name": figure.name, "value": round(figure.value, 4), "unit": figure.unit, "target": figure.target, "verdict": figure.verdict}


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"


def _bound(figure: Figure) -> str:
    return "" if figure.target is None else f"{'>=' if figure.at_least else '<='} {figure.target:,g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
