# SPDX-License-Identifier: Apache-2.0
"""Histories of protocols that the auditor must find, each broken in one place."""

from typing import Any

from rempart.records.canonical import content_id
from tests.properties.ledger_story import PERMIT, Story, true_story


def body(*amendments: dict[str, str], title: str = "a question") -> dict[str, Any]:
    """A study as far as the auditor reads it."""
    told: dict[str, Any] = {"title": title, **({"amendments": list(amendments)} if amendments else {})}
    return {"schema": "rempart.study/1", "permit": "P-2026-0001", "protocol": told}


def amendment(amends: str, *, date: str = "2026-03-01", reason: str = "a longer lag") -> dict[str, str]:
    """An amendment of the version with that id."""
    return {"amends": amends, "date": date, "reason": reason}


def freeze(story: Story, study: dict[str, Any], *, by: str = "alice", amends: str = "") -> str:
    """The act that freezes a study; its content id."""
    told = [f"protocol:{content_id(study)}", f"study:{story.signed(study, by)}"]
    story.act("protocol", PERMIT, [*told, *([f"amends:{amends}"] if amends else [])])
    return content_id(study)


def amended() -> tuple[Story, str, dict[str, Any]]:
    """A true history with a frozen protocol and its first amendment: the story, the first id, the amended study."""
    story = true_story()
    first = freeze(story, body())
    second = body(amendment(first), title="a question, asked better")
    freeze(story, second, amends=first)
    return story, first, second


def _frozen_by_whom_no_permit_names() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    freeze(story, body(), by="erin")
    return story, {}


def _amended_in_two_ways() -> tuple[Story, dict[str, Any]]:
    story, first, _ = amended()
    freeze(story, body(amendment(first, reason="a shorter lag"), title="asked otherwise"), amends=first)
    return story, {}


def _amended_before_it_was_frozen() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    first = freeze(story, body())
    freeze(story, body(amendment(first, date="2026-02-28")), amends=first)
    return story, {}


def _run_before_it_was_frozen() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    freeze(story, body())
    story.study("alice")
    return story, {}


PROTOCOL_MUTANTS = {
    "protocol-document": _frozen_by_whom_no_permit_names,
    "protocol-fork": _amended_in_two_ways,
    "protocol-dates": _amended_before_it_was_frozen,
    "protocol-before": _run_before_it_was_frozen,
}
