# SPDX-License-Identifier: Apache-2.0
"""What a snapshot says of its research tables: of which live rows they are, under which rules and vocabulary. Makes none."""

import json
from collections.abc import Mapping

from rempart.errors import Missing, Refused
from rempart.ingest.unit_plan import live_id
from rempart.ingest.units import UnitEntry
from rempart.journeys.unit_register import UNITS
from rempart.records.canonical import canonical_bytes
from rempart.records.omop import TableLayout

RESEARCH = "research"
"""The manifest's fact that says which live rows the research tables were made of (``unit_plan.live_id``); another value: stale."""
RULES = "rules"
"""The fact that says under which switches and options they were made (``chosen_text``)."""
VOCABULARY = "vocabulary"
"""The fact that says with which vocabulary their concepts were filled, '' or absent: with none."""


def chosen_text(switches: Mapping[str, bool], observation: Mapping[str, object]) -> str:
    """What an operator chose for a compaction, as the manifest keeps it (fact ``rules``)."""
    further = {"observation": dict(observation)} if observation else {}
    return canonical_bytes({"switches": dict(switches), **further}).decode()


def is_current(facts: Mapping[str, str]) -> bool:
    """Of a manifest's facts; a snapshot without a register of units was made in one piece and is current."""
    if UNITS not in facts:
        return True
    return facts.get(RESEARCH) == live_id([UnitEntry.from_json(raw) for raw in json.loads(facts[UNITS])])


def require_current(facts: Mapping[str, str]) -> None:
    """Raises Refused ``research-stale`` where units were added, or dropped, and not compacted."""
    if not is_current(facts):
        raise Refused("research-stale")


def require_tables(tables: Mapping[str, object], layouts: Mapping[str, TableLayout]) -> None:
    """Of a manifest's tables; raises Missing ``research-missing`` where no research table was ever made."""
    if not tables.keys() & layouts.keys():
        raise Missing("research-missing")
