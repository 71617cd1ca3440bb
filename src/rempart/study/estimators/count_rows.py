# SPDX-License-Identifier: Apache-2.0
"""Rows of a count regression, and whether they can bear one; it fits nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
INTERCEPT = "intercept"
_COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRows:
    """Rows (n): whole ``events``, ``time`` at risk (any one unit, positive), covariates ``x`` (n, p) with their ``terms``.

    ``weight`` (n), positive, multiplies a row's log-likelihood; ``cluster`` (n) numbers the persons, communes or sites whose rows depend
    on one another. The intercept is added here: ``x`` has none. Raises BadInput ``count-shape``, ``count-value`` (not finite,
    negative, no time; with the term), ``count-no-event``, ``count-too-few-events`` (fewer than covariates, or
    one), ``count-too-many-terms``, ``count-collinear`` (constant, or said by others).
    """

    events: Floats
    time: Floats
    x: Floats
    terms: tuple[str, ...]
    weight: Floats | None = None
    cluster: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n = len(self.events)
        columns = (self.time, *(given for given in (self.weight, self.cluster) if given is not None))
        if self.x.shape != (n, len(self.terms)) or any(len(column) != n for column in columns):
            raise BadInput("count-shape")
        whole = bool(np.all(np.mod(np.where(np.isfinite(self.events), self.events, 0.5), 1) == 0))
        if not whole or np.any(self.events < 0):
            raise BadInput("count-value", term="events")
        for name, column in (("time", self.time), ("weight", self.weights())):
            if not np.all(np.isfinite(column)) or not np.all(column > 0):
                raise BadInput("count-value", term=name)
        for j, term in enumerate(self.terms):
            if not np.all(np.isfinite(self.x[:, j])):
                raise BadInput("count-value", term=term)
        if not self.events.any():
            raise BadInput("count-no-event")
        if self.terms and self.events.sum() < max(2, len(self.terms)):
            raise BadInput("count-too-few-events", term=self.terms[-1])
        if len(self.terms) + 1 > n:
            raise BadInput("count-too-many-terms", term=self.terms[-1])
        self._check_distinct()

    def weights(self) -> Floats:
        """The weights, 1 where none are given."""
        return np.ones(len(self.events)) if self.weight is None else self.weight

    def design(self) -> tuple[Floats, Floats, Floats]:
        """Columns (n, p + 1), the intercept first, each centred and of range 1; the centres and ranges (p,) that undo it."""
        centre, reach = self.x.mean(axis=0), np.ptp(self.x, axis=0)
        return np.column_stack([np.ones(len(self.x)), (self.x - centre) / reach]), centre, reach

    def _check_distinct(self) -> None:
        reach = np.ptp(self.x, axis=0)
        for j, term in enumerate(self.terms):
            if reach[j] == 0:
                raise BadInput("count-collinear", term=term)
        columns = (self.x - self.x.mean(axis=0)) / np.where(reach > 0, reach, 1)
        left = columns.T @ columns
        left = left / np.sqrt(np.outer(np.diag(left), np.diag(left)))
        for j, term in enumerate(self.terms):
            if not left[j, j] > _COLLINEAR:
                raise BadInput("count-collinear", term=term)
            row = left[j] / np.sqrt(left[j, j])
            left = left - np.outer(row, row)
