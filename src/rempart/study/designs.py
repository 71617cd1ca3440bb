# SPDX-License-Identifier: Apache-2.0
"""Which writer tells the results of which design, as which output. A design is added by its file and a line for each type here."""

from collections.abc import Callable, Mapping, Sequence

from rempart.records.design_sensitivity import SENSITIVITY
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study import (
    design_case_crossover,
    design_cohort_comparison,
    design_environment,
    design_nested_case_control,
    design_prediction,
    design_self_controlled,
    design_sensitivity,
    design_sequences,
    design_target_trial,
    design_time_varying,
)
from rempart.study.designed import Designed
from rempart.study.evidence import Evidence
from rempart.study.rows import Output
from rempart.study.training import Training

Writer = Callable[[Output, Designed], None]
OUTPUTS: Mapping[tuple[str, str], tuple[str, str, Writer]] = {  # (design, type) → output, output type, writer
    ("cohort-comparison", "attrition"): ("attrition", "attrition", design_cohort_comparison.attrition),
    ("cohort-comparison", "table_one"): ("table_one", "frequency", design_cohort_comparison.table_one),
    ("cohort-comparison", "incidence_rate"): ("incidence", "rate", design_cohort_comparison.incidence),
    ("cohort-comparison", "kaplan_meier"): ("survival", "survival", design_cohort_comparison.survival),
    ("cohort-comparison", "cumulative_incidence"): (
        "cumulative_incidence",
        "survival",
        design_cohort_comparison.cumulative_incidence,
    ),
    ("cohort-comparison", "propensity"): ("score_ratio", "hazard_ratio", design_cohort_comparison.propensity),
    ("cohort-comparison", "fine_gray"): ("subdistribution", "hazard_ratio", design_cohort_comparison.subdistribution),
    ("cohort-comparison", "rate_ratio"): ("rate_ratio", "hazard_ratio", design_cohort_comparison.rate_ratio),
    ("cohort-comparison", "curve_tests"): ("curve_tests", "test", design_cohort_comparison.curve_tests),
    ("cohort-comparison", "cox"): ("hazard_ratio", "hazard_ratio", design_cohort_comparison.hazard_ratio),
    ("environmental-exposure", "cox"): ("hazard_ratio", "hazard_ratio", design_environment.hazard_ratio),
    ("environmental-exposure", "distributed_lag"): ("lag_effects", "lag_effects", design_environment.lag_curve),
    ("case-crossover", "odds_ratio"): ("odds_ratio", "odds_ratio", design_case_crossover.odds_ratio),
    ("nested-case-control", "odds_ratio"): ("odds_ratio", "odds_ratio", design_nested_case_control.odds_ratio),
    ("self-controlled", "case_series"): (
        "relative_incidence",
        "relative_incidence",
        design_self_controlled.relative_incidence,
    ),
    ("prediction", "prediction"): ("prediction", "prediction", design_prediction.prediction),
    ("target-trial", "attrition"): ("attrition", "attrition", design_target_trial.attrition),
    ("target-trial", "pooled_logistic"): ("pooled_odds_ratio", "pooled_ratio", design_target_trial.odds_ratio),
    ("target-trial", "risk"): ("risk", "risk", design_target_trial.risks),
    (SENSITIVITY, "e_value"): ("e_values", "sensitivity", design_sensitivity.sensitivity),
    (SENSITIVITY, "confounder"): ("confounder", "sensitivity", design_sensitivity.sensitivity),
    (SENSITIVITY, "misclassification"): ("misclassification", "sensitivity", design_sensitivity.sensitivity),
    ("sequences", "meds"): ("sequences", "sequences", design_sequences.sequences),
    ("time-varying-exposure", "cox"): ("hazard_ratio", "hazard_ratio", design_time_varying.hazard_ratio),
    ("time-varying-exposure", "incidence_rate"): ("incidence", "rate", design_time_varying.incidence),
}


def designed(
    study: Study,
    evidence: Evidence,
    *,
    run: str,
    types: Sequence[str],
    training: Training | None = None,
    before: Sequence[ResultRow] = (),
) -> list[ResultRow]:
    """The cells of a study's analyses of designs. ``types``: of all analyses of the study; a type asked for more than once has outputs
    whose names end with the analysis's id. ``training``: what trains models, and keeps them; ``before``: the rows of
    the other analyses."""
    rows: list[ResultRow] = []
    for analysis in sorted(study.designs, key=lambda item: item.design == SENSITIVITY):  # it doubts what the others say
        name, kind, write = OUTPUTS[analysis.design, analysis.type]
        ending = "" if types.count(analysis.type) == 1 else f"_{analysis.id}"
        told = Designed(
            study=study,
            analysis=analysis,
            tallies=evidence["tallies"],
            counted=evidence["patterns"],
            training=training or Training(),
            before=(*before, *rows),
        )
        write(Output(run=run, name=name, kind=kind, rows=rows, ending=ending), told)
    return rows
