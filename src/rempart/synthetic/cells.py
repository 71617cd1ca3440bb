# SPDX-License-Identifier: Apache-2.0
"""Columns of text made late and a file at a time: a ``Frame`` gives, for a plain word and some rows, the texts of a column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rempart.synthetic.plan import Calendar, DeliveryFile, Ints, SyntheticPlan

Rows = slice
Cell = Callable[[Rows], pa.Array]
Frame = Mapping[str, Cell]


def words_of(texts: Iterable[str]) -> pa.Array:
    """Texts as a column of their own, made once where many files take from it."""
    return pa.array(np.asarray(texts if isinstance(texts, np.ndarray) else list(texts), dtype=object), type=pa.string())


def coded(texts: Iterable[str] | pa.Array, numbers: Ints) -> Cell:
    """``texts[number]`` of each row."""
    words = texts if isinstance(texts, pa.Array) else words_of(texts)
    return lambda rows: words.take(pa.array(np.asarray(numbers[rows], dtype=np.int64)))


def given(texts: Any) -> Cell:
    """Texts as they are, one a row."""
    return lambda rows: pa.array(np.asarray(texts[rows], dtype=object), type=pa.string())


def counted(numbers: Ints, width: int = 0) -> Cell:
    """Whole numbers, with leading zeros up to ``width``."""
    if width:
        return lambda rows: pc.utf8_lpad(pa.array(numbers[rows]).cast(pa.string()), width, "0")
    return lambda rows: pa.array(numbers[rows]).cast(pa.string())


def money(cents: Ints) -> Cell:
    """Cents as a decimal with two places."""
    unique, inverse = np.unique(cents, return_inverse=True)
    return coded([f"{'-' if c < 0 else ''}{abs(c) // 100}.{abs(c) % 100:02d}" for c in unique.tolist()], inverse)


def dated(calendar: Calendar, days: Ints) -> Cell:
    """ISO dates; the negative day numbers of the calendar give its sentinels."""
    offset = len(calendar.texts) - len(calendar.years)
    return lambda rows: calendar.words.take(pa.array(days[rows] + offset))


def monthly(months: Ints) -> Cell:
    """YYYYMM of months counted from year 0; 0 gives the empty text."""
    unique, inverse = np.unique(months, return_inverse=True)
    return coded([f"{m // 12:04d}{m % 12 + 1:02d}" if m else "" for m in unique.tolist()], inverse)


def taken(cell: Cell, row: Ints) -> Cell:
    """A cell of other rows, as many times as they are repeated."""
    return lambda rows: cell(slice(0, None)).take(pa.array(row[rows]))


class Layouts:
    """The layout file: which columns a table has in a year, and how its files are named."""

    def __init__(self, plan: SyntheticPlan) -> None:
        self.tables: Mapping[str, Any] = plan.tables["layouts"]["tables"]
        whole = plan.tables["layouts_whole"]
        self.more: Mapping[str, Any] = whole["more"] if plan.whole else {}
        if plan.whole:
            self.tables = {**self.tables, **whole["tables"]}
        if plan.leaks:
            self.more = {**self.more, **whole["leaks"]}
        self.keys = whole["keys"]

    def columns(self, table: str) -> list[Sequence[Any]]:
        """Every column of a table: name, type, word, first and last year."""
        layout = self.tables[table]
        columns = self.tables[layout["like"]]["columns"] if "like" in layout else layout["columns"]
        keys = self.keys if layout.get("keyed") else []
        return [_parsed(column) for column in [*keys, *columns, *self.more.get(table, [])]]

    def known(self, table: str, year: int) -> bool:
        """Whether a table exists in a year."""
        return bool(year >= self.tables[table].get("first", 0))

    def file(
        self, table: str, frame: Frame, rows: Rows, period: str = "", suffix: str = "", variant: str = ""
    ) -> DeliveryFile:
        """Write the rows of one file of a table."""
        layout = self.tables[table]
        columns = [c for c in self.columns(table) if not period or _exists(c, int(period[:4]))]
        size = rows.stop - rows.start
        arrays = [_column(column, frame, rows, size) for column in columns]
        header = tuple(str(column[0]) for column in columns)
        return DeliveryFile(
            name=f"{_stem(layout['name'], period)}{suffix}.csv.gz", table=layout["name"], header=header,
            columns=pa.table(arrays, names=list(header)), period=period, variant=variant,
        )  # fmt: skip


def _parsed(column: Sequence[Any] | str) -> Sequence[Any]:
    """``NAME word`` or ``NAME word 2009-2018`` as a list of its parts."""
    if not isinstance(column, str):
        return column
    name, word, *years = column.split()
    first, _, last = years[0].partition("-") if years else ("", "", "")
    return [name, "text", word, int(first) if first else None, int(last) if last else None]


def _exists(column: Sequence[Any], year: int) -> bool:
    first, last, *_ = (*column[3:], None, None)
    return (first is None or year >= first) and (last is None or year <= last)


def _column(column: Sequence[Any], frame: Frame, rows: Rows, size: int) -> pa.Array:
    word = column[2]
    if word.startswith("="):
        return pa.array(np.full(size, word[1:], dtype=object), type=pa.string())
    return frame[word](rows)


def _stem(name: str, period: str) -> str:
    if "aa" in name:
        return name.replace("aa", period[2:4])
    return f"{name}_{period}" if period else name
