"""The live screen itself, in Textual: it asks again and again in a thread, and shows the last answer, also while the server is away."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, ClassVar, Final

from msgspec import MsgspecError
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from rayscope.cli.output.colour import colour_of_state
from rayscope.cli.top.snapshot import Snapshot
from rayscope.cli.top.views import VIEWS, Grid, Order, details, head_line, lay_out
from rayscope.errors import RayscopeError

_HISTORY: Final = 60
_KEYS: Final = """\
1 2 3 4 5    nodes, workers, jobs, tasks, GPUs; Tab and Shift+Tab the next and the one before
↑ ↓ PgUp PgDn    move;  Enter  all of a row, and what to ask next
s    sort by the next column;  S  the other way round
/    show only rows that hold some words;  Esc  all again
p    pause;  r  ask at once
q    quit

CPU of a node is of all its cores; CPU of a process is of one: 250% is two and a half cores.
UNIQUE is memory that ends with the process; MEMORY also counts what it shares, e.g. of the object store."""
_REST: Final = 2.0
"""Between two questions as long as an answer took, times this."""
_WARM: Final = 0.8
_HOT: Final = 0.95


class Message(ModalScreen[None]):
    """Text above the screen, until a key."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter,question_mark", "dismiss", "Close")]
    CSS = """
    Message { align: center middle; }
    Message > VerticalScroll { width: 90%; max-width: 110; height: auto; max-height: 90%; border: round $primary; padding: 0 1; background: $surface; }
    """

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """A box with a scroll bar where it needs one."""
        box = VerticalScroll(Static(Text("\n".join(self._lines)), id="message"))
        box.border_title = self._title
        yield box


class TopScreen(App[None]):
    """The screen. ``ask`` gives a snapshot, or raises."""

    CSS = """
    Screen { layout: vertical; }
    #head { height: 1; background: $primary; color: $text; }
    #tabs { height: 1; }
    #status { height: auto; max-height: 3; }
    #words { display: none; height: 1; border: none; padding: 0; }
    DataTable { height: 1fr; }
    #keys { height: 1; color: $text-muted; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *((str(at), f"view('{name}')", name) for at, name in enumerate(VIEWS, 1)),
        ("tab", "step(1)", "Next view"),
        ("shift+tab", "step(-1)", "View before"),
        ("s", "sort", "Sort"),
        ("S", "turn", "Turn"),
        ("slash", "find", "Filter"),
        ("escape", "forget", "All rows"),
        ("p", "pause", "Pause"),
        ("r", "refresh", "Ask"),
        ("question_mark", "help", "Help"),
        ("q", "quit", "Quit"),
    ]

    def __init__(self, ask: Callable[[], Snapshot], interval_s: float, view: str) -> None:
        super().__init__()
        self._ask, self._interval_s = ask, interval_s
        self._view = view
        self._orders = {name: Order(one.sorted_by) for name, one in VIEWS.items()}
        self._words = ""
        self._paused = False
        self._snapshot: Snapshot | None = None
        self._trouble = ""
        self._asking = False
        self._asked_s = self._answered_s = self._took_s = 0.0
        self._grid: Grid | None = None
        self._history: defaultdict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=_HISTORY))

    def compose(self) -> ComposeResult:
        """The head, the views, what is wrong, the filter, the table, the keys."""
        yield Static(id="head")
        yield Static(id="tabs")
        yield Static(id="status")
        yield Input(placeholder="words that a row holds", id="words", compact=True)
        yield DataTable(cursor_type="row", zebra_stripes=False, cell_padding=1)
        yield Static(Text("1-5 views  s sort  / filter  Enter details  p pause  ? help  q quit"), id="keys")

    def on_mount(self) -> None:
        """Ask at once, then again and again."""
        self.query_one(DataTable).focus()
        self._show()
        self.look()
        self.set_interval(self._interval_s, self._again)

    def _again(self) -> None:
        """Ask, unless it is paused, or the server needs a rest: of a large session the answer takes a while, and it has others to answer."""
        if not self._paused and time.monotonic() - self._answered_s >= _REST * self._took_s:
            self.look()

    def look(self) -> None:
        """Ask, in a thread: the screen answers keys meanwhile. While an answer is waited for nothing more is asked: a slow server gets no queue."""
        if not self._asking:
            self._asking = True
            self._asked_s = time.monotonic()
            self._look()

    @work(thread=True, group="look")
    def _look(self) -> None:
        try:
            found: Snapshot | None = self._ask()
            trouble = ""
        except (RayscopeError, MsgspecError) as error:
            found, trouble = None, f"{error}: trying again every {self._interval_s:g} s"
        self.call_from_thread(self._take, found, trouble)

    def _take(self, found: Snapshot | None, trouble: str) -> None:
        self._asking = False
        self._answered_s = time.monotonic()
        self._took_s = self._answered_s - self._asked_s
        self._trouble = trouble
        if found is not None:
            self._snapshot = found
            for row in found.nodes:
                for what, value in (("cpu", row.cpu), ("memory", row.memory)):
                    self._history[what, row.node_id].append(float("nan") if value is None else value)
        self._show()

    def on_resize(self, _: Resize) -> None:
        """More or fewer columns."""
        self._show()

    def _show(self) -> None:
        self._show_tabs()
        snapshot = self._snapshot
        self.query_one("#head", Static).update(Text(head_line(snapshot) if snapshot else "asking …", no_wrap=True, overflow="ellipsis"))
        self.query_one("#status", Static).update(self._status())
        if snapshot is not None:
            self._show_table(snapshot)

    def _show_tabs(self) -> None:
        text = Text(no_wrap=True)
        for at, (name, view) in enumerate(VIEWS.items(), 1):
            count = f" {len(view.rows(self._snapshot))}" if self._snapshot else ""
            text.append(f" {at} {view.title}{count} ", style="reverse bold" if name == self._view else "")
        if self._paused:
            text.append("  paused", style="yellow")
        if self._words:
            text.append(f"  only: {self._words}", style="yellow")
        self.query_one("#tabs", Static).update(text)

    def _status(self) -> Text:
        snapshot = self._snapshot
        if self._trouble:
            return Text(self._trouble, style="red")
        if snapshot is None:
            return Text("")
        lines = [*((note, "yellow") for note in snapshot.notes), *((title, "magenta") for title in snapshot.findings[:1])]
        if len(snapshot.findings) > 1:
            lines[-1] = (f"{lines[-1][0]} (and {len(snapshot.findings) - 1} more: rayscope findings)", "magenta")
        return Text("\n").join(Text(text, style=style) for text, style in lines)

    def _show_table(self, snapshot: Snapshot) -> None:
        """The rows anew, with the cursor on the same one."""
        view, table = VIEWS[self._view], self.query_one(DataTable)
        chosen = self._chosen()
        order = self._orders[self._view]
        grid = lay_out(view, snapshot, self._history, max(self.size.width - 1, 20), order, self._words)
        self._grid = grid
        table.clear(columns=True)
        for head, column in zip(grid.heads, grid.columns, strict=True):
            table.add_column(Text(head, style="bold underline" if column.name == order.column else "bold"))
        for row, cells in zip(grid.rows, grid.cells, strict=True):
            table.add_row(*(_painted(column.name, text, row) for column, text in zip(grid.columns, cells, strict=True)), key=view.id_of(row))
        places = [view.id_of(row) for row in grid.rows]
        if chosen in places:
            table.move_cursor(row=places.index(chosen), animate=False)
        if not grid.rows:
            table.add_column(Text(f"no row holds {self._words!r}" if self._words else view.empty))

    def _chosen(self) -> str | None:
        row = self._row()
        return VIEWS[self._view].id_of(row) if row is not None else None

    def _row(self) -> Any:
        at = self.query_one(DataTable).cursor_row
        return self._grid.rows[at] if self._grid is not None and 0 <= at < len(self._grid.rows) else None

    # keys

    def action_view(self, name: str) -> None:
        """Another view."""
        self._view = name
        self._grid = None
        self._show()

    def action_step(self, by: int) -> None:
        """The next view, or the one before."""
        names = list(VIEWS)
        self.action_view(names[(names.index(self._view) + by) % len(names)])

    def action_sort(self) -> None:
        """By the next of the columns that are shown."""
        if self._grid is not None:
            names = [column.name for column in self._grid.columns if column.name]
            order = self._orders[self._view]
            at = names.index(order.column) if order.column in names else -1
            self._orders[self._view] = Order(names[(at + 1) % len(names)])
            self._show()

    def action_turn(self) -> None:
        """The other way round."""
        order = self._orders[self._view]
        self._orders[self._view] = Order(order.column, not order.turned)
        self._show()

    def action_find(self) -> None:
        """Ask for words."""
        box = self.query_one("#words", Input)
        box.display = True
        self.set_focus(box)  # at once: what is typed after the slash is meant for it

    def on_input_changed(self, event: Input.Changed) -> None:
        """Rows go while one types."""
        self._words = event.value
        self._show()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Back to the table, with the words kept."""
        self._close_words()

    def action_forget(self) -> None:
        """All rows again."""
        self._words = ""
        self.query_one("#words", Input).value = ""
        self._close_words()

    def _close_words(self) -> None:
        self.query_one("#words", Input).display = False
        self.set_focus(self.query_one(DataTable))
        self._show()

    def action_pause(self) -> None:
        """Ask no more, or again."""
        self._paused = not self._paused
        self._show()

    def action_refresh(self) -> None:
        """Ask now."""
        self.look()

    def action_help(self) -> None:
        """The keys."""
        self.push_screen(Message("Keys", _KEYS.splitlines()))

    def on_data_table_row_selected(self, _: DataTable.RowSelected) -> None:
        """All of a row."""
        row = self._row()
        if row is not None and self._snapshot is not None:
            view = VIEWS[self._view]
            self.push_screen(Message(view.title.removesuffix("s"), details(view, row, self._snapshot)))


def _painted(column: str, text: str, row: Any) -> Text:
    """States in their colours, bars that are nearly full in warm ones."""
    if column == "STATUS":
        return Text(text, style=_STYLES.get(colour_of_state(text.strip()) or "", ""))
    share = {"CPU": getattr(row, "cpu", None) if hasattr(row, "cores") else None, "MEMORY": getattr(row, "memory", None)}.get(column)
    if share is None or not hasattr(row, "cores"):
        return Text(text, style="red" if column == "FAIL" and text.strip() not in {"0", "-"} else "")
    return Text(text, style="red" if share >= _HOT else "yellow" if share >= _WARM else "green")


_STYLES: Final = {"grey": "bright_black", "red": "red", "green": "green", "yellow": "yellow", "blue": "blue", "magenta": "magenta"}
