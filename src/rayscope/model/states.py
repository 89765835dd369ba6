"""The states of Ray's entities, in Ray's own words, and which of them are ends."""

from __future__ import annotations

from typing import Final

# Numbers are those of Ray's TaskStatus (common.proto); the order below is the order in which an attempt passes them.
TASK_STATES: Final = (
    "PENDING_ARGS_AVAIL",
    "PENDING_NODE_ASSIGNMENT",
    "PENDING_OBJ_STORE_MEM_AVAIL",
    "PENDING_ARGS_FETCH",
    "SUBMITTED_TO_WORKER",
    "PENDING_ACTOR_TASK_ARGS_FETCH",
    "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY",
    "GETTING_AND_PINNING_ARGS",
    "RUNNING",
    "RUNNING_IN_RAY_GET",
    "RUNNING_IN_RAY_WAIT",
    "FINISHED",
    "FAILED",
)

NIL: Final = "NIL"
"""An attempt of which no state was seen (only its definition or a profile)."""

LOST: Final = "LOST"
"""Rayscope's own: nobody said how it ended, and nobody is left who could."""

TASK_ENDS: Final = frozenset({"FINISHED", "FAILED", LOST})
TASK_TYPES: Final = ("NORMAL_TASK", "ACTOR_CREATION_TASK", "ACTOR_TASK", "DRIVER_TASK")

ACTOR_STATES: Final = ("DEPENDENCIES_UNREADY", "PENDING_CREATION", "ALIVE", "RESTARTING", "DEAD")
NODE_STATES: Final = ("ALIVE", "DEAD")
WORKER_STATES: Final = ("ALIVE", "DEAD")
JOB_STATES: Final = ("PENDING", "RUNNING", "SUCCEEDED", "FINISHED", "STOPPED", "FAILED", LOST)
JOB_ENDS: Final = frozenset({"SUCCEEDED", "FINISHED", "STOPPED", "FAILED", LOST})
PLACEMENT_GROUP_STATES: Final = ("PENDING", "PREPARED", "CREATED", "RESCHEDULING", "REMOVED")
SESSION_STATES: Final = ("LIVE", "ENDED")
