# SPDX-License-Identifier: Apache-2.0
"""Every design beyond the comparison of new users and the description of cohorts. A design is added by its file and one line here."""

from collections.abc import Mapping

from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.design_case_crossover import CASE_CROSSOVER_FORM
from rempart.records.design_cohort_comparison import COHORT_COMPARISON
from rempart.records.design_environment import ENVIRONMENT
from rempart.records.design_nested_case_control import NESTED_CASE_CONTROL
from rempart.records.design_prediction import PREDICTING
from rempart.records.design_self_controlled import SELF_CONTROLLED_FORM
from rempart.records.design_sensitivity import DOUBT
from rempart.records.design_sequences import SEQUENCES_FORM
from rempart.records.design_target_trial import TARGET_TRIAL
from rempart.records.design_time_varying import TIME_VARYING

DESIGN_FORMS: Mapping[str, DesignForm] = {
    form.design: form
    for form in (
        COHORT_COMPARISON,
        CASE_CROSSOVER_FORM,
        NESTED_CASE_CONTROL,
        SELF_CONTROLLED_FORM,
        PREDICTING,
        SEQUENCES_FORM,
        TARGET_TRIAL,
        TIME_VARYING,
        DOUBT,
        ENVIRONMENT,
    )
}


def design_looks_back(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    """(what, first day relative to time zero) of its looks into the past, for the permit's look-back."""
    looks = DESIGN_FORMS[analysis.design].looks_back(analysis)
    return tuple((f"analyses.{analysis.id}.{what}", day) for what, day in looks)
