# SPDX-License-Identifier: Apache-2.0
"""The activity report to a regulator: numbers of a stretch of time, from the ledger and its documents. Names nobody; rounds persons."""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.audit.book import day_of
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit

SCHEMA = "rempart.activity/1"
_COUNTED = {
    "studies": "study",
    "releases": "release",
    "incidents": "incident",
    "controls": "trace-control",
    "audits": "evidence-pack",
    "objections": "objection",
    "erased": "erasure",
    "moves": "cutover",
}
_WITHDRAWN = frozenset({"withdrawn", "lapsed"})
_YEAR, _MONTH = 365.25, 30.4375
_NO_APPLICATION = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTold:
    """What a report needs of a project. ``passages``: (state entered, day), in order; ``permit``: None before a grant; ``persons``: in its
    dataset; ``codes``, ``body``: purposes and kind of applicant, () and '' without an application."""

    id: str
    project: str
    passages: tuple[tuple[str, datetime.date], ...]
    applied: datetime.date | None
    codes: tuple[str, ...]
    body: str
    permit: Permit | None
    persons: int

    def entered(self, *states: str) -> datetime.date | None:
        """The first day on which it came into one of these states."""
        return next((day for state, day in self.passages if state in states), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """First and last day of a report, both in it."""

    since: datetime.date
    until: datetime.date

    def holds(self, day: datetime.date | None) -> bool:
        """Whether a day lies in it."""
        return day is not None and self.since <= day <= self.until

    def meets(self, days: tuple[datetime.date, datetime.date]) -> bool:
        """Whether some day of ``days`` lies in it."""
        return days[0] <= self.until and self.since <= days[1]


def activity(
    log: Sequence[LedgerEvent], projects: Sequence[ProjectTold], stretch: Stretch, *, least: int
) -> dict[str, Any]:
    """Every number that a row may ask for, and one entry a project that was open. ``least``: persons are rounded to multiples of it."""
    effects = [event for event in log if event.phase == "effect" and stretch.holds(day_of(event))]
    kinds = Counter(event.kind for event in effects)
    told: dict[str, Any] = {name: kinds[kind] for name, kind in _COUNTED.items()}
    opened = [one for one in projects if one.permit is not None and stretch.meets(one.permit.valid)]
    filed = [one for one in projects if stretch.holds(one.applied)]
    told |= {
        "applications": len(filed),
        "granted": kinds["permit"],
        "refused": sum(stretch.holds(one.entered("refused")) for one in projects),
        "withdrawn": sum(stretch.holds(one.entered(*_WITHDRAWN)) for one in projects),
        "applicants": dict(sorted(Counter(one.body for one in filed).items())),
        "purposes": dict(sorted(Counter(code for one in opened for code in one.codes or (_NO_APPLICATION,)).items())),
        "access_days": _mean(_waits(projects, stretch)),
        "open": len(opened),
        "depth": max((_depth(one.permit) for one in opened if one.permit), default=None),
        "persons": rounded(max((one.persons for one in opened), default=0), least),
        "months": _mean([(p.valid[1] - p.valid[0]).days / _MONTH for one in opened if (p := one.permit)]),
        "operator": None,
        "projects": [_entry(one, one.permit, effects, least) for one in opened if one.permit],
    }
    return told


def rounded(count: int, least: int) -> int:
    """A number of persons to the nearest multiple of ``least``; 0 where it is less than one."""
    return round(count / least) * least if count >= least else 0


def _waits(projects: Sequence[ProjectTold], stretch: Stretch) -> list[float]:
    """Days from application to access of each project whose access began in that time."""
    pairs = ((one.applied, one.entered("active")) for one in projects)
    return [float((active - filed).days) for filed, active in pairs if filed and active and stretch.holds(active)]


def _mean(values: Sequence[float]) -> int | None:
    return round(sum(values) / len(values)) if values else None


def _depth(permit: Permit) -> int:
    return round((permit.period[1] - permit.first_day).days / _YEAR)


def _entry(one: ProjectTold, permit: Permit, effects: Sequence[LedgerEvent], least: int) -> dict[str, Any]:
    kinds = Counter(event.kind for event in effects if event.basis == f"permit:{one.id}")
    return {
        "permit": one.id,
        "project": one.project,
        "purpose": permit.purpose,
        "valid": [day.isoformat() for day in permit.valid],
        "data": [permit.first_day.isoformat(), permit.period[1].isoformat()],
        "persons": rounded(one.persons, least),
        "studies": kinds["study"],
        "releases": kinds["release"],
    }


def page(told: Mapping[str, Any], table: Mapping[str, Any], regulator: str, language: str) -> str:
    """The report as Markdown. ``told``: what ``activity`` gave, with ``head``; ``table``: the parsed ``activity.toml``."""
    words, form = table["words"][language], table["regulators"][regulator]
    lines = [f"# {form['title'][language]}", "", words["period"].format(**told["head"])]
    lines += ["", words["origin"].format(years=form["years"], sure=form["sure"][language]), ""]
    lines += [f"| {words['what']} | {words['number']} |", "|---|---|"]
    names = table["names"][language]
    lines += [
        f"| {table['rows'][name][language]} | {_value(told, table, name, words, names)} |" for name in form["rows"]
    ]
    lines += ["", f"## {words['each']}", "", *_projects(told, table, words)]
    return "\n".join([*lines, "", words["foot"].format(least=_spaced(table["round_persons"])), ""])


def _value(
    told: Mapping[str, Any], table: Mapping[str, Any], name: str, words: Mapping[str, str], names: Mapping[str, str]
) -> str:
    asked = table["rows"][name]["from"]
    found = told[asked]
    if asked == "operator":
        return words["operator"]
    if isinstance(found, Mapping):
        counted = (f"{names.get(key, key) or words['other']} ({count})" for key, count in found.items())
        return ", ".join(counted) or words["none"]
    if asked == "persons":
        return _persons(found, table, words) if told["open"] else words["none"]
    return words["none"] if found is None else _spaced(found)


def _projects(told: Mapping[str, Any], table: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    names = ("permit", "project", "purpose", "dates", "data", "persons", "studies", "releases")
    yield "| " + " | ".join(words[name] for name in names) + " |"
    yield "|" + "---|" * len(names)
    for one in told["projects"]:
        cells = [one["permit"], one["project"], one["purpose"].replace("|", "\\|"), " – ".join(one["valid"])]
        cells += [" – ".join(one["data"]), _persons(one["persons"], table, words)]
        yield "| " + " | ".join([*cells, str(one["studies"]), str(one["releases"])]) + " |"


def _persons(count: int, table: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return _spaced(count) if count else words["few"].format(least=_spaced(table["round_persons"]))


def _spaced(number: int) -> str:
    """A number with a narrow space before each three figures, as both languages read it."""
    return f"{number:,}".replace(",", "\u202f")
