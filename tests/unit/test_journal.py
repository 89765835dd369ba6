"""The journal: what was appended comes back, and what a kill or a bad disk left is found out."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.errors import DiskFull
from rayscope.store import journal as journal_module
from rayscope.store.journal import Journal, Position

START = Position()
ENTRIES = st.lists(st.tuples(st.text(max_size=8), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one example of a property."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def written(path: Path, groups: list[list[tuple[str, bytes]]]) -> list[Position]:
    journal = Journal(path)
    ends = [end for group in groups for end in journal.append(group)]
    journal.close()
    return ends


def read(path: Path, applied: Position = START) -> list[tuple[str, bytes]]:
    return [(record.label, record.body) for record in Journal(path).replay(applied)]


def only_file(path: Path) -> Path:
    (file,) = path.glob("*.log")
    return file


@given(st.lists(ENTRIES, min_size=1, max_size=4), st.data())
@settings(max_examples=50)
def test_what_was_appended_is_replayed(groups: list[list[tuple[str, bytes]]], data: st.DataObject) -> None:
    """Replaying gives every record in order; from a position on, those behind it."""
    entries = [entry for group in groups for entry in group]
    with folder() as path:
        ends = written(path, groups)
        assert read(path) == entries
        at = data.draw(st.integers(min_value=0, max_value=len(entries) - 1))
        assert read(path, ends[at]) == entries[at + 1 :]
        assert [record.end for record in Journal(path).replay(Position())] == ends


@given(ENTRIES, st.data())
@settings(max_examples=50)
def test_a_tail_torn_at_any_byte_loses_only_its_record(entries: list[tuple[str, bytes]], data: st.DataObject) -> None:
    """Cut at any byte, the file gives exactly the whole records before the cut."""
    with folder() as path:
        ends = written(path, [entries])
        cut = data.draw(st.integers(min_value=0, max_value=ends[-1].offset))
        os.truncate(only_file(path), cut)
        assert read(path) == entries[: sum(end.offset <= cut for end in ends)]


@given(ENTRIES, st.integers(min_value=1, max_value=64))
@settings(max_examples=25)
def test_a_tail_of_zeros_is_no_record(entries: list[tuple[str, bytes]], zeros: int) -> None:
    """A file that a power cut left longer than its content gives the records that were written."""
    with folder() as path:
        written(path, [entries])
        with only_file(path).open("ab") as file:
            file.write(b"\0" * zeros)
        assert read(path) == entries


@given(ENTRIES, st.data())
@settings(max_examples=50)
def test_a_flipped_byte_is_found(entries: list[tuple[str, bytes]], data: st.DataObject) -> None:
    """A record whose bytes changed on the disk does not come back; those before it all do, and those behind it where its lengths are whole."""
    with folder() as path:
        ends = [0, *(end.offset for end in written(path, [entries]))]
        content = bytearray(only_file(path).read_bytes())
        at = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
        content[at] ^= data.draw(st.integers(min_value=1, max_value=255))
        only_file(path).write_bytes(content)
        damaged = sum(end <= at for end in ends) - 1
        found = read(path)
        if at - ends[damaged] < 8:  # the lengths: nothing says where the next record begins
            assert found[:damaged] == entries[:damaged]
            assert len(found) < len(entries)
        else:
            assert found == entries[:damaged] + entries[damaged + 1 :]


def test_a_flipped_length_reads_no_more_than_there_is(tmp_path: Path) -> None:
    """A header that promises four gigabytes is found out without asking for them."""
    written(tmp_path, [[("", b"body")]])
    content = bytearray(only_file(tmp_path).read_bytes())
    content[4:8] = struct.pack("<I", 2**32 - 1)
    only_file(tmp_path).write_bytes(content)
    tracemalloc.start()
    assert read(tmp_path) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_the_format_is_as_documented(tmp_path: Path) -> None:
    """A record is three little-endian numbers, the label and the body, so that other programs can read it."""
    written(tmp_path, [[("blau", b"[1]")]])
    assert only_file(tmp_path).read_bytes() == struct.pack("<III", 4, 3, zlib.crc32(b"blau[1]")) + b"blau[1]"


def test_a_new_opening_never_appends_to_an_old_file(tmp_path: Path) -> None:
    """A torn file stays as it is: what follows goes to a new one, and both are replayed in order."""
    written(tmp_path, [[("", b"one"), ("", b"torn")]])
    os.truncate(only_file(tmp_path), 16)
    written(tmp_path, [[("", b"two")]])
    assert len(list(tmp_path.glob("*.log"))) == 2
    assert read(tmp_path) == [("", b"one"), ("", b"two")]


def test_files_roll_and_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full file is followed by the next; those wholly applied are deleted, the current one never."""
    monkeypatch.setattr(journal_module, "JOURNAL_FILE_BYTES", 40)
    journal = Journal(tmp_path)
    ends = [journal.append([("", bytes([number]) * 30)])[0] for number in range(4)]
    assert [end.file for end in ends] == [1, 2, 3, 4]
    journal.forget(ends[2])
    assert sorted(path.name for path in tmp_path.glob("*.log")) == ["00000003.log", "00000004.log"]
    assert [record.body[0] for record in journal.replay(ends[2])] == [3]
    journal.close()


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    """Only numbered logs are the journal's."""
    (tmp_path / "notes.log").write_text("mine")
    written(tmp_path, [[("", b"one")]])
    assert read(tmp_path) == [("", b"one")]


@pytest.mark.parametrize("call", ["fdatasync", "writev"])
def test_a_failed_append_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When the disk is full, the sender is told, and what was half written is gone when there is room again."""
    journal = Journal(tmp_path)
    journal.append([("", b"before")])

    def fail(descriptor: int, *parts: object) -> int:
        os.write(descriptor, b"half a rec")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(DiskFull, match="No space left"):
            journal.append([("", b"refused")])
    journal.append([("", b"after")])
    journal.close()
    assert read(tmp_path) == [("", b"before"), ("", b"after")]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it is given."""
    monkeypatch.setattr(os, "writev", lambda descriptor, parts: os.write(descriptor, b"".join(parts)[:5]))
    written(tmp_path, [[("label", b"body" * 10)], [("", b"next")]])
    assert read(tmp_path) == [("label", b"body" * 10), ("", b"next")]


def test_no_room_for_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be made is a full disk to the sender as well."""
    journal = Journal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(DiskFull):
            journal.append([("", b"refused")])
    assert journal.append([("", b"after")])
    journal.close()
