# SPDX-License-Identifier: Apache-2.0
"""The states of a release: the table is whole, the guards hold, and docs/release.md shows the table that runs."""

import itertools
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


FILES = (("attrition", "sha256:a1"), ("incidence", "sha256:i1"))


def submit(actor: str = "alice", document: str = "sha256:s1", files: Any = FILES) -> ReleaseEvent:
    """The author's act."""
    return ReleaseEvent(act="submit", release=RELEASE, actor=actor, document=document, files=files)


def vote(actor: str, act: Any = "approve", submission: str = "sha256:s1") -> ReleaseEvent:
    """A checker's act."""
    return ReleaseEvent(
        act=act, release=RELEASE, actor=actor, document=f"sha256:v-{actor}-{act}", submission=submission
    )


def by_file(actor: str, approved: Any, sent_back: Any = (), submission: str = "sha256:s1") -> ReleaseEvent:
    """A vote of rempart.vote/2."""
    told = replace(vote(actor, "changes" if sent_back else "approve", submission), files=tuple(approved))
    return replace(told, document=f"{told.document}-{submission}", sent_back=tuple(sent_back))


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
        ([submit(), vote("bob", "changes")], PUBLISH, "release-needs-two-checkers"),
        ([submit(), vote("bob", "changes"), vote("carol")], PUBLISH, "release-needs-two-checkers"),
        ([submit(), vote("bob", "changes"), vote("carol")], vote("dave"), "release-state"),
        ([submit(), vote("bob", "changes"), vote("carol")], vote("dave", "decide-return"), "release-decides-voter"),
        (
            [submit(), vote("bob", "changes"), vote("carol")],
            vote("carol", "decide-approve"),
            "release-decides-approval",
        ),
        ([submit(), vote("bob")], vote("bob", "decide-return"), "release-state"),
        ([submit(), vote("bob")], vote("alice", "withdraw"), "release-state"),
        (
            [submit(), vote("bob", "changes"), vote("carol", "changes")],
            vote("bob", "withdraw"),
            "release-withdraw-author",
        ),
        ([submit(), vote("bob", "changes"), vote("carol", "changes")], submit(), "release-submitted-before"),
        ([submit()], by_file("bob", [FILES[0]]), "release-files-unseen"),
        ([submit()], by_file("bob", [FILES[0], ("incidence", "sha256:i2")]), "release-files-unseen"),
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


def test_one_vote_for_changes_moves_nothing_that_is_told_and_two_return_the_release() -> None:
    for first in ("approve", "changes"):
        assert TABLE.told[after(submit(), vote("bob", first)).state] == TABLE.told["submitted"] == "in-review"
    returned = after(submit(), vote("bob", "changes"), vote("carol", "changes"))
    assert (returned.state, TABLE.turn[returned.state]) == ("returned", "author")
    assert step(returned, vote("alice", "withdraw"), TABLE).state == "withdrawn"
    assert set(TABLE.next["withdrawn"].values()) == {"refused"}


@pytest.mark.parametrize("first", ["bob", "carol"])
@pytest.mark.parametrize(
    ("decision", "by", "state_"),
    [
        ("decide-approve", "bob", "approved"),
        ("decide-return", "bob", "returned"),
        ("decide-return", "carol", "returned"),
        ("decide-reject", "carol", "rejected"),
    ],
)
def test_where_two_votes_differ_one_of_the_two_decides(first: str, decision: str, by: str, state_: str) -> None:
    votes = [vote("bob", "changes"), vote("carol")]
    apart = after(submit(), *(votes if first == "bob" else reversed(votes)))
    assert apart.state == "reviewed"
    decided = step(apart, vote(by, decision), TABLE)
    assert decided.state == state_
    if state_ == "approved":
        assert sorted(decided.approvals) == ["bob", "carol"] and step(decided, PUBLISH, TABLE).state == "released"
    else:
        with pytest.raises(Refused):
            step(decided, PUBLISH, TABLE)


def test_a_file_that_changed_loses_its_votes_and_each_checker_signs_anew() -> None:
    other = (FILES[0], ("incidence", "sha256:i2"))
    back = by_file("bob", [FILES[0]], [FILES[1]]), by_file("carol", [], FILES)
    again = after(submit(), *back, submit("alice", "sha256:s2", other))
    assert again.to_see("bob") == (("incidence", "sha256:i2"),), "bob approved the other file, and it is the same"
    assert again.to_see("carol") == other
    assert (again.state, again.approvals) == ("submitted", ())
    unsaid = by_file("carol", [other[1]], submission="sha256:s2")
    with pytest.raises(Refused, match="release-files-unseen"):
        step(again, unsaid, TABLE)
    one = step(again, by_file("bob", [other[1]], submission="sha256:s2"), TABLE)
    assert step(one, by_file("carol", other, submission="sha256:s2"), TABLE).state == "approved"


def test_a_checker_who_sends_back_what_they_had_approved_approves_it_no_longer() -> None:
    once = after(submit(), by_file("bob", [FILES[0]], [FILES[1]]), by_file("carol", FILES))
    once = step(once, vote("bob", "decide-return"), TABLE)
    twice = step(once, submit("alice", "sha256:s2"), TABLE)
    assert twice.to_see("bob") == (FILES[1],)
    thrice = step(twice, by_file("bob", [], FILES, submission="sha256:s2"), TABLE)
    assert thrice.to_see("bob") == FILES


OLD_TABLE = {
    "absent": {"submit": "submitted"},
    "submitted": {"approve": "partly-reviewed", "reject": "rejected"},
    "partly-reviewed": {"approve": "approved", "reject": "rejected"},
    "approved": {"publish": "released"},
    "rejected": {"submit": "submitted"},
    "released": {},
}
"""The table of 0.1.0: its log must admit the same acts today."""


def test_documents_of_0_1_0_fold_to_the_same_moves() -> None:
    """Every log of its four acts of five: the same acts take effect, and what was ``rejected`` then is ``returned`` now."""
    acts = ("submit", "approve-bob", "approve-carol", "reject-bob", "publish")
    for log in itertools.product(acts, repeat=5):
        now, old, voted = ReleaseState(release=RELEASE), "absent", set[str]()
        for place, told in enumerate(log):
            act, _, by = told.partition("-")
            to = OLD_TABLE[old].get(act, "") if by not in voted or not by else ""
            event = vote(by, act, now.submission) if by else replace(PUBLISH, act=act, document=f"sha256:{place}")  # type: ignore[arg-type]
            event = replace(event, actor=by or "alice", files=FILES if act == "submit" else None)
            try:
                now, moved = step(now, event, TABLE), True
            except Refused:
                moved = False
            assert moved == bool(to), (log, place)
            old, voted = to or old, (set() if act == "submit" and moved else voted | ({by} if moved and by else set()))
            assert now.state == ("returned" if old == "rejected" else old)


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
        {"absent": {"turn": "x", **dict.fromkeys(TABLE.acts, "refused"), "submit": "nowhere"}},
    ],
)
def test_a_table_with_a_gap_or_an_unknown_state_is_refused(states: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="release-table"):
        state_table({**DATA, "states": states})


def test_the_documentation_shows_the_table_that_runs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert diagram(TABLE) in text, "run: python -m tests.spec.disclosure_docs"
