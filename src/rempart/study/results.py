# SPDX-License-Identifier: Apache-2.0
"""The result of a study: every analysis as typed cells with the evidence that the disclosure rules need (contract, "Result rows").

Where a ratio has no finite estimate, its cells are there with value None and ``rule`` says why; it is never left out in silence.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from rempart.records.protocol import Analysis, Frame
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study import comparison_models, controls, describe, ratio, score_results, time_to_event
from rempart.study.cells import Cells, cells_of
from rempart.study.describe_results import described
from rempart.study.designs import designed
from rempart.study.evidence import Evidence, merge
from rempart.study.evidence_sets import ArmSets, arm_sets
from rempart.study.rows import Output
from rempart.study.training import Training

Writer = Callable[[Output, Study, Analysis, Cells, Mapping[str, pa.Table]], None]
_OUTPUTS: Mapping[str, tuple[str, str, Writer]] = {  # analysis type → output, output type, writer
    "attrition": ("attrition", "attrition", describe.attrition),
    "table_one": ("table_one", "frequency", describe.table_one),
    "incidence_rate": ("incidence", "rate", time_to_event.incidence),
    "kaplan_meier": ("survival", "survival", time_to_event.survival),
    "cumulative_incidence": ("cumulative_incidence", "survival", time_to_event.cumulative_incidence),
    "cox": ("hazard_ratio", "hazard_ratio", ratio.hazard_ratio),
    "fine_gray": ("subdistribution", "hazard_ratio", comparison_models.subdistribution),
    "rate_ratio": ("rate_ratio", "hazard_ratio", comparison_models.rate_ratio),
    "curve_tests": ("curve_tests", "test", comparison_models.curve_tests),
    "calibration": ("controls", "controls", controls.control_results),
    "propensity": ("score_ratio", "hazard_ratio", score_results.score_results),
}


def results(
    study: Study,
    evidence: Evidence,
    *,
    run: str,
    standards: Mapping[str, Any] | None = None,
    training: Training | None = None,
) -> tuple[ResultRow, ...]:
    """All cells of all analyses, in the order of the study file, comparisons before descriptions.

    An output bears the contract's name; when several analyses have one type, ``<name>_<analysis id>``. ``standards``: the parsed
    ``study/standards.toml``; ``training``: what trains models, and where they are kept.

    Raises BadInput ``population-rows``, ``standard-unknown``, Refused ``rate-of-a-selection``,
    ``weight-not-declared`` for what descriptions ask.
    """
    total = merge([evidence])
    cells = {frame: cells_of(study, frame, total["cells"], _sets(study, frame, total)) for frame in study.frames}
    rows: list[ResultRow] = []
    types = [
        *(item.type for item in study.analyses),
        *(item.type for item in study.descriptions),
        *(item.type for item in study.designs),
    ]
    for analysis in study.analyses:
        name, kind, write = _OUTPUTS[analysis.type]
        alone = types.count(analysis.type) == 1
        output = Output(run=run, name=name if alone else f"{name}_{analysis.id}", kind=kind, rows=rows)
        write(output, study, analysis, cells[analysis.frame], total)
    rows += described(study, total["tallies"], run=run, standards=standards or {}, types=types)
    rows += designed(study, total, run=run, types=types, training=training, before=tuple(rows))
    return tuple(rows)


def _sets(study: Study, frame: Frame, total: Evidence) -> ArmSets:
    """The frame's sets of persons; its places of care where one of its analyses asks for them: a count of outcomes that one table hides for
    its few places is not to be read from another."""
    asked = any(analysis.establishments for analysis in study.analyses if analysis.frame == frame)
    return arm_sets(total, frame.key, asked=asked)
