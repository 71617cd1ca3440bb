# SPDX-License-Identifier: Apache-2.0
"""Which SQL describes what: a plan for each descriptive analysis of a study. Runs nothing."""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_exposure import exposure_periods
from rempart.cohort.describe_paths import pathways
from rempart.cohort.describe_persons import attrition, follow_up, table_one
from rempart.cohort.describe_prevalence import prevalence
from rempart.cohort.describe_rates import rates
from rempart.cohort.describe_use import utilisation
from rempart.cohort.sources import analysis_sources, usable_until
from rempart.records.describing import FOLLOW_UP, PERIODS, CohortAnalysis
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_AT_ENTRY = {"attrition": attrition, "table_one": table_one}
_FOLLOWED = {
    "incidence_rate": rates,
    "person_time": rates,
    "prevalence": prevalence,
    "drug_utilisation": utilisation,
    "pathways": pathways,
}


def tally_plan(
    study: Study, analysis: CohortAnalysis, *, cut: datetime.date, reads: Reads, usable: bool = False
) -> TallyPlan:
    """The plan of one analysis; columns read are noted in ``reads``; ``cut``: the last day of data. The tables ``cohort_<name>`` and
    ``exposure_<name>`` are there when it runs; ``usable``: also ``usable_interval`` (source, scheme, last_day), and nobody is followed
    beyond the sources of what is counted."""
    until = usable_until(analysis_sources(study, analysis)) if usable else ""
    if analysis.type == FOLLOW_UP:
        return follow_up(study, analysis, reads, cut, until)
    if analysis.type == PERIODS:
        return exposure_periods(study, analysis, reads, until, cut)
    if analysis.type in _AT_ENTRY:
        return _AT_ENTRY[analysis.type](study, analysis, reads)
    return _FOLLOWED[analysis.type](study, analysis, reads, until)


def tally_plans(study: Study, *, cut: datetime.date, reads: Reads) -> tuple[TallyPlan, ...]:
    """The plans of all descriptive analyses of a study, in its order."""
    return tuple(tally_plan(study, analysis, cut=cut, reads=reads) for analysis in study.descriptions)
