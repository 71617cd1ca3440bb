# SPDX-License-Identifier: Apache-2.0
"""Codes of communes brought to one vintage: merges followed, splits and unknown codes told apart. Pure; joins no person.

A PMSI geographic code (a grouped postal code) is not a commune code and never comes in here.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SAME, MOVED, MERGED, SPLIT, UNKNOWN, UNCONVERTED = "same", "moved", "merged", "split", "unknown", "unconverted"
_WORST = (SAME, MOVED, MERGED, SPLIT, UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the history of communes: from the day ``effective`` on, (part of) ``before`` is ``after``."""

    effective: datetime.date
    kind: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A delivered code in the common vintage: ``commune`` is None where that is not known; ``how`` it came there."""

    commune: str | None
    how: str


def event_kinds(parsed: Mapping[str, Any]) -> dict[str, str]:
    """Kind of event → merged, split, moved; from parsed ``geography.toml``."""
    return {code: how for how, codes in parsed["events"].items() for code in codes}


def to_vintage(
    codes: Iterable[str], changes: Collection[Change], *, year: int, known: Collection[str], kinds: Mapping[str, str]
) -> dict[str, Place]:
    """Each code at 1 January of ``year``. ``known``: the communes of that vintage, where a list of them is loaded.

    A commune that was merged is the one it was merged into; one that was split is the part that kept the code or, where none did,
    the first by code; codes that came after the vintage go back where that is one commune. Without any reference a code stays
    as it is, ``unconverted``.
    """
    if not changes and not known:
        return {code: Place(commune=code, how=UNCONVERTED) for code in codes}
    day = datetime.date(year, 1, 1)
    history = _History(changes, day, frozenset(known), kinds)
    return {code: history.place(code) for code in codes}


class _History:
    def __init__(
        self, changes: Collection[Change], day: datetime.date, known: frozenset[str], kinds: Mapping[str, str]
    ) -> None:
        self._known, self._kinds = known, kinds
        self._forward: dict[str, list[Change]] = {}
        self._back: dict[str, list[Change]] = {}
        for change in sorted(changes, key=lambda c: (c.effective, c.before, c.after)):
            if change.effective <= day:
                self._forward.setdefault(change.before, []).append(change)
            else:
                self._back.setdefault(change.after, []).append(change)
        self._made: dict[str, datetime.date] = {}
        for change in changes:
            if change.effective <= day and change.before != change.after:
                self._made[change.after] = max(change.effective, self._made.get(change.after, datetime.date.min))
        self._named = {c.after for c in changes if c.effective <= day} | {c.before for c in changes}

    def place(self, code: str) -> Place:
        """Forward through merges and splits, or back where the code is younger than the vintage."""
        if code in self._known:
            return Place(commune=code, how=SAME)
        found = self._forwards(code)
        return found if found.how != UNKNOWN else self._backwards(code)

    def _forwards(self, code: str) -> Place:
        how, since = SAME, datetime.date.min
        for _ in range(len(self._forward) + 1):
            steps = [c for c in self._forward.get(code, ()) if c.effective >= since]
            gone = [c for c in steps if c.after != code]
            kept = {c.effective for c in steps if c.after == code}
            last = next((c for c in reversed(gone) if c.effective not in kept), None)
            # A commune that was restored after it went is itself again.
            if last is None or self._made.get(code, datetime.date.min) > last.effective:
                break
            heirs = sorted({c.after for c in gone if c.effective == last.effective})
            step = SPLIT if len(heirs) > 1 else self._kinds.get(last.kind, MOVED)
            how = max(how, step, key=_WORST.index)
            code, since = heirs[0], last.effective
            if code in self._known:
                return Place(commune=code, how=how)
        there = code in self._known if self._known else code in self._named or code not in self._back
        return Place(commune=code, how=how) if there else Place(commune=None, how=UNKNOWN)

    def _backwards(self, code: str) -> Place:
        origins = {c.before for c in self._back.get(code, ())}
        if len(origins) == 1:
            (origin,) = origins
            if not self._known or origin in self._known:
                return Place(commune=origin, how=MOVED)
        return Place(commune=None, how=UNKNOWN)
