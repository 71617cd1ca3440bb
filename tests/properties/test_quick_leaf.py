# SPDX-License-Identifier: Apache-2.0
"""The quick reading of a leaf agrees with the long one on every leaf, and on every leaf with one byte changed."""

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.audit import leaf_columns
from rempart.audit.leaf_columns import NOTHING, read_columns
from rempart.errors import NotTrusted
from rempart.records import event as events
from rempart.records.canonical import canonical_bytes
from rempart.records.event import LedgerEvent, purged_leaf
from rempart.records.quick_leaf import quick_fields
from tests.properties.ledger_story import true_story

TEXT = st.text(alphabet=st.sampled_from('ab:/-_ 09"\\\u0000\u001f\u007féΩ,]['), max_size=12)
LEAVES = true_story().leaves


def slowly(leaf: bytes) -> LedgerEvent | None:
    """As the long way has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "quick_fields", lambda _: None)
        try:
            return LedgerEvent.from_leaf(leaf)
        except NotTrusted:
            return None


def same(leaf: bytes) -> None:
    try:
        found = LedgerEvent.from_leaf(leaf)
    except NotTrusted:
        found = None
    assert found == slowly(leaf)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TEXT, max_size=4),
    st.tuples(TEXT, TEXT, TEXT, TEXT),
    st.one_of(st.none(), st.integers(-3, (1 << 53) - 1)),
    st.sampled_from(["intent", "effect", "failed", "else"]),
    st.sampled_from(
        [
            "2026-03-01T08:00:00+00:00",
            "2026-03-01T08:00:00.5+00:00",
            "2026-02-30T08:00:00+00:00",
            "2026-03-01",
            "٢026-03-01T08:00:00+00:00",
        ]
    ),
)
def test_both_ways_agree_on_any_leaf(
    objects: list[str], texts: tuple[str, str, str, str], of: int | None, phase: str, time: str
) -> None:
    actor, basis, kind, salt = texts
    told = {"actor": actor, "basis": basis, "class": "act", "kind": kind, "objects": objects, "of": of, "phase": phase}
    same(canonical_bytes({**told, "salt": salt, "schema": events.SCHEMA, "time": time}))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LEAVES),
    st.integers(0, 400),
    st.sampled_from([b"", b" ", b'"', b"0", b"\\", b"\xc3", b",", b"\x7f"]),
    st.booleans(),
)
def test_both_ways_agree_on_a_changed_leaf(leaf: bytes, at: int, put: bytes, instead: bool) -> None:
    at %= len(leaf)
    same(leaf[:at] + put + leaf[at + instead :])


def test_the_leaves_of_a_house_are_read_quickly() -> None:
    assert all(quick_fields(leaf) for leaf in LEAVES)
    made = LedgerEvent.from_leaf(LEAVES[0])
    assert made.leaf() == LEAVES[0] and {field.name for field in fields(made)} == set(events._ORDER)


ODD = (
    LedgerEvent.from_leaf(LEAVES[0]).leaf().replace(b'"actor":"', b'"actor":"\xc3\xa9', 1),
    LEAVES[1].replace(b'"objects":[', b'"objects":["a\\u001f",', 1),
    LEAVES[1].replace(b"2026-03-01T08", b"2026-02-30T08", 1),
    LEAVES[1].replace(b"T08:", b"T24:", 1),
    LEAVES[1].replace(b"+00:00", b".5+00:00", 1),
    LEAVES[0] + b"\n" + LEAVES[0],
    LEAVES[0][:40],
    LEAVES[0][40:],
    LEAVES[0].replace(b'"kind":"init"', b'"kind":"purged"', 1),
    b"",
    b"\n",
    purged_leaf(b"\x01" * 32),
)


@pytest.mark.parametrize("at_once", [1, 3, 256])
@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(LEAVES), st.sampled_from(ODD)), max_size=12),
    st.integers(0, 4000),
    st.sampled_from([None, b"", b" ", b'"', b"\n", b"\\", b"[", b"\x00"]),
)
def test_columns_say_what_each_leaf_says(at_once: int, leaves: list[bytes], at: int, put: bytes | None) -> None:
    if leaves and put is not None:
        place = at % len(leaves)
        at %= len(leaves[place]) + 1
        leaves[place] = leaves[place][:at] + put + leaves[place][at + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaf_columns, "AT_ONCE", at_once)
        told = read_columns(leaves)
    for index, leaf in enumerate(leaves):
        event = slowly(leaf)
        assert (index in told.bad, index in told.purged) == (
            event is None,
            event is not None and event.kind == "purged",
        )
        assert (
            (index in told.events) == (told.which[index] != NOTHING) == (event is not None and event.kind != "purged")
        )
        if event is not None and event.kind != "purged":
            sort = told.sorts[told.which[index]]
            assert (sort.kind, sort.phase, sort.basis, sort.event_class) == (
                event.kind,
                event.phase,
                event.basis,
                event.event_class,
            )
            assert (told.of[index], told.times[index]) == (NOTHING if event.of is None else event.of, event.time)
            assert told.events[index] == event


def test_the_leaves_of_a_house_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_columns, "_one", None)
    assert not read_columns(LEAVES * 9).bad
