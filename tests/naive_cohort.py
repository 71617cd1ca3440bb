# SPDX-License-Identifier: Apache-2.0
"""A cohort definition interpreted person by person over lists in memory: slow, plain, and written without the engine's SQL."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.records.cohort import (
    Bound, CohortDefinition, Concepts, Condition, Correlated, Criterion, DateOffset, Day, DrugEraExit, Flag, Group, Limit, Number, Text, Window,
)  # fmt: skip

Row = Mapping[str, Any]
Person = Mapping[str, Sequence[Row]]
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Event:
    """A record or an index event."""

    number: int
    start: datetime.date
    end: datetime.date
    visit: int | None
    concept: int | None
    observed: tuple[datetime.date, datetime.date] = (datetime.date.min, datetime.date.max)


@dataclass(frozen=True, slots=True)
class Naive:
    """``tables``: domain → rows of one person, each with ``id``, ``start``, ``end``, ``concept``, ``source``, ``visit`` and attributes;
    ``person``: gender, born. ``sets``: resolved code sets."""

    definition: CohortDefinition
    sets: Mapping[int, frozenset[int]]
    tables: Mapping[str, Sequence[Row]]
    person: Row
    periods: Sequence[tuple[datetime.date, datetime.date]]

    def cohort(self) -> list[tuple[datetime.date, datetime.date]]:
        """The person's periods in the cohort."""
        asked = self.definition
        found = [event for item in asked.primary for event in self.events(item)]
        primary = [
            Event(event.number, event.start, event.end, event.visit, event.concept, period)
            for event in found
            for period in self.periods
            if period[0] <= event.start <= period[1]
            and period[0] + asked.prior_days * DAY <= event.start
            and event.start + asked.post_days * DAY <= period[1]
        ]
        primary = limited(primary, asked.primary_limit)
        qualified = [event for event in primary if asked.additional is None or self.meets(asked.additional, event)]
        if asked.additional is not None and not asked.additional.empty:
            qualified = limited(qualified, asked.qualified_limit)
        included = [event for event in qualified if all(self.meets(rule.group, event) for rule in asked.rules)]
        included = limited(included, asked.expression_limit)
        rows = [(event.start, end) for event in included if (end := self.end(event)) is not None]
        return clipped(eras(rows, asked.era_pad), asked.window)

    def events(self, item: Criterion) -> Iterator[Event]:
        """Records that meet a criterion."""
        rows = [row for row in self.tables.get(item.domain, ()) if self._coded(item, row)]
        rows.sort(key=lambda row: (row["start"], row["id"]))
        for row in rows[:1] if item.first else rows:
            if all(self._holds(asked, row) for asked in item.conditions):
                event = self._event(item, row)
                if item.group is None or any(
                    self.meets(item.group, Event(event.number, event.start, event.end, event.visit, event.concept, period))
                    for period in self.periods
                    if period[0] <= event.start <= period[1]
                ):
                    yield event

    def _event(self, item: Criterion, row: Row) -> Event:
        start, end = row["start"], row["end"]
        if item.adjustment is not None:
            sides, moved = {"start": start, "end": end}, item.adjustment
            start = sides[moved.start_from] + moved.start_days * DAY
            end = sides[moved.end_from] + moved.end_days * DAY
        return Event(row["id"], start, end, row.get("visit"), row.get("concept"))

    def _coded(self, item: Criterion, row: Row) -> bool:
        own = item.code_set is None or row.get("concept") in self.sets[item.code_set]
        return own and (item.source_set is None or row.get("source") in self.sets[item.source_set])

    def _holds(self, asked: Condition, row: Row) -> bool:
        value = self._value(asked.attribute, row)
        if isinstance(asked, Concepts):
            wanted = self.sets[asked.code_set] if asked.code_set is not None else asked.concepts
            return value is not None and (value in wanted) != asked.excluded
        return holds(asked, value)

    def _value(self, attribute: str, row: Row) -> Any:
        if attribute in {"age", "age_at_end"}:
            return row["end" if attribute == "age_at_end" else "start"].year - self.person["born"]
        if attribute in {"gender", "race", "ethnicity"}:
            return self.person.get(attribute)
        return row.get(attribute)

    def meets(self, group: Group, index: Event) -> bool:
        """Whether an index event meets a group."""
        if group.empty:
            return True
        met = [self._correlated(item, index) for item in group.correlated]
        met += [all(self._holds(one, {"start": index.start, "end": index.end}) for one in item) for item in group.demographic]
        met += [self.meets(item, index) for item in group.groups]
        least = {"all": len(met), "any": 1, "at_least": group.count}
        return sum(met) <= group.count if group.kind == "at_most" else sum(met) >= least[group.kind]

    def _correlated(self, item: Correlated, index: Event) -> bool:
        around = [event for event in self.events(item.criterion) if self._around(item, event, index)]
        told = {
            "": lambda: len(around),
            "concept": lambda: len({event.concept for event in around} - {None}),
            "start": lambda: len({event.start for event in around}),
            "visit": lambda: len({event.visit for event in around} - {None}),
        }[item.distinct]()
        if not around and item.how == "at_least" and item.count:
            return False
        if not around and item.how == "exactly" and item.count:
            return False
        return {"exactly": told == item.count, "at_most": told <= item.count, "at_least": told >= item.count}[item.how]

    def _around(self, item: Correlated, event: Event, index: Event) -> bool:
        if not item.outside_observation and not index.observed[0] <= event.start <= index.observed[1]:
            return False
        if item.same_visit and (event.visit is None or event.visit != index.visit):
            return False
        return all(
            inside(window, event, index, observed=not item.outside_observation) for window in (item.start, item.end) if window is not None
        )

    def end(self, event: Event) -> datetime.date | None:
        """The first day, not before the start, on which the event's period may end."""
        way, days = self.definition.exit, list[datetime.date]()
        if isinstance(way, DateOffset):
            days.append(min((event.start if way.of == "start" else event.end) + way.days * DAY, event.observed[1]))
        else:
            days.append(event.observed[1])
        if isinstance(way, DrugEraExit):
            days += [last for first, last in self._drug_eras(way) if first <= event.start <= last]
        for item in self.definition.censoring:
            days += [one.start for one in self.events(item) if event.start <= one.start <= event.observed[1]]
        return min((day for day in days if day >= event.start), default=None)

    def _drug_eras(self, way: DrugEraExit) -> list[tuple[datetime.date, datetime.date]]:
        used = []
        for row in self.tables.get("DrugExposure", ()):
            for name in ("concept", "source"):
                if row.get(name) in self.sets[way.code_set]:
                    end = row["end"] if way.supply is None else row["start"] + way.supply * DAY
                    used.append((row["start"], end + way.offset * DAY))
        return eras(used, way.gap_days)


def holds(asked: Condition, value: Any) -> bool:
    """A condition on a value; nothing holds of no value."""
    if value is None:
        return False
    if isinstance(asked, Flag):
        return bool(value)
    if isinstance(asked, Text):
        text, wanted = str(value).lower(), asked.text.lower()
        found = {"contains": wanted in text, "starts": text.startswith(wanted), "ends": text.endswith(wanted), "eq": text == wanted}[asked.how]
        return found != asked.negated
    assert isinstance(asked, Number | Day)
    low: Any = asked.value
    high: Any = asked.extent if asked.extent is not None else low
    return bool({
        "lt": value < low, "lte": value <= low, "eq": value == low, "gt": value > low, "gte": value >= low,
        "bt": low <= value <= high, "!bt": not low <= value <= high,
    }[asked.comparison])  # fmt: skip


def inside(window: Window, event: Event, index: Event, *, observed: bool) -> bool:
    """Whether the record's day lies between the window's bounds."""
    day = event.start if window.of_record == "start" else event.end
    origin = index.start if window.of_index == "start" else index.end
    first, last = (_limit(bound, origin, index, observed=observed) for bound in (window.first, window.last))
    return (first is None or day >= first) and (last is None or day <= last)


def _limit(bound: Bound, origin: datetime.date, index: Event, *, observed: bool) -> datetime.date | None:
    if bound.days is not None:
        return origin + bound.days * DAY
    return index.observed[0 if bound.sign < 0 else 1] if observed else None


def limited(events: list[Event], limit: Limit) -> list[Event]:
    """First or last by day; of one day, the smallest number."""
    if limit == "all" or not events:
        return events
    if limit == "first":
        return [min(events, key=lambda event: (event.start, event.number))]
    latest = max(event.start for event in events)
    return [min((event for event in events if event.start == latest), key=lambda event: event.number)]


def eras(rows: Sequence[tuple[datetime.date, datetime.date]], pad: int) -> list[tuple[datetime.date, datetime.date]]:
    """Intervals joined where the next begins no later than ``pad`` days after the latest end before it."""
    joined = list[tuple[datetime.date, datetime.date]]()
    for start, end in sorted(rows):
        if joined and start <= joined[-1][1] + pad * DAY:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def clipped(
    rows: Sequence[tuple[datetime.date, datetime.date]], window: tuple[datetime.date | None, datetime.date | None]
) -> list[tuple[datetime.date, datetime.date]]:
    """Periods within the cohort's own window."""
    first, last = window
    found = [(max(start, first) if first else start, min(end, last) if last else end) for start, end in rows]
    return [(start, end) for start, end in found if start <= end]


def by_person(rows: Sequence[Row]) -> Mapping[int, list[Row]]:
    """Rows by their person."""
    found = defaultdict[int, list[Row]](list)
    for row in rows:
        found[row["person"]].append(row)
    return found
