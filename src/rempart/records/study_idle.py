# SPDX-License-Identifier: Apache-2.0
"""Keys that would do nothing in a study: the protocol's, and those of the periods of a comparison's arms, act on some analyses, and are
refused by name where none of them is asked.

A value that nothing reads would be signed, and a grid over it would give several studies with the same figures. Reads no file.
"""

from collections.abc import Iterable, Sequence

from rempart.errors import BadInput
from rempart.records.describing import FOLLOW_UP, PERIODS, CohortAnalysis
from rempart.records.design import DesignAnalysis
from rempart.records.designs import DESIGN_FORMS
from rempart.records.exposure_uses import Uses, on_treatment, read_periods
from rempart.records.fields import Fields
from rempart.records.protocol import ESTIMANDS, Analysis

Asked = tuple[Sequence[Analysis], Sequence[CohortAnalysis], Sequence[DesignAnalysis]]


def estimand_read(study: Uses, asked: Asked) -> bool:
    """Whether an analysis reads ``protocol.estimand``: one that compares, or one of a cohort that ends with a treatment. A case series, a
    case-crossover, a target trial say by themselves what they estimate."""
    analyses, descriptions, designs = asked
    declared = any("estimand" in DESIGN_FORMS[item.design].protocol for item in designs)
    return bool(analyses) or declared or any(on_treatment(study, item) for item in descriptions)


def idle_keys(study: Uses, asked: Asked, top: Fields) -> list[BadInput]:
    """An error ``study-field`` for each key that does nothing; a default does what its absence does. And where the estimand is read and not
    said."""
    analyses, descriptions, designs = asked
    read = {key for item in designs for key in DESIGN_FORMS[item.design].protocol}
    idle_ones = [told for told in _idle(study, analyses, descriptions) if told[0] not in read]
    found = [top.wrong(f"protocol.{key}", expected) for key, expected in idle_ones]
    if estimand_read(study, asked) and not top.table("protocol").has("estimand"):
        found.append(top.wrong("protocol.estimand", f"one of {', '.join(ESTIMANDS)} (it is missing)"))
    frames = {item.frame for item in analyses}
    arms = {name for frame in frames for name in (frame.target, frame.comparator)}
    idle = sorted(
        arms - read_periods(study, frames, descriptions) - {name for item in designs for name in item.exposures}
    )
    return found + [
        top.wrong(f"exposures.{name}.supply", _SUPPLY) for name in idle if study.exposures[name].eras is not None
    ]


def _idle(
    study: Uses, analyses: Sequence[Analysis], descriptions: Sequence[CohortAnalysis]
) -> Iterable[tuple[str, str]]:
    protocol = study.protocol
    if protocol.on_treatment and not analyses and not any(on_treatment(study, item) for item in descriptions):
        yield "estimand", _ESTIMAND
    if protocol.lag_days and not analyses:
        yield "lag_days", _LAG
    if protocol.follow_up_days is not None and not analyses and not any(map(_has_a_curve, descriptions)):
        yield "follow_up_days", _FOLLOW_UP
    if protocol.grace_days and not (analyses and protocol.on_treatment):
        yield "grace_days", _GRACE


def _has_a_curve(item: CohortAnalysis) -> bool:
    """Whether it goes on to ``follow_up_days``: of follow-up, and of persistence where the analysis has no days of its own."""
    return item.type == FOLLOW_UP or (item.type == PERIODS and not item.days)


_ESTIMAND = (
    "no such line: no analysis reads it, since none compares, and none is of a cohort that ends with a treatment "
    "(exit = { exposure = … }); a target trial says it by its effect"
)
_LAG = "0, or no such line: a lag acts on comparisons alone, and no analysis compares; a cohort moves time zero by its landmark_days"
_FOLLOW_UP = (
    "no such line: it ends comparisons and the curves of follow_up and of exposure_periods without days, and none is asked for; "
    "a cohort ends by its exit"
)
_GRACE = "0, or no such line: it acts on comparisons on-treatment alone; a cohort's exit and an exposure have a grace_days of their own"
_SUPPLY = (
    "no such line, nor the keys of periods beside it: nothing reads them here (a comparison on-treatment, an exit, pathways, "
    "exposure_periods); a variant that does may bring them"
)
