"""An object reference: a process that holds one of Ray's objects, as it was in a snapshot of the object table."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class ObjectRef(Struct, frozen=True, kw_only=True):
    """One reference of a session, in the newest snapshot or the newest at or before a time. An object that several processes hold has several."""

    session: Annotated[str, detail("Ray's session name", "id")]
    object_id: Annotated[str, brief("Ray's id of the object", "id")]
    size_bytes: Annotated[int | None, brief("How large the object is; null: this process does not know", "bytes")] = None
    reference_type: Annotated[str, brief("LOCAL_REFERENCE, PINNED_IN_MEMORY, USED_BY_PENDING_TASK, CAPTURED_IN_OBJECT, ACTOR_HANDLE or UNKNOWN_STATUS")] = (
        "UNKNOWN_STATUS"
    )
    task_status: Annotated[str, brief("The status of the task that makes it, as its owner knows it; NIL: this process is not its owner")] = "NIL"
    call_site: Annotated[str | None, brief("Where this process got the reference; null: call sites are not recorded, or not of this one")] = None
    function: Annotated[str | None, brief("The function of the task that made it; `(driver)`: the driver put it")] = None
    type: Annotated[str, brief("DRIVER or WORKER: the process that holds it")] = "WORKER"
    pid: Annotated[int, brief("That process's id")] = 0
    ip: Annotated[str, brief("Its node's address")] = ""
    node_id: Annotated[str | None, detail("Its node", "id")] = None
    worker_id: Annotated[str | None, detail("Its worker", "id")] = None
    origin: Annotated[str | None, detail("PUT, RETURN or HANDLE, by the id; null: an id of another form")] = None
    is_pinned: Annotated[bool, detail("Whether this process pins it in memory, as the argument of a running task or in a `ray.get`")] = False
    is_owner: Annotated[bool, detail("Whether this process owns it: it knows a status")] = False
    attempt_number: Annotated[int, detail("As Ray tells it: 1 for the first attempt")] = 1
    task_id: Annotated[str | None, detail("The task that put or returned it", "id")] = None
    actor_id: Annotated[str | None, detail("That task's actor", "id")] = None
    job_id: Annotated[str | None, detail("That task's job", "id")] = None
    first_seen_ns: Annotated[int | None, detail("The first snapshot in which this process held it", "ns")] = None
    last_seen_ns: Annotated[int | None, detail("The last snapshot in which this process held it", "ns")] = None
    snapshot_ns: Annotated[int | None, detail("When the snapshot was taken that this row is of", "ns")] = None
