# SPDX-License-Identifier: Apache-2.0
"""Quantitative bias analysis: an estimate as it would be without a named error, given how large that error is.

Every parameter is a number or an array of draws (k,); results have that shape, so the simple and the probabilistic analysis are one
function. Sources: Lash, Fox and Fink, Applying Quantitative Bias Analysis to Epidemiologic Data, 2nd ed. 2021, ch. 4 to 6; Greenland,
Stat Med 1988;7:745 (variance after correction). It draws nothing and does not know whether the parameters are right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Given = float | Floats
MEASURES = ("odds-ratio", "risk-ratio")
CELLS = ("exposed cases", "unexposed cases", "exposed non-cases", "unexposed non-cases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Persons as classified: cases (with the outcome) and others, exposed and not. Raises BadInput ``bias-cells`` with the cell."""

    exposed_cases: float
    unexposed_cases: float
    exposed_others: float
    unexposed_others: float

    def __post_init__(self) -> None:
        for name, cell in zip(CELLS, self.cells(), strict=True):
            if not np.isfinite(cell) or cell <= 0:
                raise BadInput("bias-cells", cell=name)

    def cells(self) -> Floats:
        """The four, in the order of CELLS."""
        return np.array([self.exposed_cases, self.unexposed_cases, self.exposed_others, self.unexposed_others])


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Sensitivity and specificity of a classification, each within (0, 1], with a sum above 1."""

    sensitivity: Given
    specificity: Given

    def __post_init__(self) -> None:
        for name, value in (("sensitivity", self.sensitivity), ("specificity", self.specificity)):
            _within(name, value)
        if not np.all(np.asarray(self.sensitivity) + np.asarray(self.specificity) > 1):
            raise BadInput("bias-accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Of each draw the log ratio, its standard error (of sampling, the bias parameters taken as known), and the corrected cells (4, …).

    NaN where the parameters cannot have given the table (a corrected cell of 0 or less).
    """

    log_ratio: Floats
    error: Floats
    cells: Floats


def misclassified_exposure(
    table: Table, cases: Accuracy, others: Accuracy | None = None, *, measure: str = "odds-ratio"
) -> Corrected:
    """The table and its ratio if exposure were read without error; ``others`` differ from ``cases`` in differential misclassification."""
    matrices = [_inverse(cases), _inverse(others or cases)]
    shape = np.broadcast_shapes(*(matrix.shape[2:] for matrix in matrices))
    back = np.zeros((4, 4, *shape))
    back[:2, :2], back[2:, 2:] = matrices
    return _corrected(table, back, measure)


def misclassified_outcome(
    table: Table, exposed: Accuracy, unexposed: Accuracy | None = None, *, measure: str = "risk-ratio"
) -> Corrected:
    """The table and its ratio if the outcome were read without error, in the exposed and in the unexposed.

    Not for a case-control sample, where sampling by the outcome as read changes its accuracy.
    """
    matrices = [_inverse(exposed), _inverse(unexposed or exposed)]
    shape = np.broadcast_shapes(*(matrix.shape[2:] for matrix in matrices))
    back = np.zeros((4, 4, *shape))
    for first, matrix in enumerate(matrices):
        back[first::2, first::2] = matrix
    return _corrected(table, back, measure)


def unmeasured_confounder(
    log_ratio: Given, *, prevalence_exposed: Given, prevalence_unexposed: Given, outcome_ratio: Given
) -> Floats:
    """The log ratio without the confounding by one binary confounder that has ``outcome_ratio`` with the outcome in both groups.

    log ratio − log[(1 + p₁(RR − 1))/(1 + p₀(RR − 1))]: exact for risk ratios, close for odds and hazard ratios of a rare outcome.
    Sources: Bross, J Chronic Dis 1966;19:637; Schlesselman, Am J Epidemiol 1978;108:3. Raises BadInput ``bias-parameter``.
    """
    for name, value in (("prevalence exposed", prevalence_exposed), ("prevalence unexposed", prevalence_unexposed)):
        _within(name, value, zero=True)
    _positive("outcome ratio", outcome_ratio)
    more = np.asarray(outcome_ratio, dtype=np.float64) - 1
    bias = np.log1p(np.asarray(prevalence_exposed) * more) - np.log1p(np.asarray(prevalence_unexposed) * more)
    return np.asarray(log_ratio - bias)


def selected(
    log_ratio: Given,
    *,
    exposed_cases: Given,
    unexposed_cases: Given,
    exposed_others: Given,
    unexposed_others: Given,
) -> Floats:
    """The log odds ratio in the source population, given the share (0, 1] of each of its four cells that entered the study.

    Of a risk ratio give the shares of persons with and without the outcome as well: the odds ratio is what this corrects.
    Raises BadInput ``bias-parameter``.
    """
    shares = (exposed_cases, unexposed_cases, exposed_others, unexposed_others)
    for name, value in zip(CELLS, shares, strict=True):
        _within(name, value)
    a, b, c, d = (np.log(np.asarray(share, dtype=np.float64)) for share in shares)
    return np.asarray(log_ratio - (a - b - c + d))


def _inverse(accuracy: Accuracy) -> Floats:
    """From persons as read (yes, no) to persons as they are, shape (2, 2, …)."""
    yes, no = np.broadcast_arrays(np.asarray(accuracy.sensitivity, float), np.asarray(accuracy.specificity, float))
    return np.asarray(np.array([[no, no - 1], [yes - 1, yes]]) / (yes + no - 1))


def _corrected(table: Table, back: Floats, measure: str) -> Corrected:
    """Cells are linear in those observed, so the variance of the log ratio follows from independent Poisson cells by the delta method."""
    if measure not in MEASURES:
        raise BadInput("estimator-choice", given=measure, known=", ".join(MEASURES))
    observed = table.cells()
    cells = np.einsum("ij...,j->i...", back, observed)
    possible = np.all(cells > 0, axis=0)
    a, b, c, d = np.where(possible, cells, np.nan)
    if measure == "odds-ratio":
        log_ratio, slope = np.log(a * d / (b * c)), np.array([1 / a, -1 / b, -1 / c, 1 / d])
    else:
        log_ratio = np.log(a / (a + c) / (b / (b + d)))
        slope = np.array([1 / a - 1 / (a + c), 1 / (b + d) - 1 / b, -1 / (a + c), 1 / (b + d)])
    own = np.einsum("i...,ij...->j...", slope, back)
    error = np.sqrt(np.einsum("j...,j->...", own**2, observed))
    return Corrected(log_ratio=np.asarray(log_ratio), error=np.asarray(error), cells=cells)


def _within(name: str, value: Given, *, zero: bool = False) -> None:
    given = np.asarray(value, dtype=np.float64)
    low = given >= 0 if zero else given > 0
    if not np.all(low & (given <= 1)):
        raise BadInput("bias-parameter", parameter=name)


def _positive(name: str, value: Given) -> None:
    given = np.asarray(value, dtype=np.float64)
    if not np.all((given > 0) & np.isfinite(given)):
        raise BadInput("bias-parameter", parameter=name)
