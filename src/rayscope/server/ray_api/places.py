"""Where attempts ran, as far as Ray's task events do not say it: the addresses of nodes, and the places of constructors and drivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE

_IDS_A_QUESTION = 1000
"""Ids in one filter: a few tens of KB of text."""


class Places(Struct, frozen=True, kw_only=True):
    """``constructors`` holds the worker and node of each actor's incarnations by (actor id, pid), ``drivers`` each job's address."""

    addresses: dict[str, str]
    constructors: dict[tuple[str, int], tuple[str, str]]
    drivers: dict[str, str]

    def of(self, row: Row) -> tuple[str, str]:
        """The worker id and the address of an attempt, each empty where it is not known."""
        if row["type"] == "DRIVER_TASK":
            return row["worker_id"] or driver_worker_id(row["job_id"] or ""), self.drivers.get(row["job_id"] or "", "")
        worker, node = self.constructors.get((row["actor_id"] or "", row["worker_pid"] or 0), ("", ""))
        return row["worker_id"] or worker, self.addresses.get(row["node_id"] or node, "")


def find_places(queries: Queries, session: str, rows: Sequence[Row]) -> Places:
    """What is known of the places of these attempts. Asks only for what they need."""
    actors = sorted({row["actor_id"] for row in rows if row["type"] == "ACTOR_CREATION_TASK" and row["worker_id"] is None and row["actor_id"]})
    drivers = any(row["type"] == "DRIVER_TASK" for row in rows)
    return Places(
        addresses={row["node_id"]: row["node_ip"] for row in _every(queries, session, "nodes", "node_id,node_ip") if row["node_ip"]},
        constructors=dict(_constructors(queries, session, actors)),
        drivers={row["job_id"]: row["driver_ip"] or "" for row in _every(queries, session, "jobs", "job_id,driver_ip")} if drivers else {},
    )


def driver_worker_id(job_id: str) -> str:
    """The worker id of a job's driver."""
    return job_id + "f" * (56 - len(job_id))


def _constructors(queries: Queries, session: str, actors: Sequence[str]) -> Iterator[tuple[tuple[str, int], tuple[str, str]]]:
    for start in range(0, len(actors), _IDS_A_QUESTION):
        wanted = f"actor_id in {','.join(actors[start : start + _IDS_A_QUESTION])}"
        for actor in _every(queries, session, "actors", "actor_id,transitions", wanted):
            for step in actor["transitions"] or []:
                if step.get("pid") and step.get("worker_id"):
                    yield (actor["actor_id"], step["pid"]), (step["worker_id"], step.get("node_id") or "")


def _every(queries: Queries, session: str, resource: str, columns: str, *filters: str) -> list[Row]:
    return queries.page(ListRequest(resource=resource, session=session, limit=MAX_PAGE, columns=columns, filters=filters)).rows
