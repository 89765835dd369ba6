"""The pages of docs/ against the code: what a user can type, call or set is written there, and links lead somewhere."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from cyclopts import App
from litestar import Litestar

from rayscope import state
from rayscope.cli.main import VERBS, load
from rayscope.model.resources import RESOURCES
from rayscope.query.filters import OPERATORS
from rayscope.ray.environment import export_environment
from rayscope.server.app import make_app
from rayscope.store import limits

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "rayscope"

_FRAMEWORK = ("/schema", "/static")
"""Routes of the framework's own, documented as a whole."""


@cache
def page(name: str) -> str:
    """The text of one page."""
    return (DOCS / name).read_text()


@cache
def every_page() -> str:
    """The text of all pages."""
    return "\n".join(path.read_text() for path in sorted(DOCS.rglob("*.md")))


def mentions(text: str, word: str) -> bool:
    """Whether the text has the word, not merely as a part of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def commands() -> Iterator[tuple[str, App]]:
    """Every verb and every command below one, by what a user types after `rayscope`."""
    for verb in VERBS:
        app = load(verb)
        yield verb.name, app
        yield from ((f"{verb.name} {name}", app[name]) for name in app if not name.startswith("-"))


def options() -> Iterator[str]:
    """Every option, long and short."""
    for app in (app for _, app in commands() if app.default_command is not None):
        for argument in app.assemble_argument_collection():
            yield from (name for name in argument.names if name.startswith("-"))


@cache
def server() -> Litestar:
    """The application, over nothing."""
    return make_app(SimpleNamespace(queries=None, guard=lambda *_: None, close=lambda: None))  # type: ignore[arg-type]


def routes() -> set[str]:
    """The paths of all routes, their parameters without a type."""
    return {re.sub(r":\w+}", "}", route.path) for route in server().routes}


def parameters() -> set[tuple[str, str]]:
    """The path of each route with each name in its query string."""
    return {
        (path, parameter.name)
        for path, item in (server().openapi_schema.paths or {}).items()
        for operation in (item.get, item.post)
        for parameter in (operation.parameters if operation and operation.parameters else ())
        if parameter.param_in == "query"
    }


def variables() -> set[str]:
    """Environment variables that the code names as its own, or asks for."""
    asked = re.compile(r"environ(?:ment)?(?:\.get\(|\[)\"(\w+)\"|\b(RAYSCOPE_\w+)\b")
    texts = (path.read_text() for path in SOURCE.rglob("*.py") if path.parent.name != "demo")
    return {name for text in texts for found in asked.findall(text) for name in found if name}


def constants() -> dict[str, int | float | str]:
    """The limits, without the units that they are written in."""
    return {name: value for name, value in vars(limits).items() if name.isupper() and name not in {"KIB", "MIB"}}


def shown(name: str, value: float | str) -> str:
    """A limit as the table shows it."""
    if isinstance(value, str):
        return value
    if name.endswith("_BYTES"):
        return f"{value // limits.MIB} MiB" if value >= limits.MIB else f"{value // limits.KIB} KiB"
    return f"{value:g} s" if name.endswith("_S") else f"{value:,}"


def links() -> Iterator[tuple[str, Path]]:
    """Every relative link of the pages and the README: where it stands, and the file that it means."""
    for path in [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", path.read_text()):
            if not re.match(r"[a-z]+:", target):
                yield f"{path.relative_to(ROOT)}: {target}", path.parent / target


def test_every_command_is_in_the_reference() -> None:
    """`rayscope VERB`, and `rayscope VERB COMMAND` where a verb has some."""
    missing = [name for name, _ in commands() if not mentions(page("cli.md"), f"rayscope {name}")]
    assert not missing


def test_every_option_is_in_the_reference() -> None:
    """Long and short names."""
    missing = sorted({name for name in options() if not mentions(page("cli.md"), name)})
    assert not missing


def test_every_operator_is_in_the_reference() -> None:
    """Each of a filter's operators stands in code."""
    missing = [operator for operator in OPERATORS if f"`{operator}`" not in page("cli.md")]
    assert not missing


def test_every_route_is_in_the_reference() -> None:
    """Of the framework's own pages the folder will do."""
    missing = sorted(path for path in routes() if not path.startswith(_FRAMEWORK) and f"`{path}`" not in page("http-api.md"))
    assert not missing
    assert all(folder in page("http-api.md") for folder in _FRAMEWORK)


def test_every_parameter_of_a_route_is_in_the_reference() -> None:
    """Names in the query string."""
    missing = sorted((path, name) for path, name in parameters() if f"`{name}`" not in page("http-api.md"))
    assert parameters()
    assert not missing


def test_every_variable_is_documented() -> None:
    """Those that the code reads, and those that it sets for Ray."""
    missing = sorted(name for name in variables() | set(export_environment("", "")) if not mentions(every_page(), name))
    assert "RAYSCOPE_DATA" in variables()
    assert not missing


@pytest.mark.parametrize(("name", "value"), constants().items())
def test_every_limit_is_documented_with_its_value(name: str, value: float) -> None:
    """A row of the table: the constant, and its value as people write it. (Read before any test changes one for itself.)"""
    assert f"| `{name}` | {shown(name, value)} |" in page("server.md")


def test_every_function_of_the_python_api_is_documented() -> None:
    """Public functions of rayscope.state, and what its rows can do."""
    functions = [name for name, value in inspect.getmembers(state, inspect.isfunction) if value.__module__ == state.__name__ and not name.startswith("_")]
    methods = [name for name in vars(state.Rows) if not name.startswith("_")]
    missing = [name for name in [*functions, *methods] if not mentions(page("python-api.md"), name)]
    assert "list_tasks" in functions
    assert "to_arrow" in methods
    assert not missing


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_every_column_is_documented_with_its_resource(name: str) -> None:
    """Under the resource's own heading."""
    text = section(page("states.md"), name)
    missing = [column.name for column in RESOURCES[name].columns if f"`{column.name}`" not in text]
    assert text
    assert not missing


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_every_resource_is_named_where_it_can_be_asked_for(name: str) -> None:
    """On the command line and over HTTP."""
    assert mentions(page("cli.md"), name)
    assert mentions(page("http-api.md"), name)


def test_links_lead_to_files() -> None:
    """Relative links of the pages and of the README."""
    broken = [where for where, target in links() if not target.exists()]
    assert list(links())
    assert not broken


def test_every_page_can_be_reached() -> None:
    """The index links to each page, a folder of pages by itself."""
    index = {os.path.normpath(target) for where, target in links() if where.startswith("docs/index.md")}
    known = {os.path.normpath(path) for path in DOCS.rglob("*.md")} - {str(DOCS / "index.md")}
    unreached = {path for path in known if path not in index and os.path.dirname(path) not in index}  # noqa: PTH120 already text
    assert not unreached
