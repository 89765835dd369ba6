"""`rayscope job`: submit, list, status, stop and logs of jobs, also of clusters that are gone."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from typing import Annotated, Any, BinaryIO, Final, Literal

from cyclopts import App, Parameter

from rayscope.cli.list import list_rows
from rayscope.cli.options import Where
from rayscope.cli.output.talk import tell, tell_error, tell_hint, tell_warning
from rayscope.client import Client
from rayscope.errors import NotFound, RayscopeError, ServerUnreachable, UsageError
from rayscope.jobs import follow_job_logs, stop_job, submit_job
from rayscope.model.job import DriverOutput
from rayscope.query.sessions import ALL, LATEST

app = App(
    name="rayscope job",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope job submit --working-dir . -- python train.py --epochs 3
  rayscope job list
  rayscope job logs raysubmit_4LamXRuQpYdSMg7J --follow
  rayscope job logs 01000000 --session session_2026-11-23 --stream err""",
)

_WHERE: Final = Where()
_PART_BYTES: Final = 1024 * 1024
_GOOD: Final = frozenset({"SUCCEEDED", "FINISHED", "STOPPED"})

JobId = Annotated[str, Parameter(help="A job id or a submission id, or the beginning of one.")]


@app.command
def submit(  # noqa: PLR0913 one parameter an option
    *entrypoint: Annotated[str, Parameter(help="The command, after --.", allow_leading_hyphen=True)],
    submission_id: Annotated[str | None, Parameter(help="The job's id; else Ray makes one.")] = None,
    working_dir: Annotated[str | None, Parameter(help="A folder that goes with the job, or the URI of an archive.")] = None,
    runtime_env: Annotated[str | None, Parameter(help="A YAML file with the runtime env.")] = None,
    runtime_env_json: Annotated[str | None, Parameter(help="The runtime env as JSON.")] = None,
    metadata_json: Annotated[str | None, Parameter(name=["--metadata-json", "--metadata"], help="Texts to keep with the job, as a JSON object.")] = None,
    entrypoint_num_cpus: Annotated[float | None, Parameter(help="CPUs for the driver itself.")] = None,
    entrypoint_num_gpus: Annotated[float | None, Parameter(help="GPUs for the driver itself.")] = None,
    entrypoint_memory: Annotated[int | None, Parameter(help="Memory for the driver itself, in bytes.")] = None,
    entrypoint_resources: Annotated[str | None, Parameter(help="Other resources for the driver itself, as a JSON object.")] = None,
    entrypoint_label_selector: Annotated[str | None, Parameter(help="Labels of the node for the driver, as a JSON object.")] = None,
    no_wait: Annotated[bool, Parameter(negative=(), help="Do not show what it prints until it ends.")] = False,
    where: Where = _WHERE,
) -> int:
    """Submit a job to a cluster that lives, and show what its driver prints until it ends. Needs Ray here."""
    if not entrypoint:
        raise UsageError("no command to run", hint="write it after --: rayscope job submit -- python train.py")
    resources = {
        "entrypoint_num_cpus": entrypoint_num_cpus,
        "entrypoint_num_gpus": entrypoint_num_gpus,
        "entrypoint_memory": entrypoint_memory,
        "entrypoint_resources": _object("--entrypoint-resources", entrypoint_resources),
        "entrypoint_label_selector": _object("--entrypoint-label-selector", entrypoint_label_selector),
    }
    with where.client() as client:
        session = str(client.get("sessions", where.scope())[0]["session"])
        found = submit_job(
            shlex.join(entrypoint),
            session=session,
            address=client.address,
            token=where.token,
            submission_id=submission_id,
            runtime_env=_runtime_env(runtime_env, runtime_env_json, working_dir),
            metadata=_object("--metadata-json", metadata_json),
            **{name: value for name, value in resources.items() if value is not None},
        )
        tell(f"submitted: {found}")
        if no_wait:
            print(found)
            return 0
        return _follow(client, found, session, None, 0, where.token)


@app.command(name="list")
def list_jobs(
    *,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="Rows to show; 0 shows all.")] = 100,
    format: Annotated[str | None, Parameter(help="table, json, jsonl, yaml or csv.")] = None,  # noqa: A002 the option's name
    where: Where = _WHERE,
) -> None:
    """List a session's jobs, the newest first, submitted or not."""
    columns = "job_id,submission_id,status,entrypoint,message,start_ns,duration_ns"
    list_rows("jobs", sort="-start_ns", limit=limit, columns=columns, format=format, where=where)


@app.command
def status(job: JobId, /, *, where: Where = _WHERE) -> int:
    """Say how a job is. Exits with 1 where it failed or was lost."""
    with where.client() as client:
        found = _find(client, job, where)
    print(_status_line(found))
    return 0 if found.status in _GOOD or not found.is_terminal else 1


@app.command
def stop(job: JobId, /, *, where: Where = _WHERE) -> None:
    """Ask a cluster that lives to stop a submitted job."""
    with where.client() as client:
        found = _find(client, job, where)
        if found.is_terminal:
            tell(f"not running: {_status_line(found)}")
            return
        stopped = stop_job(found.submission_id or job, session=found.session, address=client.address, token=where.token)
    tell(f"{'stopping' if stopped else 'not running'}: {found.submission_id or job}")


@app.command
def logs(
    job: JobId,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f", "-F"], negative=(), help="Go on until the job has ended.")] = False,
    stream: Annotated[Literal["out", "err"] | None, Parameter(help="Only what went to stdout, or to stderr; a submitted job has one for both.")] = None,
    offset: Annotated[int, Parameter(allow_leading_hyphen=True, help="The byte of the stream to begin with; negative: that many before its end.")] = 0,
    where: Where = _WHERE,
) -> int:
    """Show what a job's driver printed. With --follow the exit code is 0 only if it ended well."""
    with where.client() as client:
        first = _find(client, job, where, stream, offset)
        if offset and stream is None and len(first.streams) > 1:
            raise UsageError("--offset counts the bytes of one stream, and this job has two", hint="give --stream out or --stream err")
        if follow:
            return _follow(client, job, first.session, stream, offset, where.token)
        streams = [first.stream] if stream else first.streams
        shown = [_copy(client, job, first.session, name, offset, _target(name)) for name in streams]
    _tell_rest(shown[0], sum(found.size for found in shown), sum(found.lost_bytes for found in shown))
    return 0


def _find(client: Client, job: str, where: Where, stream: str | None = None, offset: int = 0) -> DriverOutput:
    """The job in the session asked for; where none was named and the newest has no such job, in the only session that has one."""
    try:
        return client.driver_output(job, where.scope(), stream, offset, 1)
    except NotFound:
        if where.scope() != LATEST:
            raise
        try:
            return client.driver_output(job, ALL, stream, offset, 1)
        except NotFound as error:
            raise NotFound(f"no job {job!r} in any session", hint="`rayscope job list --all-sessions` shows them") from error


def _copy(client: Client, job: str, session: str, stream: str, offset: int, target: BinaryIO) -> DriverOutput:
    """What is there of a stream; the last answer."""
    while True:
        found = client.driver_output(job, session, stream, offset, _PART_BYTES)
        target.write(found.data)
        target.flush()
        offset = found.next_offset
        if not found.data or offset >= found.size:
            return found


def _follow(client: Client, job: str, session: str, stream: str | None, offset: int, token: str | None) -> int:
    """Show each stream as it comes, in a thread of its own where there are two. The exit code."""
    ends: list[DriverOutput] = []
    errors: list[RayscopeError] = []

    def show(name: str | None) -> None:
        try:
            for found in follow_job_logs(
                job, session=session, stream=name, offset=offset, address=client.address, token=token, on_wait=_tell_waiting if name != "err" else None
            ):
                target = _target(found.stream)
                target.write(found.data)
                target.flush()
            ends.append(found)  # the last one has the job's end
        except RayscopeError as error:
            errors.append(error)

    threads = [threading.Thread(target=show, args=(name,), daemon=True) for name in _streams(client, job, session, stream)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # so that Ctrl-C is heard
    if errors:
        raise errors[0]
    return _tell_end(ends[0], sum(found.lost_bytes for found in ends))


def _streams(client: Client, job: str, session: str, stream: str | None) -> list[str | None]:
    """A driver that was not submitted has two; the second may not be there yet."""
    if stream is not None:
        return [stream]
    found = client.driver_output(job, session, limit=1)
    return [None] if found.submission_id is not None else ["out", "err"]


def _target(stream: str) -> BinaryIO:
    return (sys.stderr if stream == "err" else sys.stdout).buffer


def _tell_waiting(error: ServerUnreachable) -> None:
    tell_warning(f"{error.message}; waiting for it")


def _tell_end(found: DriverOutput, lost: int) -> int:
    """The words on stderr, and the exit code."""
    if lost:
        tell_warning(f"{lost:,} bytes of this log are lost: nobody could read them any more")
    if found.status in _GOOD:
        tell(_status_line(found))
        return 0
    tell_error(_status_line(found), None)
    return 1


def _tell_rest(found: DriverOutput, size: int, lost: int) -> None:
    if lost:
        tell_warning(f"{lost:,} bytes of this log are lost: nobody could read them any more")
    if not size:
        tell("Nothing was printed, or nothing of it has arrived.")
        tell_hint("`rayscope list agents` shows who ships logs; `rayscope run` ships its program's itself")
    if not found.is_terminal:
        tell(f"{_status_line(found)}; --follow goes on, --offset {found.next_offset} goes on from here")


def _status_line(found: DriverOutput) -> str:
    code = f", exit code {found.exit_code}" if found.exit_code is not None else ""
    message = f": {found.message}" if found.message else ""
    return f"{found.submission_id or found.job_id}  {found.status}{code}{message}"


def _object(option: str, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{option} is no JSON: {error}", hint='write an object: \'{"name": "value"}\'') from error
    if not isinstance(value, dict):
        raise UsageError(f"{option} is no JSON object: {text[:60]!r}", hint='write an object: \'{"name": "value"}\'')
    return value


def _runtime_env(path: str | None, text: str | None, working_dir: str | None) -> dict[str, Any]:
    if path and text:
        raise UsageError("--runtime-env and --runtime-env-json exclude each other")
    env = _object("--runtime-env-json", text) or {}
    if path:
        env = _yaml(path)
    return env | ({"working_dir": working_dir} if working_dir else {})


def _yaml(path: str) -> dict[str, Any]:
    import yaml  # comes with Ray, which is needed anyway

    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 as the user wrote it
            value = yaml.safe_load(file)
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"--runtime-env: cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"--runtime-env: {path} holds no mapping")
    return value
