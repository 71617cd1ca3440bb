# SPDX-License-Identifier: Apache-2.0
"""What leaves without votes: the reasons against it, the draw for a second look, and the auditor's rules on both."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.records.clearing import sampled, why_not
from rempart.records.policy import Policy, undecided
from rempart.wiring.policy import policy_form
from tests.properties.clearing_histories import BROKEN_CLEARANCES, Mutant, cleared, look
from tests.properties.ledger_story import audit

TYPES = ("frequency", "mean", "regression")


def _policy(*types: str) -> Policy:
    return Policy(version=1, values={**undecided(policy_form()).values, "release.automatic": list(types)})


@given(
    types=st.dictionaries(st.sampled_from("abc"), st.sampled_from(TYPES)),
    tables=st.sets(st.sampled_from("abc")),
    automatic=st.sets(st.sampled_from(TYPES)),
    derogations=st.lists(st.just("stroke"), max_size=1),
)
def test_a_submission_leaves_alone_only_if_every_table_is_of_a_listed_type(
    types: dict[str, str], tables: set[str], automatic: set[str], derogations: list[str]
) -> None:
    body = {"types": types, "tables": dict.fromkeys(tables, "sha256:1"), "derogations": derogations}
    naive = bool(tables) and set(types) == tables and all(types[t] in automatic for t in tables) and not derogations
    assert (why_not(body, _policy(*automatic)) == ()) == naive


def test_the_author_must_sign_the_types_and_nothing_clears_by_default() -> None:
    tables = {"a": "sha256:1"}
    assert why_not({"tables": tables}, _policy(*TYPES)) == ("clear-types",)
    assert why_not({"tables": tables, "types": {"a": "mean"}}, _policy()) == ("clear-type",)
    eyes = {"tables": tables, "types": {"a": "mean"}, "files": {"x.csv": {}}}
    assert why_not(eyes, _policy(*TYPES)) == ("clear-eyes",)


def test_the_draw_takes_its_share_and_nobody_can_tell_it_from_the_submission() -> None:
    leaves = [b'{"release":"R-2026-0001","salt":"%032x"}' % n for n in range(4000)]
    taken = sum(sampled(leaf, 0.1) for leaf in leaves)
    assert 310 < taken < 490  # 400 within five standard deviations
    assert all(sampled(leaf, 1.0) for leaf in leaves) and not any(sampled(leaf, 0.0) for leaf in leaves)


@pytest.mark.parametrize("mutant", BROKEN_CLEARANCES)
def test_the_auditor_finds_a_release_that_no_policy_let_leave_alone(mutant: "type[Mutant]") -> None:
    story, changes = mutant()
    found = audit(story, **changes)
    assert {item.rule for item in found.items} == {"clearance-policy"}


def test_a_release_without_votes_that_was_looked_at_is_sound() -> None:
    story, over = cleared()
    assert audit(story).items == ()
    look(story, over, "bob")
    later = story.now + datetime.timedelta(days=30)
    assert not [item for item in audit(story, now=later).items if item.rule == "sample-looked"]
