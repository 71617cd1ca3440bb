# SPDX-License-Identifier: Apache-2.0
"""The descriptive analyses of a study as result rows: which writer, which output, of which type."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study.describe_cells import Describing
from rempart.study.describe_exposure import exposure_periods
from rempart.study.describe_paths import pathways
from rempart.study.describe_persons import attrition, follow_up, table_one
from rempart.study.describe_prevalence import prevalence
from rempart.study.describe_rates import incidence, person_time
from rempart.study.describe_use import utilisation
from rempart.study.rows import Output

Writer = Callable[[Output, Describing], None]
OUTPUTS: Mapping[str, tuple[str, str, Writer]] = {  # analysis type → output, output type, writer
    "attrition": ("attrition", "attrition", attrition),
    "table_one": ("table_one", "frequency", table_one),
    "incidence_rate": ("incidence", "rate", incidence),
    "prevalence": ("prevalence", "prevalence", prevalence),
    "drug_utilisation": ("drug_use", "utilisation", utilisation),
    "pathways": ("pathways", "pathway", pathways),
    "exposure_periods": ("exposure", "frequency", exposure_periods),
    "follow_up": ("follow_up", "quantile", follow_up),
    "person_time": ("person_time", "person_time", person_time),
}


def described(
    study: Study, tallies: pa.Table, *, run: str, standards: Mapping[str, Any], types: Sequence[str]
) -> list[ResultRow]:
    """The cells of a study's descriptions. ``types``: of all analyses of the study; a type asked for more than once has outputs whose names
    end with the analysis's id."""
    rows: list[ResultRow] = []
    for analysis in study.descriptions:
        name, kind, write = OUTPUTS[analysis.type]
        ending = "" if types.count(analysis.type) == 1 else f"_{analysis.id}"
        told = Describing(study=study, analysis=analysis, tallies=tallies, standards=standards)
        write(Output(run=run, name=name, kind=kind, rows=rows, ending=ending), told)
    return rows
