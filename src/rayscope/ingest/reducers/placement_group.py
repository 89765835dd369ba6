"""Placement group events into rows of `placement_group`. Ray 2.60 has the messages and, as far as was seen, no sender of them."""

from __future__ import annotations

import json

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import PLACEMENT_GROUP
from rayscope.ray.events import Bundle, PlacementGroupDefinition, PlacementGroupLifecycle, PlacementGroupTransition, RayEvent
from rayscope.ray.ids import hex_or_none
from rayscope.ray.times import parse_ns

TIME_COLUMNS = {"CREATED": "ready_ns", "REMOVED": "removed_ns"}


def define_placement_group(changes: Changes, session_no: int, event: RayEvent, group: PlacementGroupDefinition) -> None:
    """Its bundles and strategy: PLACEMENT_GROUP_DEFINITION_EVENT."""
    group_id = group.placement_group_id.hex()
    changes.add(
        PLACEMENT_GROUP,
        {
            "session_no": session_no,
            "placement_group_id": group_id,
            "name": group.name,
            "creator_job_id": hex_or_none(group.creator_job_id),
            "creator_actor_id": hex_or_none(group.creator_actor_id),
            "strategy": str(group.strategy),
            "is_detached": group.is_detached,
            "ray_namespace": group.ray_namespace or None,
            "created_ns": group.creation_request_received_ns or parse_ns(event.timestamp),
            "latest_ns": parse_ns(event.timestamp),
            "state": "PENDING",
            "placed_ns": parse_ns(event.timestamp),
            "bundles": json.dumps([_bundle(group_id, bundle) for bundle in group.bundles]),
        },
    )


def advance_placement_group(changes: Changes, session_no: int, event: RayEvent, group: PlacementGroupLifecycle) -> None:
    """Its changes of state: PLACEMENT_GROUP_LIFECYCLE_EVENT."""
    for item in group.state_transitions:
        row = {"session_no": session_no, "placement_group_id": group.placement_group_id.hex()}
        changes.add(PLACEMENT_GROUP, row | _moment(item))


def _moment(item: PlacementGroupTransition) -> dict[str, object]:
    ns = parse_ns(item.timestamp)
    row: dict[str, object] = {"created_ns": ns, "latest_ns": ns, "state": str(item.state)}
    if item.state in TIME_COLUMNS:
        row[TIME_COLUMNS[item.state]] = ns
    return row


def _bundle(group_id: str, bundle: Bundle) -> dict[str, object]:
    return {
        "bundle_id": {"placement_group_id": group_id, "bundle_index": bundle.bundle_index},
        "unit_resources": bundle.unit_resources,
        "node_id": None,
        "label_selector": bundle.label_selector,
    }
