"""Retention: old data goes, a step at a time, and what went is written down. States of a session that lives never go."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from rayscope.errors import NotFound, UsageError
from rayscope.model.retention import Retention
from rayscope.model.storage import Planned
from rayscope.store import retention as stored
from rayscope.store.database import Database
from rayscope.store.limits import COMPACT_AT_MOST_BYTES, COMPACT_FREE_BYTES
from rayscope.store.logs.store import LogStore
from rayscope.store.metrics.blocks import BlockRow
from rayscope.store.metrics.index import block_bytes, old_blocks
from rayscope.store.metrics.upkeep import Upkeep

log = logging.getLogger("rayscope.retention")

EVERY_S: Final = 30.0
"""How often it is looked whether something is too old: ages are hours and days."""

AGE, SIZE, ASKED = "age", "size", "asked"
_MS: Final = 1_000_000
_BLOCKS: Final = 10_000
"""Blocks of metrics deleted at once."""

_PASS_S: Final = 5.0
"""How long one look deletes before housekeeping goes on; the rest waits for the next look."""


class Plan(Struct, frozen=True):
    """One thing to delete: states of a session, a segment of its logs, or (with neither number) events up to a time."""

    kind: str
    cause: str
    session_no: int
    session: str
    before_ns: int
    segment_no: int | None = None


class Retainer:
    """Applies what is to be kept. Used by the housekeeper, and by whoever deletes a session."""

    def __init__(self, database: Database, logs: LogStore, retention: Retention, metrics: Upkeep | None = None) -> None:
        self.retention = retention
        self._metrics = metrics
        self._database = database
        self._logs = logs
        self._looked_s = float("-inf")

    def tidy(self, now_ns: int) -> None:
        """Look, if it is time, and delete for a few seconds."""
        if time.monotonic() - self._looked_s >= EVERY_S:
            self._looked_s = time.monotonic()
            if self.apply(now_ns):
                self.give_back()

    def apply(self, now_ns: int, budget_s: float = _PASS_S) -> int:
        """Delete what is beyond its age or size, until a budget of time is used up; how many things were."""
        deadline = time.monotonic() + budget_s
        done = self._drop_events(now_ns) + self._drop_old_metrics(now_ns)
        while time.monotonic() < deadline and (plans := self.plans(now_ns)):
            for plan in plans:
                self._carry_out(plan)
                done += 1
                if plan.kind == "states" or time.monotonic() >= deadline:
                    break  # how much room that made is measured anew
        return done

    def plans(self, now_ns: int) -> list[Plan]:
        """What is to be deleted now, the oldest first; of events only that some are, see `next`."""
        return [*self._old_states(now_ns), *self._old_logs(now_ns)]

    def next(self, now_ns: int) -> list[Planned]:
        """What will go next by its age, and when."""
        found: list[Planned] = []
        ended, segments = self._database.read(stored.ended_sessions), self._database.read(stored.segments)
        if (age := self.retention.ages_ns.get("states")) is not None:
            found += [Planned(kind="states", session=item.session, due_ns=item.ended_ns + age) for item in ended[:1] if self._has_states(item.session_no)]
        if (age := self.retention.ages_ns.get("logs")) is not None:
            found += [Planned(kind="logs", session=item.session, due_ns=item.last_ns + age) for item in segments[:1]]
        if (age := self.retention.ages_ns.get("metrics")) is not None:
            names = self._database.read(stored.session_names)
            blocks = self._database.read(lambda connection: old_blocks(connection, None, 1))
            found += [Planned(kind="metrics", session=names.get(row.session_no, ""), due_ns=row.end_ms * _MS + age) for row in blocks]
        return sorted(found, key=lambda item: max(item.due_ns, now_ns))

    def delete_session(self, session: str) -> dict[str, int]:
        """Delete all of a session that has ended: rows and bytes by kind. Raises NotFound, UsageError for one that lives."""
        ended = {item.session: item for item in self._database.read(stored.ended_sessions)}
        if session not in ended:
            if session in self._database.read(stored.session_names).values():
                raise UsageError(f"{session} lives: what it reports would come back", hint="stop its cluster first; `rayscope get sessions` tells how it is")
            raise NotFound(f"no session {session!r}", hint="`rayscope list sessions` shows what is recorded")
        item = ended[session]
        freed = {
            "states": self._drop_states(Plan("states", ASKED, item.session_no, session, item.ended_ns)),
            "events": self._drop_session_events(item),
            "logs": self._drop_logs(Plan("logs", ASKED, item.session_no, session, item.ended_ns)),
            "metrics": self._drop_metrics(Plan("metrics", ASKED, item.session_no, session, item.ended_ns)),
        }
        self._database.write(lambda connection: stored.forget_session(connection, item.session_no))
        self.give_back()
        return freed

    def give_back(self) -> None:
        """Make the file smaller where much of it is empty: deleted rows leave room in it, which new ones take, but the disk does not see that."""
        self._database.checkpoint()
        used, free = self._database.read(stored.room)
        if free >= max(COMPACT_FREE_BYTES, used) and used <= COMPACT_AT_MOST_BYTES:
            saved = self._database.compact()
            log.info("the store's file was written anew: %d MB given back", saved // 1_000_000)

    def _old_states(self, now_ns: int) -> list[Plan]:
        ages, sizes = self.retention.ages_ns, self.retention.sizes
        if "states" not in ages and "states" not in sizes:
            return []
        tables = self._database.read(stored.state_tables)
        held = self._database.read(lambda connection: stored.held(connection, tables))
        ended = [item for item in self._database.read(stored.ended_sessions) if held.get(item.session_no)]
        old = [Plan("states", AGE, item.session_no, item.session, item.ended_ns) for item in ended if item.ended_ns < now_ns - ages.get("states", now_ns)]
        if old or "states" not in sizes or not ended or self._used_bytes() <= sizes["states"]:
            return old
        return [Plan("states", SIZE, ended[0].session_no, ended[0].session, ended[0].ended_ns)]

    def _used_bytes(self) -> int:
        """What the database takes, its log included."""
        log_bytes = sum(path.stat().st_size for path in self._database.path.parent.glob(f"{self._database.path.name}.wal"))
        return self._database.read(stored.room)[0] + log_bytes

    def _old_logs(self, now_ns: int) -> list[Plan]:
        ages, sizes = self.retention.ages_ns, self.retention.sizes
        if "logs" not in ages and "logs" not in sizes:
            return []
        segments = self._database.read(stored.segments)
        age = ages.get("logs", now_ns)
        plans = [_of(item, AGE) for item in segments if item.last_ns < now_ns - age]
        over = sum(self._logs.sizes().values()) - sizes["logs"] if "logs" in sizes else 0
        for item in segments[len(plans) :]:
            if over <= 0:
                break
            plans.append(_of(item, SIZE))
            over -= self._logs.segments.size_of(item.session, item.segment_no)
        return plans

    def _carry_out(self, plan: Plan) -> None:
        if plan.kind == "states":
            self._drop_states(plan)
            self._database.checkpoint()  # only then is the room seen to be free
        else:
            self._drop_logs(plan)
        self._forget_if_empty(plan.session_no)

    def _drop_states(self, plan: Plan) -> int:
        amount = 0
        for table in self._database.read(stored.state_tables):
            while gone := self._database.write(lambda connection, name=table: stored.delete_some(connection, name, plan.session_no)):  # type: ignore[misc]  # mypy cannot type a lambda's default
                amount += gone
        self._note(plan, amount)
        return amount

    def _drop_logs(self, plan: Plan) -> int:
        if plan.segment_no is not None:
            freed = self._logs.drop_segment(plan.session_no, plan.session, plan.segment_no)
        else:
            freed = self._logs.drop_session(plan.session_no, plan.session)
        self._note(plan, freed)
        return freed

    def _drop_metrics(self, plan: Plan) -> int:
        freed = self._metrics.drop_session(plan.session_no, plan.session) if self._metrics is not None else 0
        self._note(plan, freed)
        return freed

    def _drop_old_metrics(self, now_ns: int) -> int:
        """Blocks beyond the age, then the oldest beyond the size; how many went. Of an ended session without blocks the rest goes, too."""
        age, size = self.retention.ages_ns.get("metrics"), self.retention.sizes.get("metrics")
        gone: list[tuple[BlockRow, str]] = []
        if age is not None:
            before_ms = (now_ns - age) // _MS
            gone += [(row, AGE) for row in self._database.read(lambda connection: old_blocks(connection, before_ms, _BLOCKS))]
        if size is not None and not gone:
            over = sum(self._database.read(block_bytes).values()) - size
            for row in self._database.read(lambda connection: old_blocks(connection, None, _BLOCKS)) if over > 0 else ():
                if over <= 0:
                    break
                gone.append((row, SIZE))
                over -= row.size_bytes
        if gone and self._metrics is not None:
            self._metrics.drop_blocks([row for row, _ in gone])
            self._note_blocks(gone)
        return len(gone)

    def _note_blocks(self, gone: Sequence[tuple[BlockRow, str]]) -> None:
        names = self._database.read(stored.session_names)
        amounts: dict[tuple[int, str], tuple[int, int]] = {}
        for row, cause in gone:
            amount, end_ms = amounts.get((row.session_no, cause), (0, 0))
            amounts[row.session_no, cause] = (amount + row.size_bytes, max(end_ms, row.end_ms))
        for (number, cause), (amount, end_ms) in amounts.items():
            self._note(Plan("metrics", cause, number, names.get(number, ""), end_ms * _MS), amount)
        ended = {item.session_no: item.session for item in self._database.read(stored.ended_sessions)}
        for number in {number for number, _ in amounts} & set(ended) - set(self._database.read(block_bytes)):
            assert self._metrics is not None
            self._metrics.drop_session(number, ended[number])
            self._forget_if_empty(number)

    def _drop_events(self, now_ns: int) -> int:
        age = self.retention.ages_ns.get("events")
        done = 0
        while age is not None and (gone := self._database.write(lambda connection: stored.delete_events(connection, now_ns - age))):
            names = self._database.read(stored.session_names)
            for number, amount in gone.items():
                self._note(Plan("events", AGE, number, names.get(number, ""), now_ns - age), amount)
            done += len(gone)
        return done

    def _drop_session_events(self, item: stored.Ended) -> int:
        amount = 0
        while gone := self._database.write(lambda connection: stored.delete_some(connection, "event", item.session_no)):
            amount += gone
        self._note(Plan("events", ASKED, item.session_no, item.session, item.ended_ns), amount)
        return amount

    def _forget_if_empty(self, session_no: int) -> None:
        """A session of which nothing is left is no more listed."""
        tables = [*self._database.read(stored.state_tables), "event", "log_piece", "metric_block"]
        if not self._database.read(lambda connection: stored.held(connection, tables)).get(session_no):
            self._database.write(lambda connection: stored.forget_session(connection, session_no))

    def _has_states(self, session_no: int) -> bool:
        tables = self._database.read(stored.state_tables)
        return bool(self._database.read(lambda connection: stored.held(connection, tables)).get(session_no))

    def _note(self, plan: Plan, amount: int) -> None:
        if not amount:
            return
        row = {
            "session_no": plan.session_no,
            "session": plan.session,
            "kind": plan.kind,
            "cause": plan.cause,
            "before_ns": plan.before_ns,
            "amount": amount,
            "deleted_ns": time.time_ns(),
        }
        self._database.write(lambda connection: stored.note_deleted(connection, row))


def _of(segment: stored.Segment, cause: str) -> Plan:
    return Plan("logs", cause, segment.session_no, segment.session, segment.last_ns, segment.segment_no)
