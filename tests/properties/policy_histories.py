# SPDX-License-Identifier: Apache-2.0
"""Histories of the house's policy that the auditor must find, each broken in one place."""

from typing import Any

from rempart.records.policy import SCHEMA
from tests.properties.ledger_story import Story, true_story


def policy(story: Story, *by: str, version: int = 1, told: int | None = None, **values: object) -> None:
    """One policy that officers signed, and its leaf."""
    body = {"schema": SCHEMA, "version": version, "values": values, "reasons": {}}
    document = story.signed(body, *by)
    story.act("policy", "operation:policy", [f"document:{document}", f"version:{told or version}"])


def _by_one_officer() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    policy(story, "olga")
    return story, {}


POLICY_MUTANTS = {"policy-officers": _by_one_officer}
