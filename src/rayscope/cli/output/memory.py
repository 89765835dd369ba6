"""Object references as people read them: tables by node or call site with their totals, growth, leaks."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO

from msgspec import Struct

from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.values import call_site, printable, size, utc
from rayscope.model.object_answers import Leak, Leaks, ObjectGrowth, ObjectSnapshotInfo, ObjectSnapshots, SiteGrowth
from rayscope.model.resources import Column

_UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_STORE_FIGURES: Final = ("used_bytes", "available_bytes", "spilled_bytes", "fallback_bytes", "local_objects")
_GROUP_COLUMN: Final = {"NODE_ADDRESS": "ip", "STACK_TRACE": "call_site"}
_RULES: Final = len("--- :  ---")
_NO_SITE: Final = "(not recorded)"
_NAMES: Final = {"disabled": _NO_SITE, "<unknown>": "(borrowed)"}
_TOTALS: Final = {
    "LOCAL_REFERENCE": "local references",
    "PINNED_IN_MEMORY": "pinned",
    "USED_BY_PENDING_TASK": "used by task",
    "CAPTURED_IN_OBJECT": "captured in objects",
    "ACTOR_HANDLE": "actor handles",
    "UNKNOWN_STATUS": "of unknown kind",
}


class Choice(Struct, frozen=True, kw_only=True):
    """What to show of the references, as `ray memory` words it. ``units`` None: whatever is short."""

    group_by: str
    sort_by: str
    units: str | None
    num_entries: int | None
    stats_only: bool


def _column(name: str, kind: str, unit: str | None = None, description: str = "") -> Column:
    return Column(name=name, kind=kind, level="brief", unit=unit, description=description)


_REFERENCE_COLUMNS: Final = (
    _column("size", "int"),
    _column("reference_type", "text"),
    _column("pid", "int"),
    _column("type", "text"),
    _column("status", "text"),
    _column("object_id", "text", "id"),
    _column("call_site", "text"),
    _column("attempt", "int"),
    _column("ip", "text"),
)
_FIRST: Final = ("size", "reference_type", "pid", "object_id", "type", "status")
GROWTH_COLUMNS: Final = (
    _column("call_site", "text", None, "Where the references are made"),
    _column("trend", "text", None, "growing, shrinking, steady or mixed"),
    _column("growth_bytes", "int", "bytes", "The last snapshot's bytes less the first one's"),
    _column("growth_objects", "int", "count", "The same of objects"),
    _column("points", "json", None, "taken_ns, objects and size_bytes at each snapshot"),
)
LEAK_COLUMNS: Final = (
    _column("object_id", "text", "id"),
    _column("size_bytes", "int", "bytes"),
    _column("reason", "text"),
    _column("evidence", "text"),
    _column("holders", "json"),
    _column("function", "text"),
    _column("call_site", "text"),
    _column("first_seen_ns", "int", "ns"),
)


def sorted_rows(rows: Sequence[dict[str, Any]], choice: Choice) -> list[dict[str, Any]]:
    """The references in the chosen order, ties by size."""
    by_size = sorted(rows, key=lambda row: (-(row["size_bytes"] or 0), row["object_id"]))
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {"PID": lambda row: row["pid"], "REFERENCE_TYPE": lambda row: row["reference_type"]}
    return sorted(by_size, key=keys[choice.sort_by]) if choice.sort_by in keys else by_size


def lines(snapshots: ObjectSnapshots, taken_ns: int, rows: Sequence[dict[str, Any]], choice: Choice, stream: TextIO) -> list[str]:
    """The whole answer: a head, a table a group, and the object stores' totals as last known then. ``taken_ns``: which snapshot the references are of."""
    until = [known for known in snapshots.snapshots if known.taken_ns <= taken_ns] or snapshots.snapshots
    stores = next((known for known in until if known.store_stats), until[0])
    text = [f"======== Object references: {utc(taken_ns)} UTC ========", f"Session: {snapshots.session}"]
    if not choice.stats_only:
        each = "all" if choice.num_entries is None else choice.num_entries
        text.append(f"Grouped by {_words(choice.group_by)}, sorted by {_words(choice.sort_by)}, {each} entries a group")
        for name, group in _grouped(sorted_rows(rows, choice), choice).items():
            text += _group_lines(name, group, choice, stream)
    return [*text, *_store_lines(stores, choice)]


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _grouped(rows: Sequence[dict[str, Any]], choice: Choice) -> dict[str, list[dict[str, Any]]]:
    """Groups by their size, the largest first."""
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["ip"] if choice.group_by == "NODE_ADDRESS" else row["call_site"] or _NO_SITE].append(row)
    return dict(sorted(groups.items(), key=lambda item: -_bytes(item[1])))


def _bytes(rows: Sequence[Mapping[str, Any]]) -> int:
    """As `ray memory` counts: each reference with its object's whole size."""
    return sum(row["size_bytes"] or 0 for row in rows)


def _group_lines(name: str, rows: Sequence[dict[str, Any]], choice: Choice, stream: TextIO) -> list[str]:
    shown = rows if choice.num_entries is None else rows[: choice.num_entries]
    width = terminal_width(stream)
    title = printable(name) if width is None else _cut(printable(call_site(name)), width - len(choice.group_by) - _RULES)
    head = ["", f"--- {_words(choice.group_by)}: {title} ---", *_total_lines(rows, choice)]
    if not shown:
        return head
    columns = [column for column in _REFERENCE_COLUMNS if column.name != _GROUP_COLUMN[choice.group_by]]
    table = lay_out(columns, [_entry(row, choice) for row in shown], width, stream, first=_FIRST)
    more = [f"… {len(rows) - len(shown):,} more"] if len(shown) < len(rows) else []
    return [*head, "", *table.lines, *more]


def _total_lines(rows: Sequence[Mapping[str, Any]], choice: Choice) -> list[str]:
    found = [f"Used by objects: {_size(_bytes(rows), choice)} in {len(rows):,} reference{'' if len(rows) == 1 else 's'}"]
    for kind, words in _TOTALS.items():
        part = [row for row in rows if row["reference_type"] == kind]
        if part:
            found.append(f"  {words}: {len(part):,} ({_size(_bytes(part), choice)})")
    return found


def _entry(row: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    return {
        "size": None if row["size_bytes"] is None else _size(row["size_bytes"], choice),
        "reference_type": row["reference_type"],
        "pid": row["pid"],
        "type": row["type"],
        "status": None if row["task_status"] == "NIL" else row["task_status"],
        "object_id": row["object_id"],
        "call_site": row["call_site"],
        "attempt": row["attempt_number"],
        "ip": row["ip"],
    }


def _size(count: int, choice: Choice) -> str:
    return size(count) if choice.units is None else f"{count / _UNITS[choice.units]:,.6g} {choice.units}"


def _store_lines(info: ObjectSnapshotInfo, choice: Choice) -> list[str]:
    """What the nodes' object stores held, of those whose metrics could be had."""
    head = ["", f"--- Object stores: {utc(info.taken_ns)} UTC ---"]
    stats = info.store_stats
    if not stats:
        return [*head, "not known: no snapshot was taken with the nodes' metrics"]
    found = [_store_line(str(node.get("ip", node.get("metrics", "?"))), [node], choice) for node in stats]
    return [*head, *found, *([_store_line("all nodes", stats, choice)] if len(stats) > 1 else [])]


def _store_line(name: str, stats: Sequence[Mapping[str, Any]], choice: Choice) -> str:
    total = {key: sum(int(node.get(key) or 0) for node in stats) for key in _STORE_FIGURES}
    room = total["used_bytes"] + total["available_bytes"]
    share = f", {total['used_bytes'] / room:.0%} full" if room else ""
    parts = [f"{name}: {_size(total['used_bytes'], choice)} of {_size(room, choice)} used{share}"]
    parts += [f"{total['local_objects']:,} objects"] if total["local_objects"] else []
    parts += [f"{_size(total['spilled_bytes'], choice)} spilled"] if total["spilled_bytes"] else []
    parts += [f"{_size(total['fallback_bytes'], choice)} on disk"] if total["fallback_bytes"] else []
    return ", ".join(parts)


def growth_lines(answer: ObjectGrowth, stream: TextIO) -> list[str]:
    """Call sites with their bytes at each moment, what grew most first."""
    head = ["======== Growth of objects by call site ========", f"Session: {answer.session}"]
    if not answer.times_ns:
        return head
    head.append(f"{len(answer.times_ns)} of {answer.snapshots:,} snapshots, {utc(answer.times_ns[0])} to {utc(answer.times_ns[-1])} UTC")
    names = [utc(moment)[11:19] for moment in answer.times_ns]
    keys = [f"p{at}" for at in range(len(names))]
    columns = [
        _column("trend", "text"),
        _column("growth_bytes", "int", "bytes"),
        _column("objects", "text"),
        *(_column(key, "int") for key in keys),
        _column("call_site", "text"),
    ]
    rows = [_site_row(site, keys) for site in answer.sites]
    if not rows:
        return [*head, "No objects."]
    table = lay_out(columns, rows, terminal_width(stream), stream, first=["trend", "growth_bytes", "call_site", keys[-1], keys[0], "objects"])
    return [*head, "", _with_times(table.lines[0], keys, names), *table.lines[1:]]


def _site_row(site: SiteGrowth, keys: Sequence[str]) -> dict[str, Any]:
    sizes = {key: f"{size(point.size_bytes):>8}" for key, point in zip(keys, site.points, strict=True)}
    name = _NAMES.get(site.call_site, site.call_site)
    return {"trend": site.trend, "growth_bytes": site.growth_bytes, "objects": f"{site.growth_objects:+,}", "call_site": name, **sizes}


def _with_times(header: str, keys: Sequence[str], names: Sequence[str]) -> str:
    """The heads of the moments' columns are their clock times, which are as wide as their cells."""
    for key, name in zip(reversed(keys), reversed(names), strict=True):
        header = header.replace(f"{key.upper():>8}", f"{name:>8}", 1)
    return header


def leak_lines(answer: Leaks, stream: TextIO) -> list[str]:
    """Leaks with their evidence, the largest first."""
    moment = f"{utc(answer.as_of_ns)} UTC" if answer.as_of_ns else "no snapshot"
    head = [f"======== Leaks: {moment} ========", f"Session: {answer.session}"]
    if not answer.leaks:
        return [*head, f"None found among {answer.objects:,} objects."]
    head.append(f"{len(answer.leaks):,} of {answer.objects:,} objects, {size(answer.total_bytes)}")
    return [*head, *(line for leak in answer.leaks for line in _leak_lines(leak, terminal_width(stream)))]


def _leak_lines(leak: Leak, width: int | None) -> list[str]:
    held = "size unknown" if leak.size_bytes is None else size(leak.size_bytes)
    parts = [
        "",
        leak.object_id,
        f"  {leak.reason}  {held}  first seen {utc(leak.first_seen_ns)} UTC",
        f"  why: {leak.evidence}",
        f"  held by: {', '.join(leak.holders)}",
        *([f"  made by: {leak.function}"] if leak.function else []),
        *([f"  call site: {leak.call_site if width is None else call_site(leak.call_site)}"] if leak.call_site else []),
    ]
    return [line for part in parts for line in _wrapped(printable(part), width)]


def _wrapped(line: str, width: int | None) -> list[str]:
    return [line] if width is None or len(line) <= width else textwrap.wrap(line, width, subsequent_indent="    ")


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
