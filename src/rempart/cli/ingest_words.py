# SPDX-License-Identifier: Apache-2.0
"""Says under which rules and with which vocabulary research tables are made, and which units leave. Decides nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rempart.ingest.units import UnitEntry
    from rempart.wiring.ingest import Brought
    from rempart.wiring.standing import Told


def show_choice(voice: Voice, told: "Told") -> None:
    """Rules that are not as by default, what changed against the tables that stand, and the vocabulary, a line each."""
    if told.differ:
        rules = ", ".join(f"{name} {_value(voice, value)}" for name, value in told.differ.items())
        voice.say("rules-kept" if told.kept else "rules-differ", rules=rules)
    else:
        voice.say("rules-default")
    if told.changed:
        changes = (f"{name} {_value(voice, was)} → {_value(voice, now)}" for name, was, now in told.changed)
        voice.say("rules-changed", rules=", ".join(changes))
    voice.say("vocabulary-used" if told.vocabulary else "vocabulary-unused", version=told.vocabulary)


def show_mapped(voice: Voice, done: "Brought") -> None:
    """How many codes were given a standard concept; a warning where none was."""
    if not done.told.vocabulary:
        return
    voice.say("codes-mapped")
    rows = [(athena, system, codes, found) for system, athena, codes, found in done.mapped]
    voice.table(["column-athena", "column-system", "column-codes", "column-standard"], rows)
    if not any(found for *_, found in done.mapped):
        names = ", ".join(dict.fromkeys(athena for _, athena, *_ in done.mapped))
        voice.warn(voice.word("vocabulary-matched-none", names=names or "-"))


def show_leaving(voice: Voice, left: "Sequence[UnitEntry]", *, word: str) -> None:
    """Units that a fresh start drops, with their lines."""
    if left:
        rows = [(unit.name, sum(unit.lines.values())) for unit in left]
        voice.say(word, units=len(rows), lines=sum(lines for _, lines in rows))
        voice.table(["column-unit", "column-lines"], rows)


def told_leaving(left: "Sequence[UnitEntry]") -> list[list[str | int]]:
    """The same as plain data: name, lines."""
    return [[unit.name, sum(unit.lines.values())] for unit in left]


def _value(voice: Voice, value: str) -> str:
    words = {"on": "rule-on", "off": "rule-off", "": "rule-default"}
    return voice.word(words[value]) if value in words else value
