# SPDX-License-Identifier: Apache-2.0
"""Histories of target trials drawn as arrays from a law whose marginal risks are sums over it: for coverage over hundreds of draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rempart.study.target_trials import Histories

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BANDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Chances in each of ``months`` intervals; the old and men fall ill more often, the old start, stop and die more often. ``effect``: log
    odds ratio of the treated of interval 0; ``cloned``: nobody is treated then, and the rule is to start in one of the first three."""

    months: int = 10
    ill: float = -3.6
    death: float = 0.0
    effect: float = 0.0
    start: float | None = None
    stop: float | None = None
    cloned: bool = False

    def risks(self) -> tuple[float, float]:
        """Of everybody if all had started, and if none had: means over ages and sexes, each as frequent, where the dead cannot fall ill."""
        found = []
        for arm in (1, 0):
            left, risk = np.ones((BANDS, 2)), np.zeros((BANDS, 2))
            band, man = np.meshgrid(np.arange(BANDS), (0, 1), indexing="ij")
            chance = self.chance(band, man, np.full(band.shape, arm))
            for _ in range(self.months):
                risk += left * chance
                left *= (1 - chance) * (1 - self.death * (1 + band))
            found.append(float(risk.mean()))
        return found[0], found[1]

    def chance(self, band: Ints, man: Ints, treated: Ints) -> Floats:
        """Of falling ill in an interval."""
        return np.asarray(expit(self.ill + 1.5 * band / (BANDS - 1) + 0.4 * man + self.effect * treated), np.float64)

    def drawn(self, persons: int, draw: np.random.Generator) -> Histories:
        """So many persons, at risk from interval 1 on (cloned: from 0)."""
        band, man = draw.integers(0, BANDS, persons), draw.integers(0, 2, persons)
        told = {name: np.full(persons, -1) for name in ("e", "i", "s", "d")}
        if not self.cloned:
            told["i"][draw.random(persons) < expit(-1.0 - 0.8 * band / (BANDS - 1))] = 0
        treated = (told["i"] == 0).astype(np.int64)
        chance, old, alive = self.chance(band, man, treated), band / (BANDS - 1), np.ones(persons, dtype=bool)
        for at in range(0 if self.cloned else 1, self.months + (0 if self.cloned else 1)):
            on, begins = (told["i"] >= 0) & (told["s"] < 0), not self.cloned or at < 3
            for name, log, able in (("s", self.stop, on), ("i", self.start, (told["i"] < 0) & begins)):
                if log is not None:
                    told[name][alive & able & (draw.random(persons) < expit(log + 1.2 * old))] = at
            for name, of in (("e", chance), ("d", self.death * (1 + band))):
                told[name][alive & (draw.random(persons) < of)] = at
                alive &= told[name] < 0
        return _counted(self, np.column_stack([*told.values(), band, man]))


def _counted(law: Law, rows: Ints) -> Histories:
    """Equal histories counted, each with one trial."""
    own, n = np.unique(rows, axis=0, return_counts=True)
    size, e, i, s, d = len(own), *own[:, :4].T
    zero = np.zeros(size, dtype=np.int64)
    return Histories(
        n=n,
        w=np.full(size, law.months + (0 if law.cloned else 1)),
        e=e,
        i=i,
        s=s,
        d=d,
        lost=np.zeros(size, dtype=bool),
        of=np.arange(size),
        first=zero,
        last=zero,
        levels=(own[:, 4].astype(np.str_), own[:, 5].astype(np.str_)),
        changes=np.zeros((size, 0), dtype=np.int64),
        changed=(),
        keys=np.array(["|".join(map(str, row)) for row in own.tolist()]),
    )
