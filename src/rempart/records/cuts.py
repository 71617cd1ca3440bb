# SPDX-License-Identifier: Apache-2.0
"""How the tables of one study cut age and time: two ways of cutting give, by subtraction, the few persons between them.

Holds for the whole study, since its cohorts may lie in one another. Besides, what a description may not ask of its kind of cohort.
Reads no file.
"""

import datetime
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Protocol

from rempart.records.describing import OBSERVED, RATE, TABLE_ONE, CohortAnalysis
from rempart.records.design import DesignAnalysis
from rempart.records.exposure_uses import Uses, check_use
from rempart.records.fields import Fields
from rempart.records.followed import Cohorts, check_design_followed, check_followed
from rempart.records.protocol import Analysis, Covariate

LEAST_DAYS = 28  # between two points of prevalence: a month, so that one count less the other is no day's news
Asked = tuple[Fields, Analysis | CohortAnalysis | DesignAnalysis]


class _Defines(Cohorts, Uses, Protocol):
    """A study, whose names are defined."""

    @property
    def covariates(self) -> Mapping[str, Covariate]: ...
    @property
    def outcomes(self) -> Mapping[str, object]: ...
    @property
    def overlapping(self) -> frozenset[str]: ...


def check_cuts(asked: Iterable[Asked], study: _Defines) -> None:
    """Raises BadInput ``study-field`` for the first analysis that cuts age in another way than one before, or time too finely, or asks
    of a cohort what it cannot give; Refused ``gap-followed``."""
    found = list(asked)
    _one_banding(found, study.covariates)
    _points_apart([(given, item) for given, item in found if isinstance(item, CohortAnalysis)])
    for given, item in found:
        if isinstance(item, DesignAnalysis):
            check_design_followed(item, given, study)
            continue
        check_use(item, given, study)
        if isinstance(item, CohortAnalysis):
            check_followed(item, given, study)
            _check_method(item, given, study)


def _one_banding(asked: Iterable[Asked], covariates: Mapping[str, Covariate]) -> None:
    first: tuple[int, ...] = ()
    for given, analysis in asked:
        for field, bands in _bandings(analysis, covariates):
            first = first or bands
            if bands != first:
                told = ", ".join(map(str, first))
                expected = f"one banding of age in all tables, here [{told}]: two give single years by subtraction"
                raise given.wrong(field, expected)


def _bandings(
    analysis: Analysis | CohortAnalysis | DesignAnalysis, covariates: Mapping[str, Covariate]
) -> Iterable[tuple[str, tuple[int, ...]]]:
    """The ways in which an analysis shows ages, each with the field that says so."""
    if analysis.type == TABLE_ONE:
        shown = (covariates[name] for name in analysis.covariates)
        yield from (("inputs.covariates", item.bands) for item in shown if item.type == "age")
    elif isinstance(analysis, CohortAnalysis) and "age" in analysis.dimensions:
        yield "parameters.bands", analysis.bands


def _points_apart(asked: Iterable[tuple[Fields, CohortAnalysis]]) -> None:
    days: set[datetime.date] = set()
    for given, analysis in asked:
        days |= set(analysis.points)
        if any((late - early).days < LEAST_DAYS for early, late in pairwise(sorted(days))):
            expected = f"days at least {LEAST_DAYS} apart in all analyses: nearer ones show who came between"
            raise given.wrong("parameters.points", expected)


def _check_method(analysis: CohortAnalysis, given: Fields, study: _Defines) -> None:
    """What has a look-back, or an interval that takes each period for another person, fits not every cohort."""
    if analysis.lookback_days and analysis.outcome not in study.outcomes:
        raise given.wrong("parameters.lookback_days", "0 where the outcome is a cohort: a period of it covers the day")
    if analysis.type != RATE or not study.overlapping & {*analysis.cohorts}:
        return
    for name, value in (("standard", analysis.standard), ("denominator", analysis.denominator)):
        if value not in {"", OBSERVED}:
            raise given.wrong(f"inputs.{name}", _ONE_SET)


_ONE_SET = "observed and no standard, where a person may serve in several sets: no interval allows for it"
