# SPDX-License-Identifier: Apache-2.0
"""One shard of the warehouse, or one pass of it: gross rows become research tables, and every delivered line is accounted for.

Runs the ``compaction`` steps of ``mapping.toml`` over the views ``gross_<table>`` and the maps of persons; what is needed to exist is
listed at ``make_shard``. Knows no table of the SNDS by name; seals nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.ingest.definitions import Definitions
from rempart.ingest.rules import enabled, mask
from rempart.ports.query import Query
from rempart.records.omop import TableLayout

# Row ids of a pass begin where those of the pass before can never reach.
_PASS_BITS, _ROW_BITS = 6, 34
MOST_PASSES = 1 << _PASS_BITS
_BOOKS = {
    "judged": "word VARCHAR, hits BIGINT, lines BIGINT",
    "unmapped": "nature VARCHAR, hits BIGINT, lines BIGINT",
    "kept": "word VARCHAR, lines BIGINT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """``judged``: (word, hits, lines); ``kept``: (word, lines) that reached a research table; ``found``: finding → number;
    ``unmapped``: (nature, hits, lines) of claim lines whose nature is not mapped (M1)."""

    judged: tuple[tuple[str, int, int], ...]
    kept: tuple[tuple[str, int], ...]
    found: Mapping[str, int]
    unmapped: tuple[tuple[str, int, int], ...] = ()


def rule_words(definitions: Definitions, switches: Mapping[str, bool]) -> dict[str, str]:
    """What ``$``-names of rules stand for in the SQL of compaction, once ``switches`` (rule id → on) are applied."""
    on = enabled(definitions.rules, switches)
    claims = mask(definitions.rules, "claims", {"claims": ("claim_lines",)})
    chosen = [item for item in definitions.decisions if switches.get(item.id, item.enabled)]
    named = [f"CASE WHEN decision_hits & {item.mask} <> 0 THEN '{item.id}' END" for item in chosen]
    return {
        "mask": str(on),
        "mask_claims": str(on & claims),
        "decided": str(sum(item.mask for item in chosen)),
        "decision_names": ", ".join(named) or "NULL",
        **{f"decision_{item.id}": str(item.mask) for item in definitions.decisions},
    }


def pass_words(shard: int, number: int, passes: int) -> dict[str, str]:
    """What the SQL of one pass over a shard's persons is given: ``number`` of ``passes`` (at most 64), by person number."""
    known = "(SELECT any_value(known.person_no) FROM known_psa AS known WHERE known.psa = fact.psa)"
    return {
        "base": str((shard << _PASS_BITS | number) << _ROW_BITS),
        "pass": str(number),
        "passes": str(passes),
        "fact_in_pass": "TRUE" if passes == 1 else f"coalesce({known}, 0) % {passes} = {number}",
    }


def make_shard(query: Query, definitions: Definitions, given: Mapping[str, str]) -> ShardCounts:
    """Make ``research_<table>`` (person_no, word, the layout's columns) of every table that a step makes.

    Needs ``gross_<table>`` of every gross table and, of this shard's persons (of cards that several person keys hold, all),
    ``person`` (person_no, person), ``card_person``, ``psa_person``, ``key_person`` as ``persons.resolve_persons`` leaves them.
    ``given``: ``rule_words``, ``pass_words`` and first_day, last_day, last_known (ISO days).
    """
    for name, columns in _BOOKS.items():
        query.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    for verb, name in definitions.compaction:
        if verb == "research":
            layout = definitions.decided if name == definitions.decided.name else definitions.research[name]
            make_table(query, layout, definitions.filled(definitions.sql[f"omop_{name}"], given))
        else:
            for statement in definitions.statements(name, given):
                query.execute(statement)
    return ShardCounts(
        judged=tuple((row["word"], row["hits"], row["n"]) for row in _rows(query, _JUDGED)),
        unmapped=tuple((row["nature"], row["hits"], row["n"]) for row in _rows(query, _UNMAPPED)),
        kept=tuple((row["word"], row["n"]) for row in _rows(query, _KEPT)),
        found={
            str(row["what"]): row["n"] for row in _rows(query, definitions.filled(definitions.sql["findings"], given))
        },
    )


_JUDGED = "SELECT word, hits, CAST(sum(lines) AS BIGINT) AS n FROM judged WHERE lines > 0 GROUP BY word, hits"
_UNMAPPED = "SELECT nature, hits, CAST(sum(lines) AS BIGINT) AS n FROM unmapped GROUP BY nature, hits"
_KEPT = "SELECT word, CAST(sum(lines) AS BIGINT) AS n FROM kept WHERE lines > 0 GROUP BY word"


def _rows(query: Query, sql: str) -> list[dict[str, Any]]:
    return list(query.table(sql).to_pylist())


def make_table(query: Query, layout: TableLayout, select: str) -> None:
    """Create ``research_<name>`` from a SELECT of person_no, the layout's columns and, further, whatever the balance needs."""
    typed = ", ".join(f'CAST("{name}" AS {layout.type_of(name)}) AS "{name}"' for name in layout.columns)
    query.execute(f"CREATE OR REPLACE TABLE research_{layout.name} AS SELECT * REPLACE ({typed}) FROM ({select})")
