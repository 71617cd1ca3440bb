# SPDX-License-Identifier: Apache-2.0
"""Checks of concepts, answered from counts of concept columns and what a loaded vocabulary says of those concepts.

Without a vocabulary they do not apply, and say so; where tables were made with one that is not in the snapshot, those of mapping do.
Concept 0 ("none fits") is asked of by ``concept-mapped`` alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.ingest.quality import Check, Measured, Settings
from rempart.ingest.quality_values import Columns, Count, coded, concept_columns, counted
from rempart.records.omop import TableLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """What the vocabulary says of a concept. ``standard``: 'S', 'C' or ''; ``valid``: not withdrawn."""

    domain: str
    class_: str
    standard: str
    valid: bool


Vocabulary = Mapping[int, Concept]


def concept_sql(vocabulary: str, used: str) -> str:
    """What the table ``vocabulary`` (OMOP ``concept``) says of the concepts that the table ``used`` (column ``concept_id``) names."""
    return (
        "SELECT concept_id, coalesce(domain_id, '') AS domain, coalesce(concept_class_id, '') AS class, "
        "coalesce(standard_concept, '') AS standard, coalesce(invalid_reason, '') = '' AS valid "
        f"FROM {vocabulary} JOIN {used} USING (concept_id)"
    )


def used_concepts(counts: Sequence[Count]) -> list[int]:
    """Concepts that any column holds, but 0."""
    texts = {count.values[0] for count in counts if count.what.startswith("concept:")}
    return sorted({int(text) for text in texts if text.lstrip("-").isdigit()} - {0})


def concept_checks(
    layout: TableLayout, columns: Columns, counts: Sequence[Count], vocabulary: Vocabulary | None, rules: Settings
) -> Iterator[Measured]:
    """Every check of the table's concept columns. ``vocabulary`` None: none is loaded."""
    for column in concept_columns(layout, columns, rules):
        mine = [count for count in counts if count.what == f"concept:{column}"]
        is_source = column.endswith(rules.facts["names"]["source_concept"])
        empty = [count for count in mine if count.values[0] in {"", "0"}]
        named = [count for count in mine if count not in empty]
        kind = "source-concept" if is_source else "concept-mapped"
        domain = rules.facts["domains"].get(column, "")
        why = (
            "vocabulary" if vocabulary is None and not rules.mapped and domain and column != "gender_concept_id" else ""
        )
        if f"{layout.name}.{column}" not in rules.facts["unmapped"]["columns"]:
            yield counted(Check(kind=kind, table=layout.name, field=column), empty, mine, why=why)
        known = vocabulary or {}
        yield from _known(layout.name, column, named, known, is_source=is_source, loaded=vocabulary is not None)
        if domain:
            bad = [count for count, concept in _there(named, known) if concept.domain != domain]
            yield _told("concept-domain", layout.name, column, bad, named, vocabulary)
        class_ = rules.facts["classes"].get(f"{layout.name}.{column}", "")
        if class_:
            bad = [count for count, concept in _there(named, known) if concept.class_ != class_]
            yield _told("concept-class", layout.name, column, bad, named, vocabulary)
    yield from _codes(layout, columns, counts, vocabulary, rules)
    yield from _units(layout.name, [count for count in counts if count.what == "unit"], rules)


def _known(
    table: str, column: str, named: Sequence[Count], vocabulary: Vocabulary, *, is_source: bool, loaded: bool
) -> Iterator[Measured]:
    """Concepts that the vocabulary has, and, of a standard column, that are standard and valid."""
    given = vocabulary if loaded else None
    missing = [count for count in named if int(count.values[0]) not in vocabulary]
    yield _told("key-found", table, column, missing, named, given)
    if not is_source:
        there = _there(named, vocabulary)
        bad = [count for count, concept in there if concept.standard != "S" or not concept.valid]
        yield _told("concept-standard", table, column, bad, [count for count, _ in there], given)


def _there(named: Sequence[Count], vocabulary: Vocabulary) -> list[tuple[Count, Concept]]:
    """Counts of concepts that the vocabulary has."""
    return [(count, vocabulary[int(count.values[0])]) for count in named if int(count.values[0]) in vocabulary]


def _codes(
    layout: TableLayout, columns: Columns, counts: Sequence[Count], vocabulary: Vocabulary | None, rules: Settings
) -> Iterator[Measured]:
    """Distinct source codes, each mapped in some row or in none."""
    named = coded(layout, columns, rules)
    if not named.code:
        return
    codes: dict[tuple[str, str], bool] = {}
    for count in counts:
        if count.what == "code" and count.values[1]:
            key = count.values[0], count.values[1]
            codes[key] = codes.get(key, False) or count.values[2] == "true"
    check = Check(kind="codes-mapped", table=layout.name, field=named.code)
    unmapped = sum(1 for mapped in codes.values() if not mapped)
    why = "vocabulary" if vocabulary is None and not rules.mapped else ""
    yield Measured(check=check, failing=unmapped, base=len(codes), why=why)


def _units(table: str, counts: Sequence[Count], rules: Settings) -> Iterator[Measured]:
    """Each listed measurement's units, of rows that have one."""
    if not counts:
        return
    for concept, units in rules.facts["units"].items():
        mine = [count for count in counts if count.values[0] == str(concept) and count.values[1] not in {"", "0"}]
        bad = [count for count in mine if int(count.values[1]) not in units]
        yield counted(Check(kind="unit-of-code", table=table, field="unit_concept_id", detail=str(concept)), bad, mine)


def _told(
    kind: str, table: str, column: str, bad: Sequence[Count], base: Sequence[Count], vocabulary: Vocabulary | None
) -> Measured:
    why = "vocabulary" if vocabulary is None else ""
    return counted(Check(kind=kind, table=table, field=column), bad, base, why=why)
