"""The words of --retain, and the settings that a data folder keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayscope.errors import UsageError
from rayscope.query.retention import parse_retention
from rayscope.server.settings import Settings, read_policy, read_retention

DAY = 86_400 * 10**9


def test_ages_and_sizes_by_kind() -> None:
    """Spaces do not matter; decimal and binary sizes."""
    kept = parse_retention("logs=7d, states=36h ,logs-size=10GB,states-size=2GiB")
    assert kept.ages_ns == {"logs": 7 * DAY, "states": 3 * DAY // 2}
    assert kept.sizes == {"logs": 10**10, "states": 2 * 2**30}
    assert parse_retention("off").ages_ns == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("logs", "names no kind"),
        ("traces=7d", "names no kind"),
        ("logs=soon", "no length of time"),
        ("logs=0d", "at once"),
        ("logs=5", "at once"),
        ("logs-size=big", "no size"),
        ("logs-size=0GB", "keep nothing"),
        ("logs=7d,logs=8d", "given twice"),
    ],
)
def test_what_does_not_parse_is_refused(words: str, says: str) -> None:
    """With the part that is wrong and what to write."""
    with pytest.raises(UsageError, match=says) as error:
        parse_retention(words)
    assert error.value.hint


def test_settings_stay_with_the_folder(tmp_path: Path) -> None:
    """A later start need not be told again; what it is told replaces only that."""
    Settings(retain="logs=7d", patterns=["CUST-[0-9]+"]).keep(tmp_path)
    Settings().keep(tmp_path)
    Settings(redact=False).keep(tmp_path)
    assert read_retention(tmp_path).ages_ns == {"logs": 7 * DAY}
    assert (read_policy(tmp_path).enabled, read_policy(tmp_path).patterns) == (False, ("CUST-[0-9]+",))


def test_a_bad_setting_is_not_kept(tmp_path: Path) -> None:
    """And a file that cannot be read says so."""
    with pytest.raises(UsageError):
        Settings(patterns=["("]).keep(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "redact.json").write_text('{"enabled": "perhaps"}')
    with pytest.raises(UsageError, match=r"redact\.json"):
        read_policy(tmp_path)
