"""What looks like a secret in text: rules, and a policy that masks by them. The policy of this process is set once, by `use`.

There are two forms. In text the value becomes `[redacted]`; in the bytes of a log file each of its bytes becomes `*`, so that every offset of the
file stays what it was. RE2 (in pyarrow) passes over what holds no secret at the speed of memory; where it stops, Python finds the value's place.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from rayscope.errors import UsageError

MASK: Final = "[redacted]"

_IS: Final = r"(?:\\*[\"'])?\s{0,3}(?:=>|[=:])\s{0,3}(?:\\*[\"'])?"
"""Between a name and its value: `=`, `:` or `=>`, either in quotes, which in JSON inside JSON stand behind backslashes."""

_NAMED: Final = r"(?i:passw(?:or)?d|passphrase|pwd|secret(?:_?key)?|credentials?)"
_KEYED: Final = r"(?i:token|api[_-]?key|access_?key|private_?key|auth_?key|account_?key|signing_?key|encryption_?key)"


class Rule(Struct, frozen=True):
    """An expression that Python and RE2 read alike, whose group `v` is the secret. Each match begins with one of the literals, in any case of letters.

    Without literals it is the user's own: all of its matches are meant, however they begin.
    """

    expression: str
    literals: tuple[str, ...] = ()


RULES: Final[dict[str, Rule]] = {
    "url": Rule(r"://(?P<v>[^\s/:@\"'\\*\[]*:[^\s/@\"'\\*]+|[^\s/:@\"'\\*\[]{16,})@", ("://",)),
    "authorization": Rule(rf"(?i:authorization){_IS}(?:(?i:bearer|basic|token|digest)\s{{1,3}})?(?P<v>[A-Za-z0-9+/=_.~-]{{6,}})", ("authorization",)),
    "bearer": Rule(r"(?i:bearer)\s{1,3}(?P<v>[A-Za-z0-9+/=_.~-]{16,})", ("bearer",)),
    "password": Rule(rf"{_NAMED}{_IS}(?P<v>[^\s\"'\\,;&{{}}()\[\]<>*]{{4,}})", ("passw", "passphrase", "pwd", "secret", "credential")),
    "key": Rule(
        rf"{_KEYED}{_IS}(?P<v>[A-Za-z0-9+/=_.~-]{{8,}})",
        ("token", "api_key", "apikey", "api-key", "access", "private", "auth_key", "authkey", "account", "signing", "encryption"),
    ),
    "aws": Rule(r"\b(?P<v>(?:AKIA|ASIA)[0-9A-Z]{16})\b", ("akia", "asia")),
    "gcp": Rule(r"\b(?P<v>AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,})", ("aiza", "ya29.")),
    "github": Rule(r"\b(?P<v>gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{20,})", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")),
    "gitlab": Rule(r"\b(?P<v>glpat-[A-Za-z0-9_-]{16,})", ("glpat-",)),
    "huggingface": Rule(r"\b(?P<v>hf_[A-Za-z0-9]{30,})", ("hf_",)),
    "openai": Rule(r"\b(?P<v>sk-[A-Za-z0-9_-]{20,})", ("sk-",)),
    "slack": Rule(r"\b(?P<v>xox[abprs]-[A-Za-z0-9-]{10,})", ("xox",)),
    "stripe": Rule(r"\b(?P<v>[sr]k_live_[0-9A-Za-z]{16,})", ("sk_live_", "rk_live_")),
    "jwt": Rule(r"\b(?P<v>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,})", ("eyj",)),
    "private_key": Rule(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<v>[A-Za-z0-9+/=\s\\:,]+?)(?:-----END|\z)", ("-----begin ",)),
}
"""By kind. A number, a word such as `None` and what is masked already are no secrets."""

_HARMLESS: Final = re.compile(
    rb"(?i)[\d.,:_x%+-]*|[\s*]*|none|null|true|false|undefined|missing|required|redacted|str(?:ing)?|bytes|hidden|bearer|basic|digest|negotiate|token|optional\S*|https?:?|\.{3,}.*|\$\S*"
)

_SLOW_BYTES: Final = 16384
"""Shorter texts are looked at by Python at once: to set RE2 up takes some 0.4 ms."""

_STOPS: Final = 16
"""After this many hits in one text the rest goes to Python: setting RE2 up for each of them would cost more."""

Span = tuple[int, int]


class Policy:
    """The rules in force: those above and the user's own, or none at all."""

    def __init__(self, patterns: Sequence[str] = (), *, enabled: bool = True) -> None:
        """``patterns``: regular expressions; their group `v`, or their first group, or all of it, is the secret. Raises UsageError."""
        self.patterns = tuple(patterns)
        self.enabled = enabled
        rules = [*RULES.values(), *(Rule(_checked(text)) for text in patterns)] if enabled else []
        self._rules = [_Compiled.of(rule) for rule in rules]
        self._find = _re2([rule.expression for rule in rules]) if rules else None

    def in_text(self, text: str) -> str:
        """``text`` with `[redacted]` in the place of every secret."""
        data = text.encode(errors="surrogatepass")
        changed = self._masked(data, lambda _: MASK.encode())
        return changed.decode(errors="surrogatepass") if changed is not data else text

    def in_bytes(self, data: bytes) -> tuple[bytes, int]:
        """``data`` of the same length with `*` in the place of every byte of a secret but line ends, and how many secrets were masked.

        Give it whole lines: a secret that begins in one call and ends in another is not known as one.
        """
        masked = self._masked(data, lambda value: _NOT_LINE_END.sub(b"*", value))
        return (masked, _made(data, masked)) if masked is not data else (data, 0)

    def hits(self, data: bytes) -> bool:
        """Whether something in ``data`` is a secret, also where it is JSON, or JSON inside it."""
        return any(may and self._spans(piece) for piece, may in self._pieces(data))

    def _masked(self, data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
        parts, changed = [], False
        for piece, may in self._pieces(data):
            part = self._to_fixpoint(piece, mask) if may else piece
            changed = changed or part is not piece
            parts.append(part)
        return b"".join(parts) if changed else data

    def _to_fixpoint(self, data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
        """Masking can make another rule fit what stands beside. Each turn masks more, so this ends, and doing it again changes nothing."""
        while spans := self._spans(data):
            parts, at = [], 0
            for begin, end in spans:
                parts += [data[at:begin], mask(data[begin:end])]
                at = end
            data = b"".join([*parts, data[at:]])
        return data

    def _spans(self, data: bytes) -> list[Span]:
        """Where the secrets are, in order, none in another."""
        lower = data.lower()
        return _merged(sorted({span for rule in self._rules for span in rule.spans(data, lower)}))

    def _pieces(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """``data`` in pieces that end at lines' ends, each with whether something in it may be a secret."""
        if self._find is None or len(data) <= _SLOW_BYTES:
            yield data, bool(self._rules)
            return
        at = 0
        for _ in range(_STOPS):
            found = self._find(data, at)
            if found < 0:
                yield data[at:], False
                return
            begin, end = data.rfind(b"\n", at, at + found) + 1 or at, _end_of(data, at + found)
            if begin > at:
                yield data[at:begin], False
            yield data[begin:end], True
            at = end
        yield data[at:], True


class _Compiled(Struct, frozen=True):
    """A rule, ready to use."""

    pattern: re.Pattern[bytes]
    literals: tuple[bytes, ...]

    @classmethod
    def of(cls, rule: Rule) -> _Compiled:
        return cls(re.compile(rule.expression.replace(r"\z", r"\Z").encode()), tuple(text.encode() for text in rule.literals))

    def spans(self, data: bytes, lower: bytes) -> Iterator[Span]:
        """Where this rule finds secrets. ``lower`` is ``data`` in lower case."""
        if not self.literals:
            yield from (span for match in self.pattern.finditer(data) if not _is_masked(data, span := match.span(_value_group(self.pattern))))
        for literal in self.literals:
            at = lower.find(literal)
            while at >= 0:
                if (match := self.pattern.match(data, at)) and not _HARMLESS.fullmatch(match["v"]):
                    yield match.span("v")
                at = lower.find(literal, at + 1)


def _value_group(pattern: re.Pattern[bytes]) -> str | int:
    return "v" if "v" in pattern.groupindex else min(pattern.groups, 1)


def _is_masked(data: bytes, span: Span) -> bool:
    """Whether there is nothing left to mask: an expression of the user's may fit the mask itself."""
    begin, end = span
    masks = [match.span() for match in _MASKED.finditer(data, max(begin - len(MASK), 0), end + len(MASK))]
    return begin >= end or not data[begin:end].strip(b"*\r\n") or any(first <= begin and end <= last for first, last in masks)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end in spans:
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


_MASKED: Final = re.compile(re.escape(MASK).encode())
_NOT_LINE_END: Final = re.compile(rb"[^\r\n]")
_STARS: Final = re.compile(rb"\*+")


def _made(before: bytes, after: bytes) -> int:
    """How many runs of `*` there are that were none."""
    return sum(1 for run in _STARS.finditer(after) if before[run.start() : run.end()] != run[0])


def _end_of(data: bytes, found: int) -> int:
    """The end of the line of a hit; of a private key, that of the key."""
    if data.startswith(b"-----BEGIN ", found):
        end = data.find(b"-----END", found)
        found = end if end >= 0 else len(data)
    end = data.find(b"\n", found)
    return len(data) if end < 0 else end + 1


def _checked(text: str) -> str:
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise UsageError(f"not a regular expression: {text!r}: {error}", hint="docs/redaction.md shows some") from error
    if compiled.search("") is not None:
        raise UsageError(f"the pattern {text!r} fits the empty text, and with it everything", hint="let it ask for at least one character")
    return text


_GROUP_NAME: Final = re.compile(r"[(][?]P<\w+>")
_LONG: Final = re.compile(r"\{\d\d,?\}")


def _re2(expressions: Iterable[str]) -> Callable[[bytes, int], int] | None:
    """A search by RE2: where the first match behind an offset begins, counted from there, or -1. None where RE2 does not take an expression.

    It may stop at more than the rules do: names of groups may occur only once, and long repetitions are dear to set up.
    """
    import pyarrow as pa  # heavy, and only what reads logs and events needs it
    import pyarrow.compute as pc

    text = "|".join(f"(?:{_LONG.sub('{8,}', _GROUP_NAME.sub('(?:', one))})" for one in expressions)

    def find(data: bytes, at: int) -> int:
        view = pa.py_buffer(data).slice(at)
        array = pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(struct.pack("<qq", 0, view.size)), view])
        return int(pc.find_substring_regex(array, text)[0].as_py())

    try:
        find(b"x", 0)
    except pa.ArrowInvalid:
        return None
    return find


_active: list[Policy] = []


def use(policy: Policy) -> None:
    """From here on this process redacts by that policy."""
    _active[:] = [policy]


def active() -> Policy:
    """The policy of this process; the rules above where none was set."""
    if not _active:
        use(Policy())
    return _active[0]


def redact_bytes(data: bytes) -> tuple[bytes, int]:
    """Bytes of a log file, of the same length, with every secret masked; and how many there were."""
    return active().in_bytes(data)
