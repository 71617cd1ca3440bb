# SPDX-License-Identifier: Apache-2.0
"""Weights for who was not followed to the horizon: the inverse probability of not being censored (IPCW). It predicts nothing.

Model: censoring is independent of the outcome, so G(t) = P(not censored by t) is the Kaplan–Meier curve of censoring. Whoever had an
event at t ≤ horizon (the outcome, or a death without it) weighs 1/G(t-), whoever was followed to the horizon 1/G(horizon-), whoever was
censored before it 0. G is of the persons given, and always the value **just before** the day: events of a day come before its censoring,
so that an end of data exactly on the horizon costs nobody. Shapes: n persons; days are whole numbers from 1. Source: Graf et al. 1999
(doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5); reference statistics 2.9.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAtHorizon:
    """``outcome`` (n,): had the outcome by the horizon; ``weight`` (n,): 0 where that is not known; ``least``: the least G used."""

    outcome: Bools
    weight: Floats
    least: float


def censoring_weights(day: Ints, outcome: Bools, died: Bools, horizon: int) -> KnownAtHorizon:
    """``day`` (n,): last day followed, ≥ 1; ``outcome``, ``died`` (n,): what ended it, never both.

    Raises BadInput ``censoring-shape``; ``censoring-all`` where nobody was followed to the horizon or an event.
    """
    shapes = {day.shape, outcome.shape, died.shape}
    if len(shapes) > 1 or day.ndim != 1 or horizon < 1 or (outcome & died).any() or day.min(initial=1) < 1:
        raise BadInput("censoring-shape", persons=len(day))
    event = (outcome | died) & (day <= horizon)
    censored = ~event & (day < horizon)
    if censored.all():
        raise BadInput("censoring-all")
    before = _free_before(np.minimum(day, horizon), event, censored, horizon)
    g = before[np.where(event, np.minimum(day, horizon), horizon)]
    weight = np.where(censored, 0.0, 1.0 / np.where(censored, 1.0, g))
    return KnownAtHorizon(outcome=outcome & event, weight=weight, least=float(g[~censored].min()))


def _free_before(day: Ints, event: Bools, censored: Bools, horizon: int) -> Floats:
    """G(d-) for d = 0 … horizon, (horizon + 1,)."""
    ended = np.bincount(day, minlength=horizon + 1)
    events = np.bincount(day[event], minlength=horizon + 1)
    gone = np.bincount(day[censored], minlength=horizon + 1)
    at_risk = ended[::-1].cumsum()[::-1] - events
    stays = 1.0 - np.divide(gone, at_risk, out=np.zeros(horizon + 1), where=at_risk > 0)
    return np.asarray(np.r_[1.0, np.cumprod(stays)[:-1]], dtype=np.float64)
