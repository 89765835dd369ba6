"""Jobs from Python: what their drivers printed, live or after their cluster is gone; and submitting, stopping through Ray's own Jobs API.

from rayscope.jobs import get_job_logs, follow_job_logs

print(get_job_logs("raysubmit_4LamXRuQpYdSMg7J"))
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from rayscope.address import find_address
from rayscope.client import Client
from rayscope.errors import NotFound, ServerUnreachable, Unauthorized, Unavailable, UsageError
from rayscope.model.job import DriverOutput
from rayscope.query.sessions import LATEST
from rayscope.query.tail_end import TailEnd

_LOOK_S: Final = 0.25
_RETRY_S: Final = 1.0
_BACK_S: Final = 60.0
"""How long a server that came back may not know a job that was followed already: its cluster tells it again in its own time."""

_PART_BYTES: Final = 1024 * 1024
_SUBMIT_WITH: Final = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
"""Where these are set, Ray's client takes their address whatever it is given."""


def get_job_logs(job: str, *, session: str = LATEST, stream: str | None = None, address: str | None = None, token: str | None = None) -> str:
    """All that a job's driver printed to one stream: ``out`` (where nothing was, ``err``), or as named. By job id or submission id."""
    with Client(address or find_address(), token) as client:
        data, offset = b"", 0
        while True:
            found = client.driver_output(job, session, stream, offset, _PART_BYTES)
            data += found.data
            offset = found.next_offset
            if offset >= found.size:
                return data.decode(errors="replace")


def follow_job_logs(
    job: str,
    *,
    session: str = LATEST,
    stream: str | None = None,
    offset: int = 0,
    address: str | None = None,
    token: str | None = None,
    on_wait: Callable[[ServerUnreachable], None] | None = None,
) -> Iterator[DriverOutput]:
    """What a job's driver prints from an offset on, until the job has ended and all of it is there. The last one has the job's state, and maybe no data.

    A server that goes away is waited for (``on_wait`` is told once each time): it goes on at the byte where it was. Each output's ``next_offset``
    is where another call can go on.
    """
    with Client(address or find_address(), token) as client:
        end, waiting, known_until = TailEnd(time.monotonic()), False, 0.0
        while True:
            try:
                found = client.driver_output(job, session, stream, offset, _PART_BYTES)
            except (ServerUnreachable, Unavailable, NotFound) as error:
                if isinstance(error, NotFound) and time.monotonic() >= known_until:
                    raise
                if not waiting and on_wait is not None and isinstance(error, ServerUnreachable):
                    on_wait(error)
                if known_until and not isinstance(error, NotFound):
                    known_until = time.monotonic() + _BACK_S
                waiting = True
                time.sleep(_RETRY_S)
                end.hold(time.monotonic())
                continue
            known_until = time.monotonic() + _BACK_S
            waiting, session, offset = False, found.session, found.next_offset  # `latest` must not become another session meanwhile
            if end.is_over(time.monotonic(), is_terminal=found.is_terminal, came=len(found.data), offset=offset, size=found.size):
                yield found
                return
            if found.data:
                yield found
            else:
                time.sleep(_LOOK_S)


def stop_job(job: str, *, session: str = LATEST, address: str | None = None, token: str | None = None) -> bool:
    """Ask a cluster that lives to stop a job; whether it ran. Raises Unavailable with the cluster's own words."""
    with Client(address or find_address(), token) as client:
        return bool(json.loads(client.post_ray(session, f"/api/jobs/{quote(job, safe='')}/stop"))["stopped"])


def submit_job(
    entrypoint: str,
    *,
    session: str = LATEST,
    address: str | None = None,
    token: str | None = None,
    submission_id: str | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    **resources: Any,
) -> str:
    """Submit a job to a cluster that lives, with Ray's own client; its submission id. ``resources`` are those of Ray's ``submit_job``.

    Raises UsageError where Ray is not installed or what was given makes no sense to it, and Unavailable with the cluster's own words.
    """
    try:
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient  # heavy, and only here Ray itself is needed
    except ImportError as error:
        raise UsageError("submitting a job needs Ray's own client, and Ray is not installed here", hint="pip install 'rayscope[ray]'") from error
    given = token or os.environ.get("RAYSCOPE_TOKEN")
    with _without(_SUBMIT_WITH):
        try:
            base = (address or find_address()).rstrip("/")
            cookies = {"rayscope_token": given} if given else None
            client = JobSubmissionClient(f"{base}/ray/{quote(session, safe='')}", cookies=cookies, headers=Client(base).ray_headers())
            found = client.submit_job(
                entrypoint=entrypoint, submission_id=submission_id, runtime_env=dict(runtime_env or {}), metadata=dict(metadata or {}), **resources
            )
        except AuthenticationError as error:
            raise Unauthorized(f"the cluster wants Ray's own token: {str(error).splitlines()[0]}", hint="set RAY_AUTH_TOKEN to it") from error
        except ConnectionError as error:
            raise ServerUnreachable(f"no Rayscope server answers at {base} ({error})", hint="start one with `rayscope server start`") from error
        except (ValueError, TypeError) as error:
            raise UsageError(f"Ray does not take that: {error}") from error
        except RuntimeError as error:
            raise _said(str(error)) from error
    return str(found)


def _said(text: str) -> Unavailable | NotFound:
    """Ray's client puts the status before what the cluster said, and a traceback may follow."""
    lines = [line for line in text.replace("Request failed with status code ", "").strip().splitlines() if line.strip()]
    last = lines[-1] if lines and lines[0].endswith("Traceback (most recent call last):") else (lines or ["no word"])[0]
    return Unavailable(f"the job was not taken: {last}")


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
