# SPDX-License-Identifier: Apache-2.0
"""What stands in the warehouse before units come or research tables are made, and what an operator chose against that.

Rules and vocabulary of the research tables that stand are kept until others are named; nothing is reset in silence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rempart.adapters.gross_definitions import known_rules, rules_file
from rempart.adapters.vocabulary_reader import context_definitions, vocabulary_version
from rempart.errors import Refused
from rempart.ingest.context import Context
from rempart.ingest.rules_file import RulesChoice
from rempart.ingest.units import UnitEntry
from rempart.journeys.ingest import SPACE
from rempart.journeys.recorded import recorded
from rempart.journeys.research_state import RULES, VOCABULARY, chosen_text, is_current
from rempart.journeys.space import OpenSpace, newest_commit, open_space
from rempart.journeys.unit_register import UNITS, live_units
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import canonical_bytes, content_id
from rempart.records.omop import MAIN
from rempart.wiring.warehouse import Warehouse

DEFAULT_RULES, NO_VOCABULARY = Path("default"), Path("none")
"""Words in the place of a file or folder: ``--rules default``, ``--vocabulary none``."""
Effects = Mapping[str, str]
"""Rule id → ``on`` or ``off``; ``observation.<option>`` → its value as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest snapshot. ``opened``: its manifest, None without any; ``research``: whether research tables stand in it."""

    opened: OpenSpace | None = None
    research: bool = False

    @property
    def facts(self) -> Mapping[str, str]:
        """Of the manifest."""
        return self.opened.body.facts if self.opened else {}

    @property
    def live(self) -> list[UnitEntry]:
        """Units that were not superseded."""
        return live_units(self.facts)

    @property
    def version(self) -> str:
        """What is known of the vocabulary of the research tables; '' where they were made with none."""
        known = self.facts.get(VOCABULARY, "") if self.research else ""
        return _shown(known) if known else ""

    def made_with(self, chosen: "Chosen") -> bool:
        """Whether the research tables are those of the live units under these rules and this vocabulary."""
        rules = chosen_text(chosen.choice.switches, chosen.choice.observation)
        same = self.facts.get(RULES) == rules and self.facts.get(VOCABULARY, "") == chosen.vocabulary
        return UNITS in self.facts and is_current(self.facts) and same


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a choice. ``kept``: the rules are those of the tables that stand; ``differ``: what is not as by default;
    ``changed``: (name, before, now) against the tables that stand, '' = by default; ``vocabulary``: its version, '' = none."""

    kept: bool
    differ: Effects = field(default_factory=dict)
    changed: tuple[tuple[str, str, str], ...] = ()
    vocabulary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rules and context for a compaction; ``vocabulary``: as the manifest keeps it."""

    choice: RulesChoice
    context: Context
    vocabulary: str
    told: Told


def look(warehouse: Warehouse) -> Standing:
    """The newest snapshot's manifest, where there is one; the ledger keeps a trace that it was read."""
    if not (warehouse.directory / "rempart.toml").exists() or newest_commit(warehouse.ledger, SPACE) is None:
        return Standing()
    objects = [f"space:{SPACE}"]
    with recorded(
        warehouse.recorder, "ingest-plan", basis="operation:ingest-plan", objects=objects, event_class="trace"
    ) as act:
        tables = ((SPACE, "manifest", MAIN, "read"),)
        (reference,) = warehouse.vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        opened = open_space(warehouse.vault, space=SPACE, reference=reference)
    return Standing(opened=opened, research=bool(opened.body.tables.keys() & warehouse.layouts.keys()))


def choose(
    warehouse: Warehouse, standing: Standing, *, rules: Path | None, vocabulary: Path | None, later: bool = False
) -> Chosen:
    """The rules of ``rules``, else those of the tables that stand; the vocabulary of ``vocabulary``, else the configured one.

    ``later``: no table is made now, no vocabulary is needed. Raises as ``rules_choice`` and ``read_vocabulary`` do, Refused
    ``vocabulary-unnamed`` where the tables that stand were made with one and none is named.
    """
    before = _kept(standing)
    choice = before if rules is None else known_rules(None if rules == DEFAULT_RULES else rules_file(rules))
    folder = None if later else _folder(warehouse, vocabulary)
    if folder is None and standing.version and vocabulary != NO_VOCABULARY and not later:
        raise Refused("vocabulary-unnamed", version=standing.version)
    context = context_definitions(choice.observation, folder)
    known = _vocabulary(folder, context) if folder else ""
    was, now, default = effects(before), effects(choice), effects(known_rules())
    names = sorted({*was, *now}) if standing.research else []
    told = Told(
        kept=rules is None and standing.research,
        differ={name: value for name, value in now.items() if default.get(name) != value},
        changed=tuple((n, was.get(n, ""), now.get(n, "")) for n in names if was.get(n) != now.get(n)),
        vocabulary=_shown(known) if known else "",
    )
    return Chosen(choice=choice, context=context, vocabulary=known, told=told)


def effects(choice: RulesChoice) -> dict[str, str]:
    """What each rule and option comes to."""
    found = {rule.id: "on" if choice.enabled & rule.mask else "off" for rule in choice.rules}
    return {**found, **{f"observation.{name}": json.dumps(value) for name, value in choice.observation.items()}}


def _kept(standing: Standing) -> RulesChoice:
    """Switches and options of the research tables that stand; the defaults where there are none."""
    text = standing.facts.get(RULES) if standing.research else None
    if not text:
        return known_rules()
    said: dict[str, Any] = json.loads(text)
    return known_rules({"switch": said["switches"], "observation": said.get("observation", {})})


def _folder(warehouse: Warehouse, asked: Path | None) -> Path | None:
    if asked == NO_VOCABULARY:
        return None
    if asked is not None or not (warehouse.directory / "rempart.toml").exists():
        return asked
    return warehouse.configuration.vocabulary_folder


def _vocabulary(folder: Path, context: Context) -> str:
    """Its version and the hash of all that was read of it, as the manifest keeps them."""
    told = sorted(context.codes.vocabulary.items())
    content = content_id([[*code, one.source_concept_id, one.concept_id, one.domain] for code, one in told])
    return canonical_bytes({"content": content, "version": vocabulary_version(folder)}).decode()


def _shown(known: str) -> str:
    said: dict[str, str] = json.loads(known)
    return said["version"] or said["content"][: len("sha256:") + 16]
