# SPDX-License-Identifier: Apache-2.0
"""What a quality run reads of the sealed gross rows: flows, and lines that reach no person; of live units. OMOP sources have none."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rempart.ingest.quality import Measured, Settings
from rempart.ingest.quality_flows import (
    CLAIM_SQL,
    DEATH_SQL,
    Arrived,
    Reaching,
    flow_checks,
    linked_checks,
    stay_sql,
)
from rempart.ingest.unit_plan import dead_flows
from rempart.ingest.units import UnitEntry
from rempart.journeys.quality import Beyond, Place
from rempart.journeys.space import OpenSpace
from rempart.journeys.unit_register import UNITS
from rempart.ports.query import Query
from rempart.records.omop import MAIN

_CLAIM, _STAY, _DEATH = "gross_claim", "gross_stay", "gross_death"


class Delivered(Beyond):
    """``bits``: of the rules that say that a stay's pseudonym leads to nobody."""

    def __init__(self, rules: Settings, *, bits: Sequence[int]) -> None:
        self.places: tuple[Place, ...] = ((_CLAIM, MAIN), (_STAY, MAIN), (_DEATH, MAIN))
        self._rules, self._bits = rules, bits
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
        return asked

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        if table == _CLAIM:
            self._arrived[row["unit"], row["flow"], row["month"]] += row["lines"]
            return
        for what in ("rows", "lost"):
            self._reaching[table, row["unit"], row["grp"], what] += row[what]

    def answers(self, opened: OpenSpace) -> Iterable[Measured]:
        """Of live units and flows."""
        dead = dead_flows([UnitEntry.from_json(raw) for raw in json.loads(opened.body.facts.get(UNITS, "[]"))])
        arrived = [
            Arrived(flow=flow, month=month, lines=lines)
            for (unit, flow, month), lines in sorted(self._arrived.items())
            if unit not in dead or (dead[unit] and flow not in dead[unit])
        ]
        return [*flow_checks(arrived, self._rules), *linked_checks(list(self._linked(dead)))]

    def _linked(self, dead: Mapping[int, frozenset[int]]) -> Iterator[Reaching]:
        sums: Counter[tuple[str, str, str]] = Counter()
        for (table, unit, group, what), count in self._reaching.items():
            if unit not in dead:
                sums[table, group, what] += count
        for table, group in sorted({(table, group) for table, group, _ in sums}):
            rows, lost = sums[table, group, "rows"], sums[table, group, "lost"]
            yield Reaching(table=table.removeprefix("gross_"), group=group, rows=rows, lost=lost)
