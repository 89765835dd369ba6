"""Words to `rayscope run`, as files in its folder: each is whole when it appears, and some wait for an answer.

A word is `<pid>-<number>.<kind>`, JSON; its answer is the same name with `.done` behind it. See docs/formats/run-folder.md.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Optional

_POLL_S = 0.02


class Mailbox:
    """The folder of one run, as a process of the run sees it."""

    def __init__(self, folder: str, reader_pid: int) -> None:
        self._folder = folder
        self._reader_pid = reader_pid
        self._count = 0

    @classmethod
    def from_environment(cls) -> Optional[Mailbox]:
        """The run that this process is part of, if it is."""
        folder, reader = os.environ.get("RAYSCOPE_RUN_DIR"), os.environ.get("RAYSCOPE_RUN_PID", "")
        return cls(folder, int(reader)) if folder and reader.isdigit() else None

    def say(self, kind: str, content: Dict[str, Any]) -> str:
        """Leave a word; its path."""
        self._count += 1
        path = os.path.join(self._folder, "%d-%d.%s" % (os.getpid(), self._count, kind))
        with open(path + ".part", "w") as file:
            json.dump(content, file)
        os.replace(path + ".part", path)
        return path

    def ask(self, kind: str, content: Dict[str, Any]) -> None:
        """Leave a word and wait until it is answered, or nobody is left to answer it."""
        answer = self.say(kind, content) + ".done"
        while not os.path.exists(answer) and self._is_read():
            time.sleep(_POLL_S)

    def _is_read(self) -> bool:
        try:
            os.kill(self._reader_pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
