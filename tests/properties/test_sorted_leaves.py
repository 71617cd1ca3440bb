# SPDX-License-Identifier: Apache-2.0
"""Leaves sorted by columns are what one walk over every leaf finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.audit.leaf_columns import Sort, read_columns
from rempart.audit.sorted_leaves import sort_leaves
from rempart.records.event import LedgerEvent, purged_leaf

PHASES = ("intent", "effect", "failed")
LOST = (b"no leaf", purged_leaf(b"\x07" * 32))


def leaf(kind: str, phase: str, basis: str, of: int) -> bytes:
    """A leaf of that sort; an intent names nothing."""
    return LedgerEvent(
        kind=kind, event_class="act", phase=phase, of=None if phase == "intent" else of, actor="salted:x", basis=basis,  # type: ignore[arg-type]
        objects=(), time="2026-03-01T08:00:00+00:00", salt="00" * 16,
    ).leaf()  # fmt: skip


DRAWN = st.one_of(
    st.sampled_from(LOST),
    st.builds(leaf, st.sampled_from("ab"), st.sampled_from(PHASES), st.sampled_from("xy"), st.integers(0, 14)),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(DRAWN, max_size=14))
def test_one_walk_finds_the_same(leaves: list[bytes]) -> None:
    events = {at: LedgerEvent.from_leaf(one) for at, one in enumerate(leaves) if one not in LOST}
    ends: dict[int, int] = {}
    strays, groups = [], dict[Sort, list[int]]()
    for at, event in events.items():
        groups.setdefault(Sort(event.kind, event.phase, event.basis, event.event_class), []).append(at)
        if event.of is None:
            continue
        intent = events.get(event.of) if event.of < at else None
        if intent and (intent.kind, intent.phase) == (event.kind, "intent") and event.of not in ends:
            ends[event.of] = at
            strays += [at] if intent.basis != event.basis else []
        else:
            strays.append(at)
    found = sort_leaves(read_columns(leaves))
    assert (dict(found.events), dict(found.ends), list(found.strays), dict(found.groups)) == (
        events,
        ends,
        strays,
        groups,
    )
    assert found.failures == {intent for intent, end in ends.items() if events[end].phase == "failed"}
    begun = [events[at].of if at in events and events[at].of in events else at for at in range(len(leaves))]
    assert list(found.begun) == begun
    assert list(found.purged) == [at for at, one in enumerate(leaves) if one == LOST[1]]
