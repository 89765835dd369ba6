"""The tracker against random histories of files: whatever is appended, rotated, truncated, rewritten or deleted, each byte comes once, or is told as lost."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.agent.followed import Known
from rayscope.agent.tracker import Tracker
from rayscope.agent.wire import packb

NAMES = ("a.log", "b.out", "old/c.log")

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "append", "rotate", "truncate", "delete", "round", "round", "lose", "restart"]),
        st.sampled_from(NAMES),
        st.integers(1, 40),
    ),
    max_size=40,
)


class History:
    """A folder, what was ever written to it (each piece is unique), and what a server would have of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "old").mkdir()
        self.known: dict[str, Known] = {}
        self.received: dict[str, bytearray] = {}
        self.written: list[bytes] = []
        self.seen: list[bytes] = []
        self.gone: list[bytes] = []
        self.lost = 0
        self.numbers = itertools.count()
        self.tracker = self._track()

    def _track(self) -> Tracker:
        known = {file: Known("?", len(content)) for file, content in self.received.items()}
        return Tracker(str(self.folder), known, lambda _: True)

    def append(self, name: str, size: int) -> None:
        piece = b"<%s %d %s>\n" % (name.encode(), next(self.numbers), b"x" * size)
        with (self.folder / name).open("ab") as file:
            file.write(piece)
        self.written.append(piece)

    def rotate(self, name: str, _: int) -> None:
        path = self.folder / name
        if path.exists():
            path.rename(self.folder / f"{name}.{next(self.numbers)}")

    def truncate(self, name: str, size: int) -> None:
        """In place, with other bytes at once: as long as it was, or not."""
        path = self.folder / name
        if path.exists():
            self.gone.append(path.read_bytes())
            path.write_bytes(b"")
            self.append(name, size)

    def delete(self, name: str, _: int) -> None:
        path = self.folder / name
        if path.exists():
            self.gone.append(path.read_bytes())
            path.unlink()

    def round(self, *_: object) -> None:
        """Look, read, send."""
        self.tracker.scan()
        self.send(self.tracker.round(2000))

    def send(self, chunks: list) -> None:  # type: ignore[type-arg]
        offsets = {}
        for chunk in chunks:
            content = self.received.setdefault(chunk.followed.file, bytearray())
            if chunk.offset > len(content):
                assert chunk.gap == {"from": len(content), "reason": "deleted before it was read"}
                self.lost += chunk.offset - len(content)
                content.extend(b"\0" * (chunk.offset - len(content)))
            content.extend(chunk.data[len(content) - chunk.offset :])
            offsets[chunk.followed.file] = len(content)
        self.tracker.acknowledge(chunks, offsets)

    def lose(self, *_: object) -> None:
        """The server takes nothing of this body."""
        self.tracker.scan()
        chunks = self.tracker.round(2000)
        self.tracker.acknowledge(chunks, {chunk.followed.file: len(self.received.get(chunk.followed.file, b"")) for chunk in chunks if not chunk.ended})

    def restart(self, *_: object) -> None:
        self.tracker.close()
        self.tracker = self._track()

    def finish(self) -> None:
        self.tracker.is_flushing = True
        for _ in range(200):
            self.round()
            if not self.tracker.has_dirty:
                break
        self.tracker.close()


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_each_byte_once(steps: list[tuple[str, str, int]]) -> None:
    """What still is in a file at the end has come, once; nothing has come twice; what has not come had been deleted or overwritten."""
    folder = Path(tempfile.mkdtemp())
    try:
        history = History(folder)
        for step, name, size in steps:
            getattr(history, step)(name, size)
        history.finish()
        here = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        everything = b"".join(bytes(content) for content in history.received.values())
        for content in here:
            assert content in [bytes(received) for received in history.received.values()]
        for piece in history.written:
            assert everything.count(piece) <= 1
            assert everything.count(piece) == 1 or any(piece in content for content in history.gone)
    finally:
        shutil.rmtree(folder)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=300) | st.binary(max_size=70_000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_msgpack(value: object) -> None:
    """What is packed is unpacked the same by everyone else's msgpack."""
    assert msgspec.msgpack.decode(packb(value)) == value
