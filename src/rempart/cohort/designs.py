# SPDX-License-Identifier: Apache-2.0
"""Which SQL makes the data of which design: a plan for each analysis of a design. A design is added by its file and one line here."""

import datetime
from collections.abc import Mapping
from typing import Protocol

from rempart.cohort.codes import Reads
from rempart.cohort.design_case_crossover import case_crossover
from rempart.cohort.design_cohort_comparison import cohort_comparison
from rempart.cohort.design_environment import environmental
from rempart.cohort.design_nested_case_control import nested_case_control
from rempart.cohort.design_prediction import prediction
from rempart.cohort.design_self_controlled import self_controlled
from rempart.cohort.design_sequences import sequences
from rempart.cohort.design_target_trial import target_trial
from rempart.cohort.design_time_varying import time_varying
from rempart.cohort.sources import design_sources, usable_until
from rempart.records.design import DesignAnalysis
from rempart.records.design_sensitivity import SENSITIVITY
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study


class Planner(Protocol):
    """Plans one analysis; columns read are noted in ``reads``; ``cut``: the last day of data; ``until``: SQL of the last day on which all
    its sources can be used (NULL: not known), '' where no session tells it."""

    def __call__(
        self, study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str
    ) -> TallyPlan: ...


_PLANNERS: Mapping[str, Planner] = {
    "cohort-comparison": cohort_comparison,
    "case-crossover": case_crossover,
    "nested-case-control": nested_case_control,
    "self-controlled": self_controlled,
    "prediction": prediction,
    "sequences": sequences,
    "target-trial": target_trial,
    "time-varying-exposure": time_varying,
    "environmental-exposure": environmental,
}


def design_plan(
    study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, usable: bool = False
) -> TallyPlan:
    """The plan of one analysis. When it runs there are the tables ``cohort_<name>`` of every cohort that it names and
    ``exposure_<name>`` of every exposure with a supply; ``usable``: also ``usable_interval``."""
    if analysis.design == SENSITIVITY:
        return TallyPlan(analysis=analysis.id, selects={})  # it reads other analyses' results alone
    until = usable_until(design_sources(study, analysis)) if usable else ""
    return _PLANNERS[analysis.design](study, analysis, cut=cut, reads=reads, until=until)
