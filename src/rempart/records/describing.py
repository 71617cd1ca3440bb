# SPDX-License-Identifier: Apache-2.0
"""Descriptive analyses of rule cohorts as data: what is described, by what, against which denominator. Holds no parser and no SQL.

A *dimension* is age, sex, place or a calendar unit; a *variable* is a dimension or a crossing of them (``age*sex``).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

COHORT = "cohort"  # the design of these analyses
ATTRITION, TABLE_ONE, RATE, PREVALENCE = "attrition", "table_one", "incidence_rate", "prevalence"
USE, PATHWAYS, FOLLOW_UP, PERSON_TIME = "drug_utilisation", "pathways", "follow_up", "person_time"
PERIODS = "exposure_periods"
COHORT_TYPES = (ATTRITION, TABLE_ONE, RATE, PREVALENCE, USE, PATHWAYS, FOLLOW_UP, PERSON_TIME, PERIODS)
CALENDAR = ("year", "quarter", "month")  # from coarse to fine; each nests in the one before
DIMENSIONS = ("age", "sex", "place", *CALENDAR)
BANDS = (10, 20, 30, 40, 50, 60, 70, 80, 90)
CROSS = "*"
OBSERVED = "observed"  # the denominator: persons and days seen
UNKNOWN = "unknown"
STANDARDS = ("esp2013", "france2017")  # tables of study/standards.toml
OLDEST = 150  # as the upper limit of an age: and older
LONGEST_PATH = 5
SMALLEST_PATH = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabitants:
    """Persons of one year, sex, age band (both ends included, None: open) and place; '' or None: not told apart by it."""

    persons: int
    year: int | None = None
    sex: str = ""
    age: tuple[int, int | None] | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """A census as the study states it: its source, the day of its figures, its rows."""

    source: str
    date: datetime.date
    rows: tuple[Inhabitants, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortAnalysis:
    """One descriptive analysis; a field that its type does not use keeps its default.

    ``cohorts``: one, or those that a table compares; ``outcome``: a list of records or a rule cohort; ``by``: variables;
    ``bands``: lower limits of age bands; ``ages``: that the standard is cut to; ``events``: first or every; ``denominator``: ``observed``
    or a population; ``standard``: a standard population or ''; ``weighted``: by what the deliveries declare;
    ``establishments``: count those behind events; ``claims``: the population
    that a rate is said to be of; ``points``: days of point prevalence, or ``each``: the calendar unit of period prevalence and of use;
    ``lookback_days`` of a case; ``washout_days``: of a new user; ``days``: how long pathways are followed; ``steps``, ``least``: length of
    paths, persons of one; ``grid_days``: step of the curve.
    """

    id: str
    type: str
    cohorts: tuple[str, ...]
    outcome: str = ""
    exposures: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    bands: tuple[int, ...] = BANDS
    ages: tuple[int, int] | None = None
    events: str = "first"
    denominator: str = OBSERVED
    standard: str = ""
    weighted: bool = False
    establishments: bool = False
    claims: str = ""
    points: tuple[datetime.date, ...] = ()
    each: str = ""
    lookback_days: int = 0
    washout_days: int = 365
    days: int = 0
    steps: int = LONGEST_PATH
    least: int = SMALLEST_PATH
    grid_days: int = 90

    @property
    def variables(self) -> tuple[str, ...]:
        """``all``, then what is asked for."""
        return ("all", *self.by)

    @property
    def dimensions(self) -> frozenset[str]:
        """Every dimension that a variable crosses."""
        return frozenset(name for variable in self.by for name in dimensions_of(variable))


def dimensions_of(variable: str) -> tuple[str, ...]:
    """The dimensions that a variable crosses; none for ``all``."""
    return () if variable == "all" else tuple(variable.split(CROSS))


def band_names(bands: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the bands that lower limits cut: ``0-9``, ``10-19``, …, the last one open."""
    inner = [f"{low}-{high - 1}" for low, high in pairwise(bands)]
    return (f"0-{bands[0] - 1}", *inner, f"{bands[-1]}+")


def level_name(key: Mapping[str, str], variable: str) -> str:
    """A cell's level as readers see it: the levels of the dimensions with a bar between them."""
    return " / ".join(key[name] for name in dimensions_of(variable)) or "all"


def times_of(analysis: CohortAnalysis, period: tuple[datetime.date, datetime.date]) -> tuple[str, ...]:
    """Names of the times an analysis is told by: its points, or the calendar units that lie whole within a period."""
    if analysis.points:
        return tuple(str(day) for day in analysis.points)
    months = {"year": 12, "quarter": 3, "month": 1}[analysis.each]
    found, month = [], period[0].year * 12 + (period[0].month - 1) // months * months
    while _first_of(month) <= period[1]:
        last = _first_of(month + months) - datetime.timedelta(days=1)
        if _first_of(month) >= period[0] and last <= period[1]:
            found.append(_unit_name(_first_of(month), analysis.each))
        month += months
    return tuple(found)


def _first_of(month: int) -> datetime.date:
    return datetime.date(month // 12, month % 12 + 1, 1)


def _unit_name(day: datetime.date, unit: str) -> str:
    names = {"year": f"{day:%Y}", "quarter": f"{day:%Y}-Q{(day.month + 2) // 3}", "month": f"{day:%Y-%m}"}
    return names[unit]
