# SPDX-License-Identifier: Apache-2.0
"""What an attacker can work out from published counts: whole-number programmes, sharing nothing with the code under attack.

He knows each published count, the sums that must hold, that counts are whole, that a hidden one is not zero (zeros are shown).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

Expression = Mapping[Hashable, int]
FAR = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """``shown``: place → published count, None where hidden, absent where no line stands; ``sums``: expressions that are zero."""

    shown: Mapping[Hashable, int | None]
    sums: Sequence[Expression]

    def range_of(self, secret: Expression) -> tuple[int, int]:
        """Least and greatest value that fits all he knows; raises AssertionError when nothing does: the attack itself is wrong."""
        places = sorted({place for line in (*self.sums, secret) for place in line}, key=repr)
        at = {place: index for index, place in enumerate(places)}
        low, high = np.zeros(len(places)), np.full(len(places), float(FAR))
        for place, index in at.items():
            if place in self.shown:
                known = self.shown[place]
                low[index], high[index] = (1.0, FAR) if known is None else (known, known)
        lines = np.zeros((len(self.sums), len(places)))
        for number, line in enumerate(self.sums):
            for place, factor in line.items():
                lines[number, at[place]] = factor
        goal = np.zeros(len(places))
        for place, factor in secret.items():
            goal[at[place]] = factor
        constraint = LinearConstraint(lines, 0.0, 0.0) if len(lines) else ()
        ends = []
        for sign in (1, -1):
            answer = milp(
                sign * goal, constraints=constraint, integrality=np.ones(len(places)), bounds=Bounds(low, high)
            )
            assert answer.status == 0, answer.message
            ends.append(round(sign * answer.fun))
        return ends[0], ends[1]

    def narrowest(self, secrets: Mapping[str, Expression]) -> tuple[int, str]:
        """The width of the secret that he knows best, and its name; a width beyond every count where there is none."""
        found = [(high - low, name) for name, secret in secrets.items() for low, high in [self.range_of(secret)]]
        return min(found, default=(FAR, ""))
