# SPDX-License-Identifier: Apache-2.0
"""Days of all cases cut into intervals at once: at ages, calendar days and the ends of windows. No case is looked at alone.

A day of a case is one whole number, the case in its high bits and the day in its low ones: cuts of all cases are sorted together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """Pieces of days in one window: ``person``, ``begin``, ``end`` (not included) and ``colour`` (≥ 1), the one that wins last."""

    person: Ints
    begin: Ints
    end: Ints
    colour: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Intervals in order of case and day: of each its ``person``, first day ``begin`` and ``length``; ``start`` (n+1,) bounds of cases.

    ``key`` = person · 2^``bits`` + begin − ``zero``.
    """

    key: Ints
    person: Ints
    begin: Ints
    length: Ints
    start: Ints
    bits: int
    zero: int

    def at(self, person: Ints, day: Ints) -> Ints:
        """The interval that holds each case's day."""
        return np.asarray(np.searchsorted(self.key, (person << self.bits) + day - self.zero, side="right") - 1)

    def coloured(self, strokes: Strokes) -> Ints:
        """The colour of each interval, 0 where no stroke lies: later strokes cover earlier ones."""
        base = (strokes.person << self.bits) - self.zero
        first, beyond = np.searchsorted(self.key, base + strokes.begin), np.searchsorted(self.key, base + strokes.end)
        many = beyond - first
        row = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many) + np.repeat(first, many)
        colour = np.zeros(len(self.key), dtype=np.int64)
        # Where a place is named twice, numpy keeps what comes last.
        colour[row] = np.repeat(strokes.colour, many)
        return colour


def strokes_of(exposure: Exposure, cases: Cases) -> Strokes:
    """The windows of ``exposure`` inside the observations, those that win the day last. Colour: the window's place in the list, from 1."""
    person, start, stop = _in_turn(exposure)
    place = np.arange(len(person))
    new = np.r_[True, person[1:] != person[:-1]] if len(person) else np.zeros(0, dtype=np.bool_)
    dose = place - np.maximum.accumulate(np.where(new, place, 0))
    opens, closes = cases.first[person], cases.last[person] + 1
    parts: list[Ints] = []
    # Of one occurrence, the window listed first keeps the day: it comes last.
    for colour, window in reversed(list(enumerate(exposure.windows, start=1))):
        begin, end = _bounds(window, start, stop)
        begin, end = np.maximum(begin, opens), np.minimum(end, closes)
        kept = np.flatnonzero((begin < end) & (True if window.dose is None else dose + 1 == window.dose))
        columns = (person[kept], begin[kept], end[kept], np.full(len(kept), colour), dose[kept])
        parts.append(np.asarray(columns, dtype=np.int64))
    table = np.concatenate(parts, axis=1)
    if not dose.any():
        return Strokes(person=table[0], begin=table[1], end=table[2], colour=table[3])
    rank = table[4] if exposure.overlap == "later" else dose.max() - table[4]
    small = rank.astype(np.uint16) if dose.max() < 1 << 16 else rank  # short numbers are sorted without comparing them
    order = np.argsort(small, kind="stable")
    return Strokes(person=table[0][order], begin=table[1][order], end=table[2][order], colour=table[3][order])


def _in_turn(exposure: Exposure) -> tuple[Ints, Ints, Ints]:
    """Occurrences by person, start and stop; as they are where they come so."""
    person, start, stop = exposure.person, exposure.start, exposure.stop
    same = person[1:] == person[:-1]
    later = (start[1:] > start[:-1]) | ((start[1:] == start[:-1]) & (stop[1:] >= stop[:-1]))
    if ((person[1:] > person[:-1]) | (same & later)).all():
        return person, start, stop
    order = np.lexsort((stop, start, person))
    return person[order], start[order], stop[order]


def _bounds(window: Window, start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """First day and the day after the last of a window of each occurrence."""
    anchor = start if window.anchor == "start" else stop
    return anchor + window.begin, (stop if window.end is None else anchor + window.end) + 1


def cut_days(cases: Cases, levels: Iterable[tuple[Ints, Levels]], strokes: Iterable[Strokes]) -> Days:
    """Intervals between neighbouring cuts. ``levels``: groups with the day that each case counts from (n,)."""
    zero = int(cases.first.min(initial=0))
    bits = (int(cases.last.max(initial=0)) + 2 - zero).bit_length()
    base = (np.arange(len(cases.first)) << bits) - zero
    ends = base + cases.last + 1
    keys = [base + cases.first, ends]
    for origin, groups in levels:
        for cut in groups.cuts.tolist():
            inside = (origin + cut > cases.first) & (origin + cut <= cases.last)
            keys.append(base[inside] + origin[inside] + cut)
    for stroke in strokes:
        keys += [base[stroke.person] + stroke.begin, base[stroke.person] + stroke.end]
    key = np.sort(np.concatenate(keys))
    key = key[np.r_[True, key[1:] != key[:-1]]] if len(key) else key
    # The day after a case's last begins no interval.
    person, day = key >> bits, key & ((1 << bits) - 1)
    opens = day + zero <= cases.last[person]
    length = np.diff(key, append=0)[opens]
    key, person, day = key[opens], person[opens], day[opens]
    start = np.searchsorted(person, np.arange(len(cases.first) + 1))
    return Days(key=key, person=person, begin=day + zero, length=length, start=start, bits=bits, zero=zero)
