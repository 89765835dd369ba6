"""The SQL console: what it answers, what it refuses, and where it says an error is."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rayscope.errors import FilterError, RayscopeError, SqlError, SqlTimeout, Unavailable
from rayscope.model.resources import RESOURCES
from rayscope.model.sql import SqlQuestion
from rayscope.query.sql import Console
from rayscope.store.limits import SQL_BYTES
from support.cluster import SESSIONS, cluster
from support.events import at
from support.recording import Recording


@pytest.fixture(scope="module")
def recorded(shared: Recording) -> Recording:
    shared.post(cluster(SESSIONS[0]))
    shared.tidy(60)
    shared.post(cluster(SESSIONS[1]))
    return shared


@pytest.fixture(scope="module")
def console(recorded: Recording) -> Console:
    return Console(recorded.database)


def rows(console: Console, sql: str, **more: Any) -> list[list[Any]]:
    return console.answer(SqlQuestion(sql=sql, **more)).rows


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_every_resource_is_a_view_with_its_columns(console: Console, recorded: Recording, name: str) -> None:
    """As many rows as its listing has, and the columns of its schema."""
    view = name.replace("-", "_")
    answer = console.answer(SqlQuestion(sql=f"SELECT * FROM {view}"))
    expected = next(table for table in console.schema().tables if table.name == view)
    assert [column.name for column in answer.columns] == [column.name for column in expected.columns]
    assert answer.rows_count == recorded.page(name, "all", exclude_driver=False).total


def test_questions_that_people_ask(console: Console) -> None:
    """Joins, CTEs, a CTE with a view's name, subqueries, windows, aliases, quoted names, FROM first."""
    tasks = rows(console, "SELECT count(*) FROM tasks")[0][0]
    assert rows(console, "WITH tasks AS (SELECT * FROM tasks WHERE state = 'FAILED') SELECT DISTINCT state FROM tasks") == [["FAILED"]]
    assert rows(console, "with recursive n as (select 1 as a union all select a + 1 from n where a < 3) select max(a) from n") == [[3]]
    assert rows(console, 'FROM "tasks" t SELECT count(t.task_id)') == [[tasks]]
    assert rows(console, "SELECT count(*) FROM (SELECT tasks.name FROM tasks) x") == [[tasks]]
    assert rows(console, "select count(*) from tasks a join Tasks b using (session, task_id, attempt_number)") == [[tasks]]
    assert rows(console, "SELECT n.session FROM nodes n WHERE EXISTS (SELECT 1 FROM tasks WHERE tasks.node_id = n.node_id) GROUP BY 1 ORDER BY 1") == [
        [SESSIONS[0]],
        [SESSIONS[1]],
    ]
    assert rows(console, "SELECT 'é', i FROM range(2) r(i), tasks -- comment\nWHERE tasks.name = 'broken' ORDER BY ALL LIMIT 1;") == [["é", 0]]
    assert rows(console, "SELECT row_number() OVER (ORDER BY name), list_transform([1, 2], lambda x: x + 1) FROM jobs LIMIT 0".replace("name", "job_id")) == []


def test_one_session_and_a_time(console: Console) -> None:
    """The views hold that session's rows, as they were then."""
    assert rows(console, "SELECT DISTINCT session FROM tasks", session=SESSIONS[0]) == [[SESSIONS[0]]]
    then = str(at(2.2))
    assert rows(console, "SELECT count(*) FROM tasks WHERE state = 'FINISHED' AND name = 'work'", session=SESSIONS[0], at=then) == [[1]]
    assert rows(console, "SELECT count(*) FROM nodes WHERE state = 'ALIVE'", session=SESSIONS[0], at=then) == [[3]]


def test_values_are_json(console: Console) -> None:
    """What JSON lacks comes as text."""
    sql = "SELECT 1.5::DECIMAL(4,1), 'nan'::DOUBLE, TIMESTAMP '2026-01-02 03:04:05', '\\xAB'::BLOB, INTERVAL 1 DAY, {'a': [1]}, MAP {1: 2}, 2::HUGEINT ** 70"
    row = rows(console, sql)[0]
    assert row[:7] == [1.5, "nan", "2026-01-02T03:04:05", "ab", "1 day, 0:00:00", {"a": [1]}, {"1": 2}]


def test_limits_are_told(console: Console) -> None:
    """An answer that is cut says so."""
    answer = console.answer(SqlQuestion(sql="SELECT * FROM range(100)", limit=10))
    assert (answer.rows_count, answer.truncated) == (10, True)
    assert not console.answer(SqlQuestion(sql="SELECT * FROM range(10)", limit=10)).truncated
    for wrong in ({"limit": 0}, {"limit": 10_001}, {"timeout_s": 0}, {"timeout_s": 61}):
        with pytest.raises(FilterError):
            console.answer(SqlQuestion(sql="SELECT 1", **wrong))


def test_time_is_bounded(console: Console) -> None:
    """A question without end is stopped, and the next one is answered."""
    with pytest.raises(SqlTimeout):
        console.answer(SqlQuestion(sql="SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range % 7 = b.range % 11", timeout_s=0.3))
    assert rows(console, "SELECT 1") == [[1]]


def test_memory_is_bounded(console: Console) -> None:
    """A question that needs more than there is fails alone."""
    with pytest.raises((SqlError, SqlTimeout)):
        console.answer(SqlQuestion(sql="SELECT len(list(range::VARCHAR || 'xxxxxxxxxxxxxxxxxxxxxxxxx')) FROM range(100000000)", timeout_s=20))
    assert rows(console, "SELECT 1") == [[1]]


def test_few_at_once(console: Console) -> None:
    """The third question is told to come again."""
    with console._taking_room(), console._taking_room(), pytest.raises(Unavailable):
        rows(console, "SELECT 1")
    assert rows(console, "SELECT 1") == [[1]]


REFUSED = [
    # files and the network
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM read_parquet('https://example.com/x.parquet')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM read_blob('token')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "COPY (SELECT 1) TO '/tmp/x'",
    "COPY tasks FROM '/tmp/x'",
    "ATTACH '/tmp/x.duckdb'",
    "DETACH rayscope",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    # settings, secrets, what the engine knows
    "SET memory_limit = '1TB'",
    "RESET memory_limit",
    "PRAGMA database_list",
    "PRAGMA enable_logging",
    "CALL pragma_version()",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('x', 's3')",
    "CREATE SECRET (TYPE s3)",
    "SELECT version()",
    "SELECT pg_sleep(10)",
    "SELECT sleep_ms(10000)",
    # other tables, by whatever way
    "SELECT * FROM meta",
    "SELECT * FROM attempt_cold",
    "SELECT * FROM session",
    "SELECT * FROM main.tasks",
    "SELECT * FROM rayscope.main.meta",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM pg_tables",
    "SELECT * FROM task_rows",
    "SELECT * FROM nodes_at(NULL)",
    "SELECT * FROM query('SELECT * FROM meta')",
    "SELECT * FROM query_table('meta')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "WITH meta AS (SELECT * FROM meta) SELECT * FROM meta",
    "WITH meta AS (SELECT 1), x AS (SELECT * FROM meta) SELECT * FROM x",
    "WITH RECURSIVE meta AS (SELECT key FROM meta UNION ALL SELECT 'x' FROM meta WHERE false) SELECT * FROM meta",
    "SELECT (SELECT max(value) FROM meta) FROM tasks",
    "SELECT * FROM tasks WHERE name IN (SELECT value FROM meta)",
    "SELECT * FROM tasks, LATERAL (SELECT * FROM meta) m",
    "SELECT list_transform([1], lambda x: (SELECT max(value) FROM meta))",
    "FROM meta",
    "TABLE meta",
    "DESCRIBE meta",
    "SUMMARIZE meta",
    "SHOW TABLES",
    "SELECT * FROM (DESCRIBE meta)",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT * FROM meta PIVOT (max(value) FOR key IN ('schema_version'))",
    "PIVOT meta ON key",
    "EXPLAIN SELECT * FROM meta",
    "EXPLAIN ANALYZE SELECT 1",
    # changes
    "DROP TABLE meta",
    "DELETE FROM meta",
    "INSERT INTO meta VALUES ('a', 'b')",
    "UPDATE meta SET value = 'x'",
    "CREATE TABLE x (a INT)",
    "CREATE VIEW x AS SELECT 1",
    "ALTER TABLE meta RENAME TO x",
    "WITH x AS (DELETE FROM meta RETURNING value) SELECT * FROM x",
    "WITH x AS (INSERT INTO meta VALUES ('a', 'b') RETURNING value) SELECT * FROM x",
    "WITH x AS (UPDATE meta SET value = 'x' RETURNING value) SELECT * FROM x",
    "SELECT nextval('session_numbers')",
    "SELECT setseed(0.5)",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "USE main",
    # several, none, nonsense
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE meta",
    "",
    ";",
    "SELECT",
    "nonsense",
    "SELECT * FROM tasks t JOIN",
    "SELECT \0",
    "SELECT ?",
    "SELECT $1",
    # a single value of any size
    "SELECT repeat('x', 2000000000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT range(1000000000)",
    "SELECT format('{:1000000000}', 1)",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_a_question_over_the_views_is_refused(console: Console, recorded: Recording, sql: str) -> None:
    """With an error of the caller's, and nothing changed."""
    before = recorded.fetch("SELECT * FROM meta ORDER BY key")
    with pytest.raises(RayscopeError) as caught:
        console.answer(SqlQuestion(sql=sql))
    assert isinstance(caught.value, SqlError), caught.value
    assert caught.value.message
    assert recorded.fetch("SELECT * FROM meta ORDER BY key") == before


def test_the_engine_itself_reads_no_files(recorded: Recording, tmp_path: Path) -> None:
    """Also where the check would let something through."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for sql in (f"SELECT * FROM read_csv('{tmp_path}/secret.csv')", f"COPY (SELECT 1) TO '{tmp_path}/x.csv'", f"ATTACH '{tmp_path}/x.duckdb'"):
        with pytest.raises(Exception, match="disabled"):
            recorded.fetch(sql)


@pytest.mark.parametrize(
    ("sql", "at_text"),
    [
        ("SELECT nome FROM tasks", "nome"),
        ("SELECT 'é', name\nFROM tasks WHERE nix = 1", "nix"),
        ("SELECT a.name FROM tasks a, nodes b WHERE b.foo = 1", "b.foo"),
        ("SELECT * FROM tasks t JOIN nope USING (x)", "nope"),
        ("SELECT nofunc(name) FROM tasks", "nofunc"),
        ("SELECT * FRM tasks", "tasks"),
        ("SELECT version() FROM tasks", "version"),
        ("SELECT * FROM tasks, read_csv('x')", "read_csv"),
    ],
)
def test_errors_say_where(console: Console, sql: str, at_text: str) -> None:
    """The position is in the asker's own text."""
    with pytest.raises(SqlError) as caught:
        console.answer(SqlQuestion(sql=sql))
    assert caught.value.position == sql.index(at_text)
    assert caught.value.line == sql[: sql.index(at_text)].count("\n") + 1
    assert sql.splitlines()[caught.value.line - 1][(caught.value.column or 0) - 1 :].startswith(at_text)


MONSTERS = [
    "SELECT " + "(" * 2000 + "1" + ")" * 2000,
    "SELECT " + "1+" * 5000 + "1",
    "SELECT '" + "x" * SQL_BYTES + "'",
    "SELECT " + "- " * 999 + "x",
    "SELECT * FROM " + "(SELECT * FROM " * 300 + "tasks" + ")" * 300,
]


@pytest.mark.parametrize("sql", MONSTERS, ids=range(len(MONSTERS)))
def test_monsters_are_refused(console: Console, sql: str) -> None:
    """Deep or long ones: an error of the asker's, never a crash."""
    with pytest.raises(SqlError):
        rows(console, sql)
    assert rows(console, "SELECT 1") == [[1]]


def test_downloads(console: Console) -> None:
    """The same rows as CSV and as Parquet."""
    sql = SqlQuestion(sql="SELECT task_id, name, end_ns, state_times_ns FROM tasks ORDER BY ALL")
    expected = rows(console, sql.sql)
    made = console.download(sql, "csv")
    table = list(csv.reader(io.StringIO(b"".join(made.pieces()).decode())))
    assert table[0] == ["task_id", "name", "end_ns", "state_times_ns"]
    assert [row[0] for row in table[1:]] == [row[0] for row in expected]
    assert (made.rows, made.truncated) == (len(expected), False)
    parquet = pq.read_table(io.BytesIO(b"".join(console.download(sql, "parquet").pieces())))
    assert parquet.column("task_id").to_pylist() == [row[0] for row in expected]
    with pytest.raises(FilterError):
        console.download(sql, "xml")


def test_downloads_are_bounded(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say when they are cut."""
    monkeypatch.setattr("rayscope.query.sql.SQL_DOWNLOAD_ROWS", 3000)
    for kind in ("csv", "parquet"):
        made = console.download(SqlQuestion(sql="SELECT * FROM range(10000)"), kind)
        assert (made.rows, made.truncated) == (3000, True)
        assert b"".join(made.pieces())


def test_examples_work(console: Console) -> None:
    """Those that the schema offers."""
    for example in console.schema().examples:
        rows(console, example.sql)
