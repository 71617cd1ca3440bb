# SPDX-License-Identifier: Apache-2.0
"""What a quality run reads of the sealed gross rows: flows, and lines that reach no person; of live units. OMOP sources have none."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rempart.ingest.observation import CLAIMS
from rempart.ingest.quality import Measured, Settings
from rempart.ingest.quality_flows import (
    CLAIM_SQL,
    DEATH_SQL,
    Reaching,
    Twice,
    flow_checks,
    linked_checks,
    stay_sql,
    twice_checks,
    twice_sql,
)
from rempart.ingest.quality_lag import Arrived
from rempart.ingest.unit_plan import dead_flows
from rempart.ingest.units import UnitEntry
from rempart.journeys.quality import Beyond, Place
from rempart.journeys.space import OpenSpace
from rempart.journeys.unit_register import UNITS
from rempart.ports.query import Query
from rempart.records.omop import MAIN

_CLAIM, _STAY, _DEATH, _USABLE = "gross_claim", "gross_stay", "gross_death", "usable_interval"
_TWICE = ("rows", "again", "persons", "touched")
_USABLE_SQL = (
    "SELECT (year(first_day) - 2000) * 12 + month(first_day) - 1 AS first, (year(last_day) - 2000) * 12 + month(last_day) - 1 AS last "
    f"FROM {_USABLE} WHERE source = '{CLAIMS}' AND scheme = ''"
)


class Delivered(Beyond):
    """``bits``: of the rules that say that a stay's pseudonym leads to nobody; ``dropped``: of those whose stays cannot be doubles."""

    def __init__(self, rules: Settings, *, bits: Sequence[int], dropped: Sequence[int]) -> None:
        self.places: tuple[Place, ...] = ((_CLAIM, MAIN), (_STAY, MAIN), (_DEATH, MAIN), (_USABLE, MAIN))
        self._rules, self._bits, self._dropped = rules, bits, dropped
        self._usable: tuple[int, int] | None = None
        self._twice: Counter[tuple[str, str]] = Counter()
        self._arrived: Counter[tuple[int, int, int]] = Counter()
        self._reaching: Counter[tuple[str, int, str, str]] = Counter()

    def scan(self, query: Query, opened: OpenSpace, shard: int) -> int:
        """One aggregate for each of the three tables that the shard has."""
        asked = 0
        for table, sql in ((_CLAIM, CLAIM_SQL), (_STAY, stay_sql(self._bits)), (_DEATH, DEATH_SQL)):
            if not opened.parts(table, MAIN, shard):
                continue
            for row in query.table(sql).to_pylist():
                self._add(table, row)
            asked += 1
        return asked + self._more(query, opened, shard)

    def _more(self, query: Query, opened: OpenSpace, shard: int) -> int:
        """Stays that repeat another one, and the months in which claims are usable, where the shard has them."""
        asked = 0
        if opened.parts(_STAY, MAIN, shard):
            whole = [unit for unit, flows in _dead(opened).items() if not flows]
            for row in query.table(twice_sql(self._dropped, whole)).to_pylist():
                for what in _TWICE:
                    self._twice[row["grp"], what] += row[what]
            asked += 1
        if opened.parts(_USABLE, MAIN, shard):
            for row in query.table(_USABLE_SQL).to_pylist():
                self._usable = (row["first"], row["last"])
            asked += 1
        return asked

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        if table == _CLAIM:
            self._arrived[row["unit"], row["flow"], row["month"]] += row["lines"]
            return
        for what in ("rows", "lost"):
            self._reaching[table, row["unit"], row["grp"], what] += row[what]

    def answers(self, opened: OpenSpace) -> Iterable[Measured]:
        """Of live units and flows."""
        dead = _dead(opened)
        arrived = [
            Arrived(flow=flow, month=month, lines=lines)
            for (unit, flow, month), lines in sorted(self._arrived.items())
            if unit not in dead or (dead[unit] and flow not in dead[unit])
        ]
        groups = sorted({group for group, _ in self._twice})
        twice = [Twice(group=group, **{what: self._twice[group, what] for what in _TWICE}) for group in groups]
        return [
            *flow_checks(arrived, self._rules, self._usable),
            *linked_checks(list(self._linked(dead)), self._rules),
            *twice_checks(twice, self._rules),
        ]

    def _linked(self, dead: Mapping[int, frozenset[int]]) -> Iterator[Reaching]:
        sums: Counter[tuple[str, str, str]] = Counter()
        for (table, unit, group, what), count in self._reaching.items():
            if unit not in dead:
                sums[table, group, what] += count
        for table, group in sorted({(table, group) for table, group, _ in sums}):
            rows, lost = sums[table, group, "rows"], sums[table, group, "lost"]
            yield Reaching(table=table.removeprefix("gross_"), group=group, rows=rows, lost=lost)


def _dead(opened: OpenSpace) -> dict[int, frozenset[int]]:
    """Units (and flows of them) that something newer replaced."""
    return dead_flows([UnitEntry.from_json(raw) for raw in json.loads(opened.body.facts.get(UNITS, "[]"))])
