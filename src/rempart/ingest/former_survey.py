# SPDX-License-Identifier: Apache-2.0
"""The one-shot way: what a delivery holds: which table and period each file is. Looks at names and sizes only; opens nothing."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.errors import BadInput
from rempart.ingest.former_schema import TableSchema
from rempart.ingest.units import DeliveredFile

_ENDING = re.compile(r"\.csv(\.gz)?$", re.IGNORECASE)
_PERIODS = {
    "none": "",
    "month": r"_(?P<period>(?:19|20)\d{2}(?:0[1-9]|1[0-2]))",
    "year": r"_(?P<period>(?:19|20)\d{2})",
}
_CENTURY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedFile:
    """A file whose table is known. ``period``: '' or YYYY or YYYYMM; ``suffix``: what follows the period in the name."""

    file: DeliveredFile
    table: TableSchema
    period: str
    suffix: str

    @property
    def year(self) -> int:
        """The year whose columns apply; 0 where the table has no period."""
        return int(self.period[:4] or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a loader staged: the header that the files share, and each file's lines, in the order of the files given."""

    header: tuple[str, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The files in loading order, and names of files that are no table (left alone)."""

    files: tuple[SurveyedFile, ...]
    other: tuple[str, ...]

    def of(self, word: str) -> tuple[SurveyedFile, ...]:
        """Files of one table."""
        return tuple(found for found in self.files if found.table.word == word)

    @property
    def years(self) -> tuple[int, int]:
        """First and last year delivered: those of the yearly tables, whose year is the year of care (of discharge).

        Monthly tables are named after the month a line became available, which runs on after the care.
        """
        yearly = [found.year for found in self.files if found.table.period == "year" and found.table.required]
        return min(yearly), max(yearly)


def survey(files: Iterable[DeliveredFile], schema: Mapping[str, TableSchema]) -> Survey:
    """Name every file; raises BadInput ``delivery-unknown-table``, ``delivery-twice``, ``delivery-table-missing``."""
    patterns = {word: _pattern(table) for word, table in schema.items()}
    known, other = [], []
    for file in sorted(files, key=lambda file: file.name):
        if not _ENDING.search(file.name):
            other.append(file.name)
            continue
        known.append(_recognise(file, schema, patterns))
    _refuse_twice(known)
    for table in schema.values():
        if table.required and not any(found.table.word == table.word for found in known):
            raise BadInput("delivery-table-missing", table=table.name)
    order = list(schema)
    known.sort(key=lambda found: (order.index(found.table.word), found.period, found.suffix))
    return Survey(files=tuple(known), other=tuple(other))


def _pattern(table: TableSchema) -> re.Pattern[str]:
    if table.period == "year" and "aa" in table.name:
        stem = "(?P<short>[0-9]{2})".join(re.escape(part) for part in table.name.split("aa"))
    else:
        stem = re.escape(table.name) + _PERIODS[table.period]
    return re.compile(rf"{stem}(?:_(?P<suffix>\w+))?\.csv(\.gz)?", re.IGNORECASE)


def _recognise(
    file: DeliveredFile, schema: Mapping[str, TableSchema], patterns: Mapping[str, re.Pattern[str]]
) -> SurveyedFile:
    # The longest name first: one table's name may begin like another's.
    for word in sorted(schema, key=lambda word: -len(schema[word].name)):
        found = patterns[word].fullmatch(file.name)
        if found:
            given = found.groupdict()
            short = given.get("short")
            period = str(_CENTURY + int(short)) if short else given.get("period") or ""
            return SurveyedFile(file=file, table=schema[word], period=period, suffix=given.get("suffix") or "")
    raise BadInput("delivery-unknown-table", file=file.name)


def _refuse_twice(known: Iterable[SurveyedFile]) -> None:
    names: dict[tuple[str, str, str], str] = {}
    contents: dict[tuple[str, str, str], str] = {}
    for found in known:
        name = (found.table.word, found.period, found.suffix)
        content = (found.table.word, found.period, found.file.sha256)
        other = names.get(name) or contents.get(content)
        if other:
            raise BadInput("delivery-twice", file=found.file.name, other=other)
        names[name] = contents[content] = found.file.name
