"""Node events into rows of `node`."""

from __future__ import annotations

import json

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import DRAINING, NODE
from rayscope.ray.events import NodeDefinition, NodeLifecycle, NodeTransition, RayEvent
from rayscope.ray.times import parse_ns

_HEAD_RESOURCE = "node:__internal_head__"


def define_node(changes: Changes, session_no: int, event: RayEvent, node: NodeDefinition) -> None:
    """Its address, labels and names: NODE_DEFINITION_EVENT."""
    changes.add(
        NODE,
        {
            "session_no": session_no,
            "node_id": node.node_id.hex(),
            "node_ip": node.node_ip_address or None,
            "labels": json.dumps(node.labels, sort_keys=True),
            "hostname": node.hostname or None,
            "node_name": node.node_name or None,
            "instance_id": node.instance_id or None,
            "instance_type": node.instance_type_name or None,
            "start_ns": parse_ns(node.start_timestamp) if node.start_timestamp else None,
        },
    )


def advance_node(changes: Changes, session_no: int, event: RayEvent, node: NodeLifecycle) -> None:
    """Alive with its resources, draining, or dead with a reason: NODE_LIFECYCLE_EVENT."""
    for item in node.state_transitions:
        row = {"session_no": session_no, "node_id": node.node_id.hex()}
        changes.add(NODE, row | (_death(item) if item.state == "DEAD" else _life(item)))
        changes.ends |= item.state == "DEAD"


def _life(item: NodeTransition) -> dict[str, object]:
    draining = DRAINING if item.alive_sub_state == "DRAINING" else None
    row: dict[str, object] = {"start_ns": parse_ns(item.timestamp), "state_message": draining}
    if item.resources:
        row |= {"resources_total": json.dumps(item.resources, sort_keys=True), "is_head_node": _HEAD_RESOURCE in item.resources}
    return row


def _death(item: NodeTransition) -> dict[str, object]:
    info = item.death_info
    return {
        "end_ns": parse_ns(item.timestamp),
        "death_reason": str(info.reason) if info else None,
        "state_message": (info.reason_message or None) if info else None,
    }
