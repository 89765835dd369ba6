"""The node agent: what it says of itself and ships, and how it is listed. The wire: docs/formats/agent.md."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from rayscope.model.column import brief, detail


class Hello(Struct, frozen=True, kw_only=True):
    """An agent's first word. ``utc_offset_s`` is how far the node's local time, which its logs are written in, is ahead of UTC."""

    session: str
    node_id: str
    agent_id: str
    host: str | None = None
    pid: int | None = None
    version: str | None = None
    python: str | None = None
    ray_version: str | None = None
    is_head: bool | None = None
    log_dir: str | None = None
    started_ns: int | None = None
    utc_offset_s: int = 0


class Terms(Struct, frozen=True, kw_only=True):
    """What the server asks of an agent: how often to look, and how much to send at once."""

    interval_s: float
    max_chunk_bytes: int
    max_body_bytes: int


class KnownFile(Struct, frozen=True):
    """How far a file has come, in bytes."""

    path: str
    offset: int


class KnownFiles(Struct, frozen=True):
    """The files of a node, by the agent's id of each."""

    files: dict[str, KnownFile]


class Gap(Struct, frozen=True):
    """Bytes that nobody can read any more: from ``from_`` to the chunk's offset."""

    from_: int = 0
    reason: str = "unknown"


class FileMeta(Struct, frozen=True, kw_only=True):
    """What the sender knows of a file that its name does not say."""

    source: str | None = None
    job_id: str | None = None
    submission_id: str | None = None
    worker_id: str | None = None
    pid: int | None = None
    stream: str | None = None


class Chunk(Struct, frozen=True, kw_only=True):
    """A stretch of a file's bytes. ``observed_ns``: when the agent read them."""

    file: str
    path: str
    offset: int
    data: bytes = b""
    observed_ns: int = 0
    ended: bool = False
    gap: dict[str, Any] | None = None
    meta: FileMeta | None = None


class Chunks(Struct, frozen=True, kw_only=True):
    """One POST of chunks, of one node."""

    session: str
    node_id: str
    agent_id: str = ""
    chunks: list[Chunk]


class Offsets(Struct, frozen=True):
    """The next byte that the server wants of each file it was sent."""

    files: dict[str, int]


class Dropped(Struct, frozen=True, kw_only=True):
    """Bytes that an agent could not ship, and why."""

    path: str
    bytes: int
    reason: str


class TargetHealth(Struct, frozen=True, kw_only=True):
    """How a target of an agent is: the last scrape of it, and the lines of its pages that were rejected since the agent's start, by reason, with an example."""

    instance: str
    job: str
    up: bool
    samples: int = 0
    duration_s: float = 0.0
    error: str = ""
    rejected: dict[str, int] = {}
    example: str = ""
    cut: int = 0


class MetricHealth(Struct, frozen=True, kw_only=True):
    """How an agent's metrics are: its targets, the scrapes that wait, and those that were dropped, by reason."""

    interval_s: float
    targets: list[TargetHealth] = []
    waiting: int = 0
    waiting_bytes: int = 0
    sent_samples: int = 0
    dropped: dict[str, int] = {}


class NodeTargets(MetricHealth, frozen=True, kw_only=True):
    """That of one node; ``heard_ns``: when it was told."""

    node_id: str
    heard_ns: int


class Targets(Struct, frozen=True, kw_only=True):
    """The targets of a session, by node."""

    session: str
    nodes: list[NodeTargets]


class AgentHealth(Struct, frozen=True, kw_only=True):
    """How an agent is, every few seconds. ``is_dead``: its node is gone, and what is left of it is shipped still."""

    session: str
    node_id: str
    agent_id: str
    now_ns: int | None = None
    files: int = 0
    lag_bytes: int = 0
    lag_s: float = 0.0
    shipped_bytes: int = 0
    dropped: list[Dropped] = []
    rss_bytes: int | None = None
    cpu_s: float | None = None
    clock_skew_ns: int | None = None
    metrics: MetricHealth | None = None
    is_dead: bool = False


class NodeScrape(Struct, frozen=True, kw_only=True):
    """What an agent says of a scrape that it was asked for. ``is_sent``: the server has the samples."""

    targets: int
    samples: int
    is_sent: bool


class Scraped(Struct, frozen=True, kw_only=True):
    """A scrape on demand. ``failed``: in words, the nodes whose samples are not there."""

    session: str
    nodes: int
    targets: int
    samples: int
    failed: list[str] = []


class Agent(Struct, frozen=True, kw_only=True):
    """One node agent of a session, as it last described itself."""

    session: Annotated[str, detail("Ray's session name", "id")]
    node_id: Annotated[str, brief("The node it reads", "id")]
    state: Annotated[str, brief("ALIVE, or SILENT when it was not heard for a while, or DEAD when its session ended")] = "ALIVE"
    host: Annotated[str | None, brief("The node's host name")] = None
    pid: Annotated[int | None, brief("Its process id")] = None
    files: Annotated[int | None, brief("Files it follows", "count")] = None
    lag_bytes: Annotated[int | None, brief("Bytes on the node's disk that it has not shipped yet", "bytes")] = None
    lag_s: Annotated[float | None, brief("How old the oldest of them are, in seconds")] = None
    dropped_bytes: Annotated[int | None, brief("Bytes that it could not ship", "bytes")] = None
    last_word_ns: Annotated[int | None, brief("When it was last heard", "ns")] = None
    agent_id: Annotated[str | None, detail("Its own id, new with each start", "id")] = None
    version: Annotated[str | None, detail("Its version")] = None
    python_version: Annotated[str | None, detail("Python's version there")] = None
    ray_version: Annotated[str | None, detail("Ray's version there")] = None
    is_head: Annotated[bool | None, detail("Whether it is on the head node")] = None
    log_dir: Annotated[str | None, detail("The folder it reads")] = None
    started_ns: Annotated[int | None, detail("When it started", "ns")] = None
    shipped_bytes: Annotated[int | None, detail("Bytes that it has shipped", "bytes")] = None
    dropped: Annotated[list[dict[str, Any]] | None, detail("What it could not ship: path, bytes and reason")] = None
    rss_bytes: Annotated[int | None, detail("Its resident memory", "bytes")] = None
    cpu_s: Annotated[float | None, detail("The CPU time it has used, in seconds")] = None
    clock_skew_ns: Annotated[int | None, detail("How far its clock is from the server's, where measured", "duration_ns")] = None
