# SPDX-License-Identifier: Apache-2.0
"""How far a ratio could be wrong, as result rows, from the ratio and its limits as they will be shown (three significant digits).

Beside each stand the counts that the ratio stands on, so that all of it goes where one of them goes: an E-value gives the ratio back.
Draws of probabilistic scenarios come from a seed of the study's id, the analysis's and the scenario's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, floor, isfinite, log, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rempart.errors import BadInput
from rempart.records.design_sensitivity import COMMON, CONFOUNDER, E_VALUE, MISCLASSIFICATION
from rempart.records.result import ResultRow
from rempart.study.designed import Designed
from rempart.study.estimators.bias_draws import summary
from rempart.study.estimators.bias_tables import Accuracy, Table, misclassified_outcome, unmeasured_confounder
from rempart.study.estimators.e_values import e_value
from rempart.study.rows import UNITS, Output
from rempart.study.scored import draws, seeded

Floats = NDArray[np.float64]
DRAWS = 10_000
RATIOS = ("hazard_ratio", "ratio")
COUNTS = ("persons", "events", "cases", "controls")
ARMS = ("target", "comparator")
_Z = -float(ndtri(0.025))
_UNITS = {
    **UNITS,
    **dict.fromkeys(("ratio", "lower", "upper", "e_value", "e_value_limit", "corrected_ratio"), "ratio"),
    **dict.fromkeys(("corrected_lower", "corrected_upper", "bias_lower", "bias_upper"), "ratio"),
    "impossible": "draws",
}
_NO_RATIO = "sensitivity-no-ratio"
_NO_TABLE = "sensitivity-no-table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """One ratio as it will be shown, the row that it is of, the persons whom it stands on, and the counts beside it."""

    row: Mapping[str, str]
    ratio: float | None
    lower: float | None
    upper: float | None
    n: int
    ref: str
    counts: tuple[ResultRow, ...]

    @property
    def error(self) -> float:
        """Standard error of the log ratio, from its limits."""
        return log((self.upper or 1.0) / (self.lower or 1.0)) / (2 * _Z)

    def count(self, statistic: str, arm: str) -> float | None:
        """A count of an arm."""
        found = [row.value for row in self.counts if row.statistic == statistic and row.column_key.get("arm") == arm]
        return found[0] if found else None


def doubted(rows: Sequence[ResultRow], analysis: str, model: str) -> list[Doubted]:
    """The ratios of an analysis: of a model, else of the last one told."""
    mine = [row for row in rows if row.row_key.get("analysis") == analysis and row.output_type != "sensitivity"]
    estimates = [row for row in mine if row.statistic in RATIOS and not row.column_key]
    last = model or next((row.row_key.get("model", "") for row in reversed(estimates)), "")
    return [_doubted(row, mine) for row in estimates if row.row_key.get("model", "") == last]


def _doubted(row: ResultRow, mine: Sequence[ResultRow]) -> Doubted:
    beside = [other for other in mine if other.output == row.output and _same(other, row)]
    limits = {other.statistic: other.value for other in beside if not other.column_key}
    counts = tuple(other for other in beside if other.column_key and other.statistic in COUNTS)
    shown = [as_shown(limits.get(name)) for name in (row.statistic, "lower", "upper")]
    kept = {name: value for name, value in row.row_key.items() if name not in {"analysis", "note"}}
    return Doubted(
        row=kept,
        ratio=shown[0],
        lower=shown[1],
        upper=shown[2],
        n=row.n_persons or 0,
        ref=row.persons_ref,
        counts=counts,
    )


def _same(one: ResultRow, other: ResultRow) -> bool:
    def bare(row: ResultRow) -> dict[str, str]:
        return {name: value for name, value in row.row_key.items() if name != "note"}

    return bare(one) == bare(other)


def as_shown(value: float | None) -> float | None:
    """A ratio with the three significant digits that it is published with; None where there is none."""
    if value is None or not isfinite(value) or value <= 0:
        return None
    return round(value, 2 - floor(log10(value)))


def sensitivity(output: Output, told: Designed) -> None:
    """The rows of one analysis of sensitivity."""
    inputs, write = told.analysis.inputs, _WRITERS[told.analysis.type]
    found = doubted(told.before, inputs["analysis"], inputs.get("model", ""))
    for item in found:
        for scenario, values in write(told, item):
            row = {"analysis": told.analysis.id, "of": inputs["analysis"], **item.row, **scenario}
            bare = {name: value for name, value in row.items() if name != "note"}
            for count in item.counts:
                output.rows.append(_moved(output, count, bare))
            output.write(row, {}, values, n=item.n, ref=item.ref, units=_UNITS, rule=scenario.get("note", ""))


def _moved(output: Output, row: ResultRow, key: Mapping[str, str]) -> ResultRow:
    """A count as it stands beside the ratio, in this output."""
    return replace(row, output=output.name + output.ending, output_type=output.kind, row_key=dict(key))


Said = Iterator[tuple[dict[str, str], dict[str, float | None]]]


def _e_values(told: Designed, item: Doubted) -> Said:
    given = told.analysis.parameters
    names = ("ratio", "lower", "upper", "e_value", "e_value_limit")
    if item.ratio is None or item.lower is None or item.upper is None:
        yield {"note": _NO_RATIO}, dict.fromkeys(names)
        return
    measure = f"hazard-ratio-{given['outcome_is']}"
    found = e_value(item.ratio, item.lower, item.upper, measure=measure, null=float(given["null"]))
    scale = {"scale": "risk ratio"} if given["outcome_is"] == COMMON else {}
    yield scale, dict(zip(names, (found.ratio, found.lower, found.upper, found.point, found.limit), strict=True))


def _confounded(told: Designed, item: Doubted) -> Said:
    for place, scenario in enumerate(told.analysis.parameters["confounders"]):
        named = {"scenario": str(scenario["name"])}
        if item.ratio is None or item.lower is None:
            yield {**named, "note": _NO_RATIO}, dict.fromkeys(_CORRECTED)
            continue
        drawn = _drawn(told, place, scenario, ("target", "comparator", "outcome_ratio"))
        found = unmeasured_confounder(
            log(item.ratio),
            prevalence_exposed=drawn["target"],
            prevalence_unexposed=drawn["comparator"],
            outcome_ratio=drawn["outcome_ratio"],
        )
        yield named, _corrected(told, place, item, np.atleast_1d(found))


def _misread(told: Designed, item: Doubted) -> Said:
    for place, scenario in enumerate(told.analysis.parameters["accuracies"]):
        named = {"scenario": str(scenario["name"])}
        table, why = _table(item)
        if table is None or item.ratio is None:
            yield {**named, "note": why}, dict.fromkeys(_CORRECTED)
            continue
        drawn = _drawn(told, place, scenario, ("sensitivity", "specificity"))
        try:
            exposed = Accuracy(sensitivity=drawn["sensitivity"], specificity=drawn["specificity"])
            found = misclassified_outcome(table, exposed, _of_comparator(scenario, drawn))
            observed = misclassified_outcome(table, Accuracy(sensitivity=1.0, specificity=1.0))
            factor = np.atleast_1d(found.log_ratio) - float(observed.log_ratio)
            yield named, _corrected(told, place, item, log(item.ratio) + factor)
        except BadInput as error:
            yield {**named, "note": error.code}, dict.fromkeys(_CORRECTED)


def _of_comparator(scenario: Mapping[str, Any], drawn: Mapping[str, Floats]) -> Accuracy | None:
    own = {name: scenario.get(f"comparator_{name}") for name in ("sensitivity", "specificity")}
    if not any(value is not None for value in own.values()):
        return None
    told = {
        name: drawn[name] if value is None else np.full(len(drawn[name]), float(value)) for name, value in own.items()
    }
    return Accuracy(sensitivity=told["sensitivity"], specificity=told["specificity"])


def _table(item: Doubted) -> tuple[Table | None, str]:
    """Persons with and without the outcome, as read."""
    cells = []
    for arm in ARMS:
        events, persons = item.count("events", arm), item.count("persons", arm)
        if events is None or persons is None:
            return None, _NO_TABLE
        cells.append((events, persons - events))
    try:
        (a, c), (b, d) = cells
        return Table(exposed_cases=a, unexposed_cases=b, exposed_others=c, unexposed_others=d), _NO_RATIO
    except BadInput as error:
        return None, error.code


_CORRECTED = ("corrected_ratio", "corrected_lower", "corrected_upper", "bias_lower", "bias_upper", "impossible")


def _corrected(told: Designed, place: int, item: Doubted, log_ratio: Floats) -> dict[str, float | None]:
    """Of one value: the ratio moved with its limits. Of draws: median, limits with sampling error, limits of the bias alone."""
    if len(log_ratio) == 1:
        value = float(log_ratio[0])
        if not isfinite(value):
            return {**dict.fromkeys(_CORRECTED), "impossible": 1.0}
        limits = (value, value - _Z * item.error, value + _Z * item.error)
        return dict(zip(_CORRECTED, [*map(exp, limits), None, None, 0.0], strict=True))
    normal = np.asarray(ndtri(_uniform(told, place, "sampling")), dtype=np.float64)
    try:
        found = summary(log_ratio, item.error, normal)
    except BadInput:
        return {**dict.fromkeys(_CORRECTED), "impossible": float(len(log_ratio))}
    values = (found.total_median, *found.total, *found.systematic, float(found.impossible))
    return dict(zip(_CORRECTED, values, strict=True))


def _drawn(told: Designed, place: int, scenario: Mapping[str, Any], names: Sequence[str]) -> dict[str, Floats]:
    """Each parameter as one value, or as draws between its two; all of one length."""
    ranged = any(f"{name}_to" in scenario for name in names)
    found = {}
    for name in names:
        low = float(scenario[name])
        width = float(scenario.get(f"{name}_to", low)) - low
        found[name] = low + width * _uniform(told, place, name) if ranged else np.array([low])
    return found


def _uniform(told: Designed, place: int, name: str) -> Floats:
    seed = seeded(f"{told.study.content_id}/{told.analysis.id}/{place}/{name}")
    return np.asarray(((draws(seed, DRAWS) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53, dtype=np.float64)


_WRITERS = {E_VALUE: _e_values, CONFOUNDER: _confounded, MISCLASSIFICATION: _misread}
