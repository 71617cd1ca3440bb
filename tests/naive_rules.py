# SPDX-License-Identifier: Apache-2.0
"""Rule cohorts interpreted person by person from the study file's own words, slow and plain: shares nothing with reader or SQL."""

import calendar
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.rule_histories import BASE, CUT, FIRST, LAST, Person, Record, day

Span = tuple[int, int]
CODES: Mapping[str, Callable[[str], bool]] = {
    "diabetes": lambda code: code.startswith("E11"),
    "pressure": lambda code: code.startswith("I10"),
    "tumour": lambda code: code.startswith("C67") and not code.startswith("C679"),
    "metformin": lambda code: code == "metformin",
    "insulin": lambda code: code == "insulin",
    "act": lambda code: code.startswith("JDFA"),
}
NIGHTS = "nights"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry event: its day, the last day of its records, its visit."""

    day: int
    last: int
    visit: int | None = None


@dataclass(frozen=True)
class Naive:
    """One person under the cohorts of one study file."""

    person: Person
    cohorts: Mapping[str, Any]
    dated: str = "date"

    def periods(self, name: str) -> list[Span]:
        """The person's periods in a cohort."""
        asked = self.cohorts[name]
        if "of" in asked:
            return joined(self._set(asked["of"]), max(1, asked.get("collapse_days", 0)))
        kept = [event for event in self._events(asked) if self._passed(asked, event) == len(self._tests(asked))]
        found = []
        for event in kept:
            start, last = self._time_zero(asked, event), self._leaves(asked, event)
            if start <= last:
                found.append((start, last))
        return joined(found, asked.get("collapse_days", 0))

    def step(self, name: str) -> int:
        """The last step of attrition that the person came to, 0 for none."""
        asked = self.cohorts[name]
        return max((1 + self._passed(asked, event) for event in self._events(asked)), default=0)

    def _set(self, of: Mapping[str, list[str]]) -> list[Span]:
        ((kind, names),) = of.items()
        days = [{d for first, last in self.periods(other) for d in range(first, last + 1)} for other in names]
        how = {"union": set.union, "intersection": set.intersection, "difference": set.difference}
        kept: set[int] = how[kind](*days)
        return [(d, d) for d in sorted(kept)]

    def _events(self, asked: Mapping[str, Any]) -> list[Entry]:
        """Entry events in the period, the chosen ones."""
        same_visit = "same_visit" in str(asked)
        found: dict[tuple[int, int | None], int] = {}
        for event in asked["entry"]["any"]:
            for record in self._records(event):
                if FIRST <= record.first <= LAST:
                    key = (record.first, record.visit if same_visit else None)
                    found[key] = max(found.get(key, record.last), record.last)
        days = sorted({first for first, _ in found})
        limit = asked["entry"].get("limit", "first")
        if isinstance(limit, dict):
            days = days[limit["nth"] - 1 : limit["nth"]]
        elif limit != "every":
            days = days[:1] if limit == "first" else days[-1:]
        return [Entry(day=first, last=last, visit=visit) for (first, visit), last in found.items() if first in days]

    def _records(self, event: Mapping[str, Any]) -> Iterator[Record]:
        if "cohort" in event:
            for first, last in self.periods(event["cohort"]):
                yield Record(kind="cohort", first=first, last=last, code="")
            return
        if event["domain"] == "death":
            died = self._death()
            if died is not None:
                yield Record(kind="death", first=died, last=died, code=self.person.cause or "")
            return
        visits = {r.visit: r for r in self.person.records if r.kind == "visit"}
        for record in self.person.records:
            if record.kind == event["domain"] and self._fits(event, record, visits):
                yield record

    def _fits(self, event: Mapping[str, Any], record: Record, visits: Mapping[int | None, Record]) -> bool:
        visit = record if record.kind == "visit" else visits.get(record.visit)
        tests = [
            "codes" not in event or CODES[event["codes"]](record.code),
            not event.get("status") or record.status in event["status"],
            not event.get("setting")
            or (record.visit is not None and visit is not None and visit.code in event["setting"]),
            not event.get("place") or record.code[:2] in event["place"] or record.code in event["place"],
        ]
        for name, compared in event.get("where", {}).items():
            value = record.last - record.first if name == NIGHTS else record.quantity
            tests.append(holds(value, compared))
        return all(tests)

    def _death(self) -> int | None:
        if self.person.death is None or self.dated == "date":
            return self.person.death
        died = day(self.person.death)
        last = (died.replace(day=calendar.monthrange(died.year, died.month)[1]) - BASE).days
        seen = [end for _, end in self.person.observed if (day(end).year, day(end).month) == (died.year, died.month)]
        return max(seen, default=last)

    def _observed(self, at: int) -> Span | None:
        return next(((first, last) for first, last in self.person.observed if first <= at <= last), None)

    def _tests(self, asked: Mapping[str, Any]) -> list[Callable[[Entry], bool]]:
        """The steps of attrition after the first, in order."""
        prior = asked.get("prior_observation_days", 0)
        found: list[Callable[[Entry], bool]] = [
            lambda e: (seen := self._observed(e.day)) is not None and seen[0] <= e.day - prior
        ]
        if asked.get("washout_days"):
            found.append(lambda e: not self._before(asked, e))
        if asked.get("age"):
            low, high = asked["age"]
            found.append(lambda e: self.person.born is not None and low <= day(e.day).year - self.person.born <= high)
        if asked.get("sex"):
            found.append(lambda e: {8532: "female", 8507: "male"}.get(self.person.sex) in asked["sex"])
        if asked.get("place"):
            found.append(lambda e: self._lives(asked["place"], e.day))
        rules = [(rule, True) for rule in asked.get("include", ())] + [
            (rule, False) for rule in asked.get("exclude", ())
        ]
        found += [self._asks(rule, wanted) for rule, wanted in rules if latest(rule) <= 0]
        way = asked.get("exit", "observation")
        if way == "death" or (isinstance(way, dict) and way.get("death")):
            found.append(lambda e: (died := self._death()) is None or died >= e.day)
        found += self._stay_until_the_landmark(asked)
        late = [(rule, wanted) for rule, wanted in rules if latest(rule) > 0]
        found += [self._asks(rule, wanted) for rule, wanted in late if not rule.get("time_varying")]
        return found + [self._asks_in_time(rule, asked) for rule, _ in late if rule.get("time_varying")]

    def _asks(self, rule: Mapping[str, Any], wanted: bool) -> Callable[[Entry], bool]:
        return lambda event: self.meets(rule, event) is wanted

    def _asks_in_time(self, rule: Mapping[str, Any], asked: Mapping[str, Any]) -> Callable[[Entry], bool]:
        return lambda event: (met := self._met(rule, event)) is not None and met <= self._leaves(asked, event)

    def _mark(self, asked: Mapping[str, Any]) -> Callable[[Entry], int] | None:
        """The landmark of an event."""
        if asked.get("landmark") == "period_end":
            return lambda event: LAST
        days = asked.get("landmark_days")
        return None if days is None else lambda event: event.day + days

    def _passed(self, asked: Mapping[str, Any], event: Entry) -> int:
        count = 0
        for test in self._tests(asked):
            if not test(event):
                break
            count += 1
        return count

    def _before(self, asked: Mapping[str, Any], event: Entry) -> bool:
        days = range(event.day - asked["washout_days"], event.day)
        return any(record.first in days for one in asked["entry"]["any"] for record in self._records(one))

    def _lives(self, places: list[str], at: int) -> bool:
        event = {"domain": "residence", "place": places}
        return any(record.first <= at <= record.last for record in self._records(event))

    def meets(self, rule: Mapping[str, Any], event: Entry) -> bool:
        """Whether a demand, or a group of them, holds of an entry event."""
        for kind in ("all", "any", "at_least", "at_most"):
            if kind in rule:
                met = sum(self.meets(item, event) for item in rule[kind])
                return {
                    "all": met == len(rule[kind]),
                    "any": met > 0,
                    "at_least": met >= rule.get("number", 0),
                    "at_most": met <= rule.get("number", 0),
                }[kind]
        origin = rule.get("relative_to", "index")
        if isinstance(origin, dict):
            anchor = origin["event"]
            around = [
                r
                for r in self._records(anchor)
                if event.day + anchor["days"][0] <= r.first <= event.day + anchor["days"][1]
            ]
            return any(self._counted(rule, record.first, record.visit) for record in around)
        seen = self._observed(event.day)
        return self._counted(rule, event.day if origin == "index" else (seen or (0, 0))[0], event.visit)

    def _counted(self, rule: Mapping[str, Any], at: int, visit: int | None) -> bool:
        first, last = at + rule["days"][0], at + rule["days"][1]
        inside = [
            r
            for r in self._records(rule)
            if r.first <= last and (r.last >= first if rule.get("overlap") else r.first >= first)
        ]
        if rule.get("same_visit"):
            inside = [r for r in inside if r.visit is not None and r.visit == visit]
        distinct = rule.get("distinct", "record")
        told = {
            "record": len(inside),
            "day": len({r.first for r in inside}),
            "code": len({r.code for r in inside}),
            "visit": len({r.visit for r in inside} - {None}),
        }[distinct]
        return holds(told, rule.get("count", ">= 1"))

    def _met(self, rule: Mapping[str, Any], event: Entry) -> int | None:
        """The day of the record that completes a demand that varies with time."""
        first, last = event.day + rule["days"][0], event.day + rule["days"][1]
        told = sorted((r for r in self._records(rule) if first <= r.first <= last), key=lambda r: r.first)
        distinct, seen = rule.get("distinct", "record"), set[object]()
        for number, record in enumerate(told):
            of = {"record": number, "day": record.first, "code": record.code, "visit": record.visit}[distinct]
            seen |= {of} - {None}
            if len(seen) >= int(rule.get("count", ">= 1").removeprefix(">= ")):
                return record.first
        return None

    def _stay_until_the_landmark(self, asked: Mapping[str, Any]) -> list[Callable[[Entry], bool]]:
        """One step a way out: the first of those of the last day is the one that counts."""
        mark = self._mark(asked)
        if mark is None:
            return []
        way = _exit(asked)
        count = len(way["event"]) + ("days" in way) + bool(way.get("death")) + 2

        def stays(number: int) -> Callable[[Entry], bool]:
            return lambda e: min(ends := self._ends(asked, e)) >= mark(e) or ends.index(min(ends)) != number

        return [stays(number) for number in range(count)]

    def _leaves(self, asked: Mapping[str, Any], event: Entry) -> int:
        return int(min(self._ends(asked, event)))

    def _ends(self, asked: Mapping[str, Any], event: Entry) -> list[float]:
        """The last day by each way out, in the order in which they count: events, death, days, observation, data."""
        way, never = _exit(asked), float("inf")
        ends = [
            min((float(r.first) for r in self._records(one) if r.first > event.day), default=never)
            for one in way["event"]
        ]
        if way.get("death"):
            died = self._death()
            ends.append(died if died is not None and died >= event.day else never)
        if "days" in way:
            ends.append((event.last if way.get("of") == "end" else event.day) + way["days"])
        seen = self._observed(event.day)
        return [*ends, seen[1] if seen else never, CUT]

    def _time_zero(self, asked: Mapping[str, Any], event: Entry) -> int:
        mark = self._mark(asked)
        start = event.day if mark is None else mark(event)
        for rule in asked.get("include", ()):
            if rule.get("time_varying"):
                start = max(start, self._met(rule, event) or start)
        return start


def _exit(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The ways out, events as a list."""
    way = asked.get("exit", "observation")
    told: dict[str, Any] = {"death": way == "death"} if isinstance(way, str) else dict(way)
    event = told.get("event", [])
    return {**told, "event": [event] if isinstance(event, dict) else event}


def latest(rule: Mapping[str, Any]) -> int:
    """The last day after the entry event that a rule reads."""
    items = next((rule[kind] for kind in ("all", "any", "at_least", "at_most") if kind in rule), None)
    if items is not None:
        return max(latest(item) for item in items)
    origin = rule.get("relative_to", "index")
    before = max(0, origin["event"]["days"][1]) if isinstance(origin, dict) else 0
    anchor = origin["event"]["days"][1] if isinstance(origin, dict) else 0
    return max(before, anchor + int(rule["days"][1])) if origin != "observation_start" else -1


def holds(value: int, compared: str) -> bool:
    """A comparison such as ``>= 2``."""
    sign, number = compared.split(" ")
    wanted = int(number)
    return {
        "<": value < wanted,
        "<=": value <= wanted,
        "=": value == wanted,
        ">": value > wanted,
        ">=": value >= wanted,
    }[sign]


def joined(spans: list[Span], pad: int) -> list[Span]:
    """Spans joined where the next begins no later than ``pad`` days after the latest end."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + pad:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
