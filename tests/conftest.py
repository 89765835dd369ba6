"""Fixtures for stores over temporary folders, and how hard hypothesis tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rayscope.store import limits
from support.recording import Recording

settings.register_profile("rayscope", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("rayscope")


@pytest.fixture(scope="session")
def still() -> Iterator[None]:
    """Groups are written at once, and housekeeping runs only when a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "GROUP_WAIT_S", 0.0)
        patch.setattr(limits, "SETTLE_INTERVAL_S", 10**6)
        yield


@pytest.fixture
def open_recording(still: None) -> Iterator[Callable[[Path], Recording]]:
    """A function that opens a store in a folder; what it opened is closed at the end, unless the test did."""
    opened: list[Recording] = []

    def open_in(folder: Path) -> Recording:
        opened.append(Recording(folder))
        return opened[-1]

    yield open_in
    for recording in opened:
        recording.close()


@pytest.fixture
def recording(open_recording: Callable[[Path], Recording], tmp_path: Path) -> Recording:
    """An empty store of this test's own."""
    return open_recording(tmp_path / "data")


@pytest.fixture(scope="module")
def shared(still: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """One store for all tests of a module; each uses sessions of its own."""
    recording = Recording(tmp_path_factory.mktemp("shared"))
    yield recording
    recording.close()
