"""The database: opening, migrating, one writer, many readers, and what happens when the disk is full.

Nothing outside `rayscope.store` sees a connection but as the argument of a closure given to `read` or `write`.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import duckdb

from rayscope.errors import DataFolderInUse, DataFolderTooNew, DiskFull, RayscopeError
from rayscope.store import limits

Connection: TypeAlias = duckdb.DuckDBPyConnection
T = TypeVar("T")

CANNOT_EVALUATE: Final = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.BinderException)
"""What a read raises for a question whose values do not fit: a regular expression that RE2 does not take, a number too large."""

SCHEMA_VERSION: Final = 6
"""The number of the newest file in schema/. A store of a lower version is brought up to it, one of a higher is refused."""

_FULL: Final = re.compile(r"no space left|disk (is )?full|could not write|failed to write|out of disk|not enough space|max_temp_directory_size", re.IGNORECASE)


@cache
def sql(name: str) -> str:
    """The text of queries/``name``.sql."""
    return (resources.files("rayscope.store") / "queries" / f"{name}.sql").read_text()


class Database:
    """One DuckDB file. Open it once a process; `close` it to leave a checkpointed file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises DataFolderInUse, DataFolderTooNew or DiskFull."""
        self._path = path
        self._writing = threading.Lock()
        self._handles = threading.Condition()
        self._readers = 0
        self._reopening = False
        self._cursors: list[Connection] = []
        self._generation = 0
        self._writer = self._open()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def write(self, change: Callable[[Connection], T]) -> T:
        """Run ``change`` in a transaction that is durable when this returns. One at a time. Raises DiskFull."""
        with self._writing:
            self._refuse_when_full()
            try:
                return _in_transaction(self._writer, change)
            except duckdb.Error as error:
                raise self._recover(error) from error

    def read(self, question: Callable[[Connection], T]) -> T:
        """Run ``question`` on one snapshot of the data. Any number at a time; never waits for a writer."""
        generation = self._generation
        try:
            return self._read(question)
        except duckdb.Error:
            if generation == self._generation:
                raise
        return self._read(question)  # the database was opened anew under the first try

    def _read(self, question: Callable[[Connection], T]) -> T:
        with self._cursor() as cursor:
            return _in_transaction(cursor, question)

    def read_within(self, question: Callable[[Connection], T], timeout_s: float) -> T:
        """Like `read`, but interrupted when it takes too long. Raises TimeoutError."""
        with self._cursor() as cursor, _interrupting(cursor, timeout_s) as is_late:
            try:
                return _in_transaction(cursor, question)
            except duckdb.InterruptException as error:
                if is_late():
                    raise TimeoutError from error
                raise

    def stream(self, question: Callable[[Connection], Iterator[T]]) -> Iterator[T]:
        """What ``question`` yields, on one snapshot of the data, as fast as it is taken. Whoever stops taking closes the iterator."""
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield from question(cursor)
            finally:
                _rollback(cursor)

    def checkpoint(self) -> None:
        """Bring the log into the file, so that the next opening is quick."""
        with self._writing:
            self._writer.execute("CHECKPOINT")

    def compact(self) -> int:
        """Write the file anew without the room that deleted rows left; the bytes that this gives back. Readers go on; writers wait.

        Killed in between, the old file is there as it was. Where readers do not end in time, nothing changes.
        """
        fresh = _fresh(self._path)
        with self._writing:
            before = self._path.stat().st_size
            self._writer.execute("CHECKPOINT")
            _copy_tables(self._writer, self._path, fresh)
            with self._handles:
                self._reopening = True
                try:
                    if not self._handles.wait_for(lambda: self._readers == 0, limits.REOPEN_WAIT_S):
                        fresh.unlink()
                        return 0
                    self._close()
                    fresh.replace(self._path)
                    self._writer = self._open()
                finally:
                    self._reopening = False
                    self._handles.notify_all()
            return before - self._path.stat().st_size

    def close(self) -> None:
        """Checkpoint and close. Readers must be done."""
        with self._writing:
            self._close()

    def free_bytes(self) -> int:
        """Room on the store's disk."""
        return shutil.disk_usage(self._path.parent).free

    def is_full(self) -> bool:
        """Whether there is too little room for another transaction."""
        return self.free_bytes() < limits.MIN_FREE_BYTES

    def _open(self) -> Connection:
        connection = _connect(self._path)
        try:
            _migrate(connection, self._path)
            for name in ("views_tasks", "views_entities", "views_objects", "views_pictures"):
                connection.execute(_schema(name))
        except BaseException:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        self._generation += 1
        self._cursors.clear()
        self._writer.close()

    @contextmanager
    def _cursor(self) -> Iterator[Connection]:
        with self._handles:
            self._handles.wait_for(lambda: not self._reopening)
            generation = self._generation
            cursor = self._cursors.pop() if self._cursors else self._writer.cursor()
            self._readers += 1
        try:
            yield cursor
        finally:
            with self._handles:
                self._readers -= 1
                if generation == self._generation:
                    self._cursors.append(cursor)
                self._handles.notify_all()

    def _reopen(self) -> None:
        """Open the file anew when all readers are done, which on a broken database is at once; new ones wait."""
        with self._handles:
            self._reopening = True
            try:
                self._handles.wait_for(lambda: self._readers == 0, limits.REOPEN_WAIT_S)
                self._close()
                self._writer = self._open()
            finally:
                self._reopening = False
                self._handles.notify_all()

    def _refuse_when_full(self) -> None:
        free = self.free_bytes()
        if free < limits.MIN_FREE_BYTES:
            raise _disk_full(self._path, free)

    def _recover(self, error: Exception) -> Exception:
        """What to raise for a failed transaction. A failed write of the log invalidates the open database: open it anew.

        Where that fails too, the connection stays closed, and the next write tries again.
        """
        fatal = isinstance(error, (duckdb.FatalException, duckdb.ConnectionException)) or "invalidated" in str(error)
        if fatal:
            try:
                self._reopen()
            except (duckdb.Error, RayscopeError) as failure:
                error = failure
        if _FULL.search(str(error)) or (fatal and self.free_bytes() < limits.MIN_FREE_BYTES):
            return _disk_full(self._path, self.free_bytes())
        return error


def _disk_full(path: Path, free: int) -> DiskFull:
    return DiskFull(
        f"no room for the store: {free // limits.MIB} MiB free in {path.parent}, {limits.MIN_FREE_BYTES // limits.MIB} MiB are needed",
        hint="make room there; recording goes on by itself, and Ray's exporter sends again what was refused",
    )


def _fresh(path: Path) -> Path:
    """The file that takes the place of the store's own."""
    return path.with_suffix(".fresh").absolute()


def _copy_tables(connection: Connection, path: Path, fresh: Path) -> None:
    """All rows into a new file of the same schema, each table's in their order."""
    fresh.unlink(missing_ok=True)
    empty = _connect(fresh)
    try:
        _migrate(empty, fresh)
    finally:
        empty.close()
    old = path.stem
    connection.execute(f"ATTACH '{str(fresh).replace(chr(39), chr(39) * 2)}' AS fresh")
    try:
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND NOT temporary"
        for (name,) in connection.execute(query, [old]).fetchall():
            connection.execute(f"DELETE FROM fresh.{name}")
            connection.execute(f'INSERT INTO fresh.{name} BY NAME SELECT * FROM "{old}".{name}')
        connection.execute("CHECKPOINT fresh")
    finally:
        connection.execute("DETACH fresh")


def _connect(path: Path) -> Connection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": limits.DUCKDB_MEMORY,
        "threads": limits.DUCKDB_THREADS,
        "checkpoint_threshold": limits.CHECKPOINT_BYTES,
        "temp_directory": str(path.parent / "tmp"),
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(str(path), config=config)
        connection.execute("SET allowed_paths = ?", [[f"{_fresh(path)}{more}" for more in ("", ".wal", ".wal.checkpoint", ".wal.recovery")]])  # of `compact`
        connection.execute("SET enable_external_access = false")  # no question reads or writes a file, whatever it says; set last, since it fixes paths
        return connection
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise DataFolderInUse(f"another process holds {path}", hint="stop it (`rayscope server stop`), or give another folder with --data") from error
        raise RayscopeError(f"cannot open the store {path}: {error}", hint="see whether the folder is there and can be written") from error
    except duckdb.SerializationException as error:
        raise DataFolderTooNew(f"{path} was written by a newer version: {error}", hint="update rayscope, or give another folder with --data") from error


def _in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    connection.begin()
    try:
        result = work(connection)
    except BaseException:
        _rollback(connection)
        raise
    connection.commit()
    return result


@contextmanager
def _interrupting(connection: Connection, timeout_s: float) -> Iterator[Callable[[], bool]]:
    """Interrupt the connection when the time is over; never after the block."""
    guard, late, over = threading.Lock(), threading.Event(), threading.Event()

    def interrupt() -> None:
        with guard:
            if not over.is_set():
                late.set()
                connection.interrupt()

    timer = threading.Timer(timeout_s, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        with guard:
            over.set()
        timer.cancel()


def _rollback(connection: Connection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:
        return  # the failure already ended the transaction; its own error is the one to report


def _migrate(connection: Connection, path: Path) -> None:
    found = _version(connection)
    if found > SCHEMA_VERSION:
        raise DataFolderTooNew(
            f"{path.parent} was written by a newer rayscope: its schema is version {found}, this one knows {SCHEMA_VERSION}",
            hint="update rayscope, or give another folder with --data",
        )
    for version in range(found + 1, SCHEMA_VERSION + 1):
        _in_transaction(connection, lambda c, v=version: _upgrade(c, v))  # type: ignore[misc]  # mypy cannot type a lambda's default


def _upgrade(connection: Connection, version: int) -> None:
    if (resources.files("rayscope.store") / "schema" / f"{version:04d}.sql").is_file():
        connection.execute(_schema(f"{version:04d}"))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", [str(version)])


def _version(connection: Connection) -> int:
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta'").fetchone():
        return 0
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def _schema(name: str) -> str:
    return (resources.files("rayscope.store") / "schema" / f"{name}.sql").read_text()
