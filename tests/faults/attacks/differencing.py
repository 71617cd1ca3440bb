# SPDX-License-Identifier: Apache-2.0
"""Attacks by sets of persons: two projects, or two releases of one, whose sets differ by a few. Persons are numbers; nobody is stored."""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from rempart.disclosure.check import examine
from rempart.journeys import checked, fingerprint
from rempart.journeys.register_sets import Entry
from rempart.records.person_sets import PersonSets, packed
from rempart.records.result import CheckedTable
from tests.disclosure_rows import RULES, row
from tests.faults.attacks.attack import Attack, Outcome

SECRET = b"k" * 32
UNIVERSE = 600
Persons = frozenset[int]


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind."""
    for kind, make in KINDS.items():
        for number in range(count):
            name = f"{kind} {number} of seed {seed}"
            yield Attack(kind=kind, name=name, run=_run(make, random.Random(f"{kind}/{seed}/{number}")))


def _run(make: Callable[[random.Random], Outcome], rnd: random.Random) -> Callable[[], Outcome]:
    return lambda: make(rnd)


def _name(persons: Persons) -> str:
    return hashlib.sha256(repr(sorted(persons)).encode()).hexdigest()[:32]


def _sets(*sets: Persons) -> PersonSets:
    index = np.arange(UNIVERSE, dtype=np.int64) * 7919 + 13
    return PersonSets(index=index, sets={_name(one): packed(np.array(sorted(one))) for one in sets})


def _entry(permit: str, *sets: Persons) -> tuple[Entry, PersonSets]:
    """What a release that showed these left in the register."""
    held = _sets(*sets)
    shown = held.sketches([_name(one) for one in sets], SECRET)
    document = f"{permit}/{_name(sets[0])}"
    return Entry(permit=permit, result=document, sets=document, shown=shown, close=frozenset()), held


class _Look(fingerprint._Look):
    """A look at a register that is told rather than opened."""

    def __init__(self, mine: PersonSets, held: Mapping[str, PersonSets]) -> None:
        self._desk = cast(Any, SimpleNamespace(rules=RULES))
        self._secret, self._sets, self._document = SECRET, mine, "mine"
        self._opened = {"mine": mine, **held}
        self._register = cast(Any, SimpleNamespace(sets=lambda names: []))


def released(
    permit: str, new: Sequence[Persons], earlier: Sequence[tuple[Entry, PersonSets]]
) -> Sequence[CheckedTable]:
    """The tables of a submission that counts these sets, beside what others showed."""
    mine = _sets(*new)
    look = _Look(mine, {entry.sets: held for entry, held in earlier})
    entries = [entry for entry, _ in earlier]
    near = look._near(entries)
    threes = look._threes(entries)
    rows = [
        row(
            "attrition",
            "attrition",
            {"step": f"0{at} s", "cohort": f"c{at}"},
            f"arm{at}",
            "n",
            len(one),
            ref="print:" + _name(one),
        )
        for at, one in enumerate(new, 1)
    ]
    return checked._apart(partial(examine, rows, RULES), (near, threes, frozenset()))[0].tables


def _last_hidden(permit: str, new: Sequence[Persons], earlier: Sequence[tuple[Entry, PersonSets]]) -> Outcome:
    """Stopped where the number of the last set is not shown."""
    tables = released(permit, new, earlier)
    own = [r for table in tables for r in table.rows if r.column_key == {"arm": f"arm{len(new)}"}]
    shown = any(r.value is not None for r in own)
    return Outcome(stopped=not shown, by="hidden" if not shown else "a set few persons from what was shown")


def _some(rnd: random.Random, least: int, most: int, of: Persons | None = None) -> Persons:
    return frozenset(rnd.sample(sorted(of) if of else range(UNIVERSE), rnd.randint(least, most)))


def _pair(permit: str) -> Callable[[random.Random], Outcome]:
    def attack(rnd: random.Random) -> Outcome:
        first = _some(rnd, 60, 300)
        second = first ^ _some(rnd, 1, 10)
        return _last_hidden(permit, [second], [_entry("theirs", first)])

    return attack


def _complement(rnd: random.Random) -> Outcome:
    """Everybody was shown; a second project asks for all but a few."""
    everybody = frozenset(range(rnd.randint(200, UNIVERSE)))
    rest = everybody - _some(rnd, 1, 10, everybody)
    return _last_hidden("mine", [rest], [_entry("theirs", everybody)])


def _among_many(rnd: random.Random) -> Outcome:
    """The close one lies among forty earlier releases, and beside a set that equals one."""
    earlier = [_entry(f"project {at}", _some(rnd, 60, 300)) for at in range(40)]
    near = rnd.choice(earlier)
    one = frozenset(int(n) for n in (near[1].persons(near[0].shown.names[0]) - 13) // 7919)
    second = one ^ _some(rnd, 1, 10)
    return _last_hidden("mine", [one, second], earlier)


def _rest_of_three(one: str, other: str) -> Callable[[random.Random], Outcome]:
    """One less two others leaves few; ``one`` and ``other``: whose the two earlier releases are."""

    def attack(rnd: random.Random) -> Outcome:
        whole = _some(rnd, 120, 400)
        few = _some(rnd, 1, 10, whole)
        first = _some(rnd, 40, 80, whole - few)
        earlier = [_entry(one, whole, first)] if one == other else [_entry(one, whole), _entry(other, first)]
        return _last_hidden("mine", [whole - few - first], earlier)

    return attack


def _overlap_of_three(one: str, other: str) -> Callable[[random.Random], Outcome]:
    """Two were shown that overlap in few; the third is both together."""

    def attack(rnd: random.Random) -> Outcome:
        first, second = _some(rnd, 60, 120), _some(rnd, 60, 120)
        second = (second - first) | _some(rnd, 1, 10, first)
        return _last_hidden("mine", [first | second], [_entry(one, first), _entry(other, second)])

    return attack


def _whole_of_three(rnd: random.Random) -> Outcome:
    """Two others were shown that share nobody; the third is both and a few, among what forty projects showed."""
    earlier = [_entry(f"project {at}", _some(rnd, 60, 300)) for at in range(40)]
    first, second = _some(rnd, 60, 120, frozenset(range(300))), _some(rnd, 60, 120, frozenset(range(300, UNIVERSE)))
    few = _some(rnd, 1, 10, frozenset(range(UNIVERSE)) - first - second)
    return _last_hidden("mine", [first | second | few], [*earlier, _entry("one", first), _entry("two", second)])


KINDS: Mapping[str, Callable[[random.Random], Outcome]] = {
    "a few apart, another project": _pair("mine"),
    "a few apart, one project": _pair("theirs"),
    "all but a few": _complement,
    "a few apart, among many": _among_many,
    "rest of three": _rest_of_three("mine", "mine"),
    "rest of three, two other projects": _rest_of_three("one", "two"),
    "overlap of three": _overlap_of_three("mine", "mine"),
    "overlap of three, two other projects": _overlap_of_three("one", "two"),
    "whole of three, among many": _whole_of_three,
}


def far_apart(rnd: random.Random) -> bool:
    """Whether sets that differ by eleven or more from what was shown, or not at all, are all shown."""
    first = _some(rnd, 60, 300)
    far = first ^ _some(rnd, 11, 60)
    tables = released("mine", [first, far], [_entry("theirs", first)])
    return all(r.value is not None for table in tables for r in table.rows)
