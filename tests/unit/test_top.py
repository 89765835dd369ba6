"""The live screen, driven by keys over moments that are made up: what it shows at any size, and while the server is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from rayscope.cli.output.table import display_width
from rayscope.cli.top.plain import frame
from rayscope.cli.top.screen import TopScreen
from rayscope.cli.top.snapshot import NodeRow, Snapshot
from rayscope.cli.top.views import VIEWS, Order, lay_out
from rayscope.errors import ServerUnreachable
from support.top import A, snapshot


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160, 240])
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_fits_every_width(name: str, width: int) -> None:
    """From eighty columns on nothing is cut off at the right, and who a row is stays readable."""
    grid = lay_out(VIEWS[name], snapshot(), {}, width)
    widest = max(display_width("  ".join(cells)) for cells in [grid.heads, *grid.cells])
    assert widest <= max(width, 80)
    assert len(grid.rows) == len(VIEWS[name].rows(snapshot()))


def test_a_frame_as_text() -> None:
    """Every view, ten rows each, what is left out counted; what is not known is a dash; nothing moves a cursor."""
    shown = frame(snapshot(), 80)
    text = "\n".join(shown)
    assert max(map(display_width, shown)) <= 80
    assert "3 nodes, 8 tasks running, 11 waiting, 1 failed" in text
    assert "head 10.0.0.1           ███████▊  97%" in text
    assert "… 30 more: --view workers" in text
    assert "\x1b" not in text
    assert "NVIDIA" not in text
    assert "python train.py --epochs 3" in text
    assert "NVIDIA H100" in "\n".join(frame(snapshot(), 120))
    assert len(frame(snapshot(), 80, "workers")) == 3 + 2 + 40
    assert "no GPU is known" in "\n".join(frame(snapshot(gpus=[]), 80, "gpus"))
    assert "GPUs" not in "\n".join(frame(snapshot(gpus=[]), 80))


def test_rows_in_order() -> None:
    """The largest first by a figure, what is not known last; names from A on; turned, the other way."""
    nodes = VIEWS["nodes"]
    assert [row.name[:4] for row in lay_out(nodes, snapshot(), {}, 80, Order("CPU")).rows] == ["head", "a-no", "10.0"]
    assert [row.name[:4] for row in lay_out(nodes, snapshot(), {}, 80, Order("NODE")).rows] == ["10.0", "a-no", "head"]
    assert [row.name[:4] for row in lay_out(nodes, snapshot(), {}, 80, Order("NODE", turned=True)).rows] == ["head", "a-no", "10.0"]
    assert [row.pid for row in lay_out(VIEWS["workers"], snapshot(), {}, 80, words="step_1 head").rows][:2] == [4019, 4018]


class Server:
    """What the screen asks: gives moments, or is away."""

    def __init__(self) -> None:
        self.now = snapshot()
        self.is_away = False
        self.error: Exception | None = None
        self.asked = 0

    def __call__(self) -> Snapshot:
        self.asked += 1
        if self.is_away:
            raise self.error or ServerUnreachable("no Rayscope server answers at http://127.0.0.1:8465 (nothing listens there)")
        return self.now


def drive(scene: Callable[[TopScreen, Pilot[None], Server], Coroutine[Any, Any, None]], size: tuple[int, int] = (80, 24)) -> None:
    """Run a screen of that size, without a terminal, through a scene."""
    server = Server()

    async def run() -> None:
        screen = TopScreen(server, 3600, "nodes")
        async with screen.run_test(size=size) as pilot:
            await look(screen, pilot)
            await scene(screen, pilot, server)

    asyncio.run(run())


async def look(screen: TopScreen, pilot: Pilot[None]) -> None:
    """Have it ask, and show what it got."""
    while screen._asking:
        await pilot.pause(0.01)
    screen.look()
    while screen._asking:
        await pilot.pause(0.01)
    await pilot.pause()


def text_of(screen: TopScreen) -> str:
    """All that is on the screen."""
    return "\n".join("".join(segment.text for segment in line) for line in screen.screen._compositor.render_strips())


def cells(screen: TopScreen, column: int = 0) -> list[str]:
    table = screen.screen.query_one(DataTable)
    return [str(table.get_row_at(row)[column]).strip() for row in range(table.row_count)]


def test_views_by_keys() -> None:
    """Numbers and Tab; each has its rows, its count, and fits eighty columns."""

    async def scene(screen: TopScreen, pilot: Pilot[None], _: Server) -> None:
        assert "head 10.0.0.1" in text_of(screen)
        assert "97%" in text_of(screen)
        assert "node head 10.0.0.1 is at 94% of its memory (and 1 more: rayscope findings)" in text_of(screen).replace("\n", "")
        assert "2 Workers 40" in text_of(screen)
        for key, name in (("2", "4039"), ("3", "01000000"), ("4", "train"), ("5", "head 10.0.0.1"), ("tab", "head 10.0.0.1"), ("shift+tab", "head 10.0.0.1")):
            await pilot.press(key)
            assert cells(screen)[0] == name, key
            assert all(display_width(line) <= 80 for line in text_of(screen).splitlines())

    drive(scene)


def test_a_wide_screen_shows_more() -> None:
    """Sparklines that grow with each look, and speeds."""

    async def scene(screen: TopScreen, pilot: Pilot[None], _: Server) -> None:
        await look(screen, pilot)
        assert "LOAD" in text_of(screen)
        assert "12.5" in text_of(screen)
        assert "███  97%" in text_of(screen) or "▊  97%" in text_of(screen)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "LOAD" not in text_of(screen)

    drive(scene, (200, 50))


def test_order_filter_pause_and_details() -> None:
    """s and S, / with words and Esc, p, Enter, ?."""

    async def scene(screen: TopScreen, pilot: Pilot[None], server: Server) -> None:
        await pilot.press("2", "s")
        assert cells(screen)[0] == "4039"
        await pilot.press("S")
        assert cells(screen)[0] == "4000"
        await pilot.press("slash", *"step_7", "enter")
        assert cells(screen) == ["4007"]
        await pilot.press("enter")
        assert "worker_id: " + f"{7:056x}"[:20] in text_of(screen)
        assert "rayscope logs --pid 4007" in text_of(screen)
        await pilot.press("escape")
        assert cells(screen) == ["4007"]
        await pilot.press("escape")
        assert len(cells(screen)) == 40
        asked = server.asked
        await pilot.press("p")
        screen._again()
        await pilot.pause()
        assert "paused" in text_of(screen)
        assert server.asked == asked
        await pilot.press("p", "question_mark")
        assert "pause" in text_of(screen)

    drive(scene)


def test_the_cursor_stays_with_its_row() -> None:
    """Though others come and the order changes."""

    async def scene(screen: TopScreen, pilot: Pilot[None], server: Server) -> None:
        await pilot.press("down")
        assert screen._chosen() == "b" * 56
        first = NodeRow(node_id="d" * 56, name="new", state="ALIVE", cpu=1.0)
        server.now = snapshot(nodes=[first, *snapshot().nodes])
        await look(screen, pilot)
        assert cells(screen)[0] == "new"
        assert screen._chosen() == "b" * 56
        server.now = snapshot(nodes=snapshot().nodes[:1])
        await look(screen, pilot)
        assert screen._chosen() == A

    drive(scene)


def test_a_server_that_goes_away_is_waited_for() -> None:
    """It says so, shows what it last knew, and goes on when the server is back."""

    async def scene(screen: TopScreen, pilot: Pilot[None], server: Server) -> None:
        server.is_away = True
        await look(screen, pilot)
        assert "no Rayscope server answers at http://127.0.0.1:8465" in text_of(screen)
        assert "trying again" in str(screen.query_one("#status", Static).render())
        assert cells(screen)[0] == "head 10.0.0.1"
        server.error = msgspec.ValidationError("Expected `int`, got `str`")
        await look(screen, pilot)
        assert "Expected `int`" in text_of(screen)
        server.is_away = False
        server.now = snapshot(notes=["no metrics of this session are here: an agent scrapes them"], findings=[], workers=[], gpus=[])
        await look(screen, pilot)
        assert "no Rayscope server" not in text_of(screen)
        assert "an agent scrapes them" in text_of(screen)
        await pilot.press("2")
        assert "no process is sampled" in text_of(screen)
        await pilot.press("s", "S", "enter", "slash", "x")

    drive(scene)
