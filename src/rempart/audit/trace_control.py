# SPDX-License-Identifier: Apache-2.0
"""The monthly control of traces: which leaves are of a month, and what in them somebody should look at (``anomalies.toml``).

Finds patterns and judges nobody: the auditor looks, and signs that it was looked at.
"""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rempart.errors import BadInput, Fact
from rempart.records.event import PURGED, LedgerEvent

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_SYSTEM = "salted:system"
Found = tuple[int, Mapping[str, Fact]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Leaves [first, to) are of the month ``name`` (``2026-10``); ``events``: the whole log, of which the patterns also ask what came
    before; ``ends``: intent → the leaf that closes it."""

    name: str
    events: Sequence[LedgerEvent]
    first: int
    to: int
    ends: Mapping[int, int]

    def leaves(self) -> Iterator[tuple[int, LedgerEvent]]:
        """Index and event of each leaf of the month that is still there."""
        for index in range(self.first, self.to):
            if self.events[index].kind != PURGED:
                yield index, self.events[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A pattern that was found, at a leaf."""

    pattern: str
    leaf: int
    facts: Mapping[str, Fact]

    def say(self, table: Mapping[str, Any], language: str) -> str:
        """One line, from the words of the parsed ``anomalies.toml``."""
        text: str = table["patterns"][self.pattern]["found"][language]
        return text.format(**self.facts)


def bounds(name: str) -> tuple[datetime.datetime, datetime.datetime]:
    """First instant of a month ``YYYY-MM``, and of the one after; raises BadInput ``control-month``."""
    found = _MONTH.fullmatch(name)
    if found is None or found[1] == "0000":
        raise BadInput("control-month", month=name[:20])
    year, month = int(found[1]), int(found[2])
    start = datetime.datetime(year, month, 1, tzinfo=datetime.UTC)
    return start, (start + datetime.timedelta(days=31)).replace(day=1)


def first_from(events: Sequence[LedgerEvent], moment: datetime.datetime) -> int:
    """The first leaf of that instant or later: no earlier one comes after it but for the seconds of a lost race."""
    for index, event in enumerate(events):
        if event.kind != PURGED and datetime.datetime.fromisoformat(event.time) >= moment:
            return index
    return len(events)


def month_of(name: str, events: Sequence[LedgerEvent]) -> Month:
    """The leaves of a month; raises BadInput ``control-month``."""
    start, end = bounds(name)
    ends = {event.of: index for index, event in enumerate(events) if event.of is not None and event.kind != "key-grant"}
    return Month(name=name, events=events, first=first_from(events, start), to=first_from(events, end), ends=ends)


def days_of(month: Month) -> list[list[str | int]]:
    """Each day of the month that has a leaf, and its first."""
    found: dict[str, int] = {}
    for index, event in month.leaves():
        found.setdefault(event.time[:10], index)
    return [[day, index] for day, index in sorted(found.items())]


def ranges(indexes: Sequence[int]) -> list[list[int]]:
    """Ascending indexes as ranges [first, to)."""
    found: list[list[int]] = []
    for index in indexes:
        if found and found[-1][1] == index:
            found[-1][1] = index + 1
        else:
            found.append([index, index + 1])
    return found


def anomalies(month: Month, table: Mapping[str, Any]) -> list[Anomaly]:
    """What the patterns find, by leaf."""
    found = [
        Anomaly(pattern=name, leaf=leaf, facts=facts)
        for name, rule in table["patterns"].items()
        for leaf, facts in _PATTERNS[name](month, rule)
    ]
    return sorted(found, key=lambda one: (one.leaf, one.pattern))


def _refused(event: LedgerEvent) -> str | None:
    """The code of a refusal: of a command, of the broker, of an act that failed for it."""
    family, _, code = (event.fact("error") or "").partition("/")
    told = (event.kind == "refusal" and event.phase == "intent") or event.phase == "failed"
    return code if told and (event.kind == "refusal" or family == "refused") else None


def _refusals(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    span, recent = datetime.timedelta(minutes=rule["minutes"]), list[datetime.datetime]()
    for index, event in month.leaves():
        if _refused(event) is not None:
            now = datetime.datetime.fromisoformat(event.time)
            recent = [before for before in recent if now - before <= span] + [now]
            if len(recent) == rule["count"]:
                yield index, {"count": rule["count"], "minutes": rule["minutes"]}


def _keys_refused(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    for index, event in month.leaves():
        code = _refused(event)
        if code in rule["codes"]:
            yield index, {"code": str(code)}


def _alarms(month: Month, _: Mapping[str, Any]) -> Iterator[Found]:
    for index, event in month.leaves():
        if event.kind == "alarm" and event.phase == "intent":
            yield index, {"code": (event.fact("error") or "?").rpartition("/")[2]}


def _open(month: Month, _: Mapping[str, Any]) -> Iterator[Found]:
    for index, event in month.leaves():
        if event.phase == "intent" and index not in month.ends:
            yield index, {"kind": event.kind}


def _often(month: Month, count: int, counts: Callable[[LedgerEvent], bool]) -> Iterator[tuple[int, str]]:
    """The leaf by which something has happened that often on one basis."""
    seen: Counter[str] = Counter()
    for index, event in month.leaves():
        if counts(event):
            seen[event.basis] += 1
            if seen[event.basis] == count:
                yield index, event.basis


def _failed_jobs(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    for index, basis in _often(month, rule["count"], lambda e: e.phase == "failed" and e.kind in rule["kinds"]):
        yield index, {"count": rule["count"], "basis": basis}


def _too_close(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    for index, basis in _often(month, rule["count"], lambda e: e.kind == "check" and (e.fact("close") or "0") != "0"):
        yield index, {"count": rule["count"], "basis": basis}


def _keys_in_vain(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    given = {event.of for _, event in month.leaves() if event.kind == "key-grant"}
    for index, basis in _often(month, rule["count"], lambda e: e.phase == "failed" and e.of in given):
        yield index, {"count": rule["count"], "basis": basis}


def _first_at_night(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    known = {_SYSTEM, *(event.actor for event in month.events[: month.first])}
    for index, event in month.leaves():
        hour = datetime.datetime.fromisoformat(event.time).hour
        if event.actor not in known and (hour >= rule["from"] or hour < rule["to"]):
            yield index, {"hour": hour}
        known.add(event.actor)


def _new_node(month: Month, _: Mapping[str, Any]) -> Iterator[Found]:
    """Of a house that had given keys before: its first month is no news."""
    known = {event.fact("node") for event in month.events[: month.first] if event.kind == "key-grant"}
    before = bool(known)
    for index, event in month.leaves():
        if event.kind == "key-grant" and event.fact("node") not in known:
            known.add(event.fact("node"))
            if before:
                yield index, {"node": event.fact("node") or "?"}


def _volume(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    start, _ = bounds(month.name)
    sizes, last = list[int](), month.first
    for _unused in range(rule["months"]):
        start = (start - datetime.timedelta(days=1)).replace(day=1)
        first = first_from(month.events, start)
        sizes.append(last - first)
        last = first
    count, usual = month.to - month.first, median(sizes)
    if all(sizes) and count >= rule["least"] and count > rule["factor"] * usual:
        yield month.to - 1, {"count": count, "usual": round(usual)}


def _lists_read(month: Month, rule: Mapping[str, Any]) -> Iterator[Found]:
    for index, _basis in _often(month, rule["count"], lambda e: e.kind == "objection-list" and e.phase == "effect"):
        yield index, {"count": rule["count"]}


_PATTERNS: Mapping[str, Callable[[Month, Mapping[str, Any]], Iterator[Found]]] = {
    "refusals": _refusals,
    "keys-refused": _keys_refused,
    "alarms": _alarms,
    "open": _open,
    "failed-jobs": _failed_jobs,
    "too-close": _too_close,
    "keys-in-vain": _keys_in_vain,
    "first-at-night": _first_at_night,
    "new-node": _new_node,
    "volume": _volume,
    "lists-read": _lists_read,
}
