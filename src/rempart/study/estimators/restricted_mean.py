# SPDX-License-Identifier: Apache-2.0
"""Restricted mean survival time: the days lived free of the event on average up to a horizon, and what one arm has over another.

Model: the area under Kaplan–Meier from day 0 to the horizon τ, in days; a step on day d holds from d on. Variance Σ A(d)²·e/(n(n − e)),
A(d) the area from d to τ, as ``rmean`` of R ``survival::survfit``. Difference: errors add in squares; ratio: on the log scale by the
delta method (Uno et al., J Clin Oncol 2014;32:2380; Royston & Parmar, BMC Med Res Methodol 2013;13:152). Nothing is extrapolated: each
arm must be followed to τ or have no one left without the event, where R carries the last value on. Where death competes, count it among
the events.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.survival_cells import SurvivalCells, risk_sets
from rempart.study.estimators.survival_curves import events_of, greenwood

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A difference (days) or a ratio of two arms: ``error`` is that of the difference, or of the logarithm of the ratio."""

    arm: str
    reference: str
    value: float
    error: float
    lower: float
    upper: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedMean:
    """Restricted means of the arms, (G,) each, in days: ``value``, ``error``, plain ``lower`` and ``upper``."""

    arms: tuple[str, ...]
    horizon: int
    level: float
    value: Floats
    error: Floats
    lower: Floats
    upper: Floats

    def difference(self, arm: str, reference: str) -> Contrast:
        """Days that ``arm`` has more than ``reference``, with plain limits and a two-sided test of none."""
        (one, its), (other, theirs) = self._of(arm), self._of(reference)
        return self._contrast(arm, reference, one - other, float(np.hypot(its, theirs)))

    def ratio(self, arm: str, reference: str) -> Contrast:
        """Days of ``arm`` over those of ``reference``, with limits and a two-sided test of one on the log scale."""
        (one, its), (other, theirs) = self._of(arm), self._of(reference)
        found = self._contrast(arm, reference, float(np.log(one / other)), float(np.hypot(its / one, theirs / other)))
        value, lower, upper = (float(np.exp(part)) for part in (found.value, found.lower, found.upper))
        return Contrast(
            arm=arm,
            reference=reference,
            value=value,
            error=found.error,
            lower=lower,
            upper=upper,
            p_value=found.p_value,
        )

    def _of(self, arm: str) -> tuple[float, float]:
        if arm not in self.arms:
            raise BadInput("survival-arm", arm=arm)
        place = self.arms.index(arm)
        return float(self.value[place]), float(self.error[place])

    def _contrast(self, arm: str, reference: str, value: float, error: float) -> Contrast:
        width = -float(ndtri((1 - self.level) / 2)) * error
        return Contrast(
            arm=arm,
            reference=reference,
            value=value,
            error=error,
            lower=value - width,
            upper=value + width,
            p_value=float(2 * ndtr(-abs(value / error))),
        )


def restricted_mean(
    cells: SurvivalCells, horizon: int, *, cause: str | None = None, level: float = 0.95
) -> RestrictedMean:
    """Mean days free of any event, or of ``cause`` (the others censor), from day 0 to day ``horizon``, of each arm.

    Raises BadInput ``survival-horizon`` where an arm is not followed so far, ``survival-arm-without-spread`` where no error can be had: no
    event before the horizon, or all on one day, and ``survival-cause``. Both name the arm.
    """
    sets, until = risk_sets(cells), cells.until()
    before = sets.days < horizon
    events, risk = events_of(cells, sets, cause)[:, before], sets.at_risk[:, before]
    survival, _ = greenwood(risk, events)
    for place, arm in enumerate(cells.arms):
        ended = bool(len(survival[place]) and survival[place, -1] == 0)
        if horizon < 1 or (until[place] < horizon and not ended):
            raise BadInput("survival-horizon", arm=arm, horizon=horizon)
    days = np.concatenate([[0], sets.days[before], [horizon]]).astype(np.float64)
    pieces = np.diff(days) * np.concatenate([np.ones((len(cells.arms), 1)), survival], axis=1)
    area = np.cumsum(pieces[:, ::-1], axis=1)[:, ::-1]
    left = risk - events
    term = np.divide(events, risk * left.astype(np.float64), out=np.zeros(risk.shape), where=left > 0)
    error = np.sqrt(np.sum(area[:, 1:] ** 2 * term, axis=1))
    for place, arm in enumerate(cells.arms):
        if error[place] == 0:
            raise BadInput("survival-arm-without-spread", arm=arm)
    value, width = area[:, 0], -float(ndtri((1 - level) / 2)) * error
    return RestrictedMean(
        arms=cells.arms,
        horizon=horizon,
        level=level,
        value=value,
        error=error,
        lower=value - width,
        upper=value + width,
    )
