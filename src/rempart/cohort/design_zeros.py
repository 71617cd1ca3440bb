# SPDX-License-Identifier: Apache-2.0
"""What day 0 is in the designs whose time zero is not the entry into a cohort: a trial's start, a dispensing, an event, an index day."""

from collections.abc import Callable, Mapping

from rempart.records.design import DesignAnalysis
from rempart.records.design_case_crossover import CASE_CROSSOVER
from rempart.records.design_environment import LAG
from rempart.records.design_nested_case_control import NESTED
from rempart.records.design_self_controlled import SELF_CONTROLLED
from rempart.records.design_target_trial import CALENDAR, TARGET_TRIAL_DESIGN
from rempart.records.study import Study

Facts = Mapping[str, str | int]
Zero = tuple[str, Facts]


def design_zero(study: Study, analysis: DesignAnalysis) -> Zero | None:
    """Which kind of day 0 an analysis has, with its facts; None where it is that of its cohort."""
    if analysis.type == LAG:
        return "outcome", {"outcome": str(analysis.inputs["outcome"])}
    told = _OF_DESIGN.get(analysis.design)
    return told(study, analysis) if told else None


def _trial(study: Study, analysis: DesignAnalysis) -> Zero:
    if "exposure" not in analysis.inputs:
        return "cloned", {"cohort": str(analysis.inputs["cohort"])}
    asked, exposure = analysis.parameters, str(analysis.inputs["exposure"])
    clock = "trial-calendar" if asked["clock"] == CALENDAR else "trial"
    return clock, {"days": int(asked["every_days"]), "trials": int(asked["trials"]), "exposure": exposure}


def _case_series(study: Study, analysis: DesignAnalysis) -> Zero:
    return "each-dispensing", {"exposures": ", ".join(analysis.exposures)}


def _crossover(study: Study, analysis: DesignAnalysis) -> Zero:
    return "event", {"cohort": str(analysis.inputs["cohort"])}


def _index_day(study: Study, analysis: DesignAnalysis) -> Zero:
    matching = study.matchings[str(analysis.inputs["controls"])]
    return "index" if matching.of_risk_set else "index-own", {"cohort": matching.to, "pool": matching.pool}


_OF_DESIGN: Mapping[str, Callable[[Study, DesignAnalysis], Zero]] = {
    TARGET_TRIAL_DESIGN: _trial,
    SELF_CONTROLLED: _case_series,
    CASE_CROSSOVER: _crossover,
    NESTED: _index_day,
}
