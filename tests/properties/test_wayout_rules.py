# SPDX-License-Identifier: Apache-2.0
"""What the auditor makes of votes by file, decisions and withdrawals."""

from collections.abc import Callable

import pytest

from tests.properties.ledger_story import PERMIT, Story, audit, true_story
from tests.properties.test_ledger_rules import _body
from tests.properties.wayout_histories import RELEASE, apart, by_file, decision


def rules(story: Story) -> set[str]:
    """Names of the rules that a story breaks."""
    return {item.rule for item in audit(story).items}


def test_who_had_asked_for_changes_may_decide_for_approval_and_then_two_approve() -> None:
    story, over = apart()
    decision(story, over, "dora", "approve")
    story.publish(RELEASE)
    assert rules(story) == set()


def test_who_approved_cannot_approve_for_the_other() -> None:
    story, over = apart()
    decision(story, over, "bob", "approve")
    story.publish(RELEASE)
    assert "decision-voter" in rules(story)


@pytest.mark.parametrize("decided", [("dora", "return"), ("bob", "reject")])
def test_nothing_leaves_after_a_return_or_a_rejection(decided: tuple[str, str]) -> None:
    story, over = apart()
    decision(story, over, *decided)
    story.publish(RELEASE)
    assert rules(story) == {"release-open", "release-approvals"}


def again(story: Story, over: str, item: str) -> str:
    """The submission that follows, with that id of the one file."""
    body = {**_body(story, over), "tables": {"attrition": item}, "after": over}
    document = story.signed(body, "alice")
    story.act("submission", PERMIT, [f"release:{RELEASE}", f"document:{document}"])
    return document


def no_file(story: Story, over: str, checker: str) -> None:
    """A vote that tells of no file: those approved before stand."""
    body = {"schema": "rempart.vote/2", "release": RELEASE, "submission": over, "files": {}}
    document = story.signed({**body, "public": "", "private": ""}, checker)
    story.act("vote", PERMIT, [f"release:{RELEASE}", f"document:{document}"])


@pytest.mark.parametrize(
    ("item", "vote", "broken"),
    [
        ("sha256:1", no_file, set()),
        ("sha256:2", no_file, {"release-approvals"}),
    ],
)
def test_an_approval_of_a_file_stands_while_its_id_stands(
    item: str, vote: Callable[[Story, str, str], None], broken: set[str]
) -> None:
    story, over = apart()
    decision(story, over, "dora", "return")
    later = again(story, over, item)
    vote(story, later, "bob")
    by_file(story, later, "dora", "approve", item=item)
    story.publish(RELEASE)
    assert rules(story) == broken


def test_votes_by_file_over_the_same_submission_are_enough() -> None:
    story = true_story()
    over = story.submission(RELEASE, "alice")
    for checker in ("bob", "dora"):
        by_file(story, over, checker, "approve")
    story.publish(RELEASE)
    assert rules(story) == set()
