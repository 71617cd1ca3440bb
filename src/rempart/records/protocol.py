# SPDX-License-Identifier: Apache-2.0
"""The terms of a study: protocol, code lists, cohort rules, exposures, outcomes, covariates, analyses. ``study.py`` puts them together.

All days are whole numbers relative to time zero (0 = the day of the first dispensing). Holds no parser and no SQL.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from rempart.records.exposure import Eras
from rempart.records.harper import Amendment
from rempart.records.scores import ScoreUse

DOMAINS = ("drug", "condition", "procedure", "measurement", "device")
SYSTEMS: Mapping[str, tuple[str, ...]] = {  # coding system → domains it may be used in
    "CIP13": ("drug",),
    "CIP7": ("drug",),
    "UCD": ("drug",),
    "VAC-SI": ("drug",),
    "ATC": ("drug",),
    "CIM10": ("condition", "death"),
    "CCAM": ("procedure",),
    "NABM": ("measurement",),
    "LPP": ("device",),
    "OMOP": DOMAINS,
}
DEATH = "death"  # a domain of outcomes and of rule cohorts: a death, by its cause
ESTIMANDS = ("initiation", "on-treatment")
DEATHS = ("month", "date", "ignore")
SAME_DAY = ("exposure", "outcome", "censoring")
ACTIVE, NON_USERS = "new-user-active-comparator", "new-user-non-users"
DESIGNS = (ACTIVE, NON_USERS)
TIES = ("efron", "breslow")
DISTRIBUTIONS = ("poisson", "negative_binomial")
PROPENSITY, CALIBRATION = "propensity", "calibration"
TYPES = (
    "attrition",
    "table_one",
    "incidence_rate",
    "kaplan_meier",
    "cumulative_incidence",
    "cox",
    "fine_gray",
    "rate_ratio",
    "curve_tests",
    PROPENSITY,
    CALIBRATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """``period``: first and last possible day of time zero; ``death``: the column that dates a death, or ``ignore``; ``harper``: its text
    by section, plain values; ``amendments``: oldest first."""

    title: str
    question: str
    estimand: str
    period: tuple[datetime.date, datetime.date]
    follow_up_days: int | None
    lag_days: int
    grace_days: int
    death: str
    harper: Mapping[str, Any] | None = None
    amendments: tuple[Amendment, ...] = ()

    @property
    def on_treatment(self) -> bool:
        """Whether follow-up ends with the treatment."""
        return self.estimand == "on-treatment"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """Codes of one system. Packs, units and OMOP concepts are matched whole, other codes by their beginning, ``exclude`` likewise.

    ``source``: where the list comes from; ``version``: of the list; ``descendants`` False: the codes alone (None: as the system has it).
    """

    system: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    source: str = "not given"
    version: str | None = None
    descendants: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A record of ``domain`` with one of ``codes``; ``status``: diagnosis kinds (empty = any); ``days``: window, both ends included."""

    domain: str
    codes: str
    status: tuple[str, ...] = ()
    days: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRule:
    """Who may enter: observed and unexposed before time zero, aged ``age`` (both ends included), none of ``exclude``."""

    prior_observation_days: int
    washout_days: int
    age: tuple[int, int] | None
    exclude: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """An arm: users of the codes; with ``non_users``, persons who enter at a record of the codes without ever the target before.

    ``eras``: how its dispensings become periods, where the study says it.
    """

    domain: str
    codes: str
    non_users: bool = False
    eras: Eras | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """``type`` age (``bands``: lower limits), sex, or history (``criterion`` with a window that ends at or before day 0)."""

    type: str
    bands: tuple[int, ...] = ()
    criterion: Criterion | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """Its levels in order. Age: below the first limit, between limits, from the last limit on, unknown."""
        if self.type == "sex":
            return ("female", "male", "unknown")
        if self.type == "history":
            return ("no", "yes")
        inner = [f"{low}-{high - 1}" for low, high in pairwise(self.bands)]
        return (f"0-{self.bands[0] - 1}", *inner, f"{self.bands[-1]}+", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Frame:
    """One question: cohort × arms × outcome. Analyses with one frame share the same evidence."""

    cohort: str
    target: str
    comparator: str
    outcome: str

    @property
    def key(self) -> str:
        """Its name in evidence."""
        return f"{self.cohort}/{self.target}/{self.comparator}/{self.outcome}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One analysis; ``covariates``: names to describe or adjust for; ``grid_days``: step of curves; ``ties``: of Cox;
    ``differences``: of a table one, how far its arms lie apart; ``establishments``: count those behind outcomes; ``score``: the use of a
    propensity score; ``controls``: outcomes that the target cannot cause, nor prevent; ``distribution``: of the counts behind a ratio of
    rates; ``horizons``: days that restricted means go to."""

    id: str
    type: str
    design: str
    frame: Frame
    covariates: tuple[str, ...]
    grid_days: int
    ties: str
    differences: bool = False
    establishments: bool = False
    score: ScoreUse | None = None
    controls: tuple[str, ...] = ()
    distribution: str = ""
    horizons: tuple[int, ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The questions that it asks: its own, and the same of each negative control."""
        return (self.frame, *(replace(self.frame, outcome=name) for name in self.controls))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it reads."""
        return self.score.features if self.score else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A look into the past: what reads it, and its first day relative to time zero; ``begins``: the first possible time zero, None for the
    protocol's."""

    what: str
    first: int
    begins: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPlan:
    """SQL text for one frame and one shard, made by ``cohort``, run by ``study`` through the Query port.

    ``prepare``: statements in order; ``steps``: names of the attrition steps; ``selects``: evidence table, or ``tallies:``
    and a part → SELECT; ``clear``: statements that drop what ``prepare`` made. ``covariates``: the order of levels in a pattern.
    """

    frame: Frame
    prepare: tuple[str, ...]
    steps: tuple[str, ...]
    selects: Mapping[str, str]
    clear: tuple[str, ...]
    covariates: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyPlan:
    """SQL text for one descriptive analysis and one shard. ``prepare``: statements in order, after the study's cohorts and exposures were
    made; ``selects``: part → SELECT of the columns of ``cohort.tally_sql.tally``; ``clear``: statements that drop what ``prepare`` made.
    """

    analysis: str
    prepare: tuple[str, ...] = ()
    selects: Mapping[str, str]
    clear: tuple[str, ...] = ()
