# SPDX-License-Identifier: Apache-2.0
"""What a compaction did, in numbers: counts of passes and shards added up, set against the lines of the live units.

Counts only; no value of any row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rempart.ingest.definitions import Definitions
from rempart.ingest.report import IngestReport, Step, reconcile, unmapped
from rempart.ingest.shard import ShardCounts
from rempart.ingest.units import UnitEntry

_EPOCH, _YEAR = 2000, 12
# The note of lines that the reader left out for the direct identifiers in them, and the rule that they count under.
_QUARANTINE, _EVERY, _LEAK = "quarantine", "* lines ", "L1"
Note = tuple[str, str, str]


@dataclass(slots=True)
class Books:
    """Sums over passes and shards. ``unmapped``: by (nature, hits);
    ``superseded``: lines of a live unit whose flow another unit gives, by word."""

    judged: dict[tuple[str, int], int] = field(default_factory=dict)
    unmapped: dict[tuple[str, int], int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    superseded: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, counts: ShardCounts) -> None:
        """One pass more."""
        for word, hits, lines in counts.judged:
            self.judged[word, hits] = self.judged.get((word, hits), 0) + lines
        for nature, hits, lines in counts.unmapped:
            self.unmapped[nature, hits] = self.unmapped.get((nature, hits), 0) + lines
        for into, numbers in ((self.kept, counts.kept), (self.found, counts.found.items())):
            for name, number in numbers:
                into[name] = into.get(name, 0) + number

    def report(
        self,
        definitions: Definitions,
        units: Iterable[UnitEntry],
        *,
        names: Mapping[str, str],
        further: Iterable[tuple[str, int]],
    ) -> IngestReport:
        """``units``: the live ones; ``names``: word → delivered table; ``further``: findings beside those of persons.

        Raises ArithmeticError (a defect of ours) when a table's lines do not add up.
        """
        live = list(units)
        lines: dict[str, int] = {}
        for entry in live:
            for word, count in entry.lines.items():
                lines[word] = lines.get(word, 0) + count
        left_out = _left_out(live, definitions)
        balanced = {
            word: count - self.superseded.get(word, 0) + left_out.get(word, 0)
            for word, count in lines.items()
            if (count or left_out.get(word)) and word in definitions.balanced
        }
        leak = next(rule.mask for rule in definitions.rules if rule.id == _LEAK)
        judged = [*((*key, count) for key, count in self.judged.items())]
        judged += [(word, leak, count) for word, count in left_out.items()]
        first, last = window(live)
        return IngestReport(
            first_day=first,
            last_day=last,
            reconciliation=reconcile(
                definitions.rules,
                {word: names.get(word, word) for word in balanced},
                balanced,
                self.kept | {word: 0 for word in balanced if word not in self.kept},
                [found for found in judged if found[0] in balanced],
            ),
            persons=tuple(Step(what=what, count=count) for what, count in (*self.found.items(), *further)),
            rows=dict(self.rows),
            notes=tuple(dict.fromkeys(note for entry in live for note in entry.read)),
            rules={rule.id: rule.words for rule in definitions.rules},
            unmapped=unmapped(definitions.rules, self.unmapped),
        )


def _left_out(units: Iterable[UnitEntry], definitions: Definitions) -> dict[str, int]:
    """Lines by word that never became rows, for the direct identifiers in them."""
    words = {table.name: table.word for table in definitions.tables.values()}
    found: dict[str, int] = {}
    for code, table, detail in (note for entry in units for note in entry.read):
        if code == _QUARANTINE and detail.startswith(_EVERY):
            found[words[table]] = found.get(words[table], 0) + int(detail.removeprefix(_EVERY))
    return found


def window(units: Iterable[UnitEntry]) -> tuple[str, str]:
    """First and last day delivered: of the yearly units of care, else of the months of flow; '' where there are neither."""
    years, flows = set(), set()
    for entry in units:
        period = entry.name.rpartition("/")[2]
        if (
            len(period) == 4
            and period.isdigit()
            and not entry.name.startswith(("reference/", "environment/", "deaths/"))
        ):
            years.add(int(period))
        flows |= {_EPOCH + flow // _YEAR for flow in entry.flows if flow}
    found = years or flows
    return (f"{min(found)}-01-01", f"{max(found)}-12-31") if found else ("", "")


def last_known(units: Iterable[UnitEntry], seen: str) -> str:
    """The last day that any delivery can know of: of its last flow or year, or ``seen`` in a register (ISO day, '' for none)."""
    days = [seen]
    for entry in units:
        period = entry.name.rpartition("/")[2]
        days.append(f"{period[:4]}-12-31" if period.isdigit() else "")
        days += [f"{_EPOCH + flow // _YEAR}-12-31" for flow in entry.flows if flow]
    return max(days) or "9999-12-31"
