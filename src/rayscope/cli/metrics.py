"""`rayscope metrics`: which metrics there are, and questions in PromQL, as tables and charts."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct

from rayscope import metrics as api
from rayscope import prometheus
from rayscope.cli.options import Where
from rayscope.cli.output.chart import Frame
from rayscope.cli.output.colour import is_coloured
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.metric_list import metric_lines
from rayscope.cli.output.series import exact_number, long_rows, number_of, sample_table, series_chart, shared_text, short_number, telling
from rayscope.cli.output.table import terminal_width
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.cli.output.values import utc
from rayscope.cli.watch import repeat
from rayscope.client import Client
from rayscope.errors import PromqlError, UsageError
from rayscope.model.metric_answers import Metric, MetricCatalogue, SeriesBudget
from rayscope.model.prometheus import PromqlAnswer, SampleSeries, series_name
from rayscope.model.resources import Column
from rayscope.query.promql_place import caret_lines
from rayscope.ray.metric_names import EXTERNAL, NODE, RAY, SOURCES, USER

app = App(
    name="rayscope metrics",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope metrics list --source user
  rayscope metrics list spill
  rayscope metrics query 'sum by (State) (ray_tasks)'
  rayscope metrics query 'rate(ray_rows_cleaned_total[1m])' --range 10m
  rayscope metrics query 'ray_node_mem_used' --since -1h --step 30s --format csv""",
)

_WHERE: Final = Where()
_HEADINGS: Final = {USER: "Your own (ray.util.metrics)", RAY: "Ray's", NODE: "Of nodes and processes, sampled by the agent", EXTERNAL: "Written here by others"}
_TOP: Final = 12
_WIDTH: Final = 80
_CHART_ROWS: Final = 15


def _column(name: str, kind: str) -> Column:
    return Column(name=name, kind=kind, level="brief", unit=None, description="")


_COLUMNS: Final = tuple(
    _column(name, kind)
    for name, kind in (("name", "text"), ("type", "text"), ("series", "int"), ("help", "text"), ("unit", "text"), ("source", "text"), ("labels", "json"))
)


@app.command(name="list")
def list_metrics(
    text: Annotated[str | None, Parameter(help="Only metrics whose name or help holds it.")] = None,
    /,
    *,
    source: Annotated[str | None, Parameter(help=f"Only those of one source: {', '.join(SOURCES)}.")] = None,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    where: Where = _WHERE,
) -> None:
    """List the metrics of a session: the user's own, Ray's, and what the agent samples, with what each says of itself."""
    check_format(format)
    api.check_source(source)
    with where.client() as client:
        found = client.metrics(_scope(where), text)
    chosen = [metric for metric in found.metrics if source in {None, metric.source}]
    if format == TABLE:
        _show_list(found, chosen)
    else:
        sys.stdout.writelines(FORMATS[format]([msgspec.to_builtins(metric) for metric in chosen], _COLUMNS))
    _tell_budget(found.budget)
    for warning in found.warnings:
        tell_warning(warning)


@app.command
def query(  # noqa: PLR0913 one parameter an option
    expression: Annotated[str, Parameter(help="An expression in PromQL; `-` reads it from stdin.")],
    /,
    *,
    range_: Annotated[str | None, Parameter(name="--range", help="A chart of the last so much time: 10m, 2h.")] = None,
    since: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="A chart from a time on: -1h, 2026-11-23T14:03 (UTC).")] = None,
    until: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="… to a time; else to now, or the session's end.")] = None,
    step: Annotated[str | None, Parameter(help="Time between two values of a chart: 15s; else what the width asks for.")] = None,
    top: Annotated[int, Parameter(name=["--top", "-n"], help="Series of a chart that are drawn, those with the greatest values.")] = _TOP,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=(), help="Show it again every 2 seconds until Ctrl-C.")] = False,
    where: Where = _WHERE,
) -> None:
    """Ask in PromQL: the values now, or those of --at, as a table; with --range or --since as a chart."""
    check_format(format)
    text = sys.stdin.read().strip() if expression == "-" else expression
    asked = _Asked(
        text=text, session=_scope(where), at=where.at, since=_since(range_, since, until, where), until=until, step=step, top=_positive(top), format=format
    )
    with where.client() as client:
        if watch:
            repeat(lambda: _ask(client, asked), is_table=format == TABLE)
        else:
            _ask(client, asked)


class _Asked(Struct, frozen=True, kw_only=True):
    """A question as it was worded. ``since`` None asks for one time."""

    text: str
    session: str
    at: str | None
    since: str | None
    until: str | None
    step: str | None
    top: int
    format: str


def _scope(where: Where) -> str:
    return where.scope()


def _since(range_: str | None, since: str | None, until: str | None, where: Where) -> str | None:
    if range_ and since:
        raise UsageError(f"--range {range_} and --since {since} exclude each other")
    if range_ and until:
        raise UsageError("--range ends now", hint="for another stretch of time give --since and --until")
    if until and not since:
        raise UsageError("--until needs --since")
    if where.at and (range_ or since):
        raise UsageError("--at asks for one time, --range and --since for many")
    return f"-{range_.removeprefix('-')}" if range_ else since


def _positive(top: int) -> int:
    if top < 1:
        raise UsageError(f"--top {top} draws nothing")
    return top


def _ask(client: Client, asked: _Asked) -> None:
    try:
        _show_instant(client, asked) if asked.since is None else _show_range(client, asked)
    except prometheus.PlacedPromqlError as error:
        lines = [f"  {line}" for line in caret_lines(asked.text, error.position)]
        raise PromqlError("\n".join([error.message, *lines]), hint=error.hint) from error


def _show_instant(client: Client, asked: _Asked) -> None:
    answer = api.instant(client, asked.text, asked.at, asked.session)
    if asked.format != TABLE:
        series = [SampleSeries(labels=one.labels, times_ms=[one.time_ms], values=[one.value]) for one in answer.samples]
        _write(answer, series or answer.series, asked.format)
        return
    if answer.kind == "matrix":
        raise PromqlError("a range of values is no table", hint="wrap it in a function of a range such as rate(…), or draw it with --range")
    if answer.text is not None:
        print(answer.text)
    elif not answer.samples:
        _tell_none(client, asked)
    elif len(answer.samples) == 1:
        sample = answer.samples[0]
        name = f"{series_name(sample.labels)}  " if sample.labels else ""
        print(f"{name}{_exact(asked.text)(sample.value)}  at {utc(sample.time_ms * 1_000_000)} UTC")
    else:
        shared, _ = telling([sample.labels for sample in answer.samples])
        head = f"======== {len(answer.samples):,} series: {utc(answer.samples[0].time_ms * 1_000_000)} UTC ========"
        print("\n".join([head, *textwrap.wrap(shared_text(shared), terminal_width(sys.stdout) or _WIDTH)]))
        print("\n".join(sample_table(answer.samples, _exact(asked.text), terminal_width(sys.stdout))))
    _warn(answer)


def _exact(text: str) -> Any:
    """Numbers of a table have all their digits, unless they have a unit."""
    number = number_of(text)
    return exact_number if number is short_number else number


def _show_range(client: Client, asked: _Asked) -> None:
    assert asked.since is not None
    size = shutil.get_terminal_size((_WIDTH, _CHART_ROWS))
    width = size.columns if sys.stdout.isatty() else _WIDTH
    start_ms, end_ms = api.stretch(asked.since, asked.until or "now", api.now_ms(client, asked.session))
    step_ms = api.step_ms(asked.step, end_ms - start_ms, max(width, 20))
    answer = prometheus.query_range(client, asked.text, start_ms, end_ms, step_ms, asked.session)
    if asked.format != TABLE:
        _write(answer, answer.series, asked.format)
    elif not answer.series:
        _tell_none(client, asked)
    else:
        frame = Frame(start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, width=width, height=_CHART_ROWS)
        print(f"======== {asked.text} ========"[: max(width, 20)])
        print("\n".join(series_chart(answer.series, frame, number_of(asked.text), asked.top, coloured=is_coloured(sys.stdout))))
        if len(answer.series) > asked.top:
            tell_hint(f"--top {len(answer.series)} draws all; topk(5, …) or sum by (label) (…) says more")
    _warn(answer)


def _write(answer: PromqlAnswer, series: list[SampleSeries], chosen: str) -> None:
    columns, rows = long_rows(series)
    sys.stdout.writelines(FORMATS[chosen](rows, columns))
    _warn(answer)


def _warn(answer: PromqlAnswer) -> None:
    for warning in answer.warnings:
        tell_warning(warning)


def _tell_none(client: Client, asked: _Asked) -> None:
    tell("No series fit.")
    if not client.metrics(asked.session).metrics:
        tell_hint("this session has no metrics: an agent scrapes them; `rayscope run` starts one, `rayscope attach` puts one on a running cluster")
    else:
        tell_hint("`rayscope metrics list` shows the names; of a session that has ended, --range 1h shows when there was something")


def _show_list(found: MetricCatalogue, chosen: list[Metric]) -> None:
    if not chosen:
        tell("No metrics fit." if found.metrics else f"{found.session or 'This server'} has no metrics.")
        tell_hint("an agent scrapes them: `rayscope run` starts one, `rayscope attach` puts one on a running cluster")
        return
    width = terminal_width(sys.stdout)
    for source in SOURCES:
        metrics = [metric for metric in chosen if metric.source == source]
        if metrics:
            print("\n".join([f"--- {_HEADINGS[source]}: {len(metrics):,} ---", *metric_lines(metrics, width), ""]))
    sys.stdout.flush()


def _tell_budget(budget: SeriesBudget | None) -> None:
    if budget and budget.dropped_series:
        worst = ", ".join(f"{one.name} ({one.series:,})" for one in budget.offenders[:3])
        tell_warning(f"{budget.dropped_series:,} series are over the session's limit of {budget.limit:,} and were dropped; most are of {worst}")
    if budget and budget.rejected:
        tell_warning("samples were refused: " + ", ".join(f"{count:,} {reason}" for reason, count in sorted(budget.rejected.items())))
