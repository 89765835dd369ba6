"""Secrets in events: masked before the journal, in every file of the data folder, counted, and everything else as it came."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rayscope.store.journal import Journal, Position
from support import events as ev
from support.ids import task_id
from support.recording import Recording

ENV_SECRET = "planted-in-env-4f1c"
LOOK_SECRET = "ghp_" + "Zz19" * 9
MESSAGE_SECRET = "planted-in-message-77aa"
ENTRY_SECRET = "planted-in-entrypoint-03dd"
METADATA_SECRET = "planted-in-metadata-9e2b"
SECRETS = (ENV_SECRET, LOOK_SECRET, MESSAGE_SECRET, ENTRY_SECRET, METADATA_SECRET)


def env() -> str:
    return json.dumps({"env_vars": {"SERVICE_TOKEN": ENV_SECRET, "ORDINARY": f"clone with {LOOK_SECRET}"}})


def batch() -> list[ev.Event]:
    failed = {"errorMessage": f"no luck with password={MESSAGE_SECRET} at x", "errorType": "TASK_EXECUTION_EXCEPTION"}
    return [
        ev.task_definition(task_id(1), serializedRuntimeEnv=env()),
        ev.task_lifecycle(task_id(1), {"RUNNING": ev.at(1), "FAILED": ev.at(2)}, rayErrorInfo=failed),
        ev.task_definition(task_id(2)),
        ev.event(
            "SUBMISSION_JOB_DEFINITION_EVENT",
            "submissionJobDefinitionEvent",
            {
                "submissionId": "raysubmit_1",
                "entrypoint": f"python x.py --api-key={ENTRY_SECRET}",
                "config": {"serializedRuntimeEnv": env(), "metadata": {"key": METADATA_SECRET}},
            },
        ),
    ]


def holding(folder: Path) -> list[str]:
    """Which secrets stand in which file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{secret} in {path.name}" for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def test_no_secret_reaches_the_disk(recording: Recording) -> None:
    """Neither through the journal nor through the tables, open or closed."""
    recording.post(batch())
    assert holding(recording.folder) == []
    recording.close()
    assert holding(recording.folder) == []


def test_what_was_masked_is_counted(recording: Recording) -> None:
    """By where it stood, and of a session in all."""
    recording.post(batch())
    assert recording.queries.received()["redacted"] == {"runtime_envs": 4, "texts": 2, "fields": 1}
    assert recording.rows("sessions")[0]["redacted"] == 7
    (row,) = recording.rows("tasks", filters=("state=FAILED",))
    assert row["error_message"] == "no luck with password=[redacted] at x"


def test_a_body_without_secrets_is_kept_byte_for_byte(recording: Recording) -> None:
    """What is in the journal is what came."""
    content = ev.body([ev.task_definition(task_id(1), serializedRuntimeEnv='{"pip": ["x"]}'), ev.task_lifecycle(task_id(1), {"FINISHED": ev.at(2)})])
    recording.post_body(content)
    assert [record.body for record in Journal(recording.folder / "journal").replay(Position())] == [content]


def test_a_secret_where_nobody_reads_is_masked(recording: Recording) -> None:
    """In fields of a newer Ray, and in events that cannot be read."""
    recording.post([ev.task_definition(task_id(1), later={"api_token": ENV_SECRET}), {"sessionName": ev.SESSION, "password": MESSAGE_SECRET}])
    assert holding(recording.folder) == []


def test_a_restart_does_not_bring_it_back(open_recording: Callable[[Path], Recording], tmp_path: Path) -> None:
    """What the journal replays was masked before."""
    first = open_recording(tmp_path / "data")
    first.post(batch())
    first.close()
    again = open_recording(tmp_path / "data")
    assert again.rows("tasks", filters=("state=FAILED",))[0]["runtime_env"].count("[redacted]") == 2
