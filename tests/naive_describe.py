# SPDX-License-Identifier: Apache-2.0
"""Descriptive analyses day by day over persons in memory: slow, plain, and written without the engine's SQL."""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from rempart.records.describing import CohortAnalysis, dimensions_of
from tests.described_people import DAY, FIRST, LAST, SEXES, Person

Day = datetime.date
Level = tuple[str, ...]  # variable, then its levels
Counts = dict[Level, tuple[int, int]]  # level → persons, sum of their values


def age_band(person: Person, day: Day, bands: Sequence[int]) -> str:
    """The band of the age in the day's year."""
    if person.born is None:
        return "unknown"
    age = day.year - person.born
    if age < bands[0]:
        return f"0-{bands[0] - 1}"
    if age >= bands[-1]:
        return f"{bands[-1]}+"
    low, high = next((low, high) for low, high in pairwise(bands) if low <= age < high)
    return f"{low}-{high - 1}"


def place(person: Person, day: Day) -> str:
    """Where a person lives on a day."""
    found = [(begins, name) for begins, ends, name in person.places if begins <= day <= ends]
    return sorted(found, key=lambda item: (-item[0].toordinal(), item[1]))[0][1] if found else "unknown"


def quarter(day: Day) -> str:
    """Its name."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def levels(person: Person, day: Day, first: Day, variable: str, bands: Sequence[int]) -> Level:
    """The cell of a day; ``first``: of the slice it lies in, on which the place is looked up."""
    said = {
        "age": lambda: age_band(person, day, bands),
        "sex": lambda: SEXES[person.sex],
        "place": lambda: place(person, first),
        "year": lambda: str(day.year),
        "quarter": lambda: quarter(day),
        "month": lambda: day.isoformat()[:7],
    }
    return (variable, *(said[name]() for name in dimensions_of(variable)))


def days_at_risk(person: Person, days: Sequence[Day], *, every: bool) -> Iterator[tuple[Day, Day, bool]]:
    """(day, first day of its slice of a year, whether an event falls on it) of every day at risk; ``days``: of events."""
    happened = False
    for start, end in sorted(person.cohort):
        day = start + DAY
        while day <= end and (every or not happened):
            event = day in days
            yield day, max(start + DAY, Day(day.year, 1, 1)), event
            happened = happened or event
            day += DAY


def at_risk(
    persons: Sequence[Person], analysis: CohortAnalysis, outcomes: Mapping[int, Sequence[Day]]
) -> tuple[Counts, Counts]:
    """Days at risk and events by every level of every variable."""
    time: dict[Level, Counter[int]] = defaultdict(Counter)
    events: dict[Level, Counter[int]] = defaultdict(Counter)
    for person in persons:
        for day, first, event in days_at_risk(person, outcomes[person.number], every=analysis.events == "every"):
            for variable in analysis.variables:
                cell = levels(person, day, first, variable, analysis.bands)
                time[cell][person.number] += 1
                if event:
                    events[cell][person.number] += 1
    return _sums(time), _sums(events)


def _sums(found: Mapping[Level, Counter[int]]) -> Counts:
    return {cell: (len(persons), persons.total()) for cell, persons in found.items()}


def times(analysis: CohortAnalysis) -> list[tuple[str, Day, Day]]:
    """Days or calendar units: name, first and last day."""
    if analysis.points:
        return [(day.isoformat(), day, day) for day in analysis.points]
    name = {"year": lambda day: str(day.year), "quarter": quarter, "month": lambda day: day.isoformat()[:7]}[
        analysis.each
    ]
    named: dict[str, list[Day]] = defaultdict(list)
    day = FIRST
    while day <= LAST:
        named[name(day)].append(day)
        day += DAY
    return [(name, days[0], days[-1]) for name, days in named.items()]


def base(person: Person, first: Day, last: Day) -> Day | None:
    """The first day of a unit in the cohort."""
    inside = [max(start, first) for start, end in person.cohort if start <= last and end >= first]
    return min(inside, default=None)


def prevalence(
    persons: Sequence[Person], analysis: CohortAnalysis, cases: Mapping[int, Sequence[tuple[Day, Day]]]
) -> dict[Level, tuple[int, int]]:
    """(time, variable, levels…) → persons, cases."""
    found: Counter[Level] = Counter()
    ill: Counter[Level] = Counter()
    back = analysis.lookback_days * DAY
    found.update({(name, "all"): 0 for name, _, _ in times(analysis)})
    for person in persons:
        for name, first, last in times(analysis):
            day = base(person, first, last)
            if day is not None:
                case = any(begins <= last and ends >= first - back for begins, ends in cases[person.number])
                for variable in analysis.variables:
                    cell = (name, *levels(person, day, day, variable, analysis.bands))
                    found[cell] += 1
                    ill[cell] += case
    return {cell: (number, ill[cell]) for cell, number in found.items()}


def use(persons: Sequence[Person], analysis: CohortAnalysis) -> dict[Level, tuple[int, int, int, int, float]]:
    """(time, variable, levels…) → persons, users, new users, dispensings, packs, of an exposure by all dispensings."""
    found: dict[Level, list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0.0])
    for name, _, _ in times(analysis):
        found[(name, "all")]  # nobody, where nobody is there
    for person in persons:
        days = sorted({day for day, _, _ in person.fills})
        for name, first, last in times(analysis):
            seen = base(person, first, last)
            if seen is None:
                continue
            fills = [(day, packs) for day, packs, _ in person.fills if first <= day <= last and _inside(person, day)]
            new = any(_is_new(person, day, days, analysis.washout_days) for day, _ in fills)
            for variable in analysis.variables:
                cell = found[(name, *levels(person, seen, seen, variable, analysis.bands))]
                for at, amount in enumerate((1, bool(fills), new, len(fills), sum(packs for _, packs in fills))):
                    cell[at] += amount
    return {key: (int(c[0]), int(c[1]), int(c[2]), int(c[3]), c[4]) for key, c in found.items()}


def _inside(person: Person, day: Day) -> bool:
    return any(start <= day <= end for start, end in person.cohort)


def _is_new(person: Person, day: Day, days: Sequence[Day], washout: int) -> bool:
    before = [other for other in days if other < day]
    observed = person.observed[0] <= day - washout * DAY and day <= person.observed[1]
    return observed and (not before or before[-1] < day - washout * DAY)


def path(person: Person, analysis: CohortAnalysis) -> str | None:
    """A person's pathway; None outside the cohort."""
    if not person.cohort:
        return None
    start, end = min(person.cohort)
    last = min(end, start + analysis.days * DAY) if analysis.days else end
    begun: dict[Day, set[str]] = defaultdict(set)
    for name in analysis.exposures:
        for begins, ends in person.exposures[name]:
            if ends >= start and begins <= last:
                begun[max(begins, start)].add(name)
    steps: list[str] = []
    for day in sorted(begun):
        step = " + ".join(sorted(begun[day]))
        if not steps or steps[-1] != step:
            steps.append(step)
    return " → ".join(steps[: analysis.steps]) or "none"


def end_reason(person: Person) -> str:
    """Why the first period ended."""
    start, end = min(person.cohort)
    if person.died == end:
        return "death"
    if end >= LAST:
        return "end of data"
    return "end of observation" if person.observed[1] == end and person.observed[0] <= start else "exit from the cohort"
