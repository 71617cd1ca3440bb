# SPDX-License-Identifier: Apache-2.0
"""Which cohorts persons cannot be followed in, and which no census can be divided by. Judges terms that were read; reads no file.

A gap that a later event bridges is known to be a member's when that event comes: who dies or falls ill before it is not counted there,
and whoever lives to have it is. Such days are immortal, so no time is summed, and no follow-up measured, where they may lie.
"""

from collections.abc import Mapping
from typing import Protocol as Shape

from rempart.errors import Refused
from rempart.records.cohort_future import looks_ahead
from rempart.records.cohort_reading import in_order
from rempart.records.cohort_rules import RuleCohort
from rempart.records.describing import FOLLOW_UP, OBSERVED, PERSON_TIME, RATE, CohortAnalysis
from rempart.records.design import DesignAnalysis
from rempart.records.fields import Fields
from rempart.records.matching import Matching, matched_names
from rempart.records.protocol import Protocol

_FOLLOWS = frozenset({RATE, PERSON_TIME, FOLLOW_UP})


class Cohorts(Shape):
    """A study whose cohorts were read."""

    @property
    def protocol(self) -> Protocol:
        """What all analyses share."""

    @property
    def rules(self) -> Mapping[str, RuleCohort]:
        """Rule cohorts by name."""

    @property
    def matchings(self) -> Mapping[str, Matching]:
        """Cohorts drawn by matching, by name."""


def check_followed(analysis: CohortAnalysis, given: Fields, study: Cohorts) -> None:
    """Raises Refused ``gap-followed`` where days of the cohort are a member's only by what comes later, BadInput ``study-field`` where a
    census counts another period than the cohort's."""
    if analysis.type not in _FOLLOWS:
        return
    (cohort,) = analysis.cohorts
    comes_of = _no_gap(cohort, analysis.id, given, study)
    if analysis.denominator != OBSERVED and comes_of in _of_another_period(study):
        raise given.wrong("inputs.denominator", _OWN_PERIOD)


def check_design_followed(analysis: DesignAnalysis, given: Fields, study: Cohorts) -> None:
    """Every design follows the members of its cohorts: raises Refused ``gap-followed`` as ``check_followed`` does."""
    for cohort in analysis.cohorts:
        _no_gap(cohort, analysis.id, given, study)


def _no_gap(cohort: str, analysis: str, given: Fields, study: Cohorts) -> str:
    """The cohort whose periods this one has."""
    comes_of = _ends(study).get(cohort, cohort)
    if days := looks_ahead(study.rules, in_order(study.rules)).get(comes_of, 0):
        field = given.field("inputs.cohort")
        raise Refused("gap-followed", file=given.file, field=field, cohort=cohort, days=days, analysis=analysis)
    return comes_of


_OWN_PERIOD = (
    "observed, where the cohort or one that it comes of has a period of its own: a census counts the protocol's"
)


def _ends(study: Cohorts) -> dict[str, str]:
    """A cohort that matching draws → the one whose periods its rows have: controls the pool's, cases those of the cohort matched to."""
    return {
        name: end
        for drawn, matching in study.matchings.items()
        for name, end in zip(matched_names([drawn]), (matching.pool, matching.to), strict=True)
    }


def _of_another_period(study: Cohorts) -> set[str]:
    """Rule cohorts that are not entered throughout the protocol's period, by themselves or by those that they are made of."""
    found: set[str] = set()
    for name in in_order(study.rules):
        cohort = study.rules[name]
        parts = {*cohort.of, *(event.cohort for event in cohort.entry)}
        if cohort.period not in {None, study.protocol.period} or parts & found:
            found.add(name)
    return found
