# SPDX-License-Identifier: Apache-2.0
"""Where a domain's records lie, and the SQL condition for "a record with one of these codes". Sees no row."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rempart.records.code_lists import WHOLE
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
    "measurement": Domain(
        table="measurement",
        date="measurement_date",
        source="measurement_source_value",
        concept="measurement_concept_id",
    ),
    "device": Domain(
        table="device_exposure",
        date="device_exposure_start_date",
        source="device_source_value",
        concept="device_concept_id",
    ),
}
HIERARCHY = "code_hierarchy"
"""The table without persons that tells which packs and units hang under a drug class (ingest/hierarchy.py)."""


_SHORT = 64  # codes that cost less compared one by one than joined
_FEW = 4  # beginnings that cost less one by one than cutting every code


@dataclass(slots=True)
class Reads:
    """The columns that the SQL written so far reads. Every column reaches the SQL through ``column``, so none is forgotten.

    ``classes``: the lists of drug classes that it looks up in the project's ``code_hierarchy``.
    """

    columns: dict[str, set[str]] = field(default_factory=dict)
    classes: dict[CodeList, None] = field(default_factory=dict)

    def column(self, table: str, name: str) -> str:
        """``name``, noted as read."""
        self.columns.setdefault(table, set()).add(name)
        return name


def matches(codes: CodeList, domain: Domain, reads: Reads) -> str:
    """SQL condition on the rows of ``domain.table``; codes are checked text or digits (records/code_lists.py), so quoting is safe.

    ATC finds the packs and units that the project's ``code_hierarchy`` hangs under the classes: the permit must name that table.
    """
    if codes.system == "OMOP":
        return _one_of(reads.column(domain.table, domain.concept), ", ".join(codes.include), len(codes.include))
    source = reads.column(domain.table, domain.source)
    if codes.system in WHOLE:
        return _whole(source, codes.include)
    if codes.system != "ATC":
        return _wanted(source, codes)
    reads.classes[codes] = None
    for name in ("code", "parent", "parent_system"):
        reads.column(HIERARCHY, name)
    return f"{source} IN (SELECT code {_under(codes)})"


ANY_CLASS = f"SELECT count(*) AS n FROM (SELECT code FROM {HIERARCHY} WHERE parent_system = 'ATC' LIMIT 1)"
"""SQL of ``n``: 1 where the project's ``code_hierarchy`` hangs anything under a drug class, else 0; no row of a person."""


def _under(codes: CodeList) -> str:
    return f"FROM {HIERARCHY} WHERE parent_system = 'ATC' AND {_wanted('parent', codes)}"


def _wanted(column: str, codes: CodeList) -> str:
    """The codes listed and, unless it is said otherwise, those below them; without the excluded ones and those below them."""
    wanted = _whole(column, codes.include) if codes.descendants is False else _begins(column, codes.include)
    return f"({wanted} AND NOT {_begins(column, codes.exclude)})" if codes.exclude else wanted


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


def _whole(column: str, codes: tuple[str, ...]) -> str:
    return _one_of(column, _quoted(codes), len(codes))


def _one_of(column: str, listed: str, count: int) -> str:
    """A list is joined to the rows by the engine; a short one inside a function is a filter of the scan, which a file's dictionary answers:
    half the time. False, not unknown, where there is no code."""
    return f"coalesce({column} IN ({listed}), false)" if 1 < count <= _SHORT else f"{column} IN ({listed})"


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _begins(column: str, prefixes: tuple[str, ...]) -> str:
    """By length of the beginnings: ten thousand codes are a few look-ups in a set a row, not ten thousand comparisons; a few beginnings
    are compared with each row's statistics first."""
    if len(prefixes) <= _FEW:
        return "(" + " OR ".join(f"starts_with({column}, {_quoted((prefix,))})" for prefix in prefixes) + ")"
    lengths = sorted({len(prefix) for prefix in prefixes})
    tests = [f"left({column}, {n}) IN ({_quoted(tuple(p for p in prefixes if len(p) == n))})" for n in lengths]
    return "(" + " OR ".join(tests) + ")"
