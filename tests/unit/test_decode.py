"""Decoding a batch: what is known is typed, what is not is kept and counted, what is wrong is parted with its reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import PayloadError
from rayscope.ray.decode import Batch, decode_batch, payload_of
from rayscope.ray.events import PAYLOADS, RayEvent
from support import events as ev
from support.ids import actor_id, constructor_id, method_id, placement_group_id, task_id, wire

EVERY_KIND = [
    ev.task_definition(task_id(1)),
    ev.constructor_definition(constructor_id(1)),
    ev.actor_task_definition(method_id(1, 1), actor_id(1)),
    ev.task_lifecycle(task_id(1), {"RUNNING": ev.at(1), "FAILED": ev.at(2)}, worker=1, node=1, pid=9, **ev.error()),
    ev.task_profile(task_id(1), [("task:execute", ev.at(1), ev.at(2))]),
    ev.job_definition(),
    ev.job_lifecycle(1, {"CREATED": ev.at(0), "FINISHED": ev.at(9)}),
    ev.node_definition(1),
    ev.node_alive(1, ev.at(0), head=True),
    ev.node_dead(1, ev.at(9)),
    ev.actor_definition(actor_id(1)),
    ev.actor_lifecycle(actor_id(1), [ev.actor_transition("ALIVE", ev.at(1), worker=1), ev.actor_death(ev.at(2))]),
    ev.placement_group_definition(placement_group_id(1)),
    ev.placement_group_lifecycle(placement_group_id(1), "CREATED", ev.at(1)),
    ev.submission_definition("raysubmit_1"),
    ev.submission_lifecycle("raysubmit_1", "FAILED", ev.at(1), driverExitCode=1),
    ev.platform_event("created"),
    ev.worker_definition(1),
    ev.worker_alive(1, ev.at(0)),
    ev.worker_dead(1, ev.at(1)),
]


def decode(*events: Any) -> Batch:
    return decode_batch(json.dumps(list(events)).encode())


def payload(event: RayEvent) -> Any:
    """Its payload, whatever its type."""
    return payload_of(event)


def snake(value: Any) -> Any:
    """A message as it comes where Ray keeps protobuf's field names; the keys of maps stay as they are."""
    if isinstance(value, list):
        return [snake(part) for part in value]
    if not isinstance(value, dict):
        return value
    maps = {"requiredResources", "labels", "metadata", "labelSelector", "resources", "unitResources"}
    return {re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name): part if name in maps else snake(part) for name, part in value.items()}


def test_every_type_of_event_is_typed() -> None:
    """Each event type of Ray 2.60 decodes whole, with its payload and nothing unknown."""
    batch = decode(*EVERY_KIND)
    assert (batch.bad, batch.unknown) == ([], {})
    assert {event.event_type for event in batch.events} == set(PAYLOADS)
    assert all(payload(event) is not None for event in batch.events)


def test_ids_and_integers_come_out_of_their_texts() -> None:
    """Ids are bytes and 64-bit integers are numbers once decoded."""
    profile = payload(decode(EVERY_KIND[4]).events[0])
    assert profile.task_id == task_id(1)
    assert profile.profile_events.events[0].start_time == ev.at(1)


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda event: event["eventType"])
def test_snake_case_reads_the_same(event: dict[str, Any]) -> None:
    """An exporter that keeps protobuf's field names is read as well, map keys untouched."""
    assert decode(snake(event)).events == decode(event).events


def test_unknown_fields_are_kept_by_their_path() -> None:
    """A newer Ray's fields are set aside by dotted path, at any depth, and the event is read without them."""
    event = ev.task_lifecycle(task_id(1), {"RUNNING": ev.at(1)}) | {"zone": "b"}
    event["taskLifecycleEvent"] |= {"gpuIndex": 3}
    event["taskLifecycleEvent"]["stateTransitions"][0]["reason"] = "why"
    batch = decode(event)
    assert batch.unknown == {event["eventId"]: {"zone": "b", "taskLifecycleEvent.gpuIndex": 3, "taskLifecycleEvent.stateTransitions.reason": "why"}}
    assert payload(batch.events[0]).state_transitions[0].state == "RUNNING"


def test_keys_of_maps_are_no_unknown_fields() -> None:
    """Resources and labels have whatever names their users gave."""
    event = ev.task_definition(task_id(1), requiredResources={"custom_chip": 2.0}, labelSelector={"ray.io/zone": "b"}, later=1)
    batch = decode(event)
    assert batch.unknown == {event["eventId"]: {"taskDefinitionEvent.later": 1}}
    assert payload(batch.events[0]).required_resources == {"custom_chip": 2.0}


def test_unknown_types_are_kept() -> None:
    """An event type that this version does not know, by name or by number, is an event without a payload."""
    batch = decode(ev.event("OBJECT_EVENT", "objectEvent", {"objectId": "AA=="}), ev.event(99, "", None))  # type: ignore[arg-type]
    assert [event.event_type for event in batch.events] == ["OBJECT_EVENT", 99]
    assert [payload(event) for event in batch.events] == [None, None]
    assert list(batch.unknown.values()) == [{"objectEvent": {"objectId": "AA=="}}]


@pytest.mark.parametrize(
    "broken",
    [
        {"eventId": "x"},
        ev.task_definition(task_id(1)) | {"taskDefinitionEvent": {"taskId": "not base64"}},
        ev.task_definition(task_id(1)) | {"taskDefinitionEvent": {}},
        ev.task_definition(task_id(1)) | {"taskDefinitionEvent": 7},
        ev.task_definition(task_id(1), taskAttempt="many"),
        17,
        None,
        "text",
        [],
    ],
)
def test_a_malformed_event_is_parted_from_the_good_ones(broken: Any) -> None:
    """The bad event comes back with its bytes and a reason; its neighbours are read."""
    batch = decode(ev.task_definition(task_id(1)), broken, ev.task_definition(task_id(2)))
    assert [payload(event).task_id for event in batch.events] == [task_id(1), task_id(2)]
    assert [json.loads(bad.raw) for bad in batch.bad] == [broken]
    assert batch.bad[0].reason


def test_a_malformed_event_names_its_session() -> None:
    """A bad event is counted with the session that it names, in either case."""
    batch = decode({"sessionName": "one"}, {"session_name": "two"}, {"sessionName": 3}, {"sessionName": ""})
    assert [bad.session for bad in batch.bad] == ["one", "two", None, None]


def test_a_body_too_deep_to_read_is_refused() -> None:
    """Nesting deeper than any protobuf message is an error that says so, not a failure."""
    deep = json.dumps(ev.task_definition(task_id(1))).replace('"refIds": {}', '"fallbackStrategy": {"a": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(PayloadError, match="recursion"):
        decode_batch(f"[{deep}]".encode())


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[", b"[1,]", b"\xff\xfe", b"7", b'"text"', b"[" * 100_000])
def test_what_is_no_array_is_refused(content: bytes) -> None:
    """A body that is no JSON array is an error that says so and how to mend it."""
    with pytest.raises(PayloadError, match="not a JSON array") as caught:
        decode_batch(content)
    assert "rayscope env" in (caught.value.hint or "")


def test_an_empty_array_is_a_batch() -> None:
    """Nothing in it is no error."""
    assert decode_batch(b"[]") == Batch([], [], {})


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(content: bytes) -> None:
    """Whatever is posted, the answer is a batch or a PayloadError."""
    try:
        decode_batch(content)
    except PayloadError:
        return


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["taskId", "eventType", "taskDefinitionEvent", "x"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4))
def test_every_item_of_an_array_is_read_or_bad(items: list[Any]) -> None:
    """No item of an array vanishes, and none spoils the others."""
    good = ev.task_definition(task_id(1))
    batch = decode(*items, good)
    assert len(batch.events) + len(batch.bad) == len(items) + 1
    assert batch.events[-1].event_id == good["eventId"]


def test_a_nil_id_is_still_bytes() -> None:
    """Ray's nil ids decode; what they mean is the reducers' matter."""
    assert payload(decode(ev.task_definition(b"\xff" * 24)).events[0]).task_id == b"\xff" * 24
    assert wire(b"\xff" * 24) == "/" * 32
