# SPDX-License-Identifier: Apache-2.0
"""Tables that a researcher's own code wrote: their shape, cells that a spreadsheet would compute, rows that look like persons, and what
each column holds, for the eyes of checkers."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.disclosure.file_findings import FileFinding, found
from rempart.disclosure.file_text import too_long

_PLAIN = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?%?", re.ASCII)
_COMMA = re.compile(r"-?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?%?", re.ASCII)
_WHOLE = re.compile(r"[0-9]+", re.ASCII)
_COMPUTED = re.compile(r"(?:^|[;,|\t])[\s\"']*[=+@-]")
_WORDS = re.compile(r"[\s_.\-()]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``mark``: between cells; ``names``: the first row; ``rows``: the others, each as long."""

    mark: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, at: int) -> list[str]:
        """The cells of a column."""
        return [row[at] for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a checker reads first of a column. ``hidden``: cells that are empty or say that something is withheld; ``fives``, ``sixes``,
    ``midpoints``: whether all whole numbers are multiples of 5, of 6, or 0 and midpoints between multiples of 6."""

    name: str
    type: str
    hidden: int
    distinct: int
    least: float | None = None
    least_above_zero: float | None = None
    most: float | None = None
    total: float | None = None
    fives: bool = False
    sixes: bool = False
    midpoints: bool = False


def read_table(lines: Sequence[str], *, tabs: bool) -> Table | None:
    """The table in these lines, None when they are none. The mark is a tab, else the comma, else the semicolon of French tables."""
    if not lines:
        return None
    mark = "\t" if tabs else ";" if ";" in lines[0] and "," not in lines[0] else ","
    try:
        rows = [tuple(cell.strip() for cell in row) for row in csv.reader(lines, delimiter=mark, strict=True)]
    except csv.Error:
        return None
    names = rows[0]
    if len(rows) != len(lines) or any(len(row) != len(names) for row in rows):
        return None
    if len({name.lower() for name in names}) != len(names) or not any(names):
        return None
    return Table(mark=mark, names=names, rows=tuple(rows[1:]))


def written(table: Table) -> bytes:
    """The table in its one form: quotes only where they are needed, one line end."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=table.mark, lineterminator="\n")
    writer.writerows([table.names, *table.rows])
    return out.getvalue().encode()


def table_findings(table: Table, rules: Mapping[str, Any], *, units: int) -> tuple[FileFinding, ...]:
    """What speaks against a table beside its text; each rule once, at the first column that breaks it."""
    limits = rules["limits"]
    if len(table.rows) > limits["rows"] or len(table.names) > limits["columns"]:
        return (found("rows", rules),)
    first: dict[str, FileFinding] = {}
    for at, name in enumerate(table.names):
        for rule in _of_column(name, table.column(at), table.mark, rules):
            first.setdefault(rule, found(rule, rules, f"column {at + 1}"))
    if _row_level(table, rules, units):
        first.setdefault("row-level", found("row-level", rules))
    return tuple(first.values())


def _of_column(name: str, cells: Sequence[str], mark: str, rules: Mapping[str, Any]) -> Iterator[str]:
    limits, filled = rules["limits"], [cell for cell in cells if not _hidden(cell, rules)]
    if any(len(cell) > limits["cell"] for cell in (name, *cells)):
        yield "lines"
    if any(computed(cell, mark) for cell in (name, *filled)):
        yield "formula"
    if _of_persons(name, rules["columns"]):
        yield "person-column"
    numbers = [cell for cell in filled if _number(cell, mark) is not None]
    if any(too_long(cell.rstrip("%"), limits) for cell in numbers):
        yield "long-number"
    small = any(1 <= int(cell) < rules["threshold"]["persons"] for cell in numbers if _WHOLE.fullmatch(cell))
    if small:
        yield "small-count" if named(name, rules["columns"]["count"]) else "small-number"


def computed(cell: str, mark: str) -> bool:
    """Whether a spreadsheet would take the cell, or a part of it between other marks, for a formula."""
    return _number(cell, mark) is None and _COMPUTED.search(cell) is not None


def named(name: str, names: Sequence[str]) -> bool:
    """Whether a column has one of these names, or a word of its name is one."""
    low = name.strip().lower()
    return low in names or any(word in names for word in _WORDS.split(low) if word)


def _of_persons(name: str, columns: Mapping[str, Sequence[str]]) -> bool:
    return (
        name.strip().lower() in columns["person"]
        or named(name, columns["person_words"])
        or named(name, columns["birth"])
    )


def _hidden(cell: str, rules: Mapping[str, Any]) -> bool:
    return cell.lower() in rules["columns"]["hidden"]


def _number(cell: str, mark: str) -> float | None:
    """The number that a cell is; with a decimal comma where the mark is a semicolon."""
    if _PLAIN.fullmatch(cell):
        return float(cell.rstrip("%"))
    if mark == ";" and _COMMA.fullmatch(cell):
        return float(cell.rstrip("%").replace(",", "."))
    return None


def _row_level(table: Table, rules: Mapping[str, Any], units: int) -> bool:
    """As many rows as persons; a column that tells nearly every row from the others and is no scale; or rows that stand twice. A table
    whose counts are all large enough is one of groups, whatever its labels are."""
    limits, many = rules["limits"], len(table.rows)
    if units and many >= max(units, 2):
        return True
    if many < limits["row_level"] or _of_groups(table, rules):
        return False
    index = rules["columns"]["index"]
    kept = [at for at, name in enumerate(table.names) if name.strip().lower() not in index]
    if any(_tells_apart(table.names[at], table.column(at), rules) for at in kept):
        return True
    twice = many - len({tuple(row[at] for at in kept) for row in table.rows})
    return bool(twice > limits["repeated"] * many)


def _of_groups(table: Table, rules: Mapping[str, Any]) -> bool:
    """Whether a column that is named a count holds one that is large enough in every row, or says that it is withheld."""
    least = rules["threshold"]["persons"]
    for at, name in enumerate(table.names):
        shown = [cell for cell in table.column(at) if not _hidden(cell, rules)]
        large = bool(shown) and all(_WHOLE.fullmatch(cell) and not 0 < int(cell) < least for cell in shown)
        if large and named(name, rules["columns"]["count"]):
            return True
    return False


def _tells_apart(name: str, cells: Sequence[str], rules: Mapping[str, Any]) -> bool:
    """Nearly all cells differ, and they are whole numbers or words: what a code of a person is. A scale is named one, and goes up."""
    if len(set(cells)) < rules["limits"]["distinct"] * len(cells):
        return False
    if named(name, rules["columns"]["scale"]):
        numbers = [int(cell) for cell in cells if _WHOLE.fullmatch(cell)]
        return numbers != sorted(numbers) if len(numbers) == len(cells) else list(cells) != sorted(cells)
    return all(_WHOLE.fullmatch(cell) for cell in cells) or not any(_PLAIN.fullmatch(cell) for cell in cells)


def columns_of(table: Table, rules: Mapping[str, Any]) -> tuple[Column, ...]:
    """What each column holds."""
    return tuple(_column(name, table.column(at), table.mark, rules) for at, name in enumerate(table.names))


def _column(name: str, cells: Sequence[str], mark: str, rules: Mapping[str, Any]) -> Column:
    filled = [cell for cell in cells if not _hidden(cell, rules)]
    values = [value for cell in filled if (value := _number(cell, mark)) is not None]
    hidden, distinct = len(cells) - len(filled), len(set(filled))
    if len(values) < len(filled) or not filled:
        return Column(name=name, type="text" if filled else "empty", hidden=hidden, distinct=distinct)
    whole = all(value == int(value) for value in values)
    above = [value for value in values if value > 0]
    return Column(
        name=name,
        type="whole" if whole else "number",
        hidden=hidden,
        distinct=distinct,
        least=min(values),
        least_above_zero=min(above) if above else None,
        most=max(values),
        total=sum(values),
        fives=whole and all(value % 5 == 0 for value in values),
        sixes=whole and all(value % 6 == 0 for value in values),
        midpoints=whole and all(value == 0 or value % 6 == 3 for value in values),
    )
