"""The Python API: the names and parameters of ``ray.util.state``, over live and finished clusters.

    from rayscope.state import list_tasks, summarize_tasks

    for task in list_tasks(filters=[("state", "=", "FAILED")], detail=True):
        print(task.name, task.error_type)

Beyond Ray's: filters with all of ``= != < <= > >= ~ !~ in``, ``session`` (a name, a prefix, ``latest`` or ``all``), ``at``
(states as they were then), ``sort``, no cap on ``limit``, and ``to_arrow()``, ``to_pandas()`` and ``to_polars()``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import msgspec
from msgspec import Struct

from rayscope.address import find_address
from rayscope.client import Client
from rayscope.errors import NotFound
from rayscope.model.actor import Actor
from rayscope.model.agent import Agent
from rayscope.model.event import Event
from rayscope.model.job import Job
from rayscope.model.log import LogFile, LogLine
from rayscope.model.node import Node
from rayscope.model.object_answers import Leaks, ObjectGrowth, ObjectSummary
from rayscope.model.object_ref import ObjectRef
from rayscope.model.page import ActorSummary, Page, TaskSummary
from rayscope.model.placement_group import PlacementGroup
from rayscope.model.resources import RESOURCES, Resource
from rayscope.model.runtime_env import RuntimeEnv
from rayscope.model.session import Session
from rayscope.model.task import Task
from rayscope.model.worker import Worker
from rayscope.query.logs.request import LogQuery
from rayscope.query.request import ListRequest
from rayscope.query.sessions import LATEST
from rayscope.store.limits import DEFAULT_PAGE, MAX_LOG_LINES, MAX_PAGE

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Row = TypeVar("Row", bound=Struct)
Filter = str | tuple[str, str, Any]
"""``"state=FAILED"``, or Ray's form ``("state", "=", "FAILED")``."""

DEFAULT_TIMEOUT_S: Final = 30


class Rows(Sequence[Row], Generic[Row]):
    """The rows of a listing, fetched page by page as they are asked for. Without ``detail``, detail fields are None.

    ``total`` counts the resource in the session, ``num_filtered`` what the filters left, ``warnings`` say what is missing.
    """

    def __init__(self, client: Client, request: ListRequest, kind: type[Row], limit: int | None) -> None:
        self._pages = client.pages(request)
        self._kind = kind
        self._limit = limit
        self._rows: list[dict[str, Any]] = []
        self._done = False
        self._first = self._fetch()

    @property
    def total(self) -> int:
        """Rows of the resource, before filters."""
        return self._first.total

    @property
    def num_filtered(self) -> int:
        """Rows that fit the filters."""
        return self._first.num_filtered

    @property
    def session(self) -> str | None:
        """The session that was asked; None for all."""
        return self._first.session

    @property
    def warnings(self) -> list[str]:
        """What is missing or was cut."""
        return self._first.warnings

    def __iter__(self) -> Iterator[Row]:
        at = 0
        while self._reach(at):
            yield self._typed(self._rows[at])
            at += 1

    def __len__(self) -> int:
        self._reach_all()
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            self._reach_all()
            return [self._typed(row) for row in self._rows[at]]
        if at < 0:
            self._reach_all()
        elif not self._reach(at):
            raise IndexError(f"row {at} of {len(self._rows)}")
        return self._typed(self._rows[at])

    def __repr__(self) -> str:
        return f"<Rows of {self._kind.__name__}: {self.num_filtered} fit, {self.total} in all>"

    def dicts(self) -> list[dict[str, Any]]:
        """All rows as plain mappings of the columns asked for."""
        self._reach_all()
        return self._rows

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table; nested columns as JSON text, times as UTC nanoseconds. Needs pyarrow."""
        from rayscope.frames import to_arrow

        return to_arrow(self.dicts(), _resource_of(self._kind))

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas frame. Needs pandas."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """All rows as a polars frame. Needs polars."""
        import polars  # noqa: ICN001 optional

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def _typed(self, row: dict[str, Any]) -> Row:
        return msgspec.convert(row, self._kind)

    def _reach(self, at: int) -> bool:
        """Fetch until row ``at`` is there. False if there is no such row."""
        while at >= len(self._rows) and not self._done:
            self._fetch()
        return at < len(self._rows)

    def _reach_all(self) -> None:
        while not self._done:
            self._fetch()

    def _fetch(self) -> Page:
        page = next(self._pages)
        self._rows += page.rows
        if self._limit is not None and len(self._rows) >= self._limit:
            del self._rows[self._limit :]
            self._done = True
        self._done = self._done or page.next is None
        return page


def list_sessions(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Session]:
    """Every cluster lifetime that is recorded, the newest first. Options as for `list_tasks`."""
    return _list(Session, address, filters, limit, timeout, **options)


def list_nodes(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Node]:
    """The nodes of a session. Options as for `list_tasks`."""
    return _list(Node, address, filters, limit, timeout, **options)


def list_workers(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Worker]:
    """The worker and driver processes of a session. Options as for `list_tasks`."""
    return _list(Worker, address, filters, limit, timeout, **options)


def list_jobs(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Job]:
    """The jobs of a session. Options as for `list_tasks`."""
    return _list(Job, address, filters, limit, timeout, **options)


def list_actors(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Actor]:
    """The actors of a session. Options as for `list_tasks`."""
    return _list(Actor, address, filters, limit, timeout, **options)


def list_tasks(  # noqa: PLR0913 Ray's parameters and our own
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int | None = DEFAULT_PAGE,
    timeout: float = DEFAULT_TIMEOUT_S,
    *,
    detail: bool = False,
    session: str = LATEST,
    sort: str | None = None,
    at: str | None = None,
    exclude_driver: bool = True,
) -> Rows[Task]:
    """The task attempts of a session.

    ``address``: the server's; without it RAYSCOPE_ADDRESS, or the server that runs on this machine. ``limit`` None is no limit: pages
    are fetched as they are asked for. ``timeout`` in seconds. ``at``: a time such as ``-5m`` or ``2026-11-23T14:03``.
    Raises FilterError, NotFound, ServerUnreachable.
    """
    return _list(
        Task,
        address=address,
        filters=filters,
        limit=limit,
        timeout=timeout,
        detail=detail,
        session=session,
        sort=sort,
        at=at,
        exclude_driver=exclude_driver,
    )


def list_objects(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[ObjectRef]:
    """The object references of the newest snapshot, or the newest at or before ``at``. Options as for `list_tasks`."""
    return _list(ObjectRef, address, filters, limit, timeout, **options)


def list_placement_groups(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[PlacementGroup]:
    """The placement groups of a session. Options as for `list_tasks`."""
    return _list(PlacementGroup, address, filters, limit, timeout, **options)


def list_runtime_envs(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[RuntimeEnv]:
    """The runtime envs of a session. Options as for `list_tasks`."""
    return _list(RuntimeEnv, address, filters, limit, timeout, **options)


def list_cluster_events(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Event]:
    """The events of a session, those of tasks aside. Options as for `list_tasks`."""
    return _list(Event, address, filters, limit, timeout, **options)


def list_agents(
    address: str | None = None, filters: Sequence[Filter] | None = None, limit: int | None = DEFAULT_PAGE, timeout: float = DEFAULT_TIMEOUT_S, **options: Any
) -> Rows[Agent]:
    """The node agents of a session. Options as for `list_tasks`."""
    return _list(Agent, address, filters, limit, timeout, **options)


def get_session(id: str = LATEST, **options: Any) -> Session:  # noqa: A002 Ray's parameter name
    """A session by name, unique prefix, or ``latest``. Raises NotFound, Ambiguous."""
    if id == LATEST:
        return list_sessions(limit=1, detail=True, **options)[0]
    return _get(Session, id, **options)[0]


def get_node(id: str, **options: Any) -> Node | None:  # noqa: A002 Ray's parameter name
    """A node by id or unique prefix, None if there is none. Options: address, timeout, session, at."""
    return _one(Node, id, options)


def get_worker(id: str, **options: Any) -> Worker | None:  # noqa: A002 Ray's parameter name
    """A worker by id or unique prefix, None if there is none."""
    return _one(Worker, id, options)


def get_job(id: str, **options: Any) -> Job | None:  # noqa: A002 Ray's parameter name
    """A job by job or submission id, None if there is none."""
    return _one(Job, id, options)


def get_actor(id: str, **options: Any) -> Actor | None:  # noqa: A002 Ray's parameter name
    """An actor by id or unique prefix, None if there is none."""
    return _one(Actor, id, options)


def get_placement_group(id: str, **options: Any) -> PlacementGroup | None:  # noqa: A002 Ray's parameter name
    """A placement group by id or unique prefix, None if there is none."""
    return _one(PlacementGroup, id, options)


def get_task(id: str, **options: Any) -> Task | list[Task] | None:  # noqa: A002 Ray's parameter name
    """A task by id or unique prefix: its attempt, a list if it has several (as Ray gives it), None if there is none."""
    try:
        attempts = _get(Task, id, **options)
    except NotFound:
        return None
    return attempts[0] if len(attempts) == 1 else attempts


def search_logs(
    query: str = "", *, address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, limit: int | None = 100, **options: Any
) -> Iterator[LogLine]:
    """Log lines that fit a query, the newest first; pages are fetched as they are asked for. ``limit`` None is no limit.

    Options: those of `rayscope logs` (session, job, task, attempt, actor, worker, node, source, stream, level, file, pid, since, until,
    order, context). Raises FilterError, NotFound, ServerUnreachable.
    """
    asked = LogQuery(q=query, limit=MAX_LOG_LINES if limit is None else min(limit, MAX_LOG_LINES), **options)
    left = limit
    with _client(address, timeout) as client:
        for page in client.log_pages(asked):
            for line in page.lines:
                if left is not None and not line.context:
                    if left == 0:
                        return
                    left -= 1
                yield line
            if left == 0:
                return


def follow_logs(
    query: str = "", *, address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, cursor: str | None = None, **options: Any
) -> Iterator[LogLine]:
    """Log lines as they arrive, from now on, for ever; with ``cursor="0"`` from the first one. Options as for `search_logs`, but for times and orders.

    A server that goes away is waited for, and the tail goes on where it was.
    """
    with _client(address, timeout) as client:
        for _, batch in client.resumed_logs(LogQuery(q=query, **options), cursor):
            yield from batch.lines


def list_logs(
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    glob_filter: str | None = None,
    timeout: int = DEFAULT_TIMEOUT_S,
    *,
    session: str = LATEST,
) -> list[LogFile]:
    """The log files that were shipped, of a node or of all; ``glob_filter`` is a pattern of their names."""
    with _client(address, timeout) as client:
        return client.log_files(LogQuery(session=session, node=node_id or node_ip, file=glob_filter)).files


def get_log(  # noqa: PLR0913, PLR0917 Ray's parameters
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    filename: str | None = None,
    actor_id: str | None = None,
    task_id: str | None = None,
    pid: int | None = None,
    follow: bool = False,  # noqa: FBT001, FBT002 Ray's parameter
    tail: int = -1,
    timeout: int = DEFAULT_TIMEOUT_S,
    suffix: str = "out",
    encoding: str | None = "utf-8",
    errors: str = "strict",
    submission_id: str | None = None,
    attempt_number: int = 0,
    *,
    session: str = LATEST,
    filter_ansi_code: bool = False,
) -> Iterator[str | bytes]:
    """The bytes of a log, as Ray's `get_log` gives them: of a file, an actor, a task's attempt, a process, or a submitted job; in chunks."""
    wish = {
        "node_id": node_id,
        "node_ip": node_ip,
        "filename": filename,
        "actor_id": actor_id,
        "task_id": task_id,
        "pid": pid,
        "lines": tail,
        "suffix": suffix,
        "submission_id": submission_id,
        "attempt_number": attempt_number,
        "filter_ansi_code": filter_ansi_code,
    }
    with _client(address, timeout) as client:
        for chunk in client.ray_log(session, "stream" if follow else "file", {name: value for name, value in wish.items() if value is not None}):
            yield chunk if encoding is None else chunk.decode(encoding, errors)


def get_objects(id: str, **options: Any) -> list[ObjectRef]:  # noqa: A002 Ray's parameter name
    """The references to an object by id or unique prefix, one a process that holds it; none if there is none."""
    try:
        return _get(ObjectRef, id, **options)
    except NotFound:
        return []


def summarize_tasks(
    address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, *, filters: Sequence[Filter] = (), session: str = LATEST, at: str | None = None
) -> TaskSummary:
    """Tasks by name and state; each counts once, by its last attempt, and ``retries`` counts the further ones."""
    with _client(address, timeout) as client:
        return client.task_summary(session, _texts(filters), at)


def summarize_actors(
    address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, *, filters: Sequence[Filter] = (), session: str = LATEST, at: str | None = None
) -> ActorSummary:
    """Actors by class and state."""
    with _client(address, timeout) as client:
        return client.actor_summary(session, _texts(filters), at)


def summarize_objects(
    address: str | None = None,
    timeout: float = DEFAULT_TIMEOUT_S,
    *,
    by: str = "call-site",
    filters: Sequence[Filter] = (),
    session: str = LATEST,
    at: str | None = None,
) -> ObjectSummary:
    """Object references by ``call-site``, ``function``, ``node`` or ``owner``, with their bytes and kinds."""
    with _client(address, timeout) as client:
        return client.object_summary(session, by, _texts(filters), at)


def object_growth(
    address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, *, points: int = 3, session: str = LATEST, at: str | None = None
) -> ObjectGrowth:
    """Bytes by call site in some snapshots, from the first to the last; what grew most comes first."""
    with _client(address, timeout) as client:
        return client.object_growth(session, points, at)


def object_leaks(address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, *, idle: str = "60s", session: str = LATEST, at: str | None = None) -> Leaks:
    """Objects that only a dead or idle process holds, or whose owner or job is gone, with the evidence."""
    with _client(address, timeout) as client:
        return client.object_leaks(session, idle, at)


def _list(  # noqa: PLR0913 the options of every listing
    kind: type[Row],
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int | None = DEFAULT_PAGE,
    timeout: float = DEFAULT_TIMEOUT_S,
    *,
    detail: bool = False,
    session: str = LATEST,
    sort: str | None = None,
    at: str | None = None,
    exclude_driver: bool = True,
) -> Rows[Row]:
    resource = _resource_of(kind)
    request = ListRequest(
        resource=resource.name,
        session=session,
        filters=_texts(filters or ()),
        sort=sort,
        limit=MAX_PAGE if limit is None else min(limit, MAX_PAGE),
        columns=None if detail else _needed(resource),
        detail=detail,
        at=at,
        exclude_driver=exclude_driver,
    )
    return Rows(_client(address, timeout), request, kind, limit)


def _needed(resource: Resource) -> str:
    """The brief columns, the key, and what is never None: a row without them could not be typed, or would tell a default for a fact."""
    defaults = resource.row.__struct_defaults__
    certain = dict(zip(resource.row.__struct_fields__[-len(defaults) :], defaults, strict=True))
    named = [column.name for column in resource.columns if column.level == "brief" or column.name in resource.key or certain.get(column.name) is not None]
    return ",".join(named)


def _get(
    kind: type[Row], wanted: str, address: str | None = None, timeout: float = DEFAULT_TIMEOUT_S, *, session: str = LATEST, at: str | None = None
) -> list[Row]:
    with _client(address, timeout) as client:
        return msgspec.convert(client.get(_resource_of(kind).name, wanted, session, at), list[kind])  # type: ignore[valid-type]  # a type at run time


def _one(kind: type[Row], wanted: str, options: dict[str, Any]) -> Row | None:
    try:
        return _get(kind, wanted, **options)[0]
    except NotFound:
        return None


def _client(address: str | None, timeout: float) -> Client:
    return Client(address or find_address(), timeout_s=timeout)


def _texts(filters: Sequence[Filter]) -> tuple[str, ...]:
    return tuple(given if isinstance(given, str) else _text(*given) for given in filters)


def _text(column: str, op: str, value: Any) -> str:
    listed = ",".join(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)
    return f"{column} {op} {listed}"


def _resource_of(kind: type[Struct]) -> Resource:
    return next(resource for resource in RESOURCES.values() if resource.row is kind)
