# SPDX-License-Identifier: Apache-2.0
"""The auditor on the house's policy: what two officers decided holds from its leaf on, and nothing else does."""

import pytest

from tests.properties.ledger_story import Story, audit, true_story
from tests.properties.policy_histories import policy


def found(story: Story) -> list[tuple[str, str, str]]:
    return [(item.rule, item.facts["code"], item.family) for item in audit(story).items]


def test_each_version_after_the_other_has_nothing_to_find() -> None:
    story = true_story()
    policy(story, "olga", "otto", circuit="full")
    policy(story, "otto", "olga", version=2)
    assert not found(story)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"by": ("olga",)}, "officers-two"),
        ({"by": ("olga", "carl")}, "officers-two"),
        ({"by": ("olga", "otto"), "told": 2}, "document-form"),
        ({"by": ("olga", "otto"), "circuit": "none"}, "policy-field"),
        ({"by": ("olga", "otto"), "ledger.retain_days": 1}, "policy-field"),
        ({"by": ("olga", "otto"), "ledger.retain_days": 500}, "policy-reason"),
    ],
)
def test_what_two_officers_did_not_decide_is_named(how: dict[str, object], code: str) -> None:
    story = true_story()
    by = how.pop("by")
    policy(story, *by, **how)  # type: ignore[misc,arg-type]
    assert found(story) == [("policy-officers", code, "not trusted")]


def test_a_version_that_lost_a_race_decides_nothing() -> None:
    story = true_story()
    policy(story, "olga", "otto", circuit="full")
    policy(story, "olga", "otto", circuit="short")
    assert found(story) == [("policy-officers", "policy-version", "anomaly")]
