# SPDX-License-Identifier: Apache-2.0
"""Counts altered before they are shown: to the nearest five, to midpoints of six, or by noise drawn from the set of persons (cell key).

None of them makes a small count shown, nor replaces the comparison with earlier releases: the step of a rounded number can be sought.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rempart.disclosure.policy import Policy
from rempart.errors import BadInput
from rempart.records.moved import NONE
from rempart.records.result import ResultRow

_DRAWS = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """``kind``: exact, nearest, midpoint or noise; ``block``: how many counts one number stands for; ``noise``: (change, weight)."""

    name: str
    kind: str
    block: int = 1
    noise: tuple[tuple[int, int], ...] = ()

    def told(self, count: int, mark: bytes) -> int:
        """What is shown for ``count``, told of the set of persons with that mark; nobody stays nobody. The mark is the same for the same
        persons in every result of every project, made with a secret of the house: so is the change, and asking again averages nothing."""
        if not count or self.kind == "exact":
            return count
        if self.kind == "nearest":
            return self.block * ((count + self.block // 2) // self.block)
        if self.kind == "midpoint":
            return self.block * -(-count // self.block) - self.block // 2
        mac = hmac.new(mark, b"rempart.cell-key/1\n" + str(count).encode(), hashlib.sha256)
        draw = int.from_bytes(mac.digest()[:8]) % _DRAWS
        for change, weight in self.noise:
            draw -= weight
            if draw < 0:
                return count + change
        return count

    def alter(self, raw: ResultRow, cleared: ResultRow, policy: Policy, marks: Mapping[str, bytes]) -> ResultRow:
        """The row with its count altered; with an option, what is computed from counts is withheld, for it would give them back. So is,
        under noise, a count of which no set with a mark tells: its change would be another each time. ``marks``: by ``persons_ref``."""
        counts = policy.types[raw.output_type].counts
        if self.kind == "exact" or cleared.value is None or not counts:
            return cleared
        mark = marks.get(raw.persons_ref, b"")
        if raw.statistic not in counts or (self.kind == "noise" and cleared.value and not mark):
            return replace(cleared, value=None, status="suppressed")
        return replace(cleared, value=float(self.told(int(cleared.value), mark)), status="altered")


def option_from(name: str, rules: Mapping[str, Any]) -> Option:
    """The option of the rules by its name. Raises BadInput ``disclosure-option`` for one that they do not have."""
    if name == NONE:
        return Option(name=name, kind="exact")
    options = rules.get("options", {})
    if name not in options:
        raise BadInput("disclosure-option", option=name, expected=", ".join([NONE, *options]))
    entry = options[name]
    half = [int(weight) for weight in entry.get("weights", ())]
    noise = [(k, half[abs(k)]) for k in range(1 - len(half), len(half))]
    return Option(name=name, kind=str(entry["kind"]), block=int(entry.get("block", 1)), noise=tuple(noise))
