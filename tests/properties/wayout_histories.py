# SPDX-License-Identifier: Apache-2.0
"""Histories of decisions and withdrawals that the auditor must find, each broken in one place."""

from typing import Any

from tests.properties.clearing_histories import CLEARING_MUTANTS
from tests.properties.ledger_story import PERMIT, Story, true_story

RELEASE = "R-2026-0002"
Mutant = tuple[Story, dict[str, Any]]


def by_file(story: Story, over: str, checker: str, verdict: str, *, item: str = "sha256:1") -> None:
    """A vote of rempart.vote/2 on the one file of the story."""
    files = {"attrition": {"id": item, "verdict": verdict}}
    body = {"schema": "rempart.vote/2", "release": RELEASE, "submission": over, "files": files}
    document = story.signed({**body, "public": "why", "private": ""}, checker)
    story.act("vote", PERMIT, [f"release:{RELEASE}", f"document:{document}"])


def decision(story: Story, over: str, checker: str, verdict: str) -> None:
    """What a checker decides after votes that differ."""
    body = {"schema": "rempart.consolidation/1", "release": RELEASE, "submission": over, "verdict": verdict}
    document = story.signed({**body, "public": "why", "private": ""}, checker)
    story.act("decision", PERMIT, [f"release:{RELEASE}", f"document:{document}"])


def withdrawal(story: Story, over: str, author: str) -> None:
    """An author gives it up."""
    body = {"schema": "rempart.withdrawal/1", "release": RELEASE, "submission": over, "reason": ""}
    story.act("withdrawal", PERMIT, [f"release:{RELEASE}", f"document:{story.signed(body, author)}"])


def apart() -> tuple[Story, str]:
    """Bob approves, Dora asks for changes."""
    story = true_story()
    over = story.submission(RELEASE, "alice")
    by_file(story, over, "bob", "approve")
    by_file(story, over, "dora", "changes")
    return story, over


def _decided_by_no_checker() -> Mutant:
    story, over = apart()
    decision(story, over, "erin", "return")
    return story, {}


def _decided_by_a_third() -> Mutant:
    story, over = apart()
    decision(story, over, "frank", "return")
    return story, {}


def _withdrawn_by_another() -> Mutant:
    story, over = apart()
    decision(story, over, "dora", "return")
    withdrawal(story, over, "erin")
    return story, {}


def _published_after_it_was_withdrawn() -> Mutant:
    story = true_story()
    over = story.submission(RELEASE, "alice")
    for checker in ("bob", "dora"):
        by_file(story, over, checker, "approve")
    withdrawal(story, over, "alice")
    story.publish(RELEASE)
    return story, {}


WAYOUT_MUTANTS = {
    "decision-document": _decided_by_no_checker,
    "decision-voter": _decided_by_a_third,
    "withdrawal-document": _withdrawn_by_another,
    "release-open": _published_after_it_was_withdrawn,
    **CLEARING_MUTANTS,
}
