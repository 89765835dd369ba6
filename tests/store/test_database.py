"""The database file: opening, versions, one owner, reading beside writing."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rayscope.errors import DataFolderInUse, DataFolderTooNew, DiskFull, RayscopeError
from rayscope.store.database import SCHEMA_VERSION, Database
from support.recording import WAIT_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rayscope.duckdb"


def scalar(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def test_a_new_file_has_the_newest_schema(path: Path) -> None:
    """A store that is made now needs no migration."""
    database = Database(path)
    assert database.read(lambda c: scalar(c, "SELECT value FROM meta WHERE key = 'schema_version'")) == str(SCHEMA_VERSION)
    database.close()


def test_every_version_has_its_file() -> None:
    """The version is the number of the newest schema file, and none is missing."""
    import rayscope.store

    folder = Path(rayscope.store.__file__).parent / "schema"
    numbers = sorted(int(file.stem) for file in folder.glob("[0-9]*.sql"))
    assert numbers == list(range(1, SCHEMA_VERSION + 1))


def test_opening_again_keeps_everything(path: Path) -> None:
    """Closing and opening changes no data."""
    database = Database(path)
    database.write(lambda c: c.execute("INSERT INTO meta VALUES ('colour', 'blue')"))
    database.close()
    database = Database(path)
    assert database.read(lambda c: scalar(c, "SELECT value FROM meta WHERE key = 'colour'")) == "blue"
    database.close()


def test_a_newer_version_is_refused(path: Path) -> None:
    """A folder that a newer Rayscope wrote is left untouched, with a clear error."""
    database = Database(path)
    database.write(lambda c: c.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'"))
    database.close()
    before = path.read_bytes()
    with pytest.raises(DataFolderTooNew, match="version 99") as caught:
        Database(path)
    assert "--data" in (caught.value.hint or "")
    assert path.read_bytes() == before


def test_another_process_holds_it(path: Path) -> None:
    """A second server on one folder is told which file is held, and what to do."""
    holder = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(DataFolderInUse, match=r"rayscope\.duckdb"):
            Database(path)
    finally:
        process.communicate(timeout=WAIT_S)


def test_what_is_no_database_is_refused(path: Path) -> None:
    """A file of something else is an error of ours, not a traceback of DuckDB's."""
    path.write_bytes(b"this is no database" * 500)
    with pytest.raises(RayscopeError):
        Database(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A missing folder is a clear error."""
    with pytest.raises(RayscopeError, match="cannot open"):
        Database(tmp_path / "missing" / "rayscope.duckdb")


def test_a_failed_write_changes_nothing(path: Path) -> None:
    """A change that fails in the middle leaves no trace, and the next one goes in."""

    def fail(connection: Any) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 'done')")
        raise KeyError("half")

    database = Database(path)
    with pytest.raises(KeyError):
        database.write(fail)
    assert database.read(lambda c: scalar(c, "SELECT count(*) FROM meta WHERE key = 'half'")) == 0
    with pytest.raises(duckdb.ConstraintException):
        database.write(lambda c: c.execute("INSERT INTO meta VALUES ('schema_version', '2')"))
    database.write(lambda c: c.execute("INSERT INTO meta VALUES ('whole', 'done')"))
    database.close()


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    """While a transaction is open, any number of readers see what was before it."""
    database = Database(path)
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Any) -> None:
        connection.execute("INSERT INTO meta VALUES ('new', 'x')")
        begun.set()
        assert go_on.wait(WAIT_S)

    writer = threading.Thread(target=lambda: database.write(slow))
    writer.start()
    assert begun.wait(WAIT_S)
    counts: list[int] = []
    readers = [
        threading.Thread(target=lambda: counts.append(database.read(lambda c: scalar(c, "SELECT count(*) FROM meta WHERE key = 'new'")))) for _ in range(6)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(WAIT_S)
    go_on.set()
    writer.join(WAIT_S)
    assert counts == [0] * 6
    assert database.read(lambda c: scalar(c, "SELECT count(*) FROM meta WHERE key = 'new'")) == 1
    database.close()


def test_no_room_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too little room no transaction starts; reading goes on."""
    database = Database(path)
    monkeypatch.setattr(database, "free_bytes", lambda: 1000)
    assert database.is_full()
    with pytest.raises(DiskFull, match="no room"):
        database.write(lambda c: c.execute("INSERT INTO meta VALUES ('new', 'x')"))
    assert database.read(lambda c: scalar(c, "SELECT count(*) FROM session")) == 0
    monkeypatch.undo()
    database.write(lambda c: c.execute("INSERT INTO meta VALUES ('new', 'x')"))
    database.close()


def test_readers_survive_a_broken_database(path: Path) -> None:
    """Readers that run while the store breaks and comes back get an answer or an error, and later ones an answer."""
    database = Database(path)
    stop, failures = threading.Event(), list[BaseException]()

    def keep_reading() -> None:
        while not stop.is_set():
            try:
                database.read(lambda c: scalar(c, "SELECT count(*) FROM session"))
            except duckdb.Error:
                continue
            except BaseException as error:
                failures.append(error)
                return

    def break_it(_: Any) -> None:
        raise duckdb.FatalException("database has been invalidated: No space left on device")

    readers = [threading.Thread(target=keep_reading) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        with pytest.raises(DiskFull):
            database.write(break_it)
        database.write(lambda c: c.execute("INSERT OR REPLACE INTO meta VALUES ('new', 'x')"))
    stop.set()
    for reader in readers:
        reader.join(WAIT_S)
    assert failures == []
    assert database.read(lambda c: scalar(c, "SELECT value FROM meta WHERE key = 'new'")) == "x"
    database.close()


def test_a_store_that_cannot_be_opened_again_yet(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When opening anew fails too, the next write tries again, and succeeds when the disk works."""
    database = Database(path)

    def break_it(_: Any) -> None:
        raise duckdb.FatalException("database has been invalidated")

    with monkeypatch.context() as broken:
        broken.setattr(database, "_open", lambda: (_ for _ in ()).throw(duckdb.IOException("No space left on device")))
        for _ in range(2):
            with pytest.raises(DiskFull):
                database.write(break_it)
    with pytest.raises(duckdb.Error):
        database.write(lambda c: c.execute("SELECT 1"))
    database.write(lambda c: c.execute("INSERT INTO meta VALUES ('new', 'x')"))
    database.close()
