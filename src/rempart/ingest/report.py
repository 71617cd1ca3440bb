# SPDX-License-Identifier: Apache-2.0
"""What an ingest did, in numbers: every line delivered is kept or dropped by a named rule, and the sums are checked.

Counts only; no value of any row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.ingest.rules import Rule, met

_UNMAPPED, _FEW = "M1", 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One delivered table. ``dropped``: (rule, lines) by first hit in rule order; ``overlaps``: (rules met together, lines)."""

    table: str
    lines: int
    kept: int
    dropped: tuple[tuple[str, int], ...]
    overlaps: tuple[tuple[tuple[str, ...], int], ...]

    @property
    def balanced(self) -> bool:
        """Lines in = lines kept + lines dropped."""
        return self.lines == self.kept + sum(count for _, count in self.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of person resolution, or one finding: ``count`` of ``what``."""

    what: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """``rows``: research table → rows; ``notes``: (code, table, detail) of drift; ``rules``: rule id → words by language;
    ``unmapped``: (nature, lines) counted under M1, most lines first; None for 1 to 10 lines."""

    first_day: str
    last_day: str
    reconciliation: tuple[Reconciliation, ...]
    persons: tuple[Step, ...]
    rows: Mapping[str, int]
    notes: tuple[tuple[str, str, str], ...]
    rules: Mapping[str, Mapping[str, str]]
    unmapped: tuple[tuple[str, int | None], ...] = ()


def unmapped(ordered: tuple[Rule, ...], counted: Mapping[tuple[str, int], int]) -> tuple[tuple[str, int | None], ...]:
    """Natures of the lines whose first rule is M1, from lines by (nature, hits); of 1 to 10 lines the number is not told."""
    natures: dict[str, int] = {}
    for (nature, hits), lines in counted.items():
        if met(ordered, hits)[0] == _UNMAPPED:
            natures[nature] = natures.get(nature, 0) + lines
    most = sorted(((nature, lines) for nature, lines in natures.items() if lines), key=lambda one: (-one[1], one[0]))
    told = [(nature, lines if lines > _FEW else None) for nature, lines in most]
    return (*(one for one in told if one[1]), *sorted(one for one in told if one[1] is None))


def reconcile(
    ordered: tuple[Rule, ...],
    names: Mapping[str, str],
    lines: Mapping[str, int],
    kept: Mapping[str, int],
    judged: Iterable[tuple[str, int, int]],
) -> tuple[Reconciliation, ...]:
    """Balance sheets by delivered table; raises ArithmeticError (a defect of ours) when one does not add up."""
    by_word: dict[str, dict[int, int]] = {word: {} for word in lines}
    for word, hits, count in judged:
        by_word[word][hits] = by_word[word].get(hits, 0) + count
    sheets = tuple(_sheet(ordered, names[word], lines[word], kept.get(word), by_word[word]) for word in lines)
    for sheet in sheets:
        if not sheet.balanced:
            raise ArithmeticError(f"lines of {sheet.table} do not add up: {sheet.lines} in, {sheet.kept} kept")
    return sheets


def _sheet(
    ordered: tuple[Rule, ...], name: str, lines: int, kept: int | None, masks: Mapping[int, int]
) -> Reconciliation:
    dropped: dict[str, int] = {}
    overlaps: dict[tuple[str, ...], int] = {}
    for hits, count in masks.items():
        found = met(ordered, hits)
        if found:
            dropped[found[0]] = dropped.get(found[0], 0) + count
        if len(found) > 1:
            overlaps[found] = overlaps.get(found, 0) + count
    order = {rule.id: place for place, rule in enumerate(ordered)}
    return Reconciliation(
        table=name,
        lines=lines,
        kept=masks.get(0, 0) if kept is None else kept,
        dropped=tuple(sorted(((rule, n) for rule, n in dropped.items() if n), key=lambda item: order[item[0]])),
        overlaps=tuple(sorted(overlaps.items(), key=lambda item: (-item[1], item[0]))),
    )
