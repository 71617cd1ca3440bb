# SPDX-License-Identifier: Apache-2.0
"""What the periods of an exposure are used for: treatment that ends an arm's follow-up, cohorts that end with a drug.

Refuses by name the uses in which a choice would do nothing, or in which nobody could be seen to stop. Holds no SQL.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol as Shape

from rempart.records.cohort import DrugEraExit
from rempart.records.cohort_rules import RuleCohort
from rempart.records.describing import PERIODS, CohortAnalysis
from rempart.records.fields import Fields
from rempart.records.matching import Matching, matched_names
from rempart.records.protocol import Analysis, CodeList, Exposure, Frame, Protocol


class Uses(Shape):
    """A study, as far as its exposures are used."""

    @property
    def protocol(self) -> Protocol:
        """What all analyses share."""

    @property
    def codes(self) -> Mapping[str, CodeList]:
        """Code lists by name."""

    @property
    def exposures(self) -> Mapping[str, Exposure]:
        """Exposures by name."""

    @property
    def rules(self) -> Mapping[str, RuleCohort]:
        """Rule cohorts by name."""

    @property
    def matchings(self) -> Mapping[str, Matching]:
        """Matched cohorts by name."""


def supplied_arms(study: Uses, frame: Frame) -> tuple[str, ...]:
    """The exposures of a comparison by whose periods treatment ends: on treatment, those of users with rules of days' supply."""
    if not study.protocol.on_treatment:
        return ()
    arms = {name: study.exposures[name] for name in (frame.target, frame.comparator)}
    return tuple(name for name, arm in arms.items() if arm.eras is not None and not arm.non_users)


def leaves_with(study: Uses, cohort: str, exposure: str) -> bool:
    """Whether periods of a cohort may end because this exposure did."""
    return any(rules.exit.exposure == exposure for rules in _ended_by(study, cohort))


def _ended_by(study: Uses, cohort: str) -> Iterator[RuleCohort]:
    """The cohorts by rule whose last days those of a cohort are: its own; of controls the pool's, of matched cases the cases'; of a set
    its members'."""
    for name, matching in study.matchings.items():
        if cohort in matched_names([name]):
            yield from _ended_by(study, matching.pool if cohort == name else matching.to)
            return
    if (rules := study.rules.get(cohort)) is None:
        return
    yield rules
    for member in rules.of[:1] if rules.sets == "difference" else rules.of:
        yield from _ended_by(study, member)


def check_use(analysis: Analysis | CohortAnalysis, given: Fields, study: Uses) -> None:
    """Raises BadInput ``study-field`` for an analysis that uses the periods of an exposure as they cannot be used."""
    if isinstance(analysis, Analysis):
        _check_arms(analysis, given, study)
    elif analysis.type == PERIODS:
        for exposure in analysis.exposures:
            _check_ends(analysis.cohorts[0], exposure, given, study)


def _check_arms(analysis: Analysis, given: Fields, study: Uses) -> None:
    """A comparison follows each person once, from the first dispensing on: no later beginning, no days cut out."""
    frame = analysis.frame
    for where, name in (("target", frame.target), ("comparator", frame.comparator)):
        eras = study.exposures[name].eras if name in supplied_arms(study, frame) else None
        if eras is not None and eras.induction_days:
            raise given.wrong(f"inputs.{where}", _INDUCTION)
        if eras is not None and "exclude" in {choice for choice, _ in eras.unobserved}:
            raise given.wrong(f"inputs.{where}", _EXCLUDE)


def _check_ends(cohort: str, exposure: str, given: Fields, study: Uses) -> None:
    for rules in _ended_by(study, cohort):
        if rules.atlas is not None and isinstance(rules.atlas.exit, DrugEraExit):
            raise given.wrong("inputs.cohort", _ATLAS)
        other = rules.exit.exposure
        if other and other != exposure and _one_drug(study, other, exposure):
            expected = (
                f"{other}, with which the cohort ends: the periods of another exposure of that drug have no end in it"
            )
            raise given.wrong("inputs.exposures", expected)


def _one_drug(study: Uses, one: str, other: str) -> bool:
    lists = [study.codes[study.exposures[name].codes] for name in (one, other)]
    return lists[0].system == lists[1].system and bool(set(lists[0].include) & set(lists[1].include))


_INDUCTION = "an exposure without induction_days, on-treatment: protocol.lag_days says from when on persons are at risk"
_EXCLUDE = (
    'an exposure whose hospital_days and care_home are not "exclude", on-treatment: nobody\'s follow-up has holes'
)
_ATLAS = "a cohort that does not end by CustomEra: it ends with a drug by rules of its own, so that nobody in it can be seen to stop"
