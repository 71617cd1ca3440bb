# SPDX-License-Identifier: Apache-2.0
"""A rule cohort as the study file says it: who enters at which event, which rules narrow it, when each person leaves. Terms only.

Days are whole numbers, 0 = the day of the entry event. ``cohort_reading.py`` reads it, ``cohort/rule_definition.py`` makes the one cohort
model of it. Every term gives its canonical form: what the study's id is made of, and what reads back to the same.
"""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.records.atlas_future import criteria, reads_before
from rempart.records.cohort import CohortDefinition, DrugEraExit
from rempart.records.cohort_text import definition_text

CODED = ("drug", "condition", "procedure", "measurement", "device")
OBSERVATION = "observation"
EVENT_DOMAINS = (*CODED, "visit", "death", "residence", OBSERVATION)
VALUES: Mapping[str, tuple[str, ...]] = {  # domain → numbers of its records that may be compared
    "drug": ("quantity", "days_supply"),
    "procedure": ("quantity",),
    "measurement": ("quantity",),
    "device": ("quantity",),
    "visit": ("nights",),
}
ATLAS_DOMAINS: Mapping[str, str] = {  # domain of an ATLAS definition → the same kind of record here
    "DrugExposure": "drug",
    "ConditionOccurrence": "condition",
    "ProcedureOccurrence": "procedure",
    "Measurement": "measurement",
    "DeviceExposure": "device",
    "VisitOccurrence": "visit",
    "VisitDetail": "visit",
    "Death": "death",
    "ObservationPeriod": OBSERVATION,
}
SETTINGS = ("inpatient", "emergency_inpatient", "outpatient", "emergency", "home", "telehealth")
LIMITS = ("first", "every", "last")
SIDES = ("start", "end")
DISTINCT = ("record", "day", "code", "visit")
ORIGINS = ("index", "observation_start")
GROUPS = ("all", "any", "at_least", "at_most")
SEXES = ("female", "male")
SETS = ("union", "intersection", "difference")
PERIOD_END = "period_end"
ENDS = ("observation", "death", "cut")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEvent:
    """A record of ``domain``, or the first day of a period in ``cohort``. ``where``: number of the record → comparison (``>= 2``)."""

    domain: str = ""
    codes: str = ""
    cohort: str = ""
    status: tuple[str, ...] = ()
    specialty: tuple[str, ...] = ()
    setting: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Without the keys that say nothing."""
        body = {
            name: getattr(self, name)
            for name in ("domain", "codes", "cohort", "status", "specialty", "setting", "place")
        }
        return {name: value for name, value in {**body, "where": dict(self.where)}.items() if value}

    @property
    def words(self) -> str:
        """How attrition and messages call it."""
        told = self.cohort or self.codes or ", ".join((*self.setting, *self.place)) or "any"
        return f"{told} ({self.domain or 'cohort'})"


def known_after(event: RuleEvent) -> int:
    """Days after a record's first day until it is known to be the event: a stay has lasted so many nights, or has ended."""
    sign, _, number = event.where.get("nights", ">= 0").partition(" ")
    return int(number) + (sign == ">")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many records in a window. ``days``: both ends included, from ``origin``; with ``after``, from each record of it instead, which
    lies in a window of its own. ``overlap``: the record's span meets the window, not its first day alone."""

    event: RuleEvent
    days: tuple[int, int]
    count: str = ">= 1"
    distinct: str = "record"
    origin: str = "index"
    after: "Counted | None" = None
    overlap: bool = False
    same_visit: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Every default written out but those that are false."""
        body: dict[str, Any] = {
            **self.event.as_dict(),
            "days": list(self.days),
            "count": self.count,
            "distinct": self.distinct,
        }
        body["relative_to"] = self.origin if self.after is None else {"event": _anchor(self.after)}
        return body | {name: True for name in ("overlap", "same_visit") if getattr(self, name)}

    def span(self) -> tuple[int, int]:
        """First and last day that is read, from the origin."""
        first, last = self.after.days if self.after is not None else (0, 0)
        anchor = known_after(self.after.event) if self.after is not None else 0
        return min(first, first + self.days[0]), max(last + anchor, last + self.days[1] + known_after(self.event))

    @property
    def words(self) -> str:
        """How attrition calls it."""
        many = "" if self.count == ">= 1" else f"{self.count} "
        around = f" of {self.after.words}" if self.after is not None else ""
        start = " of observation" if self.origin != "index" else ""
        return f"{many}{self.event.words} on days {self.days[0]} to {self.days[1]}{around}{start}"


def _anchor(item: Counted) -> dict[str, Any]:
    return {**item.event.as_dict(), "days": list(item.days)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Several demands: all, any, at least or at most ``number`` of them."""

    kind: str
    number: int = 0
    items: tuple["Counted | RuleGroup", ...]

    def as_dict(self) -> dict[str, Any]:
        """The group with its kind as the key of its items."""
        body: dict[str, Any] = {self.kind: [item.as_dict() for item in self.items]}
        return body | ({"number": self.number} if self.kind in {"at_least", "at_most"} else {})

    def counted(self) -> Iterator[tuple[str, Counted]]:
        """Every demand below, each with the end of its path."""
        for place, item in enumerate(self.items, 1):
            path = f"{self.kind}[{place}]"
            if isinstance(item, Counted):
                yield path, item
            else:
                yield from ((f"{path}.{below}", found) for below, found in item.counted())

    @property
    def words(self) -> str:
        """How attrition calls it when it has no name."""
        told = f"{self.kind.replace('_', ' ')} {self.number} of" if self.number else self.kind
        return f"{told} {len(self.items)} conditions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A named demand of each entry event. ``time_varying``: the person enters on the day on which it is met."""

    name: str
    demand: Counted | RuleGroup
    time_varying: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The demand's form and the name."""
        return {"name": self.name, **self.demand.as_dict(), **({"time_varying": True} if self.time_varying else {})}

    def counted(self) -> list[tuple[str, Counted]]:
        """Every demand, each with the end of its path ('' for one that stands alone)."""
        return [("", self.demand)] if isinstance(self.demand, Counted) else list(self.demand.counted())

    def last_day(self, prior: int) -> int:
        """The last day after the entry event that is read; ``prior``: days observed before it for certain."""
        return max(item.span()[1] - (prior if item.origin != "index" else 0) for _, item in self.counted())


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExit:
    """Whichever comes first; the end of observation and of the data always count. ``of``: days are counted from the entry event's side."""

    days: int | None = None
    of: str = "start"
    exposure: str = ""
    grace_days: int = 0
    events: tuple[RuleEvent, ...] = ()
    death: bool = False

    def as_dict(self) -> dict[str, Any] | str:
        """The keys that say something; ``observation`` for none."""
        body: dict[str, Any] = {"days": self.days, "of": self.of} if self.days is not None else {}
        body |= {"exposure": self.exposure, "grace_days": self.grace_days} if self.exposure else {}
        body |= {"event": [event.as_dict() for event in self.events]} if self.events else {}
        return body | ({"death": True} if self.death else {}) or "observation"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCohort:
    """``entry``: any of these events; ``limit``: first, every, last, or ``nth`` of the days with one in ``period`` (None: the protocol's).

    Or ``sets``: how other cohorts are put together (``entry`` is empty then). ``landmark``: days after entry at which time zero stands, or
    ``period_end``. Or ``atlas``: a definition that was drawn in ATLAS, held whole.
    """

    entry: tuple[RuleEvent, ...] = ()
    limit: str = "first"
    nth: int | None = None
    prior_observation_days: int = 0
    washout_days: int = 0
    age: tuple[int, int] | None = None
    sex: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    period: tuple[datetime.date, datetime.date] | None = None
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    exit: RuleExit = RuleExit()
    collapse_days: int = 0
    landmark: int | str | None = None
    clone_censor_weight: bool = False
    sets: str = ""
    of: tuple[str, ...] = ()
    atlas: CohortDefinition | None = None

    def as_dict(self) -> dict[str, Any]:
        """The canonical form, defaults of what is there written out."""
        if self.atlas is not None:
            return {"atlas": definition_text(self.atlas), **_landmark_dict(self.landmark)}
        if self.sets:
            return {"of": {self.sets: list(self.of)}, "collapse_days": self.collapse_days}
        limit = {"nth": self.nth} if self.nth is not None else self.limit
        body: dict[str, Any] = {"entry": {"any": [event.as_dict() for event in self.entry], "limit": limit}}
        plain = ("prior_observation_days", "washout_days", "collapse_days")
        body |= {name: getattr(self, name) for name in plain}
        body |= {name: list(value) for name in ("age", "sex", "place", "period") if (value := getattr(self, name))}
        body |= {
            name: [rule.as_dict() for rule in getattr(self, name)]
            for name in ("include", "exclude")
            if getattr(self, name)
        }
        body["exit"] = self.exit.as_dict()
        body |= _landmark_dict(self.landmark)
        return body | ({"clone_censor_weight": True} if self.clone_censor_weight else {})

    def events(self) -> Iterator[tuple[str, RuleEvent]]:
        """Every event that it names, each with its path in the file; of an ATLAS definition the kinds of its records."""
        yield from (("atlas", RuleEvent(domain=kind)) for kind in _kinds(self.atlas))
        yield from ((f"entry.any[{place}]", event) for place, event in enumerate(self.entry, 1))
        for key, place, rule in self.numbered():
            for below, item in rule.counted():
                path = f"{key}[{place}].{below}".rstrip(".")
                yield path, item.event
                if item.after is not None:
                    yield f"{path}.relative_to.event", item.after.event
        yield from ((f"exit.event[{place}]", event) for place, event in enumerate(self.exit.events, 1))

    def numbered(self) -> Iterator[tuple[str, int, Rule]]:
        """Every rule with its key and its place."""
        yield from (("include", place, rule) for place, rule in enumerate(self.include, 1))
        yield from (("exclude", place, rule) for place, rule in enumerate(self.exclude, 1))

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the cohorts that must be made before it."""
        return tuple(dict.fromkeys(name for _, name in self.named()))

    def named(self) -> Iterator[tuple[str, str]]:
        """Every cohort that it names, each with its path in the file."""
        yield from ((f"of.{self.sets}", name) for name in self.of)
        yield from ((f"{path}.cohort", event.cohort) for path, event in self.events() if event.cohort)

    def looks_back(self) -> Iterator[tuple[str, int]]:
        """What reads before the entry event: its path and its first day."""
        if self.atlas is not None:
            yield from ((f"atlas.{what}", day) for what, day in reads_before(self.atlas))
            return
        yield "prior_observation_days", -self.prior_observation_days
        yield "washout_days", -self.washout_days
        for key, place, rule in self.numbered():
            for below, item in rule.counted():
                if item.origin == "index":
                    yield f"{key}[{place}].{below}".rstrip("."), min(0, item.span()[0])


def _landmark_dict(landmark: int | str | None) -> dict[str, Any]:
    if landmark is None:
        return {}
    return {"landmark_days": landmark} if isinstance(landmark, int) else {"landmark": landmark}


def _kinds(atlas: CohortDefinition | None) -> list[str]:
    if atlas is None:
        return []
    found = {ATLAS_DOMAINS.get(item.domain, "") for item in criteria(atlas)}
    return sorted((found | ({"drug"} if isinstance(atlas.exit, DrugEraExit) else set())) - {""})
