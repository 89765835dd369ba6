"""Reading what the workers' hooks wrote beside their output, and comparing the two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SAID = re.compile(rb"task=([0-9a-f]{48}) how=(\w+) n=(\d+)")


@dataclass(frozen=True)
class Line:
    """A line of a worker's file that says which task it is of, and the attempts whose marks touch it."""

    file: str
    text: bytes
    task: str
    how: str
    number: int
    owners: frozenset[tuple[str, int]]
    is_whole: bool  # one mark, or several of one attempt, cover every byte


def lines_and_owners(logs: Path) -> Iterator[Line]:
    """Every such line of a session's workers."""
    marks = read_marks(logs)
    for path in sorted([*logs.glob("worker-*.out"), *logs.glob("worker-*.err")]):
        yield from _lines(path, marks.get(path.name, []))


def read_marks(logs: Path) -> dict[str, list[tuple[int, int, str, int]]]:
    """(start, end, task id, attempt) by file."""
    found: dict[str, list[tuple[int, int, str, int]]] = {}
    for path in (logs / "rayscope").glob("marks-*.log"):
        head, *rest = path.read_text("ascii").splitlines()
        version, out, err = head.split()
        assert version == "v1"
        for line in rest:
            letter, start, end, task, attempt = line.split()
            found.setdefault(out if letter == "o" else err, []).append((int(start), int(end), task, int(attempt)))
    return {name: sorted(ranges) for name, ranges in found.items()}


def _lines(path: Path, ranges: list[tuple[int, int, str, int]]) -> Iterator[Line]:
    offset, at = 0, 0
    for text in path.read_bytes().splitlines(keepends=True):
        end = offset + len(text)
        while at < len(ranges) and ranges[at][1] <= offset:
            at += 1
        touching = []
        for mark in ranges[at:]:
            if mark[0] >= end:
                break
            touching.append(mark)
        if found := SAID.search(text):
            covered = sum(min(end, mark[1]) - max(offset, mark[0]) for mark in touching)
            owners = frozenset((mark[2], mark[3]) for mark in touching)
            yield Line(path.name, text, found[1].decode(), found[2].decode(), int(found[3]), owners, covered >= len(text) - 1)
        offset = end
