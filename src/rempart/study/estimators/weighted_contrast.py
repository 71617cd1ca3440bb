# SPDX-License-Identifier: Apache-2.0
"""Weighted means, risks, rates and Kaplan–Meier survival of two arms, their difference and ratio, with robust variance.

Each arm is normalised by its own weights (Hájek). Variance from influence values u: what one person moves the estimate by. They are
summed by ``unit`` (the person of several rows or clones, the pair of a matching) before squaring, Σ_unit (Σ u)²: the sandwich HC0 of
a weighted regression on the arm (R sandwich ``vcovHC``/``vcovCL`` with type HC0, cadjust FALSE), the infinitesimal jackknife of R
survival's ``survfit(robust = TRUE)``; no small-sample factor. Weights count as known. A unit in both arms (clones) is subtracted, not
added. Days are whole; a row covers (entry, exit]; events come before censoring. Intervals: Wald, of a ratio on the log scale.
Sources: Lunceford & Davidian 2004; Xie & Liu 2005 and Binder 1992 (survival); Austin 2009 (matched pairs).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rempart.errors import BadInput
from rempart.study.estimators.score_input import check_arms, check_units, check_weights, sums_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Values of the arms with their errors, the difference and the log of the ratio (NaN with its error where an arm is 0).

    ``units``: persons, clusters or pairs summed in the variance; ``left_out``: rows of weight 0 among them.
    """

    measure: str
    treated: float
    comparator: float
    treated_error: float
    comparator_error: float
    difference: float
    difference_error: float
    log_ratio: float
    log_ratio_error: float
    units: int
    left_out: int = 0

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of the difference."""
        z = -float(ndtri((1 - level) / 2))
        return self.difference - z * self.difference_error, self.difference + z * self.difference_error

    def ratio_interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of the ratio, from the log scale."""
        z = -float(ndtri((1 - level) / 2))
        low, high = self.log_ratio - z * self.log_ratio_error, self.log_ratio + z * self.log_ratio_error
        return float(np.exp(low)), float(np.exp(high))


def mean_contrast(y: Floats, treated: Bools, weight: Floats, *, unit: Ints | None = None) -> Contrast:
    """Weighted means, or risks where ``y`` (n,) is 0 or 1.

    Raises BadInput ``contrast-not-finite``, and those of ``check_arms``, ``check_weights`` and ``check_units``.
    """
    return rate_contrast(y, np.ones(len(y)), treated, weight, unit=unit, measure="mean")


def rate_contrast(
    events: Floats,
    time: Floats,
    treated: Bools,
    weight: Floats,
    *,
    unit: Ints | None = None,
    measure: str = "rate",
) -> Contrast:
    """Σw·events / Σw·time of each arm, per unit of ``time``; both (n,). Raises as ``mean_contrast``, and ``contrast-no-time``."""
    _check(treated, weight, events, time)
    of = check_units(unit, len(treated))
    values, moves = [], []
    for arm, name in ((treated, "treated"), (~treated, "comparator")):
        whole = float(weight[arm] @ time[arm])
        if time[arm].min() < 0 or whole <= 0:
            raise BadInput("contrast-no-time", arm=name)
        value = float(weight[arm] @ events[arm]) / whole
        move = np.where(arm, weight * (events - value * time) / whole, 0.0)
        values.append(value)
        moves.append(sums_by(of, move))
    found = contrast(measure, (values[0], values[1]), (moves[0], moves[1]))
    return replace(found, left_out=int((weight == 0).sum()))


def contrast(measure: str, values: tuple[float, float], moves: tuple[Floats, Floats]) -> Contrast:
    """Two values and the influence (U,) that each unit has on each, put side by side."""
    (one, other), (move_one, move_other) = values, moves

    def error(move: Floats) -> float:
        return float(np.sqrt(move @ move))

    both = one > 0 and other > 0
    return Contrast(
        measure=measure,
        treated=one,
        comparator=other,
        treated_error=error(move_one),
        comparator_error=error(move_other),
        difference=one - other,
        difference_error=error(move_one - move_other),
        log_ratio=float(np.log(one / other)) if both else float("nan"),
        log_ratio_error=error(move_one / one - move_other / other) if both else float("nan"),
        units=len(move_one),
    )


def _check(treated: Bools, weight: Floats, *columns: Floats) -> None:
    check_arms(treated, len(treated))
    check_weights(weight, treated)
    for column in columns:
        if column.shape != treated.shape:
            raise BadInput("score-shape", term="outcome")
        if not np.isfinite(column).all():
            raise BadInput("contrast-not-finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Rows of follow-up (N,): days ``exit_`` and ``entry`` (0 where None), ``event`` (bool). Several rows a unit where weights change.

    Raises BadInput ``contrast-follow-up`` for a row that ends before it begins, or holds an event and no day.
    """

    exit_: Ints
    event: Bools
    entry: Ints | None = None

    def __post_init__(self) -> None:
        begin = self.begin()
        fits = self.exit_.shape == self.event.shape == begin.shape and self.event.dtype == np.bool_
        if not fits or not np.issubdtype(self.exit_.dtype, np.integer) or not np.issubdtype(begin.dtype, np.integer):
            raise BadInput("score-shape", term="follow-up")
        if (begin < 0).any() or (self.exit_ < begin).any() or (self.event & (self.exit_ == begin)).any():
            raise BadInput("contrast-follow-up")

    def begin(self) -> Ints:
        """Day after which each row is at risk."""
        return np.zeros(len(self.exit_), dtype=np.int64) if self.entry is None else self.entry


def survival_contrasts(
    follow_up: FollowUp, treated: Bools, weight: Floats, days: Ints, *, unit: Ints | None = None
) -> tuple[Contrast, ...]:
    """Weighted Kaplan–Meier risks (1 - S) by the end of each of ``days`` (H,), one contrast each.

    ``treated`` and ``weight`` (N,) by row. Where death competes this is not the risk (reference 2.8): give cumulative incidence.
    Raises BadInput ``contrast-day-beyond-follow-up`` (names the arm) when nobody of an arm is followed so long, and as ``mean_contrast``.
    """
    _check(treated, weight, follow_up.exit_.astype(np.float64))
    of = check_units(unit, len(treated))
    arms = [_Curve.of(follow_up, arm, weight) for arm in (treated, ~treated)]
    found = []
    for day in days.tolist():
        for curve, name in zip(arms, ("treated", "comparator"), strict=True):
            if day > curve.last and curve.survival[-1] > 0:
                raise BadInput("contrast-day-beyond-follow-up", arm=name)
        at = [curve.at(day) for curve in arms]
        moves = [sums_by(of, move) for _, move in at]
        made = contrast("risk", (at[0][0], at[1][0]), (moves[0], moves[1]))
        found.append(replace(made, left_out=int((weight == 0).sum())))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """Weighted Kaplan–Meier of one arm on days 0…D and what its influence values are read from."""

    follow_up: FollowUp
    weight: Floats
    survival: Floats
    jump: Floats
    drift: Floats
    last: int

    @classmethod
    def of(cls, follow_up: FollowUp, arm: Bools, weight: Floats) -> "_Curve":
        begin, end = follow_up.begin(), follow_up.exit_
        mass = np.where(arm & (end > begin), weight, 0.0)
        size = int(end.max()) + 2
        left = np.bincount(end + 1, weights=mass, minlength=size) - np.bincount(begin + 1, weights=mass, minlength=size)
        risk = np.maximum(-np.cumsum(left), 0.0)[: size - 1]
        events = np.bincount(end, weights=np.where(follow_up.event, mass, 0.0), minlength=size)[: size - 1]
        hazard = np.divide(events, risk, out=np.zeros(size - 1), where=events > 0)
        hazard[hazard > 1 - 1e-12] = 1.0
        # Where all at risk have the event the curve is 0 from there on and nobody moves it.
        jump = np.divide(1.0, risk * (1 - hazard), out=np.zeros(size - 1), where=(events > 0) & (hazard < 1))
        return cls(
            follow_up=follow_up,
            weight=mass,
            survival=np.cumprod(1 - hazard),
            jump=jump,
            drift=np.cumsum(jump * hazard),
            last=int(end[mass > 0].max(initial=0)),
        )

    def at(self, day: int) -> tuple[float, Floats]:
        """Risk by the end of a day, and the influence of each row on it, (N,)."""
        seen = min(day, len(self.survival) - 1)
        if seen < 0:
            raise BadInput("contrast-follow-up")
        begin, end = np.minimum(self.follow_up.begin(), seen), np.minimum(self.follow_up.exit_, seen)
        falls = self.follow_up.event & (self.follow_up.exit_ <= seen)
        survival = float(self.survival[seen])
        move = np.where(falls, self.jump[end], 0.0) - (self.drift[end] - self.drift[begin])
        return 1 - survival, survival * self.weight * move
