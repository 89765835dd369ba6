"""What an agent says on stderr, or in its log file: one line each, and the same line not again and again."""

from __future__ import annotations

import sys
import time

_said = {"line": ""}


def say(text: str) -> None:
    """A line with its time, unless it was the last one, too."""
    if _said["line"] == text:
        return
    _said["line"] = text
    now_s = time.time()
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now_s))}.{int(now_s * 1000) % 1000:03d} rayscope agent: {text}\n")
    sys.stderr.flush()
