# SPDX-License-Identifier: Apache-2.0
"""A cohort definition interpreted person by person over lists in memory: slow, plain, and written without the engine's SQL."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rempart.records.cohort import (
    Bound,
    CohortDefinition,
    Concepts,
    Condition,
    Correlated,
    Criterion,
    DateOffset,
    Day,
    DrugEraExit,
    Flag,
    Group,
    Limit,
    Number,
    Text,
    Window,
)  # fmt: skip
from tests.naive_records import DAY, NOWHERE, Record, Tables, attribute, concepts, one, records

Days = tuple[datetime.date, datetime.date | None]
Period = tuple[datetime.date, datetime.date]


@dataclass(frozen=True, slots=True)
class Event:
    """A record that meets a criterion, or an index event."""

    number: int
    start: datetime.date
    end: datetime.date | None
    visit: int | None
    sort: datetime.date
    counted: Callable[[str], Any] = lambda _: None
    observed: Period = (datetime.date.min, datetime.date.max)


@dataclass(frozen=True, slots=True)
class Naive:
    """One person of some tables under one definition."""

    definition: CohortDefinition
    tables: Tables
    person: int

    def cohort(self) -> list[Period]:
        """The person's periods in the cohort."""
        rows = [(event.start, end) for event in self.included() if (end := self.end(event)) is not None]
        return clipped(eras(rows, self.definition.era_pad), self.definition.window)

    def qualified(self) -> list[Event]:
        """Primary events that meet the additional criteria."""
        asked = self.definition
        found = [
            (item, replace(event, observed=period))
            for item, criterion in enumerate(asked.primary)
            for event in self.events(criterion)
            for period in self.periods()
            if period[0] + asked.prior_days * DAY <= event.start <= period[1] - asked.post_days * DAY
            and period[0] <= event.start <= period[1]
        ]
        found.sort(key=lambda pair: (pair[1].number, pair[0]))
        found.sort(key=lambda pair: pair[1].sort, reverse=asked.primary_limit == "last")
        events = [replace(event, number=number) for number, (_, event) in enumerate(found, 1)]
        primary = events if asked.primary_limit == "all" else events[:1]
        if asked.additional is None:
            return primary
        return limited([event for event in primary if self.meets(asked.additional, event)], asked.qualified_limit)

    def included(self) -> list[Event]:
        """Qualified events that meet every inclusion rule."""
        rules = self.definition.rules
        met = [event for event in self.qualified() if all(self.meets(rule.group, event) for rule in rules)]
        return limited(met, self.definition.expression_limit)

    def periods(self) -> list[Period]:
        """When the person is observed."""
        return [
            (row["observation_period_start_date"], row["observation_period_end_date"])
            for row in self.tables.get("observation_period", ())
            if row["person_id"] == self.person
        ]

    def events(self, item: Criterion) -> Iterator[Event]:
        """Records that meet a criterion."""
        found = [record for record in records(item.domain, self.person, self.tables) if self._coded(item, record)]
        found.sort(key=lambda record: (record.start, record.number))
        for record in found[:1] if item.first else found:
            days = adjusted(item, record)
            if days is None or not all(self._holds(asked, record, days) for asked in item.conditions):
                continue
            if not all(day is None or within(day, days) for day in item.period):
                continue
            event = self._event(item, record, days)
            around = [period for period in self.periods() if period[0] <= event.start <= period[1]]
            if item.group is None or any(self.meets(item.group, replace(event, observed=period)) for period in around):
                yield event

    def _event(self, item: Criterion, record: Record, days: Days) -> Event:
        shown = (item.period[0] or days[0], item.period[1] or days[1])

        def counted(what: str) -> Any:
            return different(what, record, shown, self.tables)

        return Event(record.number, *shown, record.visit, days[0], counted)

    def _coded(self, item: Criterion, record: Record) -> bool:
        own = item.code_set is None or record.concept in self._set(item.code_set)
        return own and (item.source_set is None or record.source in self._set(item.source_set))

    def _set(self, number: int) -> frozenset[int]:
        return concepts(self.definition.code_sets[number], self.tables)

    def _holds(self, asked: Condition, record: Record, days: Days) -> bool:
        return self._answers(asked, attribute(record, asked.attribute, days, self.tables))

    def _answers(self, asked: Condition, value: Any) -> bool:
        if value is NOWHERE:
            return False
        if not isinstance(asked, Concepts):
            return holds(asked, value)
        if asked.code_set is None and not asked.concepts:
            return (value is None) == asked.excluded
        wanted = asked.concepts if asked.code_set is None else self._set(asked.code_set)
        if value is None:  # as SQL has it: nothing is in no list, and what is unknown is not in an empty one
            return asked.excluded and not wanted
        return (value in wanted) != asked.excluded

    def meets(self, group: Group, index: Event) -> bool:
        """Whether an index event meets a group."""
        if group.empty:
            return True
        met = [self._correlated(item, index) for item in group.correlated]
        met += [all(self._demographic(asked, index) for asked in item) for item in group.demographic]
        met += [self.meets(item, index) for item in group.groups]
        if group.kind == "at_most":
            return sum(met) <= group.count
        return sum(met) >= {"all": len(met), "any": 1, "at_least": group.count}[group.kind]

    def _demographic(self, asked: Condition, index: Event) -> bool:
        person = one("person", self.person, self.tables)
        value: Any = {
            "start": index.start,
            "end": index.end,
            "age": index.start.year - person["year_of_birth"],
        }.get(asked.attribute, person.get(f"{asked.attribute}_concept_id"))
        return self._answers(asked, value)

    def _correlated(self, item: Correlated, index: Event) -> bool:
        around = [event for event in self.events(item.criterion) if self._around(item, event, index)]
        told = len({event.counted(item.distinct) for event in around} - {None}) if item.distinct else len(around)
        if not around and item.count and item.how != "at_most":
            return False
        return {"exactly": told == item.count, "at_most": told <= item.count, "at_least": told >= item.count}[item.how]

    def _around(self, item: Correlated, event: Event, index: Event) -> bool:
        if not item.outside_observation and not index.observed[0] <= event.start <= index.observed[1]:
            return False
        if item.same_visit and (event.visit is None or event.visit != index.visit):
            return False
        seen = not item.outside_observation
        return all(
            inside(window, event, index, observed=seen) for window in (item.start, item.end) if window is not None
        )

    def end(self, event: Event) -> datetime.date | None:
        """The first day, not before the start, on which the event's period may end."""
        way, days = self.definition.exit, list[datetime.date]()
        if isinstance(way, DateOffset):
            origin = event.start if way.of == "start" else event.end
            days += [] if origin is None else [min(origin + way.days * DAY, event.observed[1])]
        else:
            days.append(event.observed[1])
        if isinstance(way, DrugEraExit):
            days += [last for first, last in self._drug_eras(way) if first <= event.start <= last]
        for item in self.definition.censoring:
            days += [one.start for one in self.events(item) if event.start <= one.start <= event.observed[1]]
        return min((day for day in days if day >= event.start), default=None)

    def _drug_eras(self, way: DrugEraExit) -> list[Period]:
        used = []
        for record in records("DrugExposure", self.person, self.tables):
            if {record.concept, record.source} & self._set(way.code_set):
                end = record.end if way.supply is None else record.start + way.supply * DAY
                assert end is not None
                used.append((record.start, end + way.offset * DAY))
        return eras(used, way.gap_days)


def adjusted(item: Criterion, record: Record) -> Days | None:
    """The record's days as the criterion moves them; None where they are turned around."""
    if item.adjustment is None:
        return record.start, record.end
    sides, moved = {"start": record.start, "end": record.end}, item.adjustment
    first, last = sides[moved.start_from], sides[moved.end_from]
    if first is None or last is None:
        return None
    days = first + moved.start_days * DAY, last + moved.end_days * DAY
    return days if days[1] >= days[0] else None


def within(day: datetime.date, days: Days) -> bool:
    """Whether the day lies between the two, both included."""
    return days[0] <= day and days[1] is not None and day <= days[1]


def different(what: str, record: Record, days: Days, tables: Tables) -> Any:
    """The value of which different ones are counted."""
    if what in {"start", "end"}:
        return days[0 if what == "start" else 1]
    if what == "visit":
        return record.visit
    if what == "concept":
        named = {"ObservationPeriod": "period_type_concept_id", "PayerPlanPeriod": "payer_concept_id"}
        value = record.row.get(named[record.domain]) if record.domain in named else record.concept
        return value or 0 if record.domain == "Death" else value
    if what == "duration":
        return None if days[1] is None else (days[1] - days[0]).days
    if what == "value" and record.domain == "DoseEra":
        return record.row.get("dose_value")
    if what == "visit_detail":
        return record.row.get("visit_detail_id")
    return attribute(record, what, days, tables)


def holds(asked: Condition, value: Any) -> bool:
    """A condition on a value; nothing holds of no value."""
    if value is None:
        return False
    if isinstance(asked, Flag):
        return bool(value)
    if isinstance(asked, Text):
        return like(asked, str(value)) != asked.negated
    assert isinstance(asked, Number | Day)
    low: Any = asked.value
    high: Any = asked.extent if asked.extent is not None else low
    return bool({
        "lt": value < low, "lte": value <= low, "eq": value == low, "gt": value > low, "gte": value >= low,
        "bt": low <= value <= high, "!bt": not low <= value <= high,
    }[asked.comparison])  # fmt: skip


def like(asked: Text, value: str) -> bool:
    """Whether a text is like another, with marks for any mark and for any number of them."""
    marks = {"%": ".*", "_": "."}
    body = "".join(marks.get(mark) or re.escape(mark) for mark in asked.text)
    before = ".*" if asked.how in {"contains", "ends"} else ""
    after = ".*" if asked.how in {"contains", "starts"} else ""
    return re.fullmatch(f"{before}{body}{after}", value, re.DOTALL) is not None


def inside(window: Window, event: Event, index: Event, *, observed: bool) -> bool:
    """Whether the record's day lies between the window's bounds."""
    day = event.start if window.of_record == "start" else event.end
    origin = index.start if window.of_index == "start" else index.end
    for bound, is_first in ((window.first, True), (window.last, False)):
        limit, bounded = _limit(bound, origin, index, observed=observed)
        if bounded and (day is None or limit is None or (day < limit if is_first else day > limit)):
            return False
    return True


def _limit(
    bound: Bound, origin: datetime.date | None, index: Event, *, observed: bool
) -> tuple[datetime.date | None, bool]:
    """The bound's day, and whether there is a bound at all."""
    if bound.days is not None:
        return (None if origin is None else origin + bound.days * DAY), True
    return index.observed[0 if bound.sign < 0 else 1], observed


def limited(events: list[Event], limit: Limit) -> list[Event]:
    """First or last by day; of one day, the smallest number."""
    if limit == "all" or not events:
        return events
    day = (min if limit == "first" else max)(event.start for event in events)
    return [min((event for event in events if event.start == day), key=lambda event: event.number)]


def eras(rows: Sequence[Period], pad: int) -> list[Period]:
    """Intervals joined where the next begins no later than ``pad`` days after the latest end before it."""
    joined: list[Period] = []
    for start, end in sorted(rows):
        if joined and start <= joined[-1][1] + pad * DAY:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def clipped(rows: Sequence[Period], window: tuple[datetime.date | None, datetime.date | None]) -> list[Period]:
    """Periods within the cohort's own window."""
    first, last = window
    found = [(max(start, first) if first else start, min(end, last) if last else end) for start, end in rows]
    return [(start, end) for start, end in found if start <= end]


def naive_rows(definition: CohortDefinition, tables: Tables) -> list[tuple[int, datetime.date, datetime.date]]:
    """The cohort's rows: person, first day, last day; sorted."""
    persons = [int(row["person_id"]) for row in tables["person"]]
    return sorted((person, *days) for person in persons for days in Naive(definition, tables, person).cohort())


def naive_persons(definition: CohortDefinition, tables: Tables) -> Mapping[str, set[int]]:
    """Persons by what the inclusion report counts: ``rule`` n alone, ``to`` n in order, ``but`` n (all others, and never all)."""
    found: dict[str, set[int]] = {}
    rules = definition.rules
    for row in tables["person"]:
        naive = Naive(definition, tables, int(row["person_id"]))
        met = [[naive.meets(rule.group, event) for rule in rules] for event in naive.qualified()]
        for number in range(len(rules)):
            told = {
                f"rule {number}": any(one[number] for one in met),
                f"to {number}": any(all(one[: number + 1]) for one in met),
                f"but {number}": any(not one[number] and sum(one) == len(rules) - 1 for one in met)
                and not any(all(one) for one in met),
            }
            for name, is_so in told.items():
                found.setdefault(name, set()).update({naive.person} if is_so else set())
    return found
