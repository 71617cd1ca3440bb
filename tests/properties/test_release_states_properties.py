# SPDX-License-Identifier: Apache-2.0
"""Whatever is written into the ledger in whatever order, nothing is released without two checkers who are not its author."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.release.states import ReleaseEvent, ReleaseState, state, state_table
from tests.disclosure_rows import toml

TABLE = state_table(toml("release/states.toml"))
RELEASE = "R-2026-0001"
ACTORS = st.sampled_from(["alice", "bob", "carol", "dave"])
FILES = st.sampled_from([("a", "1"), ("a", "2"), ("b", "1")])
_LATER = ("decide-approve", "decide-return", "decide-reject", "withdraw")
DOCUMENTS = st.sampled_from(["sha256:s1", "sha256:s2", "sha256:s3"])


@st.composite
def event(draw: st.DrawFn) -> ReleaseEvent:
    """Any act by anyone."""
    act = draw(st.sampled_from(["submit", "approve", "approve", "approve", "changes", *_LATER, "reject", "publish"]))
    document = draw(DOCUMENTS) if act == "submit" else f"sha256:{draw(st.integers(0, 10**6))}"
    told = draw(st.one_of(st.none(), st.sets(FILES))) if act != "submit" else draw(st.sets(FILES))
    return ReleaseEvent(
        act=act,
        release=RELEASE,
        actor=draw(ACTORS),
        document=document,
        submission=draw(DOCUMENTS),
        files=None if told is None else tuple(sorted(told)),
        sent_back=tuple(sorted(draw(st.sets(FILES)))) if act == "changes" else (),
    )


def told_apart(events: list[ReleaseEvent]) -> set[str]:
    """By hand: approvers of the submission that stood when it was published."""
    approvers: set[str] = set()
    for item in events:
        if item.act in {"approve", "decide-approve"}:
            approvers.add(item.actor)
    return approvers


@settings(max_examples=600, deadline=None)
@given(events=st.lists(event(), max_size=12))
def test_a_released_state_has_two_approvals_by_others_on_one_submission(events: list[ReleaseEvent]) -> None:
    found: ReleaseState = state(RELEASE, events, TABLE)
    if found.state == "released":
        assert len(set(found.approvals)) == 2
        assert not set(found.approvals) & set(found.authors)
        signed = [e for e in events if e.act in {"approve", "decide-approve"} and e.submission == found.submission]
        assert set(found.approvals) <= {e.actor for e in signed}
    assert len(set(found.approvals)) == len(found.approvals)
    assert set(found.approvals) <= told_apart(events)


@settings(max_examples=600, deadline=None)
@given(events=st.lists(event(), max_size=14))
def test_each_checker_who_counts_approved_each_file_as_it_was_published(events: list[ReleaseEvent]) -> None:
    """Whoever decides for approval after asking for changes signs for the whole; every other approval is by file and id."""
    found = state(RELEASE, events, TABLE)
    if found.state not in {"approved", "released"}:
        return
    for checker in found.approvals:
        mine = [e for e in events if e.actor == checker]
        if any(e.act == "decide-approve" or (e.act == "approve" and e.files is None) for e in mine):
            continue
        for one in found.files:
            assert any(one in (e.files or ()) for e in mine if e.act in {"approve", "changes"}), (checker, one)


@settings(max_examples=200, deadline=None)
@given(events=st.lists(event(), max_size=12))
def test_every_act_either_counts_or_is_listed_as_void(events: list[ReleaseEvent]) -> None:
    states = [state(RELEASE, events[:n], TABLE) for n in range(len(events) + 1)]
    for before, now in itertools.pairwise(states):
        counted = (before.state, before.votes, before.submission, before.pack) != (
            now.state,
            now.votes,
            now.submission,
            now.pack,
        )
        assert counted != (len(now.void) == len(before.void) + 1)
