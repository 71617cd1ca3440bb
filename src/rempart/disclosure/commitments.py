# SPDX-License-Identifier: Apache-2.0
"""Keyed commitments to the evidence behind a checked table: whoever holds the sealed result can prove later what a rule was judged on.

A bare hash of a small count is the count, for there are ten to try; without the key these tell nothing. Never holds the evidence itself.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from rempart.records.canonical import canonical_bytes
from rempart.records.result import ResultRow

_PRINT = "print:"  # names of sets of persons made with a key of the project: who has no result cannot make them
_SCHEME = "hmac-sha256:"


def key_of(rows: Sequence[ResultRow]) -> bytes:
    """A key that only who holds the sealed rows can make: of all fingerprints of persons in them. Empty where they hold none."""
    names = sorted({row.persons_ref for row in rows if row.persons_ref.startswith(_PRINT)})
    return hashlib.sha256(b"rempart.disclosure-key/1\n" + "\n".join(names).encode()).digest() if names else b""


def commit(key: bytes, evidence: object) -> str:
    """The commitment to ``evidence``; another key, or other evidence, gives another."""
    return _SCHEME + hmac.new(key, b"rempart.evidence/1\n" + canonical_bytes(evidence), hashlib.sha256).hexdigest()


def opens(commitment: str, key: bytes, evidence: object) -> bool:
    """Whether ``commitment`` was made of this evidence with this key."""
    return hmac.compare_digest(commitment, commit(key, evidence))


def evidence_of(
    output: str, rule: str, rows: Sequence[ResultRow], intervals: Mapping[str, tuple[float, float]]
) -> list[object]:
    """What ``rule`` was judged on in one output: every raw cell with what stands behind it, and the intervals left to an attacker."""
    cells = [
        [
            sorted(row.row_key.items()),
            sorted(row.column_key.items()),
            row.statistic,
            *(_told(n) for n in (row.value, row.n_persons, row.n_establishments, row.top1, row.top2, row.total_abs)),
        ]
        for row in rows
        if row.output == output
    ]
    left = [[cell, _told(low), _told(high)] for cell, (low, high) in sorted(intervals.items())]
    return [output, rule, sorted(cells, key=repr), left]


def _told(number: float | None) -> str:
    """As text: bounds may be without end, and text is the same in every reader."""
    return "" if number is None else repr(float(number))
