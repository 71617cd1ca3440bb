# SPDX-License-Identifier: Apache-2.0
"""One shard made by hand: gross tables, maps of persons and the netted tables that the context steps read. Checks nothing."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import names, text, toml
from rempart.ingest.context import Context, Prepared, context, gather_context, prepare_context

Rows = Sequence[Mapping[str, Any]]
GROSS = toml("ingest/gross.toml")["tables"]
# What compaction's own steps leave behind for ours (sql/net_*.sql), as far as we read it.
NETTED = {
    "net_person": "person_no INTEGER, born INTEGER, birth_month INTEGER, department VARCHAR, commune VARCHAR, scheme VARCHAR, updated DATE",
    "net_death": "person_no INTEGER, day DATE",
    "net_dose": "person_no INTEGER, day DATE, hits BIGINT",
    "net_stay": "person_no INTEGER, field VARCHAR, stay VARCHAR, visit_no BIGINT, entry DATE, leaving DATE, legal_facility VARCHAR, "
    "principal VARCHAR, related VARCHAR, gestation INTEGER, hits BIGINT",
    "net_fact": "visit_no BIGINT, kind VARCHAR, code VARCHAR, day DATE, hits BIGINT",
    "person": "person_no INTEGER, person INTEGER, pseudonym VARCHAR",
    "kept_card": "card INTEGER, psa INTEGER, person INTEGER",
    "card_person": "card INTEGER, person_no INTEGER",
    "psa_person": "psa INTEGER, person_no INTEGER, persons INTEGER",
}
GIVEN = {"mask": "-1", "mask_claims": "-1", "base": "0", "type_enrolment": "32813"}


class Filler:
    """What ``Definitions`` does with SQL text, without the delivery's schema."""

    def __init__(self) -> None:
        self.sql = {name.removesuffix(".sql"): text(f"ingest/sql/{name}") for name in names("ingest/sql", ".sql")}

    def filled(self, sql: str, given: Mapping[str, str]) -> str:
        """SQL text with every ``$``-name replaced."""
        from string import Template

        return Template(sql).substitute({**GIVEN, **given})

    def statements(self, name: str, given: Mapping[str, str]) -> list[str]:
        """The statements of one file, filled."""
        return [one.strip() for one in self.filled(self.sql[name], given).split(";\n") if one.strip()]


FILLER: Any = Filler()


class Shard:
    """A session with every table, empty but for the rows given."""

    def __init__(self, *, options: Mapping[str, Any] | None = None, least_lines: int | None = None) -> None:
        self.query = DuckDBQuery(threads=1, memory_limit="512MB")
        observation = toml("ingest/observation.toml")
        if least_lines is not None:
            observation["volume"]["least_lines"] = least_lines
        self.context: Context = context(
            observation=observation,
            geography=toml("ingest/geography.toml"),
            pregnancy=toml("ingest/pregnancy.toml"),
            hierarchy=toml("ingest/hierarchy.toml"),
            options=options,
        )
        self.prepared: Prepared | None = None
        for name, table in GROSS.items():
            columns = dict.fromkeys(table["names"], "INTEGER") | dict(table["columns"])
            self._create(
                name,
                ", ".join(f"{n} {kind}" for n, kind in columns.items()) + ", unit INTEGER, flow INTEGER, hits BIGINT",
            )
        for name, columns in NETTED.items():
            self._create(name, columns)

    def _create(self, name: str, columns: str) -> None:
        self.query.execute(f"CREATE TABLE {name} ({columns})")

    def add(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Insert rows; a column not given is empty (hits, unit, flow: 0; lead of a claim: true)."""
        for row in rows:
            fixed = {"hits": 0, "unit": 1, "flow": 0} if table.startswith("gross_") else {}
            if table == "gross_claim":
                fixed |= {"lead": True}
            if table in {"net_stay", "net_fact", "net_dose"}:
                fixed |= {"hits": 0}
            whole = {**fixed, **row}
            marks = ", ".join(f"${name}" for name in whole)
            self.query.execute(f"INSERT INTO {table} ({', '.join(whole)}) VALUES ({marks})", whole)

    def person(self, number: int, *, born: int = 1960, psa: int | None = None, **more: Any) -> None:
        """A person with one card; card, pseudonym and person key all have the person's number (a twin shares a pseudonym)."""
        self.add("net_person", {"person_no": number, "born": born, **more})
        self.add("gross_card", {"card": number, "psa": psa or number, "person": number, "commune": more.get("commune")})
        self.add("person", {"person_no": number, "person": number, "pseudonym": f"{number:032x}"})
        self.add("kept_card", {"card": number, "psa": psa or number, "person": number})
        self.add("card_person", {"card": number, "person_no": number})

    def run(self, *steps: str) -> None:
        """Gather, prepare, register, then the steps: ``context…`` run, any other makes ``research_<step>``."""
        words = self.context.words
        gathered = {name: [table] for name, table in gather_context(self.query, FILLER, words).items()}
        self.prepared = prepare_context(self.query, FILLER, self.context, gathered)
        for name, table in self.prepared.shared.items():
            self.query.register(name, table)
        for step in steps:
            if step.startswith("context"):
                for statement in FILLER.statements(step, self.prepared.words):
                    self.query.execute(statement)
            else:
                self.query.execute(
                    f"CREATE TABLE research_{step} AS {FILLER.filled(FILLER.sql[f'omop_{step}'], self.prepared.words)}"
                )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query; days as ISO text."""
        table: pa.Table = self.query.table(sql)
        return [
            tuple(v.isoformat() if hasattr(v, "isoformat") else v for v in row.values()) for row in table.to_pylist()
        ]


def layout_columns(table: str) -> set[str]:
    """Columns of a table in the layout file."""
    parsed = tomllib.loads(Path("src/rempart/records/omop54.toml").read_text(encoding="utf-8"))
    return set(parsed["tables"][table]["columns"])
