# SPDX-License-Identifier: Apache-2.0
"""Matching: which candidate serves which case. A pure function of rows; the same pairs in whatever order they come, however cut.

Chance is a hash of the two draw numbers, case and candidate: each case has an order of its own over all candidates, and a person who
leaves the data changes only the sets that the person served in. Reads no table and knows no date, only day numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

CASE, CANDIDATE = 0, 1
UNKNOWN = ""  # the stratum of a row of which something matched on is not known: it matches nothing
ROWS = pa.schema(
    [
        ("stratum", pa.string()),
        ("role", pa.int8()),
        ("person", pa.int64()),
        ("shard", pa.int32()),
        ("draw", pa.int64()),
        ("age", pa.int32()),  # year of birth, or age on the own index day; only differences are read
        ("first", pa.int32()),  # a case's index day; the first and last index day of cases that a candidate can serve
        ("last", pa.int32()),
        ("day", pa.int32()),  # the candidate's own index day, null where it takes the case's
        ("until", pa.int32()),
        (
            "since",
            pa.int32(),
        ),  # the day from which a duration counts, or the number of dispensings; null where neither is matched on
    ]
)
PAIRS = pa.schema(
    [
        ("role", pa.int8()),
        ("person", pa.int64()),
        ("shard", pa.int32()),
        ("match_set", pa.int64()),
        ("start", pa.int32()),
        ("until", pa.int32()),
        ("controls", pa.int32()),  # how many the set has
    ]
)
_DAY_BITS, _DAY_ZERO = 16, 25_567  # days since 1900-01-01 fit 16 bits until 2079
_NO_DAY = np.iinfo(np.int32).min
_AHEAD = 8  # candidates looked up for each control wanted where each serves once

Whole = NDArray[np.int64]
Bits = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class _Side:
    """Cases, or candidates, as arrays sorted by stratum and age."""

    stratum: Whole
    person: Whole
    shard: Whole
    draw: Bits
    age: Whole
    first: Whole
    last: Whole
    day: Whole
    until: Whole
    since: Whole
    apart: int  # by how much ``since`` of a case and a candidate may differ; -1 where nobody asks


def matched(
    rows: pa.Table,
    *,
    ratio: int,
    age_years: int | None,
    replace: bool,
    treated_apart: int | None = None,
    by_day: bool = False,
) -> pa.Table:
    """PAIRS of the ROWS of whole strata: a row of each case (its set may be empty) and of each control, in a fixed order.

    A candidate can serve a case of its stratum, of another person, whose index day lies from ``first`` to ``last``, and whose age differs
    by ``age_years`` at most (None: ages are not looked at), and ``since`` by ``treated_apart``. The first ``ratio`` in the case's own order
    serve. Without ``replace`` a person serves once: round after round, each case in the order of its draw takes the first who is still
    free. ``by_day``, for risk sets: all rounds of one index day before the next day's. Otherwise who is free on a day would depend on
    whether somebody was still at risk on a later one.
    """
    cases, pool = _side(rows, CASE, treated_apart), _side(rows, CANDIDATE, treated_apart)
    bounds = list(_reach(cases, pool, age_years))
    keys = _mixed(cases.draw ^ _mixed(cases.first.astype(np.uint64)))
    chosen = _each(cases, pool, bounds, keys, ratio) if replace else _once(cases, pool, bounds, keys, ratio, by_day)
    return _pairs(cases, pool, chosen)


def _side(rows: pa.Table, role: int, apart: int | None) -> _Side:
    codes = rows.column("stratum").combine_chunks().dictionary_encode()
    known = {text: number for number, text in enumerate(codes.dictionary.to_pylist())}
    mine = np.asarray(rows.column("role")) == role
    stratum = np.asarray(codes.indices).astype(np.int64)
    if role == CANDIDATE and UNKNOWN in known:
        mine &= stratum != known[UNKNOWN]
    columns = {
        name: _whole(rows, name)[mine] for name in ("person", "shard", "draw", "age", "first", "last", "day", "until")
    }
    columns["since"] = np.zeros(int(mine.sum()), dtype=np.int64) if apart is None else _whole(rows, "since")[mine]
    order = np.lexsort((columns["age"], stratum[mine]))
    sorted_ = {name: column[order] for name, column in columns.items()}
    bits = sorted_.pop("draw").astype(np.uint64)
    return _Side(stratum=stratum[mine][order], draw=bits, apart=-1 if apart is None else apart, **sorted_)


def _whole(rows: pa.Table, name: str) -> Whole:
    column = rows.column(name)
    filled = column.fill_null(_NO_DAY) if column.null_count else column
    return np.asarray(filled).astype(np.int64)


def _reach(cases: _Side, pool: _Side, age_years: int | None) -> Iterator[tuple[int, int]]:
    """For each case the part of the pool that its stratum and age leave: [begin, end)."""
    begins = np.searchsorted(pool.stratum, cases.stratum, side="left")
    ends = np.searchsorted(pool.stratum, cases.stratum, side="right")
    for begin, end, age in zip(begins.tolist(), ends.tolist(), cases.age.tolist(), strict=True):
        if age_years is None or begin == end:
            yield begin, end
        else:
            ages = pool.age[begin:end]
            low = np.searchsorted(ages, age - age_years, side="left")
            high = np.searchsorted(ages, age + age_years, side="right")
            yield begin + int(low), begin + int(high)


def _each(cases: _Side, pool: _Side, bounds: list[tuple[int, int]], keys: Bits, ratio: int) -> list[Whole]:
    return [_best(cases, pool, case, bounds[case], keys[case], ratio) for case in range(len(bounds))]


def _best(
    cases: _Side,
    pool: _Side,
    case: int,
    bound: tuple[int, int],
    key: np.uint64,
    wanted: int,
    *,
    used: NDArray[np.bool_] | None = None,
) -> Whole:
    """Places in the pool of the first ``wanted`` persons in the case's order; ``used``: places that are taken."""
    begin, end = bound
    day = cases.first[case]
    can = (
        (pool.first[begin:end] <= day) & (pool.last[begin:end] >= day) & (pool.person[begin:end] != cases.person[case])
    )
    if cases.apart >= 0:
        can &= np.abs(pool.since[begin:end] - cases.since[case]) <= cases.apart
    if used is not None:
        can &= ~used[begin:end]
    places = np.flatnonzero(can) + begin
    scores = _mixed(pool.draw[places] ^ key)
    take = 2 * wanted
    while True:
        if take < places.size:
            near = scores <= np.partition(scores, take - 1)[take - 1]
            found = _ordered(pool, places[near], scores[near])
        else:
            found = _ordered(pool, places, scores)
        if found.size >= wanted or take >= places.size:
            return found[:wanted]
        take *= 4


def _ordered(pool: _Side, places: Whole, scores: Bits) -> Whole:
    """The places by score, one a person; equal scores fall by person, then by the row's own days."""
    by = (pool.until[places], pool.last[places], pool.first[places], pool.day[places], pool.person[places], scores)
    ordered = places[np.lexsort(by)]
    _, firsts = np.unique(pool.person[ordered], return_index=True)
    return np.asarray(ordered[np.sort(firsts)])


def _once(
    cases: _Side, pool: _Side, bounds: list[tuple[int, int]], keys: Bits, ratio: int, by_day: bool
) -> list[Whole]:
    """Each person in one set at most. ``free`` looks ahead, so that most cases are asked once."""
    rows_of = _RowsOfPersons(pool.person)
    used = np.zeros(pool.person.size, dtype=np.bool_)
    waiting: list[Whole] = [np.empty(0, dtype=np.int64)] * len(bounds)
    chosen: list[list[int]] = [[] for _ in bounds]
    for today in _turns(cases, keys, by_day):
        turn = today
        for _ in range(ratio):
            left = []
            for case in turn:
                free = waiting[case][~used[waiting[case]]]
                if not free.size:
                    free = _best(cases, pool, case, bounds[case], keys[case], _AHEAD * ratio, used=used)
                if free.size:
                    chosen[case].append(int(free[0]))
                    used[rows_of.same(int(free[0]))] = True
                    waiting[case] = free[1:]
                    left.append(case)
            turn = left
    return [np.array(places, dtype=np.int64) for places in chosen]


def _turns(cases: _Side, keys: Bits, by_day: bool) -> Iterator[list[int]]:
    """Cases that take turns with each other, in the order of their draw: those of one index day after those of the days before, or all."""
    if not by_day:
        yield [int(case) for case in np.lexsort((cases.first, cases.person, keys))]
        return
    order = np.lexsort((cases.person, keys, cases.first))
    for today in np.split(order, np.flatnonzero(np.diff(cases.first[order])) + 1):
        yield [int(case) for case in today]


class _RowsOfPersons:
    """All rows of the person of a row."""

    def __init__(self, person: Whole) -> None:
        self._order = np.argsort(person, kind="stable")
        self._sorted = person[self._order]
        self._person = person

    def same(self, place: int) -> Whole:
        """Places of the rows of the same person."""
        number = self._person[place]
        begin, end = np.searchsorted(self._sorted, number, "left"), np.searchsorted(self._sorted, number, "right")
        return np.asarray(self._order[begin:end])


def _pairs(cases: _Side, pool: _Side, chosen: list[Whole]) -> pa.Table:
    counts = np.array([places.size for places in chosen], dtype=np.int64)
    places = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    sets = set_number(cases.person, cases.first)
    of_case = np.repeat(np.arange(counts.size), counts)
    start = np.where(pool.day[places] == _NO_DAY, cases.first[of_case], pool.day[places])
    columns = {
        "role": np.concatenate([np.full(counts.size, CASE), np.full(places.size, CANDIDATE)]),
        "person": np.concatenate([cases.person, pool.person[places]]),
        "shard": np.concatenate([cases.shard, pool.shard[places]]),
        "match_set": np.concatenate([sets, sets[of_case]]),
        "start": np.concatenate([cases.first, start]),
        "until": np.concatenate([cases.until, pool.until[places]]),
        "controls": np.concatenate([counts, counts[of_case]]),
    }
    order = np.lexsort((columns["person"], columns["match_set"], columns["role"]))
    return pa.table({name: column[order] for name, column in columns.items()}).cast(PAIRS)


def set_number(person: Whole, day: Whole) -> Whole:
    """The number of a case's set: its person's ordinal and its index day in one, so that no counting over shards gives it."""
    return np.asarray((person << _DAY_BITS) | ((day + _DAY_ZERO) & ((1 << _DAY_BITS) - 1)))


def _mixed(numbers: Bits) -> Bits:
    """The finisher of splitmix64 (Steele, Lea, Flood 2014): every bit of the answer depends on every bit asked. Wraps at 2^64."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
