"""The views of the live screen: their columns, what a row's cells say, what they sort by. Pure: a snapshot in, text out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from rayscope.cli.output.chart import bar, sparkline
from rayscope.cli.output.series import size_text
from rayscope.cli.output.table import display_width
from rayscope.cli.output.values import MISSING, duration, printable, utc
from rayscope.cli.top.snapshot import Snapshot

History = Mapping[tuple[str, str], Sequence[float]]
"""By (what, id): the figures of the last refreshes."""

_BAR: Final = 8
_SPARK: Final = 16
_GAP: Final = 2
_LEAST_WORDS: Final = 12
_ELLIPSIS: Final = "…"


class Col(Struct, frozen=True, kw_only=True):
    """One column. ``least``: the width of the screen from which on it is shown. ``room``: characters at most, 0 for as many as it takes.

    ``words``: it may be cut further, to 12 characters, where a screen is narrow; figures and bars are never cut.
    """

    name: str
    text: Callable[[Any, History], str]
    key: Callable[[Any], Any]
    least: int = 0
    room: int = 0
    words: bool = False
    right: bool = False
    descends: bool = False


class View(Struct, frozen=True, kw_only=True):
    """One view: its title, its rows, its columns; which column it is sorted by at first; who a row is."""

    name: str
    title: str
    rows: Callable[[Snapshot], Sequence[Any]]
    columns: Sequence[Col]
    sorted_by: str
    id_of: Callable[[Any], str]
    empty: str


def _share(value: float | None) -> str:
    return MISSING if value is None or math.isnan(value) else f"{bar(value, _BAR)} {value:4.0%}"


def _size(value: float | None) -> str:
    return MISSING if value is None else size_text(value)


def _speed(value: float | None) -> str:
    return MISSING if value is None else f"{size_text(value)}/s"


def _number(value: float | None, digits: int = 0) -> str:
    return MISSING if value is None else f"{value:,.{digits}f}"


def _least(value: Any) -> Any:
    return -1 if value is None else value


def _figure(name: str, field: str, text: Callable[[Any], str], *, least: int = 0) -> Col:
    """A column of figures: the largest first."""
    return Col(name=name, text=lambda row, _: text(getattr(row, field)), key=lambda row: _least(getattr(row, field)), least=least, right=True, descends=True)


def _words(name: str, field: str, *, room: int = 0, least: int = 0) -> Col:
    return Col(
        name=name,
        text=lambda row, _: printable(str(getattr(row, field) or MISSING)),
        key=lambda row: str(getattr(row, field) or ""),
        room=room,
        words=True,
        least=least,
    )


def _bar(name: str, field: str, *, least: int = 0) -> Col:
    return Col(name=name, text=lambda row, _: _share(getattr(row, field)), key=lambda row: _least(getattr(row, field)), descends=True, least=least)


def _spark(name: str, what: str, least: int) -> Col:
    return Col(
        name=name,
        text=lambda row, history: sparkline(history.get((what, row.node_id), ()), _SPARK, 1.0),
        key=lambda row: _least(getattr(row, what)),
        least=least,
        descends=True,
    )


def _of_total(used: float | None, total: float | None) -> str:
    return MISSING if used is None else f"{size_text(used)} / {size_text(total)}" if total else size_text(used)


_NODES: Final = View(
    name="nodes",
    title="Nodes",
    rows=lambda snapshot: snapshot.nodes,
    columns=(
        _words("NODE", "name", room=24),
        _bar("CPU", "cpu"),
        _spark("", "cpu", 116),
        _bar("MEMORY", "memory"),
        Col(name="USED", text=lambda row, _: _of_total(row.memory_used, row.memory_total), key=lambda row: _least(row.memory_used), least=134, descends=True),
        _spark("", "memory", 172),
        _figure("LOAD", "load", lambda value: _number(value, 1), least=142),
        _figure("DISK", "disk", lambda value: MISSING if value is None else f"{value:.0%}"),
        _figure("READ", "disk_read", _speed, least=194),
        _figure("WRITTEN", "disk_written", _speed, least=206),
        _figure("IN", "received", _speed),
        _figure("OUT", "sent", _speed, least=98),
        _figure("STORE", "store_used", _size, least=152),
        _figure("SPILLED", "spilled", _size, least=182),
        Col(
            name="GPU", text=lambda row, _: f"{row.gpu:.0%} of {row.gpus}" if row.gpus else MISSING, key=lambda row: _least(row.gpu), right=True, descends=True
        ),
    ),
    sorted_by="CPU",
    id_of=lambda row: row.node_id,
    empty="no node is known to live",
)
_WORKERS: Final = View(
    name="workers",
    title="Workers",
    rows=lambda snapshot: snapshot.workers,
    columns=(
        _figure("PID", "pid", str),
        _words("ACTOR OR TASK", "name"),
        _words("KIND", "kind", room=8, least=100),
        _words("NODE", "node", room=20),
        _figure("CPU", "cpu", lambda value: MISSING if value is None else f"{value:.0%}"),
        _figure("MEMORY", "memory", _size),
        _figure("UNIQUE", "unique", _size, least=90),
        _figure("THREADS", "threads", _number, least=100),
        _figure("GPU MEM", "gpu_memory", _size, least=110),
    ),
    sorted_by="CPU",
    id_of=lambda row: f"{row.node_id}:{row.pid}",
    empty="no process is sampled: an agent does that",
)
_JOBS: Final = View(
    name="jobs",
    title="Jobs",
    rows=lambda snapshot: snapshot.jobs,
    columns=(
        _words("JOB", "job_id", room=12),
        _words("STATUS", "status", room=10),
        Col(name="STARTED", text=lambda row, _: utc(row.start_ns)[11:19] if row.start_ns else MISSING, key=lambda row: _least(row.start_ns), descends=True),
        Col(name="LASTED", text=lambda row, _: _lasted(row), key=lambda row: (row.end_ns or 2**62) - (row.start_ns or 0), least=100, right=True, descends=True),
        _figure("DONE", "finished", _number),
        _figure("RUN", "running", _number),
        _figure("WAIT", "waiting", _number),
        _figure("FAIL", "failed", _number),
        Col(name="ENTRYPOINT", text=lambda row, _: short_command(row.entrypoint), key=lambda row: row.entrypoint, words=True),
    ),
    sorted_by="STARTED",
    id_of=lambda row: f"{row.job_id}:{row.submission_id}",
    empty="no job yet",
)
_TASKS: Final = View(
    name="tasks",
    title="Tasks",
    rows=lambda snapshot: snapshot.functions,
    columns=(
        _words("FUNCTION", "name"),
        _words("TYPE", "type", room=20, least=100),
        _figure("RUN", "running", _number),
        _figure("WAIT", "waiting", _number),
        _figure("DONE", "finished", _number),
        _figure("FAIL", "failed", _number),
        _figure("MEDIAN", "p50_ns", lambda value: MISSING if value is None else duration(value)),
        _figure("TIME", "total_ns", lambda value: MISSING if value is None else duration(value)),
    ),
    sorted_by="RUN",
    id_of=lambda row: f"{row.name}:{row.type}",
    empty="no task yet",
)
_GPUS: Final = View(
    name="gpus",
    title="GPUs",
    rows=lambda snapshot: snapshot.gpus,
    columns=(
        _words("NODE", "node", room=20),
        _words("GPU", "index", room=4),
        _words("MODEL", "model", room=24, least=90),
        _bar("BUSY", "utilization"),
        Col(
            name="MEMORY",
            text=lambda row, _: _of_total(row.memory_used, row.memory_total),
            key=lambda row: _least(row.memory_used),
            right=True,
            descends=True,
        ),
        _figure("TEMP", "temperature", lambda value: MISSING if value is None else f"{value:.0f} °C"),
        _figure("POWER", "power", lambda value: MISSING if value is None else f"{value:.0f} W"),
    ),
    sorted_by="BUSY",
    id_of=lambda row: f"{row.node_id}:{row.index}",
    empty="no GPU is known",
)

VIEWS: Final[dict[str, View]] = {view.name: view for view in (_NODES, _WORKERS, _JOBS, _TASKS, _GPUS)}


def _lasted(row: Any) -> str:
    if row.start_ns is None:
        return MISSING
    import time

    return duration(max((row.end_ns or time.time_ns()) - row.start_ns, 0))


def short_command(text: str) -> str:
    """A command with its program and its script by their own names: ``python train.py --epochs 3``."""
    words = printable(text or MISSING).split(" ")
    return " ".join([*(word.rstrip("/").rsplit("/", 1)[-1] for word in words[:2]), *words[2:]])


class Order(Struct, frozen=True):
    """By which column rows are sorted; ``turned``: the other way than the column's own."""

    column: str
    turned: bool = False


class Grid(Struct, frozen=True):
    """A view laid out: headings and rows of text, all of one width a column, and the rows that these stand for."""

    heads: list[str]
    cells: list[list[str]]
    rows: list[Any]
    columns: list[Col]


def lay_out(view: View, snapshot: Snapshot, history: History, width: int, order: Order | None = None, words: str = "") -> Grid:
    """The rows that hold ``words``, in order, in as many columns as a screen of that width has room for."""
    columns = [column for column in view.columns if column.least <= width]
    rows = sorted_rows(view, [row for row in view.rows(snapshot) if holds(view, row, words)], order or Order(view.sorted_by))
    table = [[column.text(row, history) for column in columns] for row in rows]
    widths = _widths(columns, table, width)
    cells = [[_fit(text, room, right=column.right) for text, room, column in zip(texts, widths, columns, strict=True)] for texts in table]
    heads = [_fit(column.name, room, right=column.right) for room, column in zip(widths, columns, strict=True)]
    return Grid(heads, cells, rows, columns)


def sorted_rows(view: View, rows: Sequence[Any], order: Order) -> list[Any]:
    """The rows by a column, those that are equal in it by who they are."""
    column = next((one for one in view.columns if one.name == order.column), view.columns[0])
    by_id = sorted(rows, key=view.id_of)
    return sorted(by_id, key=column.key, reverse=column.descends != order.turned)


def holds(view: View, row: Any, words: str) -> bool:
    """Whether all words are in a row's text, in any case."""
    text = " ".join(column.text(row, {}) for column in view.columns).lower()
    return all(word in text for word in words.lower().split())


def _widths(columns: Sequence[Col], table: Sequence[Sequence[str]], width: int) -> list[int]:
    """What the texts take, and of words less, the longest first, until a line is no longer than the screen."""
    wanted = [max([display_width(column.name), *(display_width(texts[at]) for texts in table)]) for at, column in enumerate(columns)]
    widths = [min(want, column.room) if column.room else want for want, column in zip(wanted, columns, strict=True)]
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        longest = max((at for at, column in enumerate(columns) if column.words), key=lambda at: widths[at], default=None)
        if longest is None or widths[longest] <= _LEAST_WORDS:
            break
        widths[longest] -= 1
    return widths


def _fit(text: str, room: int, *, right: bool) -> str:
    shown = text if display_width(text) <= room else _cut(text, room)
    space = " " * max(room - display_width(shown), 0)
    return space + shown if right else shown + space


def _cut(text: str, room: int) -> str:
    """The beginning of a text, in so many cells of a terminal."""
    while text and display_width(text) > room - 1:
        text = text[:-1]
    return text + _ELLIPSIS if room > 0 else ""


def head_line(snapshot: Snapshot) -> str:
    """The session, how it is, and what runs."""
    totals = snapshot.totals
    state = "LIVE" if snapshot.is_live else "ENDED"
    return (
        f"{state} {utc(snapshot.at_ns)[11:19]} UTC  {totals['nodes']} nodes  "
        f"{totals['running']:,} running  {totals['waiting']:,} waiting  {totals['failed']:,} failed  {snapshot.session}"
    )


def details(view: View, row: Any, snapshot: Snapshot) -> list[str]:
    """All that is known of a row, a line a figure, and what to ask next."""
    lines = [f"{column.name.title() or 'Lately'}: {column.text(row, {}).strip()}" for column in view.columns if column.name]
    return [*lines, "", *_ids(row), "", *_next(view, row, snapshot)]


def _ids(row: Any) -> list[str]:
    return [f"{name}: {getattr(row, name)}" for name in ("node_id", "worker_id", "job_id", "submission_id") if getattr(row, name, None)]


def _next(view: View, row: Any, snapshot: Snapshot) -> list[str]:
    session = f" -s {snapshot.session}"
    commands = {
        "nodes": lambda: [f"rayscope get node {row.node_id[:12]}{session}", f"rayscope findings --node {row.node_id[:12]}{session}"],
        "workers": lambda: [f"rayscope logs --pid {row.pid}{session}", f"rayscope list tasks -f worker_pid={row.pid}{session}"],
        "jobs": lambda: [f"rayscope list tasks -f job_id={row.job_id}{session}", f"rayscope job logs {row.job_id}{session}"],
        "tasks": lambda: [f"rayscope list tasks -f 'name={row.name}'{session}"],
        "gpus": lambda: [f"rayscope findings --node {row.node_id[:12]}{session}"],
    }
    return commands[view.name]()
