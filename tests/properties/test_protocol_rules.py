# SPDX-License-Identifier: Apache-2.0
"""The auditor on protocols: what is frozen when, by whom, and whether amendments are one chain."""

import pytest

from rempart.records.canonical import content_id
from tests.properties.ledger_story import PERMIT, SPACE, audit, true_story
from tests.properties.protocol_histories import amended, amendment, body, freeze


def _rules(story: object) -> set[str]:
    return {item.rule for item in audit(story).items}  # type: ignore[arg-type]


def test_a_log_of_before_protocols_were_frozen_is_sound() -> None:
    assert audit(true_story()).ok


def test_frozen_versions_and_their_amendments_are_sound_and_counted() -> None:
    story, _, second = amended()
    found = audit(story)
    assert found.ok
    assert found.counts["protocols"] == 2
    intent = story.leaf("study", "intent", PERMIT, [f"study:{story.signed(second, 'alice')}", f"space:{SPACE}",
                                                    f"head:{story.heads[SPACE]}"])  # fmt: skip
    story.leaf("study", "effect", PERMIT, ["run:S-9", "result:" + story.put(b"result")], of=intent)
    assert audit(story).ok


@pytest.mark.parametrize("wrong", ["never frozen", "leaf says another", "an amendment left out", "leaf says none"])
def test_an_amendment_that_continues_nothing_is_found(wrong: str) -> None:
    story, first, second = amended()
    told = list(second["protocol"]["amendments"])
    if wrong == "never frozen":
        freeze(story, body(amendment("sha256:" + "0" * 64)), amends="sha256:" + "0" * 64)
    elif wrong == "leaf says another":
        freeze(story, body(amendment(first), title="x"), amends="sha256:" + "0" * 64)
    elif wrong == "leaf says none":
        freeze(story, body(amendment(first), title="x"))
    else:
        last = content_id(second)
        assert told
        freeze(story, body(amendment(last)), amends=last)
    assert _rules(story) == {"protocol-document"}


def test_a_protocol_frozen_under_another_permit_covers_no_run_of_this_one() -> None:
    story = true_story()
    freeze(story, body())
    other = {**body(), "protocol": {"title": "another"}}
    intent = story.leaf("study", "intent", PERMIT, [f"study:{story.signed(other, 'alice')}", f"space:{SPACE}",
                                                    f"head:{story.heads[SPACE]}"])  # fmt: skip
    story.leaf("study", "failed", PERMIT, ["error:refused/x"], of=intent)
    assert _rules(story) == {"protocol-before"}


def test_variants_of_an_amended_file_bear_its_amendments_and_are_no_fork() -> None:
    """Also one that is frozen after the file was amended again."""
    story, first, second = amended()
    freeze(story, body(amendment(first), title="a variant"), amends=first)
    third = content_id(second)
    again = [amendment(first), amendment(third, reason="another outcome")]
    freeze(story, body(*again), amends=third)
    freeze(story, body(amendment(first), title="a later variant"), amends=first)
    assert audit(story).ok


def test_the_second_of_two_ways_is_found_wherever_it_leaves_the_chain() -> None:
    """Two amendments of the second version; two amendments of two variants of it."""
    story, first, second = amended()
    variant = freeze(story, body(amendment(first), title="a variant"), amends=first)
    third = content_id(second)
    freeze(story, body(amendment(first), amendment(third)), amends=third)
    assert audit(story).ok
    freeze(story, body(amendment(first), amendment(variant)), amends=variant)
    freeze(story, body(amendment(first), amendment(third, reason="another outcome")), amends=third)
    assert [item.rule for item in audit(story).items] == ["protocol-fork", "protocol-fork"]


@pytest.mark.parametrize(("date", "sound"), [("2026-02-28", False), ("2026-03-01", True), ("2026-03-02", False)])
def test_an_amendment_is_dated_between_the_freezing_of_both_versions(date: str, sound: bool) -> None:
    """Both were frozen on the first of March."""
    story = true_story()
    first = freeze(story, body())
    freeze(story, body(amendment(first, date=date)), amends=first)
    assert _rules(story) == (set() if sound else {"protocol-dates"})
