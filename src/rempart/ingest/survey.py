# SPDX-License-Identifier: Apache-2.0
"""What a delivery holds: which table and period each file is, which files are read together. Looks at names and sizes; opens nothing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import BadInput
from rempart.ingest.declaration import FILE
from rempart.ingest.schema import TableSchema, words_of
from rempart.ingest.units import DeliveredFile, Note, Unit, UnitFile, unit_of

_ENDING = re.compile(r"\.(csv|csv\.gz|parquet)$", re.IGNORECASE)
_YEAR = r"(?:19|20)\d{2}"
_PERIODS = {
    "none": "",
    "month": rf"_(?P<period>{_YEAR}(?:(?:0[1-9]|1[0-2]))?)",
    "year": rf"_(?P<period>{_YEAR})",
}
# Six figures that would be a year and a month, were there such a month.
_NO_MONTH = re.compile(rf"^(?:ER|NS|VAC)_\w*_{_YEAR}(?:00|1[3-9]|[2-9]\d)(?:_\w+)?\.", re.IGNORECASE)
_CENTURY = 2000
# A product of which every file names its own: the name stands between the table's name and the period.
_NAMED = "environment"
# No line of column names is longer, in bytes.
_HEADER = 1 << 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The units, in the order in which they are read, and names of files that are no table (left alone)."""

    units: tuple[Unit, ...]
    other: tuple[str, ...]

    @property
    def files(self) -> tuple[UnitFile, ...]:
        """Every file of every unit."""
        return tuple(found for unit in self.units for found in unit.files)


def survey(files: Iterable[DeliveredFile], schema: Mapping[str, TableSchema]) -> Survey:
    """Name every file and unit; raises BadInput ``delivery-unknown-table``, ``delivery-period``, ``delivery-twice``,
    ``delivery-content-twice``, ``delivery-table-missing``, ``delivery-forms-mixed``."""
    patterns = _patterns(schema)
    found: dict[tuple[str, str], list[UnitFile]] = {}
    other = []
    for file in sorted(files, key=lambda file: file.name):
        if not _ENDING.search(file.name):
            other.append(file.name)
            continue
        product, known = _recognise(file, patterns)
        found.setdefault((product, known.period), []).append(known)
    _refuse_twice(known for group in found.values() for known in group)
    order = list(dict.fromkeys(table.product for table in schema.values()))
    units = [_unit(schema, product, period, group) for (product, period), group in found.items()]
    units.sort(key=lambda unit: (order.index(_product_of(unit)), unit.product, unit.period))
    return Survey(units=tuple(units), other=tuple(name for name in other if name != FILE))


def schema_notes(unit: Unit) -> tuple[Note, ...]:
    """Whether a unit's year came after what our schemas tell of its tables, and no operator told more: one note a unit."""
    late = [found.table for found in unit.files if 0 < found.table.known_to < unit.year]
    return ((f"schema-of-{late[0].known_to}", late[0].name, str(unit.year)),) if late else ()


def _product_of(unit: Unit) -> str:
    return unit.files[0].table.product


def _unit(schema: Mapping[str, TableSchema], product: str, period: str, files: Sequence[UnitFile]) -> Unit:
    words = words_of(schema, files[0].table.product)
    forms = {found.table.form for found in files}
    if len(forms) > 1 and files[0].table.flow:
        raise BadInput("delivery-forms-mixed", file=files[-1].file.name)
    given = {found.table.word for found in files}
    for table in schema.values():
        if (
            table.required
            and table.product == files[0].table.product
            and table.form in forms
            and table.word not in given
        ):
            raise BadInput("delivery-table-missing", table=table.name)
    return unit_of(product, period, files, words)


def _patterns(schema: Mapping[str, TableSchema]) -> list[tuple[TableSchema, re.Pattern[str]]]:
    """The longest name first: one table's name may begin like another's."""
    ordered = sorted(schema.values(), key=lambda table: -len(table.name))
    return [(table, _pattern(table)) for table in ordered]


def _pattern(table: TableSchema) -> re.Pattern[str]:
    if table.period == "year" and "aa" in table.name:
        stem = "(?P<short>[0-9]{2})".join(re.escape(part) for part in table.name.split("aa"))
    else:
        named = r"_(?P<name>[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*?)" if table.product == _NAMED else ""
        stem = re.escape(table.name) + named + _PERIODS[table.period]
    return re.compile(rf"{stem}(?:_(?P<suffix>\w+))?\.(csv|csv\.gz|parquet)", re.IGNORECASE)


def _recognise(file: DeliveredFile, patterns: Iterable[tuple[TableSchema, re.Pattern[str]]]) -> tuple[str, UnitFile]:
    for table, pattern in patterns:
        found = pattern.fullmatch(file.name)
        if found:
            given = found.groupdict()
            short = given.get("short")
            period = str(_CENTURY + int(short)) if short else given.get("period") or ""
            name = given.get("name")
            known = UnitFile(file=file, table=table, period=period, suffix=given.get("suffix") or "")
            return (f"{table.product}/{name.lower()}" if name else table.product), known
    if _NO_MONTH.search(file.name):
        raise BadInput("delivery-period", file=file.name, expected="YYYYMM, 01-12")
    raise BadInput("delivery-unknown-table", file=file.name)


def _refuse_twice(known: Iterable[UnitFile]) -> None:
    names: dict[tuple[str, ...], str] = {}
    for found in known:
        content = (found.table.id, found.file.sha256)
        marks: list[tuple[str, ...]] = [(_ENDING.sub("", found.file.name).lower(),)]
        # Two files without a single line are alike; so much text holds lines. The reader sees the lines of the shorter ones.
        marks += [content] if found.file.size > _HEADER else []
        for mark in marks:
            if mark in names:
                if mark == content:
                    raise BadInput("delivery-content-twice", file=found.file.name, other=names[mark])
                raise BadInput("delivery-twice", file=found.file.name, other=names[mark])
            names[mark] = found.file.name
