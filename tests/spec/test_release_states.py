# SPDX-License-Identifier: Apache-2.0
"""The states of a release: the table is whole, the guards hold, and docs/release.md shows the table that runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rempart.errors import BadInput, Refused
from rempart.release.states import ReleaseEvent, ReleaseState, StateTable, diagram, state, state_table, step
from tests.disclosure_rows import toml

DATA = toml("release/states.toml")
TABLE = state_table(DATA)
RELEASE = "R-2026-0001"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "release.md"


def submit(actor: str = "alice", document: str = "sha256:s1") -> ReleaseEvent:
    """The author's act."""
    return ReleaseEvent(act="submit", release=RELEASE, actor=actor, document=document)


def vote(actor: str, act: Any = "approve", submission: str = "sha256:s1") -> ReleaseEvent:
    """A checker's act."""
    return ReleaseEvent(
        act=act, release=RELEASE, actor=actor, document=f"sha256:v-{actor}-{act}", submission=submission
    )


PUBLISH = ReleaseEvent(act="publish", release=RELEASE, actor="", document="sha256:pack")


def after(*events: ReleaseEvent) -> ReleaseState:
    """The state after events."""
    return state(RELEASE, events, TABLE)


def test_two_checkers_and_then_publication() -> None:
    done = after(submit(), vote("bob"), vote("carol"), PUBLISH)
    assert (done.state, done.author, done.approvals, done.pack) == (
        "released",
        "alice",
        ("bob", "carol"),
        "sha256:pack",
    )
    assert not done.void


@pytest.mark.parametrize(
    ("events", "act", "code"),
    [
        ([submit()], vote("alice"), "release-author-votes"),
        ([submit()], vote("alice", "reject"), "release-author-votes"),
        ([submit(), vote("bob")], vote("bob"), "release-voted-already"),
        ([submit()], vote("bob", submission="sha256:other"), "release-other-submission"),
        ([submit()], PUBLISH, "release-needs-two-checkers"),
        ([submit(), vote("bob")], PUBLISH, "release-needs-two-checkers"),
        ([], PUBLISH, "release-state"),
        ([], vote("bob"), "release-state"),
        ([submit()], submit("dave", "sha256:s2"), "release-state"),
        ([submit(), vote("bob"), vote("carol")], vote("dave"), "release-state"),
        ([submit(), vote("bob", "reject")], PUBLISH, "release-state"),
        ([submit(), vote("bob", "reject")], vote("carol"), "release-state"),
        ([submit(), vote("bob"), vote("carol"), PUBLISH], PUBLISH, "release-state"),
    ],
)
def test_a_guard_refuses_the_act_and_in_the_ledger_it_has_no_effect(
    events: list[ReleaseEvent], act: ReleaseEvent, code: str
) -> None:
    before = after(*events)
    with pytest.raises(Refused, match=code):
        step(before, act, TABLE)
    ignored = after(*events, act)
    assert replace(ignored, void=()) == before
    assert ignored.void == ((act.document, code),)


def test_two_votes_by_one_checker_never_publish() -> None:
    assert after(submit(), vote("bob"), vote("bob"), PUBLISH).state == "partly-reviewed"


def test_a_new_submission_after_a_rejection_starts_anew_and_bars_both_authors() -> None:
    again = after(submit(), vote("bob", "reject"), submit("dave", "sha256:s2"))
    assert (again.state, again.author, again.approvals, again.rejections) == ("submitted", "dave", (), ())
    for author in ("alice", "dave"):
        with pytest.raises(Refused, match="release-author-votes"):
            step(again, vote(author, submission="sha256:s2"), TABLE)
    with pytest.raises(Refused, match="release-other-submission"):
        step(again, vote("bob"), TABLE)
    assert step(again, vote("bob", submission="sha256:s2"), TABLE).state == "partly-reviewed"


def test_acts_on_another_release_are_not_ours() -> None:
    other = replace(vote("carol"), release="R-2026-0002")
    assert after(submit(), vote("bob"), other) == after(submit(), vote("bob"))


def reachable(table: StateTable) -> set[str]:
    """States reached from the start."""
    found, ahead = {"absent"}, ["absent"]
    while ahead:
        for to in table.next[ahead.pop()].values():
            if to != "refused" and to not in found:
                found.add(to)
                ahead.append(to)
    return found


def test_every_state_answers_every_act_once_and_is_reachable() -> None:
    assert all(set(moves) == set(TABLE.acts) for moves in TABLE.next.values())
    assert reachable(TABLE) == set(TABLE.next)
    assert set(TABLE.next["released"].values()) == {"refused"}


@pytest.mark.parametrize(
    "states",
    [
        {"absent": {"turn": "author", "submit": "refused"}},
        {"absent": {"turn": "x", "submit": "nowhere", "approve": "refused", "reject": "refused", "publish": "refused"}},
    ],
)
def test_a_table_with_a_gap_or_an_unknown_state_is_refused(states: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="release-table"):
        state_table({**DATA, "states": states})


def test_the_documentation_shows_the_table_that_runs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert diagram(TABLE) in text, "run: python -m tests.spec.disclosure_docs"
