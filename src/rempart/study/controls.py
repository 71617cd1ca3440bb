# SPDX-License-Identifier: Apache-2.0
"""Negative controls as result rows: the ratio of each, the systematic error that they show, and the studied ratio calibrated by it.

Every outcome is estimated in the same way, each on its own persons at risk. A control takes part where each arm has at least ``LEAST``
outcomes of it and it has a ratio; others are told as left out. What is fitted, and what is calibrated by it, goes with the counts of every
control that takes part: were one hidden for another reason (few places, an earlier release), the error would give its ratio back.
The systematic error is of log ratios.
Persons at risk of each control are not told: they differ by the few who had it before the lag was over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from rempart.errors import BadInput
from rempart.records.protocol import Analysis
from rempart.records.scores import CONDITIONAL, UNADJUSTED
from rempart.records.study import Study
from rempart.study.cells import Cells, cells_of
from rempart.study.estimators.calibration import Calibrated, SystematicError, calibrated, systematic_error
from rempart.study.evidence_sets import arm_sets
from rempart.study.ratio import cox
from rempart.study.rows import UNITS, Behind, Output
from rempart.study.score_effect import TERM, Ratio, ratio_of
from rempart.study.score_results import Answer, answered, everyone_of, used
from rempart.study.scored import seed_of

Tables = Mapping[str, pa.Table]
NAME = "controls"
ARMS = ("target", "comparator")
LEAST = 11  # outcomes in each arm
SYSTEMATIC = "systematic error"
_UNITS = {
    **UNITS,
    **dict.fromkeys(("ratio", "lower", "upper", "calibrated_ratio", "calibrated_lower", "calibrated_upper"), "ratio"),
    **dict.fromkeys(("null_mean", "null_sd", "null_mean_lower", "null_mean_upper", "expected_error"), "log ratio"),
    "calibrated_p": "probability",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """One outcome: its counts by arm (count, name of the set), its ratio or ``why`` there is none."""

    cells: Cells
    persons: Mapping[str, tuple[int, str]]
    events: Mapping[str, tuple[int, str]]
    ratio: Ratio | None = None
    why: str = ""

    @property
    def least(self) -> str:
        """The arm with the fewest outcomes."""
        return min(ARMS, key=lambda arm: self.events[arm][0])

    @property
    def fewest(self) -> int:
        """Outcomes in that arm."""
        return self.events[self.least][0]

    @property
    def taken(self) -> bool:
        """Whether it takes part in the systematic error."""
        return self.ratio is not None and self.fewest >= LEAST


def control_results(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Output ``controls``, and ``calibrated``: the studied ratio before and after."""
    studied = _estimated(study, analysis, cells, tables)
    controls = {}
    for frame in analysis.frames[1:]:
        asked = any(item.establishments for item in study.analyses if frame in item.frames)
        own = cells_of(study, frame, tables["cells"], arm_sets(tables, frame.key, asked=asked))
        controls[frame.outcome] = _estimated(study, replace(analysis, frame=frame), own, tables)
    null, why = _systematic(controls)
    for name, told in controls.items():
        kind = "negative" if told.taken else "left out"
        _row(output, {"analysis": analysis.id, "outcome": name, "kind": kind}, told, None)
    shift = _calibrated(studied, null)
    _row(output, {"analysis": analysis.id, "outcome": cells.outcome, "kind": "studied"}, studied, shift)
    _null_row(output, analysis, controls, null, why)
    compared = replace(output, name=output.name.replace(NAME, "calibrated", 1), kind="hazard_ratio")
    _compared(compared, analysis, studied, shift, why)


def _estimated(study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> Estimated:
    persons = {arm: (cells.persons(arm), cells.persons_ref(arm)) for arm in ARMS}
    events = {arm: (cells.events(arm), cells.events_ref(arm)) for arm in ARMS}
    whole = Estimated(cells=cells, persons=persons, events=events)
    if analysis.score is None:
        try:
            fit = cox(cells, analysis.covariates, ties=analysis.ties)
        except BadInput as error:
            return replace(whole, why=f"{error.code} {error.facts.get('term', '')}".strip())
        return replace(whole, ratio=ratio_of(float(fit.beta[0]), float(fit.error[0])))
    use = replace(analysis.score, risk_days=(), replicates=0)
    everyone = everyone_of(study, analysis, cells, tables)
    answer = answered(everyone, use, seed=seed_of(study, analysis), ties=analysis.ties)
    if answer.effect is None:
        return replace(whole, why=answer.why)
    return Estimated(
        cells=cells,
        persons={arm: _used(analysis, cells, answer, arm, events=False) for arm in ARMS},
        events={arm: _used(analysis, cells, answer, arm, events=True) for arm in ARMS},
        ratio=answer.effect.ratio,
    )


def _used(analysis: Analysis, cells: Cells, answer: Answer, arm: str, *, events: bool) -> tuple[int, str]:
    """As ``score_results.used``, named by the outcome too: each control has persons of its own."""
    named = replace(analysis, id=f"{analysis.id}/{cells.outcome}")
    return used(named, cells, answer, arm, events=events)


def _systematic(controls: Mapping[str, Estimated]) -> tuple[SystematicError | None, str]:
    taken = {name: told.ratio for name, told in controls.items() if told.ratio is not None and told.taken}
    ratios = list(taken.values())
    try:
        found = systematic_error([r.log for r in ratios], [r.error for r in ratios], names=list(taken))
    except BadInput as error:
        return None, error.code
    return found, ""


def _calibrated(studied: Estimated, null: SystematicError | None) -> Calibrated | None:
    if studied.ratio is None or null is None:
        return None
    return calibrated(studied.ratio.log, studied.ratio.error, null)


def _row(output: Output, row: dict[str, str], told: Estimated, shift: Calibrated | None) -> None:
    _counts(output, row, told, {"events": told.events})
    ratio = told.ratio
    values: dict[str, float | None] = dict.fromkeys(("ratio", "lower", "upper", "p_value"))
    if ratio is not None:
        values = dict(zip(values, (ratio.told.value, ratio.told.lower, ratio.told.upper, ratio.p_value), strict=True))
    if shift is not None:
        limits = [float(np.exp(value)) for value in (shift.log_ratio, shift.lower, shift.upper)]
        names = ("calibrated_ratio", "calibrated_lower", "calibrated_upper", "calibrated_p")
        values |= dict(zip(names, [*limits, shift.p_value], strict=True))
    _write(output, {**row, **({"note": told.why} if told.why else {})}, values, told)


def _counts(
    output: Output, row: Mapping[str, str], told: Estimated, shown: Mapping[str, Mapping[str, tuple[int, str]]]
) -> None:
    for name, counts in shown.items():
        for arm, (count, ref) in counts.items():
            behind = told.cells.places_behind(arm) if name == "events" else Behind()
            output.write(row, {"arm": arm}, {name: count}, n=count, ref=ref, behind=behind)


def _write(output: Output, row: Mapping[str, str], values: Mapping[str, float | None], told: Estimated) -> None:
    n, ref = told.events[told.least]
    output.write(row, {}, values, n=n, ref=ref, units=_UNITS, behind=told.cells.places_behind(told.least))


def _null_row(
    output: Output, analysis: Analysis, controls: Mapping[str, Estimated], null: SystematicError | None, why: str
) -> None:
    row = {"analysis": analysis.id, "outcome": SYSTEMATIC, "kind": "fitted"}
    taken = [told.fewest for told in controls.values() if told.taken]
    n, many = min(taken, default=0), {"controls": len(taken), "left_out": len(controls) - len(taken)}
    if null is None:
        values: dict[str, float | None] = {"null_mean": None, "null_sd": None, **many}
        output.write({**row, "note": why}, {}, values, n=n, ref="", units=_UNITS)
        return
    values = {
        "null_mean": null.mean,
        "null_mean_lower": null.mean_limits[0],
        "null_mean_upper": null.mean_limits[1],
        "null_sd": null.deviation,
        "expected_error": null.expected_absolute,
        **many,
    }
    output.write(row, {}, values, n=n, ref="", units=_UNITS)


def _compared(output: Output, analysis: Analysis, studied: Estimated, shift: Calibrated | None, why: str) -> None:
    """The studied ratio as estimated, and calibrated, as rows of a ratio."""
    conditional = CONDITIONAL if analysis.covariates else UNADJUSTED
    estimand = analysis.score.estimand if analysis.score else conditional
    model = analysis.score.adjustment if analysis.score else "adjusted" if analysis.covariates else "crude"
    found = {model: studied.ratio, "calibrated": ratio_of(shift.log_ratio, shift.error) if shift else None}
    for name, ratio in found.items():
        row = {"analysis": analysis.id, "model": name, "estimand": estimand, "term": TERM}
        _counts(output, row, studied, {"persons": studied.persons, "events": studied.events})
        values: dict[str, float | None] = dict.fromkeys(("hazard_ratio", "lower", "upper", "p_value"))
        said = studied.why or (why if name == "calibrated" else "")
        if ratio is not None:
            told = (ratio.told.value, ratio.told.lower, ratio.told.upper, ratio.p_value)
            values = dict(zip(values, told, strict=True))
        _write(output, {**row, **({"note": said} if ratio is None and said else {})}, values, studied)
