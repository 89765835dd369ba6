"""One destination: a thread that takes what arrived in the store since its cursor, sends it, and moves the cursor when it has arrived.

Nothing is left out while the store keeps it; after a kill, some may be sent twice.
"""

from __future__ import annotations

import http.client
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

from rayscope.export.batches import halves, newest_ms, sample_count, writes_of
from rayscope.export.cursor import CursorFile
from rayscope.export.post import Poster, shown_url
from rayscope.export.verdict import Again, Answer, Refused, verdict
from rayscope.model.export import Destination, ExportState
from rayscope.model.metrics import Write
from rayscope.query.metrics.frames import Frame
from rayscope.store.limits import EXPORT_BACKOFF_S, EXPORT_CLOSING_S, EXPORT_POLL_S, EXPORT_SAMPLES, EXPORT_SPLITS

log = logging.getLogger("rayscope.export")

Tail = Callable[[int, int], tuple[int, list[Frame]]]
"""What arrived since a cursor, up to so many samples, and the next cursor."""

_FIRST_BACKOFF_S: Final = 0.1
_SAY_EVERY_S: Final = 60.0


class WireProtocol(Protocol):
    """How bodies are made."""

    headers: Mapping[str, str]

    def is_again(self, status: int) -> bool:
        """Whether a status means that the same body is to be sent again."""

    def encode(self, writes: Sequence[Write]) -> bytes:
        """The body of one POST."""

    def refused_of(self, body: bytes) -> tuple[int, str]:
        """Of the answer of a success: how many samples were refused all the same, and why."""


class Sender:
    """Starts when it is made."""

    def __init__(self, destination: Destination, tail: Tail, cursor: CursorFile, protocol: WireProtocol) -> None:
        self.destination = destination
        self.url = shown_url(destination.url)
        self._tail, self._cursor, self._protocol = tail, cursor, protocol
        self._poster = Poster(destination.url, destination.headers)
        self._closing = threading.Event()
        self._give_up_s = float("inf")  # of the monotonic clock
        self._samples = self._retries = 0
        self._dropped: Counter[str] = Counter()
        self._splits = EXPORT_SPLITS
        self._said_s: dict[str, float] = {}
        self._sent_ms: int | None = None  # when something was taken last
        self._behind_ms: int | None = None  # the time of the newest sample that is there, while more is to come
        self._error: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"rayscope-{destination.kind}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is there, if it is taken within some seconds, and end. What is not is sent after the next start."""
        self._give_up_s = time.monotonic() + EXPORT_CLOSING_S
        self._closing.set()

    def close(self) -> None:
        """Stop, and wait for that."""
        self.stop()
        self._thread.join(EXPORT_CLOSING_S)
        while self._thread.is_alive():
            self._poster.abort()
            self._thread.join(_FIRST_BACKOFF_S)
        self._poster.close()

    def state(self) -> ExportState:
        """How it is."""
        behind_ms = self._behind_ms
        return ExportState(
            kind=self.destination.kind,
            url=self.url,
            state=self._word(),
            lag_s=0.0 if behind_ms is None else round(max(time.time() - behind_ms / 1000, 0.0), 3),
            samples=self._samples,
            dropped=dict(self._dropped),
            retries=self._retries,
            last_success_ms=self._sent_ms,
            error=self._error,
        )

    def _word(self) -> Literal["idle", "ok", "waiting"]:
        if self._error is not None:
            return "waiting"
        return "idle" if self._sent_ms is None else "ok"

    def _run(self) -> None:
        while True:
            try:
                has_sent = self._step()
            except _GivenUpError:
                return
            except Exception:
                log.exception("sending metrics to %s failed; it goes on", self.url)
                has_sent = False
            if not has_sent and self._closing.wait(EXPORT_POLL_S):
                return

    def _step(self) -> bool:
        """Send what is next. False where there is nothing."""
        cursor, frames = self._tail(self._cursor.value, EXPORT_SAMPLES)
        if cursor == self._cursor.value:
            self._behind_ms = None
            return False
        if writes := writes_of(frames):
            self._behind_ms = min(self._behind_ms or _NEVER_MS, newest_ms(writes))
            self._deliver(writes)
            self._behind_ms = newest_ms(writes)
        self._cursor.save(cursor)
        return True

    def _deliver(self, writes: list[Write]) -> None:
        """Send a batch. What is refused for its content is sent in parts, so that what is good in it arrives.

        Where no part is taken, as of a history that is too old for the receiver, the next batch is not divided as often.
        """
        waiting, splits, taken_ms = [writes], 0, self._sent_ms
        while waiting:
            batch = waiting.pop()
            refusal = self._send(batch)
            if refusal is None:
                continue
            parts = halves(batch) if refusal.is_content and splits < self._splits else None
            if parts is None:
                self._drop(batch, refusal)
            else:
                splits += 1
                waiting += reversed(parts)
        self._splits = max(self._splits // 2, 1) if self._sent_ms == taken_ms else EXPORT_SPLITS

    def _send(self, batch: Sequence[Write]) -> Refused | None:
        """Send until it is taken, or refused. Raises _GivenUpError when the server stops meanwhile."""
        body, backoff_s = self._protocol.encode(batch), _FIRST_BACKOFF_S
        while True:
            found = self._ask(body)
            if isinstance(found, Answer):
                self._note_taken(batch, found)
                return None
            if isinstance(found, Refused):
                self._error = None
                return found
            self._note_again(found)
            self._wait(found.after_s if found.after_s is not None else backoff_s * random.uniform(0.75, 1.25))  # noqa: S311 no secret
            backoff_s = min(backoff_s * 2, EXPORT_BACKOFF_S)

    def _ask(self, body: bytes) -> Answer | Again | Refused:
        try:
            answer = self._poster.post(body, self._protocol.headers)
        except (OSError, http.client.HTTPException) as error:
            return Again(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        found = verdict(answer, self._protocol.is_again)
        return found if isinstance(found, Again | Refused) else answer

    def _note_taken(self, batch: Sequence[Write], answer: Answer) -> None:
        self._error, self._sent_ms = None, int(time.time() * 1000)
        refused, why = self._protocol.refused_of(answer.body)
        self._samples += sample_count(batch) - refused
        if refused:
            self._dropped["partial success"] += refused
            self._say("%s took all but %d of %d samples: %s", self.url, refused, sample_count(batch), why)

    def _note_again(self, again: Again) -> None:
        self._retries += 1
        self._error = again.reason
        self._say("%s does not take metrics, and is asked again: %s", self.url, again.reason)

    def _drop(self, batch: Sequence[Write], refusal: Refused) -> None:
        count = sample_count(batch)
        self._dropped[refusal.reason] += count
        self._say("%s refused %d samples, which are not sent again: %s %s", self.url, count, refusal.reason, refusal.detail)

    def _say(self, text: str, *values: object) -> None:
        """Into the log, the same words once a minute."""
        now_s = time.monotonic()
        if now_s - self._said_s.get(text, -_SAY_EVERY_S) >= _SAY_EVERY_S:
            self._said_s[text] = now_s
            log.warning(text, *values)

    def _wait(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := min(until_s, self._give_up_s) - time.monotonic()) > 0:
            if self._closing.is_set():
                time.sleep(min(left_s, _FIRST_BACKOFF_S))
            else:
                self._closing.wait(left_s)
        if time.monotonic() >= self._give_up_s:
            raise _GivenUpError


_NEVER_MS: Final = 1 << 62


class _GivenUpError(Exception):
    """The server stops, and the destination does not answer."""
