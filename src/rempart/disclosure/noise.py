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
from rempart.records.result import ResultRow

NONE = "none"
_PRINT = "print:"
_DRAWS = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """``kind``: exact, nearest, midpoint or noise; ``block``: how many counts one number stands for; ``noise``: (change, weight)."""

    name: str
    kind: str
    block: int = 1
    noise: tuple[tuple[int, int], ...] = ()

    def told(self, count: int, name: str, key: bytes) -> int:
        """What is shown for ``count`` persons of the set ``name``; nobody stays nobody. A fingerprint, keyed itself, needs no key: the set
        then has the same change in every result of its project."""
        if not count or self.kind == "exact":
            return count
        if self.kind == "nearest":
            return self.block * ((count + self.block // 2) // self.block)
        if self.kind == "midpoint":
            return self.block * -(-count // self.block) - self.block // 2
        mac = hmac.new(b"" if name.startswith(_PRINT) else key, b"rempart.cell-key/1\n" + name.encode(), hashlib.sha256)
        draw = int.from_bytes(mac.digest()[:8]) % _DRAWS
        for change, weight in self.noise:
            draw -= weight
            if draw < 0:
                return count + change
        return count

    def alter(self, raw: ResultRow, cleared: ResultRow, policy: Policy, key: bytes) -> ResultRow:
        """The row with its count altered; with an option, what is computed from counts is withheld, for it would give them back."""
        counts = policy.types[raw.output_type].counts
        if self.kind == "exact" or cleared.value is None or not counts:
            return cleared
        if raw.statistic not in counts:
            return replace(cleared, value=None, status="suppressed")
        place = [raw.output, sorted(raw.row_key.items()), sorted(raw.column_key.items()), raw.statistic]
        name = raw.persons_ref if raw.value == raw.n_persons and raw.persons_ref else repr(place)
        return replace(cleared, value=float(self.told(int(cleared.value), name, key)), status="rounded")


def option_from(name: str, rules: Mapping[str, Any], *, key: bytes = b"-") -> Option:
    """The option of the rules by its name. Raises BadInput ``disclosure-option`` for one that they do not have, and for noise without a
    key."""
    if name == NONE:
        return Option(name=name, kind="exact")
    options = rules.get("options", {})
    if name not in options or (options[name]["kind"] == "noise" and not key):
        raise BadInput("disclosure-option", option=name, expected=", ".join([NONE, *options]))
    entry = options[name]
    half = [int(weight) for weight in entry.get("weights", ())]
    noise = [(k, half[abs(k)]) for k in range(1 - len(half), len(half))]
    return Option(name=name, kind=str(entry["kind"]), block=int(entry.get("block", 1)), noise=tuple(noise))
