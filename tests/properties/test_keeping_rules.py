# SPDX-License-Identifier: Apache-2.0
"""What the auditor makes of controls and purges: sound when all is as it should be, named when one leaf too much went."""

import datetime

from tests.properties.keeping_histories import IN_TIME, begun, control, purged, retention, trace
from tests.properties.ledger_story import Story, audit


def rules(story: Story) -> set[str]:
    """Names of the rules that a story breaks."""
    return {item.rule for item in audit(story, now=IN_TIME).items}


def test_a_purge_behind_a_control_by_two_officers_is_sound() -> None:
    assert rules(purged()) == set()


def test_an_act_that_two_officers_let_go_is_named_by_the_word_of_the_auditor() -> None:
    story = begun()
    document = control(story, "audrey")
    retention(story, [document], "olga", "otto", also=(story.index("vote", "effect"),))
    assert "purged-covered" in rules(story)


def test_a_trace_of_a_later_day_than_was_signed_is_named() -> None:
    story = begun()
    story.now = datetime.datetime(2026, 3, 5, 9, 0, tzinfo=datetime.UTC)
    trace(story)
    retention(story, [control(story, "audrey")], "olga", "otto")
    assert rules(story) == {"purged-covered"}


def test_a_control_that_a_purge_does_not_name_proves_nothing_of_it() -> None:
    story = begun()
    control(story, "audrey")
    retention(story, [], "olga", "otto")
    assert rules(story) == {"purged-covered"}


def test_a_control_of_another_root_or_that_leaves_a_trace_out_is_named() -> None:
    for wrong in ({"root": "00" * 32}, {"traces": []}, {"size": 3}):
        story = begun()
        control(story, "audrey", **wrong)
        assert rules(story) == {"control-document"}
