# SPDX-License-Identifier: Apache-2.0
"""What the periods of an exposure are used for: treatment that ends an arm's follow-up, cohorts that end with a drug.

Refuses by name the uses in which a choice would do nothing, and tells those in which nobody could be seen to stop. Holds no SQL.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol as Shape

from rempart.records.code_lists import WHOLE
from rempart.records.cohort import DrugEraExit
from rempart.records.cohort_rules import RuleCohort
from rempart.records.describing import PATHWAYS, PERIODS, CohortAnalysis
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


def days_of_exit(study: Uses, cohort: str) -> int | None:
    """Days after their first on which periods of a cohort end by its exit, whatever else ends them; None where none are told."""
    rules = study.rules.get(cohort)
    if rules is None or rules.exit.days is None or rules.exit.of != "start" or rules.landmark is not None:
        return None
    return rules.exit.days


def stops_unseen(study: Uses, cohort: str, exposure: str) -> bool:
    """Whether nobody in a cohort could be seen to stop an exposure, since it ends with that drug by other rules: by a ``CustomEra`` of
    ATLAS, or with another exposure that is of the drug, or may be."""
    for rules in _ended_by(study, cohort):
        if rules.atlas is not None and isinstance(rules.atlas.exit, DrugEraExit):
            return True
        other = rules.exit.exposure
        if other and other != exposure and _one_drug(study, other, exposure):
            return True
    return False


def read_periods(study: Uses, frames: Iterable[Frame], descriptions: Iterable[CohortAnalysis]) -> frozenset[str]:
    """The exposures whose periods something reads: treatment that ends a comparison's follow-up, exits, pathways, descriptions of use."""
    found = {name for frame in frames for name in supplied_arms(study, frame)}
    found |= {rules.exit.exposure for rules in study.rules.values()}
    found |= {name for item in descriptions if item.type in {PATHWAYS, PERIODS} for name in item.exposures}
    return frozenset(found)


def on_treatment(study: Uses, analysis: CohortAnalysis) -> bool:
    """Whether a cohort that an analysis tells of ends with a treatment."""
    ends = [rules for cohort in (*analysis.cohorts, analysis.outcome) for rules in _ended_by(study, cohort)]
    return any(
        rules.exit.exposure or (rules.atlas is not None and isinstance(rules.atlas.exit, DrugEraExit)) for rules in ends
    )


def check_use(analysis: Analysis | CohortAnalysis, given: Fields, study: Uses) -> None:
    """Raises BadInput ``study-field`` for an analysis that uses the periods of an exposure as they cannot be used."""
    if isinstance(analysis, Analysis):
        _check_arms(analysis, given, study)


def _check_arms(analysis: Analysis, given: Fields, study: Uses) -> None:
    """A comparison follows each person once, from the first dispensing on: no later beginning, no days cut out; and ends both arms'
    treatment alike, or who leaves it would leave by arm."""
    frame = analysis.frame
    users = [name for name in (frame.target, frame.comparator) if not study.exposures[name].non_users]
    if len(users) == 2 and len(supplied_arms(study, frame)) == 1:
        bare = "comparator" if supplied_arms(study, frame) == (frame.target,) else "target"
        raise given.wrong(f"inputs.{bare}", _BOTH)
    for where, name in (("target", frame.target), ("comparator", frame.comparator)):
        eras = study.exposures[name].eras if name in supplied_arms(study, frame) else None
        if eras is not None and eras.induction_days:
            raise given.wrong(f"inputs.{where}", _INDUCTION)
        if eras is not None and "exclude" in {choice for choice, _ in eras.unobserved}:
            raise given.wrong(f"inputs.{where}", _EXCLUDE)


def _one_drug(study: Uses, one: str, other: str) -> bool:
    """Whether two exposures may find records of one drug: by codes that are equal or below one another, and of two systems, always."""
    mine, theirs = (study.codes[study.exposures[name].codes] for name in (one, other))
    if mine.system != theirs.system:
        return True
    return _reaches(mine, theirs) or _reaches(theirs, mine)


def _reaches(above: CodeList, below: CodeList) -> bool:
    """Whether a code of the one list is, or stands below, a code of the other, and neither takes it out."""
    branches = above.system not in WHOLE
    out = (*above.exclude, *below.exclude) if branches else ()
    beginnings = branches and above.descendants is not False
    return any(
        (code.startswith(above.include) if beginnings else code in above.include) and not code.startswith(out)
        for code in below.include
    )


_BOTH = "an exposure with supply, as the other arm's, on-treatment: one by its packs and one by single days would be censored apart by arm"
_INDUCTION = "an exposure without induction_days, on-treatment: protocol.lag_days says from when on persons are at risk"
_EXCLUDE = (
    'an exposure whose hospital_days and care_home are not "exclude", on-treatment: nobody\'s follow-up has holes'
)
