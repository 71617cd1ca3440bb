# SPDX-License-Identifier: Apache-2.0
"""Where a domain's records lie, and the SQL condition for "a record with one of these codes". Sees no row."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rempart.records.protocol import CodeList, Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A table of records: its date, its source code, its standard concept, its status (or '')."""

    table: str
    date: str
    source: str
    concept: str
    status: str = ""


DOMAIN: Mapping[str, Domain] = {
    "drug": Domain(
        table="drug_exposure", date="drug_exposure_start_date", source="drug_source_value", concept="drug_concept_id"
    ),
    "condition": Domain(
        table="condition_occurrence",
        date="condition_start_date",
        source="condition_source_value",
        concept="condition_concept_id",
        status="condition_status_source_value",
    ),
    "procedure": Domain(
        table="procedure_occurrence",
        date="procedure_date",
        source="procedure_source_value",
        concept="procedure_concept_id",
    ),
}


@dataclass(slots=True)
class Reads:
    """The columns that the SQL written so far reads. Every column reaches the SQL through ``column``, so none is forgotten."""

    columns: dict[str, set[str]] = field(default_factory=dict)

    def column(self, table: str, name: str) -> str:
        """``name``, noted as read."""
        self.columns.setdefault(table, set()).add(name)
        return name


def matches(codes: CodeList, domain: Domain, reads: Reads) -> str:
    """SQL condition on the rows of ``domain.table``; codes are checked text or digits (records/study.py), so quoting is safe."""
    if codes.system == "OMOP":
        return f"{reads.column(domain.table, domain.concept)} IN ({', '.join(codes.include)})"
    source = reads.column(domain.table, domain.source)
    if codes.system == "CIP13":
        return f"{source} IN ({_quoted(codes.include)})"
    wanted = _begins(source, codes.include)
    return f"({wanted} AND NOT {_begins(source, codes.exclude)})" if codes.exclude else wanted


def events(items: tuple[Criterion, ...], codes: Mapping[str, CodeList], reads: Reads) -> str:
    """SQL query of ``person_id, day`` for records that meet any of the criteria (their windows are not applied)."""
    return "\nUNION ALL\n".join(_events(item, codes[item.codes], reads) for item in items)


def _events(item: Criterion, codes: CodeList, reads: Reads) -> str:
    domain = DOMAIN[item.domain]
    where = matches(codes, domain, reads)
    if item.status:
        where += f" AND {reads.column(domain.table, domain.status)} IN ({_quoted(item.status)})"
    date = reads.column(domain.table, domain.date)
    return f"SELECT person_id, {date} AS day FROM {domain.table} WHERE {date} IS NOT NULL AND {where}"


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _begins(column: str, prefixes: tuple[str, ...]) -> str:
    return "(" + " OR ".join(f"starts_with({column}, {_quoted((prefix,))})" for prefix in prefixes) + ")"
