"""What is taken for a secret in text and in bytes of logs, and what is not."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import UsageError
from rayscope.ray.redact import redact_json, redact_text
from rayscope.ray.secrets import MASK, RULES, Policy

POLICY = Policy()

SECRETS = {
    "url": ("postgresql://", "admin:hunter2hunter2", "@db.example/x"),
    "authorization": ("Authorization: Bearer ", "abcdef0123456789abcdef", ""),
    "bearer": ("sent with bearer ", "abcdef0123456789abcdef", " to it"),
    "password": ("DB_PASSWORD=", "hunter2!", " host=x"),
    "key": ("export WANDB_API_KEY='", "0123456789abcdef0123456789abcdef01234567", "'"),
    "aws": ("using ", "AKIAIOSFODNN7EXAMPLE", " for s3"),
    "gcp": ("key ", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "."),
    "github": ("cloned with ", "ghp_" + "a1B2" * 9, ""),
    "gitlab": ("cloned with ", "glpat-abcdefghij0123456789", ""),
    "huggingface": ("login ", "hf_" + "aBcDeFgHiJ" * 3 + "kLmN", ""),
    "openai": ("client(", "sk-proj-abcdefghij0123456789", ")"),
    "slack": ("bot ", "xoxb-123456789012-abcdefghijkl", ""),
    "stripe": ("pay ", "sk_live_abcdefghij0123456789", ""),
    "jwt": ("got ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", ""),
    "private_key": ("-----BEGIN RSA PRIVATE KEY-----", "\nMIIEowIBAAKCAQEA\nqJ8+/==\n", "-----END RSA PRIVATE KEY-----"),
}

HARMLESS = (
    "max_tokens=4096 tokens: 512 next_token: 31337",
    "tokenizer: bert-base-uncased eos_token: </s> pad_token='[PAD]'",
    "password: None token=null secret: true api_key: ${API_KEY}",
    "http://10.0.0.1:8265/jobs redis://127.0.0.1:6379 see https://docs.ray.io/en/latest",
    "2026-11-24 12:00:01,123 INFO worker.py:1843 -- Connected to Ray cluster",
    "key: 5 key=value keys: a, b; the secret of the password is a token",
    "user@example.com wrote to 10.0.0.1:80",
)


@pytest.mark.parametrize("kind", sorted(RULES))
def test_each_kind_is_masked_in_both_forms(kind: str) -> None:
    """Only the value: what stands around it stays, and in bytes the length too."""
    before, secret, after = SECRETS[kind]
    line = f"{before}{secret}{after}"
    stars = "".join(char if char == "\n" else "*" for char in secret)
    text = POLICY.in_text(f"first\n{line}\nlast")
    masked, count = POLICY.in_bytes(f"first\n{line}\nlast".encode())
    assert text == f"first\n{before}{MASK}{after}\nlast"
    assert masked.decode() == f"first\n{before}{stars}{after}\nlast"
    assert count == secret.strip("\n").count("\n") + 1


@pytest.mark.parametrize("kind", sorted(RULES))
def test_each_kind_is_found_in_a_long_text(kind: str) -> None:
    """Where the quick pass does the looking; and hits stand among a thousand lines without one."""
    before, secret, after = SECRETS[kind]
    quiet = b"epoch 3 loss=0.125 of 1,000 steps\n" * 2000
    line = f"{before}{secret}{after}\n".encode()
    data = (quiet + line) * 3
    masked, count = POLICY.in_bytes(data)
    assert count >= 3
    assert len(masked) == len(data)
    assert secret.split("\n")[-1 if kind != "private_key" else 1].encode() not in masked
    assert masked.replace(quiet, b"") == POLICY.in_bytes(line)[0] * 3


@pytest.mark.parametrize("line", HARMLESS)
def test_ordinary_lines_are_left_alone(line: str) -> None:
    """Words that only sound like it: tokens of a model, names without values, values that are no secrets."""
    assert POLICY.in_text(line) == line
    assert POLICY.in_bytes(line.encode()) == (line.encode(), 0)


_PIECES = st.sampled_from(
    [part.encode() for secret in SECRETS.values() for part in secret]
    + [
        b"token=",
        b"password: ",
        b"secret",
        b"://",
        b"@",
        b":",
        b"=",
        b"\n",
        b"\r\n",
        b" ",
        b"*",
        b"***",
        b"[redacted]",
        b'\\"',
        b"\xff\xfe",
        b"\x00",
        b"a1b2c3d4e5",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.binary(max_size=12)), max_size=20))
def test_masking_bytes_keeps_length_and_is_done_once(parts: list[bytes]) -> None:
    """Nothing but bytes of a line becomes a star, line ends stay, and masking again changes nothing."""
    data = b"".join(parts)
    masked, count = POLICY.in_bytes(data)
    assert len(masked) == len(data)
    assert all(now in {then, ord("*")} for then, now in zip(data, masked, strict=True))
    assert [byte for byte in masked if byte in b"\r\n"] == [byte for byte in data if byte in b"\r\n"]
    assert POLICY.in_bytes(masked) == (masked, 0)
    assert (count == 0) == (masked == data)


@given(st.text(), st.lists(st.sampled_from([part for secret in SECRETS.values() for part in secret]), max_size=8))
def test_masking_text_is_done_once(text: str, parts: list[str]) -> None:
    """Also in text that is no Unicode of its own."""
    masked = POLICY.in_text(text.join(parts) + text)
    assert POLICY.in_text(masked) == masked


@given(st.lists(st.sampled_from(sorted(SECRETS)), min_size=1, max_size=6), st.sampled_from([0, 1, 900]))
def test_long_and_short_texts_are_masked_alike(kinds: list[str], quiet: int) -> None:
    """RE2's pass and Python's agree on whole lines."""
    lines = [("".join(SECRETS[kind]) + "\n").encode() for kind in kinds]
    filler = b"nothing to see here\n" * quiet
    assert POLICY.in_bytes(filler.join(lines))[0] == filler.join(POLICY.in_bytes(line)[0] for line in lines)


def test_own_patterns_are_masked_beside_the_rules() -> None:
    """All that fits, or its first group; one that RE2 does not take works all the same."""
    policy = Policy([r"CUST-\d+", r"pin (\d+)", r"(?<=look)behind"])
    assert policy.in_text("CUST-123 pin 4711 lookbehind sk_live_abcdefghij0123456789") == f"{MASK} pin {MASK} look{MASK} {MASK}"
    assert policy.in_bytes(b"x" * 20000 + b"\nCUST-123 pin 4711\n")[0].endswith(b"\n******** pin ****\n")
    assert Policy([r"[a-z]+"]).in_text("abc") == MASK


@pytest.mark.parametrize(("pattern", "says"), [("(", "not a regular expression"), ("a*", "fits the empty text")])
def test_a_bad_pattern_is_refused(pattern: str, says: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(UsageError, match=says):
        Policy([pattern])


def test_off_is_off() -> None:
    """Nothing is masked."""
    line = "".join(SECRETS["aws"])
    off = Policy(enabled=False)
    assert (off.in_text(line), off.in_bytes(line.encode()), off.hits(line.encode())) == (line, (line.encode(), 0), False)


def test_values_in_json_are_masked_by_name_and_by_look() -> None:
    """In runtime envs the names decide; texts without one are looked at."""
    env = {"env_vars": {"MY_TOKEN": "abc", "DSN": "".join(SECRETS["url"]), "MAX_TOKENS": 5}, "pip": ["git+https://ghp_0123456789abcdef@github.com/x/y"]}
    masked = json.loads(redact_json(json.dumps(env)))
    assert masked["env_vars"] == {"MY_TOKEN": MASK, "DSN": f"postgresql://{MASK}@db.example/x", "MAX_TOKENS": 5}
    assert masked["pip"] == [f"git+https://{MASK}@github.com/x/y"]
    assert redact_text("python x.py --api-key=abcdef123456") == f"python x.py --api-key={MASK}"


def test_lines_without_a_secret_pass_quickly() -> None:
    """150 MB/s are promised; a third of that must hold on a machine that does other things too."""
    data = b"2026-11-24 12:00:01,123 INFO train.py:77 -- epoch 3 loss=0.125 tokens: 512 http://10.0.0.1:8265/x\n" * 40_000
    POLICY.in_bytes(data)
    began = time.perf_counter()
    POLICY.in_bytes(data)
    assert len(data) / (time.perf_counter() - began) > 50e6
