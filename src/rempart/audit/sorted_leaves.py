# SPDX-License-Identifier: Apache-2.0
"""The leaves of a log looked at once, for all rules: which can be read, which closes which, which are of one kind.

A log has millions of leaves and some fifty rules: a rule asks for the leaves that it is about and never walks past the others.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rempart.errors import NotTrusted
from rempart.records.event import PURGED, LedgerEvent

Events = Mapping[int, LedgerEvent]
Read = LedgerEvent | NotTrusted


class Sort(NamedTuple):
    """What leaves of one group have in common."""

    kind: str
    phase: str
    basis: str
    event_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedLeaves:
    """``events``: index → event, unreadable and purged leaves left out; ``ends``: intent → the first later leaf of its own kind that
    closes it; ``failures``: the intents that a failure closed; ``strays``: leaves that name an intent and do not close it, or on another
    basis; ``purged``: leaves of which only the hash is left; ``groups``: what leaves are → their indexes, in order."""

    events: Events
    ends: Mapping[int, int]
    failures: frozenset[int]
    strays: tuple[int, ...]
    purged: tuple[int, ...]
    groups: Mapping[Sort, Sequence[int]]

    def youngest(self) -> datetime.datetime:
        """The latest time of a leaf; the beginning of all times where there is none."""
        latest = max((event.time for event in self.events.values()), default=None)  # UTC in one form: text is in order
        return datetime.datetime.fromisoformat(latest) if latest else datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def indexes(self, kinds: Sequence[str], *, phases: Sequence[str] = ("intent", "effect", "failed")) -> list[int]:
        """Every leaf of these kinds and phases, in order."""
        found = (group for sort, group in self.groups.items() if sort[0] in kinds and sort[1] in phases)
        return sorted(index for group in found for index in group)

    def named(
        self, kinds: Sequence[str], *, phases: Sequence[str] = ("intent", "effect", "failed")
    ) -> Iterator[tuple[int, LedgerEvent]]:
        """Index and event of each of them."""
        return ((index, self.events[index]) for index in self.indexes(kinds, phases=phases))


def sort_leaves(told: Sequence[Read]) -> SortedLeaves:
    """The one walk over every leaf."""
    events: dict[int, LedgerEvent] = {}
    ends: dict[int, int] = {}
    groups: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    strays: list[int] = []
    purged: list[int] = []
    for index, event in enumerate(told):
        if not isinstance(event, LedgerEvent):
            continue
        kind, phase, of = event.kind, event.phase, event.of
        if kind == PURGED:
            purged.append(index)
            continue
        groups[kind, phase, event.basis, event.event_class].append(index)
        if of is not None:
            before = events.get(of)
            closes = before is not None and before.kind == kind and before.phase == "intent" and of not in ends
            if closes:
                ends[of] = index
            if before is None or not closes or before.basis != event.basis:
                strays.append(index)
        events[index] = event
    return SortedLeaves(
        events=events,
        ends=ends,
        failures=frozenset(intent for intent, end in ends.items() if events[end].phase == "failed"),
        strays=tuple(strays),
        purged=tuple(purged),
        groups={Sort(*sort): group for sort, group in groups.items()},
    )
