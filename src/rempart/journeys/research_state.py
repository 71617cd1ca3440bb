# SPDX-License-Identifier: Apache-2.0
"""Whether a snapshot's research tables are those of its live units. Makes none."""

import json
from collections.abc import Mapping

from rempart.errors import Refused
from rempart.ingest.unit_plan import live_id
from rempart.ingest.units import UnitEntry
from rempart.journeys.compaction import RESEARCH
from rempart.journeys.unit_register import UNITS


def is_current(facts: Mapping[str, str]) -> bool:
    """Of a manifest's facts; a snapshot without a register of units was made in one piece and is current."""
    if UNITS not in facts:
        return True
    return facts.get(RESEARCH) == live_id([UnitEntry.from_json(raw) for raw in json.loads(facts[UNITS])])


def require_current(facts: Mapping[str, str]) -> None:
    """Raises Refused ``research-stale`` where units were added, or dropped, and not compacted."""
    if not is_current(facts):
        raise Refused("research-stale")
