"""Showing an answer again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

INTERVAL_S: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[2J"


def repeat(show: Callable[[], None], *, is_table: bool) -> None:
    """Show until interrupted; a table in a terminal takes the place of the one before."""
    clear = is_table and sys.stdout.isatty()
    while True:
        if clear:
            sys.stdout.write(_CLEAR)
        show()
        sys.stdout.flush()
        time.sleep(INTERVAL_S)
