# SPDX-License-Identifier: Apache-2.0
"""Checks of values: one aggregate over a table counts its concepts, codes, sexes, ages, years and months in grouping sets.

Thousands of checks on codes are then answered from those counts, without another look at a row. Persons are estimated there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.ingest.quality import Check, Measured, Settings
from rempart.records.omop import WAREHOUSE_PERSON, TableLayout

Columns = Mapping[str, str]
WOMAN, MAN = 8532, 8507
MARK = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """The columns of a table that carry its codes; '' where it has none."""

    code: str
    concept: str
    vocabulary: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One cell: what was counted (``concept:<column>``, ``code``, ``who``, ``year``, ``month``, ``unit``), its values, rows and persons."""

    what: str
    values: tuple[str, ...]
    rows: int
    persons: int


def coded(layout: TableLayout, columns: Columns, rules: Settings) -> Coded:
    """Which column of the table is its code: the one whose stem also names its concept."""
    names = rules.facts["names"]
    for column in columns:
        stem = column.removesuffix(names["source_value"])
        systems: Mapping[str, Any] = rules.facts["systems"]
        default = next((s for s, row in systems.items() if layout.name in row["default"]), "")
        own = layout.name.startswith(stem) or (layout.name, stem) == ("death", "cause")
        if stem != column and f"{stem}{names['concept']}" in columns and own and default:
            vocabulary = f"{stem}{names['vocabulary']}"
            return Coded(
                code=column,
                concept=f"{stem}{names['concept']}",
                vocabulary=vocabulary if vocabulary in columns else "",
                default=default if rules.french else "",
            )
    return Coded(code="", concept="", vocabulary="", default="")


def concept_columns(layout: TableLayout, columns: Columns, rules: Settings) -> list[str]:
    """Columns that hold concepts."""
    return [column for column in columns if column.endswith(rules.facts["names"]["concept"]) and column != layout.key]


def value_sql(layout: TableLayout, columns: Columns, rules: Settings) -> str:
    """One SELECT over the table: (what, value, rows, persons) of every grouping; value = texts joined by MARK. '' when it has none."""
    sets = _sets(layout, columns, rules)
    if not sets:
        return ""
    names = list(dict.fromkeys(name for _, parts in sets for name in parts))
    place = {name: 1 << (len(names) - 1 - n) for n, name in enumerate(names)}
    cases = []
    for what, parts in sets:
        mask = sum(bit for name, bit in place.items() if name not in parts)
        text = f" || '{MARK}' || ".join(f"coalesce({name}::VARCHAR, '')" for name in parts)
        cases.append((mask, what, text))
    listed = ", ".join(names)
    what = " ".join(f"WHEN {mask} THEN '{word}'" for mask, word, _ in cases)
    value = " ".join(f"WHEN {mask} THEN {text}" for mask, _, text in cases)
    grouped = ", ".join(f"({', '.join(parts)})" for _, parts in sets)
    return (
        f"SELECT CASE set_ {what} END AS what, CASE set_ {value} END AS value, n::BIGINT AS rows, m::BIGINT AS persons FROM ("
        f"SELECT GROUPING({listed}) AS set_, {listed}, count(*) AS n, approx_count_distinct({WAREHOUSE_PERSON}) AS m "
        f"FROM ({_rows(layout, columns, rules)}) GROUP BY GROUPING SETS ({grouped}))"
    )


def _sets(layout: TableLayout, columns: Columns, rules: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """Groupings: name → expressions' names in ``_rows``."""
    found: list[tuple[str, tuple[str, ...]]] = [
        (f"concept:{column}", (column,)) for column in concept_columns(layout, columns, rules)
    ]
    named = coded(layout, columns, rules)
    if named.code:
        found += [
            ("code", ("vocabulary_", "code_", "mapped_", "sex_")),
            ("who", ("vocabulary_", "group_", "sex_", "age_")),
        ]
    if layout.date in columns and layout.name in rules.facts["breaks"]["events"]:
        found.append(("month", ("month_",)))
    if layout.date in columns and named.code:
        found.append(("year", ("vocabulary_", "chapter_", "year_")))
    if {"unit_concept_id", "measurement_concept_id"} <= set(columns):
        found.append(("unit", ("measurement_concept_id", "unit_concept_id")))
    return found


def _rows(layout: TableLayout, columns: Columns, rules: Settings) -> str:
    """The rows that are grouped: concepts, and what is said of the code, the person and the day."""
    named = coded(layout, columns, rules)
    picked = [f"t.{WAREHOUSE_PERSON}", *(f"t.{column}" for column in concept_columns(layout, columns, rules))]
    joined = ""
    if layout.date in columns:
        picked += [f"year(t.{layout.date}) AS year_", f"strftime(t.{layout.date}, '%Y-%m') AS month_"]
    if named.code:
        vocabulary = f"coalesce(t.{named.vocabulary}, '{named.default}')" if named.vocabulary else f"'{named.default}'"
        day = f"year(t.{layout.date})" if layout.date in columns else "NULL"
        age = f"({day} - p.year_of_birth)"
        code = f"upper(trim(t.{named.code}))"
        picked += [
            f"{vocabulary} AS vocabulary_",
            f"{code} AS code_",
            f"left({code}, {_length(rules, vocabulary, 'group')}) AS group_",
            f"left({code}, {_length(rules, vocabulary, 'chapter')}) AS chapter_",
            f"coalesce(t.{named.concept}, 0) <> 0 AS mapped_",
            f"CASE p.gender_concept_id WHEN {WOMAN} THEN 'F' WHEN {MAN} THEN 'M' ELSE '' END AS sex_",
            f"CASE WHEN {age} < 5 THEN {age} ELSE {age} // 5 * 5 END AS age_",
        ]
        joined = f" LEFT JOIN person p ON p.{WAREHOUSE_PERSON} = t.{WAREHOUSE_PERSON}"
    return f"SELECT {', '.join(picked)} FROM {layout.name} t{joined}"


def _length(rules: Settings, vocabulary: str, what: str) -> str:
    systems: Mapping[str, Any] = rules.facts["systems"]
    return (
        f"CASE {vocabulary} "
        + " ".join(f"WHEN '{name}' THEN {row[what]}" for name, row in systems.items())
        + " ELSE 0 END"
    )


def code_checks(table: str, counts: Sequence[Count], rules: Settings) -> Iterator[Measured]:
    """Form of codes, sex and age of codes and groups, breaks between years, gaps between months."""
    codes = [count for count in counts if count.what == "code"]
    who = [count for count in counts if count.what == "who"]
    yield from _forms(table, codes, rules)
    seen = {count.values[0] for count in codes}
    for system, by_sex in rules.facts["sexes"].items():
        for sex, said in by_sex.items():
            if system in seen:
                yield from _sexes(table, (system, sex), said, _of(system, who), _of(system, codes))
    for said in rules.facts["ages"]:
        if said["system"] in seen and any(count.values[3] for count in who):
            yield from _ages(table, said, _of(said["system"], who))
    yield from _breaks(table, [count for count in counts if count.what == "year"], rules)
    yield from _gaps(table, [count for count in counts if count.what == "month"], rules)


def _forms(table: str, codes: Sequence[Count], rules: Settings) -> Iterator[Measured]:
    systems = sorted({count.values[0] for count in codes})
    for system in systems:
        mine = [count for count in codes if count.values[0] == system and count.values[1]]
        if system not in rules.facts["systems"]:
            yield counted(Check(kind="code-form", table=table, field="code", detail=system), [], mine, why="vocabulary")
            continue
        form = re.compile(rules.facts["systems"][system]["form"])
        bad = [count for count in mine if not form.fullmatch(count.values[1])]
        yield counted(Check(kind="code-form", table=table, field="code", detail=system), bad, mine)


def _of(system: str, counts: Sequence[Count]) -> list[Count]:
    return [count for count in counts if count.values[0] == system]


def _sexes(
    table: str, place: tuple[str, str], said: Mapping[str, Any], who: Sequence[Count], codes: Sequence[Count]
) -> Iterator[Measured]:
    """One check for each group of the ranges and each prefix, and for each exact code. ``place``: vocabulary and its codes' sex."""
    system, sex = place
    other = {"F": "M", "M": "F"}[sex]
    for group in expand(said.get("groups", ())):
        mine = [count for count in who if count.values[1] == group and count.values[2]]
        bad = [count for count in mine if count.values[2] == other]
        yield counted(Check(kind="sex-of-group", table=table, field=system, detail=f"{group} {sex}"), bad, mine)
    for prefix in said.get("prefixes", ()):
        mine = [count for count in who if count.values[1].startswith(prefix) and count.values[2]]
        bad = [count for count in mine if count.values[2] == other]
        yield counted(Check(kind="sex-of-group", table=table, field=system, detail=f"{prefix} {sex}"), bad, mine)
    for code in said.get("codes", ()):
        mine = [count for count in codes if count.values[1] == code and count.values[3]]
        bad = [count for count in mine if count.values[3] == other]
        yield counted(Check(kind="sex-of-code", table=table, field=system, detail=f"{code} {sex}"), bad, mine)


def _ages(table: str, said: Mapping[str, Any], who: Sequence[Count]) -> Iterator[Measured]:
    first, last = said["groups"]
    for group in expand([said["groups"]]) if first[0] == last[0] and first[1:].isdigit() else said["groups"]:
        mine = [count for count in who if count.values[1] == group and count.values[3].lstrip("-").isdigit()]
        bad = [count for count in mine if not said["from"] <= int(count.values[3]) <= said["to"]]
        detail = f"{group} {said['from']}–{said['to']}"
        yield counted(Check(kind="age-of-group", table=table, field=said["system"], detail=detail), bad, mine)


def expand(ranges: Sequence[Sequence[str]]) -> Iterator[str]:
    """``["O00", "O03"]`` → O00 … O03."""
    for first, last in ranges:
        for number in range(int(first[1:]), int(last[1:]) + 1):
            yield f"{first[0]}{number:02d}"


def _breaks(table: str, counts: Sequence[Count], rules: Settings) -> Iterator[Measured]:
    """Each year of a chapter against the one before it; the last year, which may be cut, is not asked."""
    said = rules.facts["breaks"]
    chapters: dict[tuple[str, str], dict[int, int]] = {}
    for count in counts:
        if count.values[2].isdigit():
            chapters.setdefault((count.values[0], count.values[1]), {})[int(count.values[2])] = count.rows
    last = max((year for years in chapters.values() for year in years), default=0)
    for (system, chapter), years in sorted(chapters.items()):
        for year in sorted({near for found in years for near in (found, found + 1)} - {min(years)}):
            if year >= last:
                break
            before, now = years.get(year - 1, 0), years.get(year, 0)
            check = Check(kind="year-break", table=table, field=f"{system} {chapter}".strip(), detail=str(year))
            yield compared(check, now, before, ratio=said["ratio"], least=said["least"])


def _gaps(table: str, counts: Sequence[Count], rules: Settings) -> Iterator[Measured]:
    """Each month against the mean of the two around it."""
    said = rules.facts["breaks"]
    months = {count.values[0]: count.rows for count in counts if count.values[0]}
    asked = sorted({near for month in months for near in (_next(month, -1), month, _next(month, 1))})
    for month in (one for one in asked if min(months) < one < max(months)):
        before, after = _next(month, -1), _next(month, 1)
        around = (months.get(before, 0) + months.get(after, 0)) // 2
        check = Check(kind="month-gap", table=table, detail=month)
        low = months.get(month, 0)
        yield compared(check, min(low, around), around, ratio=said["month_ratio"], least=said["month_least"])


def _next(month: str, step: int) -> str:
    """The month so many after one; a month is asked of only where it or a neighbour has rows, however far apart those are."""
    year, _, number = month.rpartition("-")
    at = int(year) * 12 + int(number) - 1 + step
    return f"{at // 12:04d}-{at % 12 + 1:02d}"


def compared(check: Check, now: int, before: int, *, ratio: float, least: int) -> Measured:
    """Broken when two volumes are further apart than ``ratio``; says nothing of volumes below ``least``."""
    if max(now, before) < least:
        return Measured(check=check, failing=0, base=0, why="few")
    apart = now > ratio * before or before > ratio * now
    return Measured(check=check, failing=abs(now - before) if apart else 0, base=max(now, before, 1), broken=apart)


def counted(check: Check, bad: Sequence[Count], base: Sequence[Count], *, why: str = "") -> Measured:
    """Rows and persons of the values that break a check, of those it asks of; persons are added over values, so an estimate."""
    return Measured(
        check=check,
        failing=sum(count.rows for count in bad),
        base=sum(count.rows for count in base),
        persons=(sum(count.persons for count in bad), sum(count.persons for count in base)),
        estimated=True,
        why=why,
    )
