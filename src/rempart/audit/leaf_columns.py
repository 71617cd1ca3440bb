# SPDX-License-Identifier: Apache-2.0
"""The leaves of a log read by columns: of nearly all of them, what sorts them and their time; a whole event only for whoever asks.

One match runs over many leaves at once. It believes nothing by itself: what it leaves open (a byte beyond plain ASCII, a first half
that was not seen before, an instant, a number) is asked of the column as a whole. Leaves in doubt are read one by one, the long way.
"""

import datetime
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rempart.errors import NotTrusted
from rempart.records.event import PURGED, LedgerEvent
from rempart.records.quick_leaf import first_half

Events = Mapping[int, LedgerEvent]
AT_ONCE = 256
PART = 256 * AT_ONCE
"""Leaves between two words on how far a walk has come."""
NOTHING = -1
_LINE = re.compile(
    r'^(\{[^[]*+)(?:\[\]|\["[^"]*+"(?:,"[^"]*+")*+\]),"of":(null|0|[1-9][0-9]{0,14}+),"phase":"([^"]*+)"'
    r',"salt":"[^"]*+","schema":"rempart\.event/1","time":"([^"]*+)"\}$',
    re.MULTILINE,
)
_DIGITS = str.maketrans("123456789", "000000000")
_FORMS = frozenset({"0000-00-00T00:00:00+00:00", "0000-00-00T00:00:00.000000+00:00"})
_END = ',"objects":'


class Sort(NamedTuple):
    """What leaves of one group have in common."""

    kind: str
    phase: str
    basis: str
    event_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """``sorts``: what leaves are; ``which``: leaf → its place in ``sorts``, NOTHING for one that cannot be read or is purged; ``of``: the
    intent that it names, NOTHING for none; ``times``: '' as ``which``; ``bad``: what is wrong with a leaf; ``purged``: of which only the
    hash is left; ``events``: index → event, made when it is asked for."""

    sorts: Sequence[Sort]
    which: Sequence[int]
    of: Sequence[int]
    times: Sequence[str]
    bad: Mapping[int, NotTrusted]
    purged: Sequence[int]
    events: Events


class _Unclear(Exception):
    """These leaves are to be read one by one."""


class _Sorts(dict[tuple[str, str], int]):
    """(first half of a leaf, phase) → place of what it is; a first half is read when it is first seen."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[Sort, int] = {}

    def __missing__(self, key: tuple[str, str]) -> int:
        told = first_half(key[0].removesuffix(_END)) if key[0].endswith(_END) else None
        if told is None or told[3] == PURGED:
            raise _Unclear
        self[key] = self.place(Sort(kind=told[3], phase=key[1], basis=told[1], event_class=told[2]))
        return self[key]

    def place(self, sort: Sort) -> int:
        """The place of a sort, the next one for a new sort."""
        return self.places.setdefault(sort, len(self.places))


class _Events(Mapping[int, LedgerEvent]):
    """Index → event, unreadable and purged leaves left out; each is read when it is asked for, and kept."""

    def __init__(self, leaves: Sequence[bytes], which: Sequence[int]) -> None:
        self._leaves, self._which = leaves, which
        self._kept: dict[int, LedgerEvent] = {}

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < len(self._which) and self._which[index] != NOTHING

    def __getitem__(self, index: int) -> LedgerEvent:
        found = self._kept.get(index)
        if found is None:
            if index not in self:
                raise KeyError(index)
            found = self._kept[index] = LedgerEvent.from_leaf(self._leaves[index])
        return found

    def __iter__(self) -> Iterator[int]:
        return (index for index, which in enumerate(self._which) if which != NOTHING)

    def __len__(self) -> int:
        return len(self._which) - self._which.count(NOTHING)


def read_columns(leaves: Sequence[bytes], step: Callable[[int], None] = lambda _: None) -> Columns:
    """What every leaf is, or what is wrong with it; ``step`` is told how many were read."""
    sorts, which, of, times = _Sorts(), list[int](), list[int](), list[str]()
    bad: dict[int, NotTrusted] = {}
    purged: list[int] = []
    for start in range(0, len(leaves), AT_ONCE):
        some = leaves[start : start + AT_ONCE]
        try:
            whats, befores, instants = _at_once(some, sorts)
        except _Unclear:
            told = [_one(leaf) for leaf in some]
            bad |= {start + at: event for at, event in enumerate(told) if isinstance(event, NotTrusted)}
            purged += [start + at for at, event in enumerate(told) if _is_purged(event)]
            whats, befores, instants = zip(*(_row(event, sorts) for event in told), strict=True)
        which += whats
        of += befores
        times += instants
        if len(times) % PART == 0 or len(times) == len(leaves):
            step(len(times))
    return Columns(
        sorts=tuple(sorts.places),
        which=which,
        of=of,
        times=times,
        bad=bad,
        purged=purged,
        events=_Events(leaves, which),
    )


_Rows = tuple[Sequence[int], Sequence[int], Sequence[str]]


def _at_once(some: Sequence[bytes], sorts: _Sorts) -> _Rows:
    """Places, intents and times of leaves that are all canonical JSON of plain ASCII without an escape; else raises _Unclear."""
    data = b"\n".join(some)
    low = int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) < ord(" ")))
    if low != len(some) - 1 or b"\\" in data or not data.isascii():
        raise _Unclear
    rows = _LINE.findall(data.decode("ascii"))
    if len(rows) != len(some):  # each match begins a line and ends one: as many as there are lines are these lines
        raise _Unclear
    firsts, numbers, phases, times = zip(*rows, strict=True)
    which = list(map(sorts.__getitem__, zip(firsts, phases, strict=True)))
    of = [NOTHING if number == "null" else int(number) for number in numbers]
    if [before == NOTHING for before in of] != [phase == "intent" for phase in phases] or not _are_instants(times):
        raise _Unclear
    return which, of, times


def _are_instants(times: Sequence[str]) -> bool:
    """Whether each is a moment that exists, in UTC and in the one form that a leaf has."""
    if not _FORMS.issuperset("\n".join(times).translate(_DIGITS).split("\n")):
        return False
    try:
        deque(map(datetime.datetime.fromisoformat, times), maxlen=0)
    except ValueError:
        return False
    return True


def _one(leaf: bytes) -> LedgerEvent | NotTrusted:
    """A leaf as an event, or what is wrong with it."""
    try:
        return LedgerEvent.from_leaf(leaf)
    except NotTrusted as error:
        return error
    except (TypeError, ValueError):
        return NotTrusted("event-form", kind="?")


def _is_purged(event: LedgerEvent | NotTrusted) -> bool:
    return isinstance(event, LedgerEvent) and event.kind == PURGED


def _row(event: LedgerEvent | NotTrusted, sorts: _Sorts) -> tuple[int, int, str]:
    if isinstance(event, NotTrusted) or event.kind == PURGED:
        return NOTHING, NOTHING, ""
    sort = Sort(kind=event.kind, phase=event.phase, basis=event.basis, event_class=event.event_class)
    return sorts.place(sort), NOTHING if event.of is None else event.of, event.time
