"""The levels of log lines, by the names that Python and Ray give them."""

from __future__ import annotations

from typing import Final

LEVELS: Final = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50, "FATAL": 50}
