# SPDX-License-Identifier: Apache-2.0
"""Says what was noted while units were read: what matters in rows, what may be absent in one line. Reads nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rempart.ingest.drift_words import Grouped
    from rempart.journeys.delivered_units import DeliveredUnits

_POPULATION = ("target", "fraction", "weight")


def show_notes(voice: Voice, notes: Iterable[tuple[str, str, str]], other: Sequence[str] = ()) -> None:
    """The notes by note, table and column, then files that were left alone."""
    from rempart.ingest.drift_words import grouped

    rows = grouped(notes)
    weighty = [row for row in rows if not row.optional]
    if weighty:
        voice.say("drift-notes")
        told = [(voice.word(f"note-{row.code}"), row.table, detail(voice, row), periods(voice, row)) for row in weighty]
        voice.table(["column-note", "column-table", "column-detail", "column-periods"], told)
    if len(weighty) < len(rows):
        absent = [row for row in rows if row.optional]
        tables = len({row.table for row in absent if not row.what})
        voice.say("drift-optional", tables=tables, columns=sum(bool(row.what) for row in absent))
    if other:
        voice.say("files-left-alone", files=", ".join(sorted(other)))


def show_delivery(voice: Voice, one: "DeliveredUnits") -> None:
    """Whose a delivery is, and of when, as it declares."""
    voice.say("plan-delivery", delivery=one.id, produced=one.produced or "?")


def show_populations(voice: Voice, declared: Mapping[str, Mapping[str, str]]) -> None:
    """Of whom deliveries are, as they declare: one line for all that say the same."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, said in declared.items():
        if said.keys() & set(_POPULATION):
            alike.setdefault(tuple(said.get(word, "?") for word in _POPULATION), []).append(name)
    for values, names in alike.items():
        told = dict(zip(_POPULATION, values, strict=True))
        if len(names) == 1:
            voice.say("delivery-population", delivery=names[0], **told)
        else:
            voice.say("deliveries-population", count=len(names), first=min(names), last=max(names), **told)


def detail(voice: Voice, row: "Grouped") -> str:
    """What a note is of: a column, a file; of lines left out for identifiers, the column, the kind and how many."""
    if row.code != "quarantine":
        return row.what
    column, kind, count = row.what.rsplit(" ", 2)
    if column == "*":
        return voice.word("quarantine-lines", count=count)
    return voice.word("quarantine-values", column=column, kind=voice.word(f"leak-{kind}"), count=count)


def periods(voice: Voice, row: "Grouped") -> str:
    """Such as ``62 months, 201402–201903``; '' of what has no period."""
    if row.periods < 2:
        return row.first
    word = "periods-months" if len(row.first) > len("2014") else "periods-years"
    return voice.word(word, count=str(row.periods), first=row.first, last=row.last)


def told_notes(notes: Iterable[tuple[str, str, str]]) -> list[dict[str, object]]:
    """The same as plain data, what may be absent too."""
    from rempart.ingest.drift_words import grouped

    return [asdict(row) for row in grouped(notes)]
