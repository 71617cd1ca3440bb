# SPDX-License-Identifier: Apache-2.0
"""What the audit takes for the witnesses' word before a release, and what it does not."""

from collections.abc import Callable

import pytest

from tests.properties.ledger_story import Story, audit, true_story
from tests.properties.witness_histories import OTHER, approved, cosigned, publish, recovered


def codes(story: Story) -> list[tuple[str, object]]:
    return [(item.rule, dict(item.facts).get("code")) for item in audit(story).items]


def test_a_cosigned_checkpoint_of_this_log_over_the_last_vote_is_taken() -> None:
    story = approved()
    assert codes(publish(story, cosigned(story))) == []


def test_without_a_policy_nobody_is_asked() -> None:
    assert codes(true_story()) == []


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda story: cosigned(story, by=OTHER), "witness-quorum"),
        (lambda story: cosigned(story, leaves=story.leaves[:-1]), "consistency-proof"),
        (lambda story: cosigned(story, leaves=[*story.leaves[:-1], b"else"]), "consistency-proof"),
        (lambda story: cosigned(story, leaves=[*story.leaves, b"later", b"than", b"the end"]), "consistency-proof"),
        (lambda story: story.put(b"\xff"), "checkpoint-form"),
        (lambda story: story.put(b"a text"), "checkpoint-form"),
        (lambda story: "sha256:" + "0" * 64, "document-missing"),
    ],
)
def test_anything_else_is_found(made: Callable[[Story], str], code: str) -> None:
    story = approved()
    assert codes(publish(story, made(story))) == [("acts-witnessed", code)]


def test_a_recovery_by_two_officers_that_extends_what_was_remembered_is_taken() -> None:
    assert codes(recovered(true_story(), "olga", "otto")) == []


def test_another_recovery_is_found() -> None:
    for story in (
        recovered(true_story(), "olga", "otto", had=8),
        recovered(true_story(), "olga", "otto", size=11),
        recovered(true_story(), "olga", "bob"),
    ):
        assert [rule for rule, _ in codes(story)] == ["recovery-extends"]
    lost = recovered(true_story(), "olga", "otto")
    document = next(iter(reversed(lost.documents)))
    del lost.documents[document]
    assert codes(lost) == [("recovery-extends", "document-missing")]
