"""What a run ships of its program's output: all of it, once, in order, to the cluster whose driver printed it, with its secrets masked."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rayscope.errors import ServerUnreachable
from rayscope.run import shipping
from rayscope.run.folder import ClusterFacts
from rayscope.run.kept import KeptFile
from rayscope.run.shipping import Shipper


class FakeClient:
    """Keeps what it is sent, as the server does; refuses now and then."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytearray] = defaultdict(bytearray)
        self.ended: set[tuple[str, str]] = set()
        self.refusals = 0

    def post_chunks(self, token: str, body: bytes) -> dict[str, int]:
        assert token == "token"
        if self.refusals:
            self.refusals -= 1
            raise ServerUnreachable("away")
        said: Any = msgspec.msgpack.decode(body)
        (chunk,) = said["chunks"]
        known = self.files[said["session"], chunk["path"]]
        assert chunk["offset"] == len(known)
        known += chunk["data"]
        if chunk["ended"]:
            self.ended.add((said["session"], chunk["path"]))
        return {chunk["file"]: len(known)}

    def close(self) -> None:
        pass


class Output:
    """A stream of a program, without one."""

    def __init__(self, path: Path) -> None:
        self.kept = KeptFile(path)
        self.path = path

    @property
    def size(self) -> int:
        return self.kept.size

    def settle(self) -> None:
        self.kept.flush()


def facts(session: str, job: str = "01000000") -> ClusterFacts:
    return ClusterFacts(
        pid=1,
        started_here=True,
        session_name=session,
        log_dir="",
        address="",
        metrics="",
        dashboard=None,
        job_id=job,
        ray_version="",
        python_version="",
        started_ns=0,
    )


@pytest.fixture
def streams(tmp_path: Path) -> dict[str, Output]:
    return {"out": Output(tmp_path / "stdout.log"), "err": Output(tmp_path / "stderr.log")}


def start(client: FakeClient, streams: dict[str, Output]) -> Shipper:
    shipper = Shipper(client, "token", dict(streams))  # type: ignore[arg-type]
    shipper.start()
    return shipper


def test_what_was_printed_belongs_to_whose_cluster_it_was(streams: dict[str, Output]) -> None:
    """What came before the first cluster is the first's, too; what comes between two is the first's."""
    client = FakeClient()
    shipper = start(client, streams)
    out, err = streams["out"].kept, streams["err"].kept
    out.write(b"before any\n")
    shipper.begin(facts("s1"))
    out.write(b"in the first\nunfin")
    err.write(b"oh\n")
    out.write(b"ished\nbetween")
    shipper.begin(facts("s2"))
    out.write(b" and the second\n")
    for kept in (out, err):
        kept.close()
    shipper.finish()
    assert shipper.error is None
    shipped = {key: bytes(data) for key, data in client.files.items()}
    assert shipped == {
        ("s1", "driver-01000000.out"): b"before any\nin the first\nunfinished\nbetween",
        ("s1", "driver-01000000.err"): b"oh\n",
        ("s2", "driver-01000000.out"): b" and the second\n",
    }
    assert client.ended == set(shipped)


def test_a_server_that_is_away_loses_nothing(streams: dict[str, Output]) -> None:
    """It is sent again until it is there."""
    client = FakeClient()
    client.refusals = 3
    shipper = start(client, streams)
    shipper.begin(facts("s1"))
    lines = b"".join(b"line %d\n" % number for number in range(200_000))
    writer = threading.Thread(target=lambda: [streams["out"].kept.write(lines[at : at + 4096]) for at in range(0, len(lines), 4096)])
    writer.start()
    writer.join()
    for output in streams.values():
        output.kept.close()
    shipper.finish()
    assert shipper.error is None
    assert bytes(client.files["s1", "driver-01000000.out"]) == lines


def test_what_never_arrives_is_said(streams: dict[str, Output], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the run goes on without."""
    monkeypatch.setattr(shipping, "FINISH_S", 0.5)
    client = FakeClient()
    client.refusals = 10**6
    shipper = start(client, streams)
    shipper.begin(facts("s1"))
    streams["out"].kept.write(b"so much\n")
    for output in streams.values():
        output.kept.close()
    shipper.finish()
    assert shipper.error is not None


def test_secrets_are_masked_before_they_are_kept(streams: dict[str, Output]) -> None:
    """A secret that comes in two pieces of one line is known; lengths stay."""
    kept = streams["out"].kept
    kept.write(b"first\npassword=plan")
    kept.write(b"ted-one\nlast")
    assert kept.path.read_bytes() == b"first\npassword=***********\n"
    kept.close()
    assert kept.path.read_bytes() == b"first\npassword=***********\nlast"
    assert kept.size == len(b"first\npassword=planted-one\nlast")
