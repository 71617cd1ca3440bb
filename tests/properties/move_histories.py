# SPDX-License-Identifier: Apache-2.0
"""Histories that break one rule on moves each: who signed a cut-over, and where snapshots were committed after it."""

from collections.abc import Callable
from typing import Any

from tests.properties.ledger_story import Story, true_story

Mutant = Callable[[], tuple[Story, dict[str, Any]]]


def cut_over(story: Story, *officers: str) -> None:
    """The warehouse leaves the host of the story for another one."""
    told = {"move": "M-1", "from": "directory", "to": "hospital", "inventory": "sha256:1", "objects": 2, "bytes": 3}
    document = story.signed({"schema": "rempart.cutover/1", **told}, *officers)
    facts = [f"{name}:{value}" for name, value in told.items()]
    objects = [*facts, f"document:{document}"]
    intent = story.leaf("cutover", "intent", "operation:cutover", objects)
    story.leaf("cutover", "effect", "operation:cutover", objects, of=intent)


def _by_one_officer() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    cut_over(story, "olga")
    return story, {}


def _on_the_host_left_behind() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    cut_over(story, "olga", "otto")
    story.ingest()
    return story, {}


MOVE_MUTANTS: dict[str, Mutant] = {
    "cutover-officers": _by_one_officer,
    "commit-active": _on_the_host_left_behind,
}
