# SPDX-License-Identifier: Apache-2.0
"""The codes of a snapshot once gathered over all shards: their hierarchy and their concepts, as tables for the context."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rempart.ingest.hierarchy import Code, Node, Standard, System, concepts, hierarchy, systems
from rempart.ports.query import Query

_PACKS = {"CIP13": "cip13", "CIP7": "cip7", "UCD": "ucd"}
_BY_PACK = "cip7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Code systems and what the operator's vocabulary says of them: (vocabulary, code) → standard; empty without one."""

    systems: Mapping[str, System]
    first: int
    vocabulary: Mapping[Code, Standard]


def codes(parsed: Mapping[str, Any], vocabulary: Mapping[Code, Standard] | None = None) -> Codes:
    """From parsed ``hierarchy.toml`` and what ``adapters.vocabulary_reader`` read."""
    return Codes(systems=systems(parsed), first=parsed["first_concept_id"], vocabulary=vocabulary or {})


def code_tables(query: Query, known: Codes, gathered: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
    """(``concept_map`` for the shards: system, code, concept_id, source_concept_id; ``code_hierarchy``) of the codes gathered.

    ``query`` holds ``gross_drug_code``, the operator's reference of drugs.
    """
    seen = {pair for table in gathered for pair in zip(*(c.to_pylist() for c in table.columns), strict=True) if pair[1]}
    drugs = query.table("SELECT DISTINCT cip13, cip7, ucd, atc, label FROM gross_drug_code ORDER BY ALL").to_pylist()
    classes = {
        (system, drug[column]): drug["atc"]
        for drug in drugs
        for system, column in _PACKS.items()
        if drug[column] and drug["atc"]
    }
    labels = {("ATC", drug["atc"]): drug["label"] for drug in drugs if drug["atc"] and drug["label"]}
    nodes = hierarchy(seen, known.systems, classes=classes, labels=labels, first=known.first)
    rows = concepts(nodes, seen, known.systems, _standards(seen, known, drugs))
    return _concept_table(rows), _hierarchy_table(nodes)


def mapped_codes(concept_map: pa.Table) -> dict[str, tuple[int, int]]:
    """System → (codes met, those with a standard concept), by name."""
    found: dict[str, tuple[int, int]] = {}
    for system, concept in zip(
        *(concept_map.column(name).to_pylist() for name in ("system", "concept_id")), strict=True
    ):
        codes, mapped = found.get(system, (0, 0))
        found[system] = codes + 1, mapped + bool(concept)
    return dict(sorted(found.items()))


def long_term_codes(query: Query) -> pa.Table:
    """code, ald: the number of the long-term condition of each code of the operator's IR_CIM_V; no row without it."""
    return query.table(
        "SELECT code, min(ald) AS ald FROM gross_condition_code WHERE code IS NOT NULL AND ald IS NOT NULL GROUP BY code ORDER BY code"
    )


def _standards(seen: Iterable[Code], known: Codes, drugs: Sequence[Mapping[str, Any]]) -> dict[Code, Standard]:
    """What the vocabulary says of each code seen; of a pack by itself, else by its seven figures."""
    short = {
        (system, drug[column]): drug[_BY_PACK]
        for drug in drugs
        for system, column in _PACKS.items()
        if drug[column] and drug[_BY_PACK]
    }
    packs = known.systems["CIP7"].athena
    found = {}
    for code in seen:
        system = known.systems.get(code[0])
        told = known.vocabulary.get((system.athena, code[1])) if system else None
        told = told or known.vocabulary.get((packs, short.get(code, "")))
        if told:
            found[code] = told
    return found


def _concept_table(rows: Sequence[tuple[str, str, int, int]]) -> pa.Table:
    names = ("system", "code", "concept_id", "source_concept_id")
    kinds = (pa.string(), pa.string(), pa.int64(), pa.int64())
    return pa.table({n: pa.array([row[i] for row in rows], kinds[i]) for i, n in enumerate(names)})


def _hierarchy_table(nodes: Sequence[Node]) -> pa.Table:
    return pa.table(
        {
            "system": pa.array([node.code[0] for node in nodes], pa.string()),
            "code": pa.array([node.code[1] for node in nodes], pa.string()),
            "parent_system": pa.array([node.parent[0] if node.parent else None for node in nodes], pa.string()),
            "parent": pa.array([node.parent[1] if node.parent else None for node in nodes], pa.string()),
            "level": pa.array([node.level for node in nodes], pa.int32()),
            "label": pa.array([node.label for node in nodes], pa.string()),
            "concept_id": pa.array([node.concept_id for node in nodes], pa.int64()),
        }
    )
