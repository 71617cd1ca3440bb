# SPDX-License-Identifier: Apache-2.0
"""The check that every output passes before it may leave: the only maker of ``CheckedTable``.

Sees a whole submission at once, since cells of different outputs tell about one another; and what earlier submissions of the
permit show and hide in the same places (``earlier.py``). Sets of persons are held against the releases of all projects where those are
known: ``journeys/fingerprint.py`` finds which lie too close (``near.py``, ``families.py``), and they are hidden here as ``close``.
"""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from rempart.disclosure.cells import cells_of, hidden_rows
from rempart.disclosure.commitments import commit, evidence_of
from rempart.disclosure.curves import CURVE, left_out, tie_curves, tie_totals
from rempart.disclosure.derogated import counts_of, spared, tell_rests
from rempart.disclosure.earlier import Earlier, days_hidden, hide_as_before, known_before, remembered, tie_earlier
from rempart.disclosure.labels import check_labels
from rempart.disclosure.margins import lines_of
from rempart.disclosure.noise import option_from
from rempart.disclosure.order import in_order
from rempart.disclosure.policy import Policy, policy_from
from rempart.disclosure.series import near_days, near_steps
from rempart.disclosure.suppress import Suppression, suppress
from rempart.errors import BadInput
from rempart.records.moved import NONE
from rempart.records.result import CheckedTable, ResultRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """``tables`` may be shown to checkers and released; ``private`` (intervals left to an attacker) and ``counts`` (true ones, for the
    check of later submissions) never leave."""

    tables: tuple[CheckedTable, ...]
    private: tuple[Mapping[str, object], ...]
    counts: Earlier


def check(
    rows: Sequence[ResultRow],
    rules: Mapping[str, Any],
    *,
    derogations: Sequence[Mapping[str, Any]] = (),
    earlier: Sequence[Earlier] = (),
    key: bytes = b"",
) -> tuple[CheckedTable, ...]:
    """One checked table per output, in the order of first appearance.

    ``rules``: the parsed ``disclosure/rules.toml``; ``earlier``: ``Examination.counts`` of the submissions that stand before this one;
    ``derogations``: outcomes of which fewer persons may be told (``derogated.py``).
    Raises Refused ``disclosure-output-type``, ``disclosure-statistic``,
    ``disclosure-label``; BadInput ``disclosure-rules``, ``disclosure-count``,
    ``disclosure-evidence``, ``disclosure-persons-ref``, ``disclosure-duplicate``.
    """
    return examine(rows, rules, derogations=derogations, earlier=earlier, key=key).tables


def examine(
    rows: Sequence[ResultRow],
    rules: Mapping[str, Any],
    *,
    derogations: Sequence[Mapping[str, Any]] = (),
    earlier: Sequence[Earlier] = (),
    close: frozenset[str] = frozenset(),
    key: bytes = b"",
    option: str = NONE,
    marks: Mapping[str, bytes] | None = None,
) -> Examination:
    """As ``check``, with the private record of what an attacker is left with, and what later submissions are checked against.

    ``close``: ``persons_ref`` of sets that lie too close to one released before, in whatever project: hidden wherever they stand, a
    derogation or not. ``key``: a secret of the house, of the draw between cells that could be hidden for another's sake: one who knew it,
    and the rule, could tell which of two hidden cells was small; and of the commitments in the record (``commitments.py``).
    ``option``: how counts that are shown are altered (``noise.py``), ``marks``: of sets of persons, for noise; BadInput
    ``disclosure-option``.
    """
    policy = policy_from(rules)
    altered = option_from(option, rules)
    check_labels(rows)
    _each_once(rows)
    dropped = _dropped(rows, policy, earlier)
    shown = [row for index, row in enumerate(rows) if index not in dropped]
    found, hides = _suppressed(shown, policy, earlier, derogations, close=close, key=key)
    cleared = [
        altered.alter(row, _cleared(row, hide, policy), policy, marks or {})
        for row, hide in zip(shown, hides, strict=True)
        if not (hide and row.output_type == CURVE)
    ]
    outputs = {row.output: row.output_type for row in rows}
    proof = _Proof(rows, found.intervals, key, option)
    tables = tuple(_table(name, kind, cleared, policy, proof) for name, kind in outputs.items())
    private = tuple({"cell": c, "low": low, "high": high} for c, (low, high) in sorted(found.intervals.items()))
    told = iter(hides)
    counts = remembered(rows, [index in dropped or next(told) for index in range(len(rows))], policy)
    return Examination(tables=tables, private=private, counts=counts)


def _dropped(rows: Sequence[ResultRow], policy: Policy, earlier: Sequence[Earlier]) -> set[int]:
    """Indexes of rows of days that are left out: those that an earlier submission left out, then what may not stand between the others."""
    gone = days_hidden(rows, earlier)
    left = [index for index in range(len(rows)) if index not in gone]
    return gone | {left[at] for at in left_out([rows[index] for index in left], policy)}


def _suppressed(
    shown: Sequence[ResultRow],
    policy: Policy,
    earlier: Sequence[Earlier],
    derogations: Sequence[Mapping[str, Any]],
    *,
    close: Set[str],
    key: bytes,
) -> tuple[Suppression, list[bool]]:
    """What is hidden, and per row whether it is."""
    cells = cells_of(shown, policy)
    counts = counts_of(shown, cells, derogations)
    let = spared(counts, cells, policy)
    hide_as_before(shown, cells, earlier, policy, spared=let)
    cells.primary -= let
    cells.primary |= {cells.sets[name] for name in close & cells.sets.keys()}
    cells.primary |= near_steps(cells, policy) | near_days(cells, policy)
    tied = tie_curves(shown, cells, policy)
    lines = lines_of(cells, policy)
    tie_totals(tied, cells, lines)
    tie_earlier(cells, lines, earlier, policy)
    tell_rests(counts, lines)
    known = known_before(cells, earlier)
    found = suppress(lines, primary=cells.primary, weights=cells.weights(), policy=policy, known=known, key=key)
    return found, hidden_rows(cells.needs, set(found.hidden))


def _each_once(rows: Sequence[ResultRow]) -> None:
    """Two values for one cell would let the second escape the margins."""
    seen: set[object] = set()
    for row in rows:
        key = (row.output, tuple(sorted(row.row_key.items())), tuple(sorted(row.column_key.items())), row.statistic)
        if key in seen:
            raise BadInput("disclosure-duplicate", output=row.output, statistic=row.statistic)
        seen.add(key)


def _cleared(row: ResultRow, hide: bool, policy: Policy) -> ResultRow:
    """The row as it may be shown: value rounded or withheld, the evidence taken off."""
    bare = replace(
        row, n_persons=None, n_establishments=None, top1=None, top2=None, total_abs=None, persons_ref="", rule=policy.id
    )
    if hide:
        return replace(bare, value=None, status="suppressed")
    if row.value is None or not math.isfinite(row.value):
        return replace(bare, value=None, status="kept")
    if row.statistic in policy.types[row.output_type].counts:
        return replace(bare, status="kept")
    return replace(bare, value=policy.rounded(row.output_type, row.statistic, row.value), status="rounded")


@dataclass(frozen=True, slots=True)
class _Proof:
    """What the rules were judged on, the key of the commitments to it (no commitment without one), and how counts were altered after."""

    rows: Sequence[ResultRow]
    intervals: Mapping[str, tuple[float, float]]
    key: bytes
    option: str

    def of(self, output: str, rule: str) -> dict[str, str]:
        """A field of the record."""
        if not self.key:
            return {}
        return {"commitment": commit(self.key, evidence_of(output, rule, self.rows, self.intervals))}


def _table(output: str, output_type: str, cleared: Sequence[ResultRow], policy: Policy, proof: _Proof) -> CheckedTable:
    """One output with the record of the rules applied to it; but for keyed commitments the record is the same whatever was suppressed."""
    parameters: dict[str, object] = {
        "threshold": policy.persons,
        "establishments": policy.establishments,
        "width": policy.width,
    }
    parameters |= {} if proof.option == NONE else {"option": proof.option}
    record = tuple(
        {"rule": name, "rules": policy.id, "parameters": parameters, **proof.of(output, name), "verdict": "applied"}
        for name in policy.types[output_type].rules
    )
    mine = in_order([row for row in cleared if row.output == output], policy.types[output_type])
    return CheckedTable(output=output, output_type=output_type, rows=mine, rules=policy.id, record=record)
