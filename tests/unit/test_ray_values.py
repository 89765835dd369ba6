"""Ray's ids and times, and what is masked before anything is stored."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.ray.ids import actor_of_task, hex_of_base64, hex_or_none, job_of_task, task_key, worker_of_driver
from rayscope.ray.redact import MASK, redact, redact_json, redact_text
from rayscope.ray.times import from_ms, parse_ns
from support.events import stamp
from support.ids import actor_id, constructor_id, job_id, method_id, task_id

_YEAR_9999 = 253_402_300_799_999_999_999


@given(st.integers(min_value=0, max_value=_YEAR_9999))
def test_times_round_trip(ns: int) -> None:
    """A time written with nine digits comes back to the nanosecond."""
    assert parse_ns(stamp(ns)) == ns


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("2026-11-23T08:44:25Z", 0),
        ("2026-11-23T08:44:25.682Z", 682_000_000),
        ("2026-11-23T08:44:25.000017Z", 17_000),
        ("2026-11-23T08:44:25.682917032Z", 682_917_032),
    ],
)
def test_times_with_fewer_digits(text: str, fraction: int) -> None:
    """Protobuf leaves out digits that are zero, by threes."""
    assert parse_ns(text) == int(datetime(2026, 11, 23, 8, 44, 25, tzinfo=UTC).timestamp()) * 10**9 + fraction


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "yesterday",
        "2026-11-23",
        "2026-11-23T08:44:25",
        "2026-11-23T08:44:25.682917032+01:00",
        "2026-11-23T08:44:25.68291703200Z",
        "2026-11-23T08:44:25.-5Z",
        "2026-11-23T08:44:25 682917032Z",
        "2026-11-23T08:44:25.68291703 Z",
        "2026-11-23T08:44:25.682917032X",
        "2026-13-23T08:44:25Z",
        "2026-11-23T25:44:25.682917032Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A text that is no UTC timestamp raises ValueError instead of becoming a wrong time."""
    with pytest.raises(ValueError, match=r"."):
        parse_ns(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """No text makes the parser fail in another way."""
    try:
        parse_ns(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (None, None),
        (0, None),
        ("0", None),
        (-1, None),
        (2**64 - 1, None),
        (5, 5_000_000),
        ("1700000000123", 1_700_000_000_123_000_000),
    ],
)
def test_milliseconds(value: int | str | None, ns: int | None) -> None:
    """Ray's milliseconds become nanoseconds; its ways to say 'not known' become None."""
    assert from_ms(value) == ns


@pytest.mark.parametrize(("raw", "text"), [(b"", None), (b"\xff" * 16, None), (b"\x01\x00\x00\x00", "01000000"), (b"\x00" * 4, "00000000")])
def test_ids_in_hex(raw: bytes, text: str | None) -> None:
    """An id is hex as Ray prints it; empty and nil ids are None."""
    assert hex_or_none(raw) == text
    assert hex_of_base64(base64.b64encode(raw).decode()) == text


def test_what_is_no_base64_stays() -> None:
    """A text that only looks like an id field is left as it is."""
    assert hex_of_base64("raycluster-1") == "raycluster-1"
    assert hex_of_base64("") is None


def test_a_task_id_names_its_actor_and_job() -> None:
    """A method's and a constructor's id hold their actor's; a normal task's holds none."""
    assert actor_of_task(method_id(7, 3, job=2).hex()) == actor_id(3, job=2).hex()
    assert actor_of_task(constructor_id(3).hex()) == actor_id(3).hex()
    assert actor_of_task(task_id(7).hex()) is None
    assert job_of_task(task_id(7, job=2).hex()) == job_id(2).hex()
    assert job_of_task("0102") is None


def test_the_worker_of_a_driver() -> None:
    """A driver's worker id is its job's id and set bits."""
    assert worker_of_driver("01000000") == "01000000" + "f" * 48


def test_task_keys_fit_64_bits_and_part_constructors() -> None:
    """Constructors share their unique part, but not their key."""
    keys = {task_key(raw.hex()) for raw in (task_id(1), task_id(2), method_id(1, 1), constructor_id(1), constructor_id(2))}
    assert len(keys) == 5
    assert all(0 <= key < 2**64 for key in keys)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWD",
        "AWS_SECRET_ACCESS_KEY",
        "apiKey",
        "api_key",
        "auth_token",
        "HF_TOKEN",
        "Authorization",
        "private_key",
        "cookie",
        "key",
    ],
)
def test_secret_names_are_masked(name: str) -> None:
    """A text under a name that looks secret is masked, wherever it is."""
    assert redact({"env_vars": {name: "hunter2"}}) == {"env_vars": {name: MASK}}
    assert redact([{name: "hunter2"}]) == [{name: MASK}]


@pytest.mark.parametrize("value", [["hunter2"], {"user": "hunter2"}, [{"deep": ["hunter2"]}]])
def test_what_lies_under_a_secret_name_is_masked(value: object) -> None:
    """Texts inside a list or a mapping of secrets are secrets as well."""
    assert "hunter2" not in json.dumps(redact({"credentials": value}))


def test_other_values_stay() -> None:
    """Plain names keep their values, numbers and empty texts stay even under secret names."""
    plain = {"working_dir": "gs://bucket/app.zip", "max_tokens": 4096, "token": "", "pip": ["requests"], "deep": {"flag": True, "none": None}}
    assert redact(plain) == plain


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("pip install https://me:hunter2@pypi.example/simple x", f"pip install https://{MASK}@pypi.example/simple x"),
        ("redis://:hunter2@cache:6379/0", f"redis://{MASK}@cache:6379/0"),
        ("http://host:8265/jobs mail me@example.org", "http://host:8265/jobs mail me@example.org"),
        ("no url", "no url"),
    ],
)
def test_credentials_in_urls_are_masked(text: str, masked: str) -> None:
    """The user and password of a URL are taken out; the rest is readable."""
    assert redact_text(text) == masked


def test_json_texts_are_masked() -> None:
    """A serialized runtime env is masked inside; what is no JSON is treated as text."""
    assert json.loads(redact_json('{"env_vars": {"API_KEY": "hunter2", "MODE": "fast"}}')) == {"env_vars": {"API_KEY": MASK, "MODE": "fast"}}
    assert redact_json("") == redact_json("{}") == "{}"
    assert redact_json("git+https://me:hunter2@host/x.git") == f"git+https://{MASK}@host/x.git"


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
def test_masking_twice_is_masking_once(value: object) -> None:
    """What was masked stays as it is when it passes again, as events sent twice do."""
    assert redact(redact(value)) == redact(value)
