"""Remote write's body: what the encoder writes is what the protobuf package reads, to the bit; what is none is refused."""

from __future__ import annotations

import struct

import cramjam
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import PayloadError, PayloadTooLarge
from rayscope.model.metrics import Family, Write
from rayscope.wire import remote_write
from rayscope.wire.protobuf import bytes_field, text_field, varint, varint_field
from rayscope.wire.received import MAX_VALUE, STALE
from rayscope.wire.remote_write import Encoder, decode

MIB = 1 << 20
LABELS = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), st.text(st.characters(blacklist_categories=("Cs",)), min_size=1), max_size=4)
BITS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(min_size=8, max_size=8)), min_size=1, max_size=4)


def write(labels: dict[str, str], *samples: tuple[int, float]) -> Write:
    """A series with samples."""
    return Write(labels, np.array([at for at, _ in samples], np.int64), np.array([value for _, value in samples], np.float64))


@given(st.lists(st.tuples(LABELS, BITS), max_size=4))
def test_what_is_written_is_read(made: list[tuple[dict[str, str], list[tuple[int, bytes]]]]) -> None:
    """Labels, times, and the very bits of values: a stale marker is a NaN among others."""
    writes = [
        Write({"__name__": "m"} | labels, np.array([at for at, _ in samples], np.int64), np.frombuffer(b"".join(raw for _, raw in samples), np.float64))
        for labels, samples in made
    ]
    received = decode(Encoder().request(writes), MIB)
    assert [one.labels for one in received.writes] == [one.labels for one in writes]
    for one, other in zip(received.writes, writes, strict=True):
        assert one.times.tolist() == other.times.tolist()
        assert one.values.tobytes() == other.values.tobytes()


def test_labels_are_sorted_and_empty_ones_left_out() -> None:
    """As the protocol asks."""
    received = decode(Encoder().request([write({"z": "1", "__name__": "up", "a": ""}, (1, 2.0))]), MIB)
    assert list(received.writes[0].labels) == ["__name__", "z"]


def test_stale_markers_are_carried() -> None:
    """To the bit."""
    received = decode(Encoder().request([write({"__name__": "up"}, (1, STALE))]), MIB)
    assert struct.pack("<d", received.writes[0].values[0]) == struct.pack("<Q", 0x7FF0000000000002)


def test_types_and_help_texts_go_along() -> None:
    """As metadata."""
    families = [Family("c_total", "counter", "Counts.", "bytes"), Family("odd", "stateset")]
    body = Encoder().request([write({"__name__": "up"}, (1, 1.0))], families)
    told = remote_write._WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(body))).metadata
    assert [(one.type, one.metric_family_name, one.help, one.unit) for one in told] == [(1, "c_total", "Counts.", "bytes"), (0, "odd", "", "")]
    received = decode(body, MIB)
    assert (received.samples, received.families) == (1, {"c_total": families[0], "odd": Family("odd")})


@pytest.mark.parametrize("body", [b"", b"garbage", bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff")), bytes(cramjam.snappy.compress_raw(b"\x0a\x05ab"))])
def test_garbage_is_refused(body: bytes) -> None:
    """Neither snappy nor protobuf."""
    with pytest.raises(PayloadError):
        decode(body, MIB)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing else comes out."""
    for body in (content, bytes(cramjam.snappy.compress_raw(content))):
        try:
            decode(body, MIB)
        except PayloadError:
            continue


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """Snappy says how large its content is."""
    with pytest.raises(PayloadTooLarge, match="over the limit"):
        decode(bytes(cramjam.snappy.compress_raw(bytes(2 * MIB))), MIB)


def test_bad_series_stop_no_good_ones() -> None:
    """Each is counted by its reason, and the first is named."""
    good = write({"__name__": "good", "a": "b"}, (1, 1.0))
    bad = [
        write({"a": "b"}, (1, 1.0), (2, 1.0)),
        write({"__name__": "1st"}, (1, 1.0)),
        write({"__name__": "m", "bad-label": "x"}, (1, 1.0)),
        write({"__name__": "m", "big": "x" * (MAX_VALUE + 1)}, (1, 1.0)),
        write({"__name__": "m"} | {f"l{n}": "x" for n in range(100)}, (1, 1.0)),
    ]
    received = decode(Encoder().request([*bad, good]), MIB)
    assert [one.labels for one in received.writes] == [good.labels]
    assert received.samples == 1
    assert received.refused == {
        "no metric name": 2,
        "a bad metric name": 1,
        "a bad label name": 1,
        "a label value over 2048 characters": 1,
        "over 64 labels": 1,
    }
    assert received.first == "no metric name: {a='b'}"


def test_a_label_twice_and_native_histograms_are_refused() -> None:
    """Neither can be kept as what it says."""
    label = bytes_field(1, text_field(1, "__name__") + text_field(2, "m"))
    sample = bytes_field(2, b"\x09" + struct.pack("<d", 1.0) + varint_field(2, 5))
    twice, native = bytes_field(1, label + label + sample), bytes_field(1, label + sample + bytes_field(4, bytes((15 << 3,)) + varint(5)))
    received = decode(bytes(cramjam.snappy.compress_raw(twice + native)), MIB)
    assert received.refused == {"a label twice": 1, "a native histogram": 1}
    assert received.samples == 1
    assert remote_write.CONTENT_TYPE == "application/x-protobuf"
