# SPDX-License-Identifier: Apache-2.0
"""The leaves of a log sorted once, for all rules: which can be read, which closes which, which are of one kind.

A log has millions of leaves and some fifty rules: a rule asks for the leaves that it is about and never walks past the others.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rempart.audit.leaf_columns import NOTHING, Columns, Events, Sort
from rempart.records.event import LedgerEvent

_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedLeaves:
    """``events``: index → event, unreadable and purged leaves left out; ``times``: of each leaf, '' for those; ``begun``: the leaf that a
    leaf names where it is there, else itself; ``ends``: intent → the first later leaf of its own kind that closes it; ``failures``: the
    intents that a failure closed; ``strays``: leaves that name an intent and do not close it, or on another basis; ``purged``: leaves of
    which only the hash is left; ``groups``: what leaves are → their indexes, in order."""

    events: Events
    times: Sequence[str]
    begun: Sequence[int]
    ends: Mapping[int, int]
    failures: frozenset[int]
    strays: Sequence[int]
    purged: Sequence[int]
    groups: Mapping[Sort, Sequence[int]]

    def youngest(self) -> datetime.datetime:
        """The latest time of a leaf; the beginning of all times where there is none."""
        latest = max(self.times, default="")  # UTC in one form: text is in order
        return datetime.datetime.fromisoformat(latest) if latest else datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def indexes(self, kinds: Sequence[str], *, phases: Sequence[str] = ("intent", "effect", "failed")) -> list[int]:
        """Every leaf of these kinds and phases, in order."""
        found = (group for sort, group in self.groups.items() if sort.kind in kinds and sort.phase in phases)
        return sorted(index for group in found for index in group)

    def of_class(self, name: str) -> list[int]:
        """Every leaf of that class, in order."""
        return sorted(index for sort, group in self.groups.items() if sort.event_class == name for index in group)

    def named(
        self, kinds: Sequence[str], *, phases: Sequence[str] = ("intent", "effect", "failed")
    ) -> Iterator[tuple[int, LedgerEvent]]:
        """Index and event of each of them."""
        return ((index, self.events[index]) for index in self.indexes(kinds, phases=phases))


def sort_leaves(told: Columns) -> SortedLeaves:
    """All leaves sorted, none of them opened."""
    which, of = np.array(told.which, dtype=np.int64), np.array(told.of, dtype=np.int64)
    known = (of >= 0) & (of < len(of))
    known[known] = which[of[known]] != NOTHING
    groups = _groups(which, told.sorts)
    ends, strays = _ends(which, of, told.sorts)
    failed = {index for sort, group in groups.items() if sort.phase == "failed" for index in group}
    return SortedLeaves(
        events=told.events,
        times=told.times,
        begun=np.where(known, of, np.arange(len(of))).tolist(),
        ends=ends,
        failures=frozenset(intent for intent, end in ends.items() if end in failed),
        strays=strays,
        purged=told.purged,
        groups=groups,
    )


_Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


def _groups(which: _Numbers, sorts: Sequence[Sort]) -> dict[Sort, list[int]]:
    """The leaves of each sort, in the order in which sorts first came."""
    order = np.argsort(which, kind="stable")
    begins = np.searchsorted(which[order], np.arange(len(sorts) + 1))
    return {sort: order[begins[place] : begins[place + 1]].tolist() for place, sort in enumerate(sorts)}


def _ends(which: _Numbers, of: _Numbers, sorts: Sequence[Sort]) -> tuple[dict[int, int], list[int]]:
    """Intent → the leaf that closes it, and the leaves that name an intent which they do not close, or on another basis."""
    kind, basis = (_places([sort[field] for sort in sorts]) for field in (0, 2))
    intent = np.array([sort.phase == "intent" for sort in sorts] or [False])
    at = np.flatnonzero(of != NOTHING)
    earlier = (of[at] >= 0) & (of[at] < at)
    before = np.where(earlier, of[at], 0)
    mine, its = which[at], which[before] if len(at) else which[at]
    closes = earlier & (its != NOTHING) & (kind[its] == kind[mine]) & intent[its]
    closed, first = np.unique(np.where(closes, before, _FAR), return_index=True)
    once = np.zeros(len(at), dtype=bool)
    once[first[closed != _FAR]] = True
    strays = at[~once | (basis[its] != basis[mine])]
    return dict(zip(before[once].tolist(), at[once].tolist(), strict=True)), strays.tolist()


def _places(names: Sequence[str]) -> _Numbers:
    """A number for each name, the same for the same name."""
    known = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names] or [0], dtype=np.int64)
