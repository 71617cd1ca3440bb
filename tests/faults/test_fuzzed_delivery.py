# SPDX-License-Identifier: Apache-2.0
"""A thousand random corruptions of delivered bytes, columns and values: none crashes the reader, none is read as what it is not.

What is refused names the file. What is read is compared, value by value, with a second reading of the same corrupted bytes: the csv
module and the kinds of the schema's columns, written out again here in Python.
"""

import csv
import datetime
import gzip
import hashlib
import io
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.delivery_reader import unit_parts
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.ingest.schema import Column, TableSchema
from rempart.ingest.survey import survey
from rempart.ingest.units import DeliveredFile
from tests.small_delivery import card, chain, claim, condition, known, pack, stay

CORRUPTIONS, SEED = 1_000, 20_260_101
LINES = 12
LARGEST = {"number": 1e9, "whole": 2e9}
Rows = list[list[str]]
ODD = (
    "", " ", "1.0E+12", "NaN", "inf", "-1", "+5", "0x10", "1e3", "1_0", "2.0", "2.5", "9999-99-99", "2015-13-01", "2015/02/10", "20150210",
    "epoch", "10-02-2015", "x" * 300, "é", "é" * 17, "1;2", '"', '"a;b"', "a\tb", "\x1b", "\x00", "NULL", "0", "1600-01-01", "0001-01-01",
    "3999-01-01", " C67 ", "c.67", "2A1", "A", "99999999999999999999", "0215-02-10", "1,5", "\r", "02 ", "--", "1e400", "٣",
    "1e15", "1000000000000000", "-99999999999", "9" * 30, "1e9", "1e-9", "75", '""',
)  # fmt: skip


def _table(make: Callable[..., dict[str, str]], **each: Callable[[int], str]) -> Rows:
    rows = [make() | {name: value(number) for name, value in each.items()} for number in range(LINES)]
    return [list(rows[0]), *(list(row.values()) for row in rows)]


FILES: dict[str, Rows] = {
    "IR_BEN_R.csv": _table(card, BEN_NIR_PSA=lambda n: f"{n:017d}"),
    "IR_IMB_R.csv": _table(condition, MED_MTF_COD=lambda n: f"E{n} "),
    "ER_PRS_F_201503.csv": _table(lambda: claim(1), PRS_ORD_NUM=str, ORG_AFF_BEN=lambda n: "01C"),
    "ER_PHA_F_201503.csv": _table(lambda: pack(1), PRS_ORD_NUM=str),
    "T_MCO15C.csv": _table(chain, RSA_NUM=str),
    "T_MCO15B.csv": _table(stay, RSA_NUM=str),
}
TOGETHER = {
    "ER_PHA_F_201503.csv": ("ER_PRS_F_201503.csv",),
    "T_MCO15C.csv": ("T_MCO15B.csv",),
    "T_MCO15B.csv": ("T_MCO15C.csv",),
}


def _bytes(rows: Rows, separator: str = ";") -> bytes:
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def corrupt_bytes(draw: random.Random, rows: Rows) -> bytes:
    data = bytearray(_bytes(rows))
    at, length = draw.randrange(len(data)), draw.randrange(1, 60)
    kind = draw.randrange(8)
    if kind == 0:
        data[at] = draw.randrange(256)
    elif kind == 1:
        data[at:at] = bytes([draw.choice([0x22, 0x3B, 0x0A, 0x0D, 0x00, 0xE9, 0xC3, 0x1B, 0x2E, 0x45])])
    elif kind == 2:
        del data[at : at + length]
    elif kind == 3:
        data[at:at] = data[at : at + length]
    elif kind == 4:
        del data[at:]
    elif kind == 5:
        for _ in range(2):
            data[draw.randrange(len(data))] = 0x22
    elif kind == 6:
        zipped = bytearray(gzip.compress(bytes(data), mtime=0))
        zipped[draw.randrange(len(zipped))] ^= 1 << draw.randrange(8)
        return bytes(zipped)
    else:
        data[at : at + length] = draw.randbytes(length)
    return bytes(data)


def quoted_empties(draw: random.Random, rows: Rows) -> bytes:
    """An empty value between quotes, mostly with a quote opened in one line and closed in a later one, of the same column."""
    rows = [list(row) for row in rows]
    extra = draw.random() < 0.7
    if extra:
        rows = [[*row, "NEW_COL" if number == 0 else "01"] for number, row in enumerate(rows)]
    at = len(rows[0]) - 1 if extra else draw.randrange(len(rows[0]))
    rows[draw.randrange(1, len(rows))][draw.randrange(len(rows[0]))] = '""'
    if draw.random() < 0.4:
        return _bytes(rows)
    first, last = sorted(draw.sample(range(1, len(rows)), 2))
    rows[first][at], rows[last][at] = f'"{rows[first][at]}', f'{rows[last][at]}"'
    return _bytes(rows)


def corrupt_columns(draw: random.Random, rows: Rows) -> bytes:
    rows = [list(row) for row in rows]
    at, other = draw.sample(range(len(rows[0])), 2)
    line, kind = draw.randrange(1, len(rows)), draw.randrange(7)
    if kind == 0:
        rows = [row[:at] + row[at + 1 :] for row in rows]
    elif kind == 1:
        rows = [[*row, row[at]] for row in rows]
    elif kind == 2:
        rows[0][at], rows[0][other] = rows[0][other], rows[0][at]
    elif kind == 3:
        rows[0][at] += "X"
    elif kind == 4:
        rows = [[*row, "NEW_COL" if number == 0 else draw.choice(ODD[:8])] for number, row in enumerate(rows)]
    elif kind == 5:
        rows[line] = [rows[line][-1], *rows[line][:-1]]
    else:
        rows[line][at], rows[line][other] = rows[line][other], rows[line][at]
    return _bytes(rows, draw.choice(";;;,"))


def corrupt_values(draw: random.Random, rows: Rows) -> bytes:
    rows = [list(row) for row in rows]
    for _ in range(draw.choice([1, 1, 3])):
        rows[draw.randrange(1, len(rows))][draw.randrange(len(rows[0]))] = draw.choice(ODD)
    return _bytes(rows)


CORRUPT = (corrupt_bytes, corrupt_columns, corrupt_values, quoted_empties)


def decoded(data: bytes) -> str:
    """As text: UTF-8, else Latin-1."""
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def second_reading(data: bytes, table: TableSchema) -> list[dict[str, Any]]:
    """The rows by the csv module; raises ValueError where a value may not stand there."""
    text = decoded(data)
    first = text.split("\n", 1)[0]
    separator = max(";,", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    header = [name.strip().strip('"').upper() for name in rows[0]]
    made = [dict(zip(header, row, strict=True)) for row in rows[1:]]
    free = {name for name, column in table.columns.items() if column.kind == "text" and not column.widths}
    if any("\n" in value for row in made for name, value in row.items() if name not in free):
        raise ValueError("lines swallowed")
    return [_row(row, table) for row in made]


def _row(row: dict[str, str], table: TableSchema) -> dict[str, Any]:
    for name in table.key:
        if name in row:
            canonical(table.columns[name], row[name])
    made = {}
    for name in table.made:
        source = name if name in row else table.renamed.get(name, "")
        if source in row and source in table.columns:
            made[name] = canonical(table.columns[source], row[source])
    return made


def canonical(column: Column, text: str) -> Any:
    """What ``schemas/format.toml`` says of the kinds, again."""
    text = text.strip(" ")
    if not text:
        if column.filled:
            raise ValueError("empty")
        return None
    if column.kind != "text" and (not text.isascii() or not text.isprintable()):
        raise ValueError("no code")
    return KINDS[column.kind](column, text)


def _place(column: Column, text: str) -> str | None:
    if len(text) > max(column.widths):
        raise ValueError("width")
    return text.zfill(max(column.widths)) if text.isdigit() else text.replace(".", "").upper() or None


def _id(column: Column, text: str) -> str:
    if len(text) not in column.widths or "." in text:
        raise ValueError("identifier")
    return text


def _key(column: Column, text: str) -> str:
    form = r"\d+" if column.kind == "serial" else r"\d+|\d{1,2}[AB]\d+"
    if len(text) > max(column.widths) or not re.fullmatch(form, text, re.ASCII):
        raise ValueError("key")
    padded = text.zfill(max(column.widths))
    return padded[-min(column.widths) :] if column.kind == "tail" else padded


def _code(column: Column, text: str) -> str | None:
    if column.widths and len(text) > max(column.widths):
        raise ValueError("width")
    if column.kind == "text":
        return text
    bare = text.replace(".", "").upper()
    formed = not column.shape or re.fullmatch(known().format.shapes[column.shape].pattern, bare)
    return bare if bare and formed else None


def _day(_: Column, text: str) -> datetime.date | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("day")
    day = datetime.date.fromisoformat(text)
    if day.year in (1, 1600):
        return None
    if not 1800 <= day.year <= 2199:
        raise ValueError("day")
    return day


def _number(column: Column, text: str) -> float | int:
    value = float(text)
    if (
        set(text) & set("eE_")
        or not abs(value) <= LARGEST[column.kind]
        or (column.kind == "whole" and value != int(value))
    ):
        raise ValueError("number")
    return int(value) if column.kind == "whole" else value


KINDS: dict[str, Callable[[Column, str], Any]] = {
    "id": _id, "key": _key, "serial": _key, "tail": _key, "code": _code, "place": _place, "text": _code, "day": _day, "dayKey": _day,
    "whole": _number, "number": _number,
}  # fmt: skip


def _given(folder: Path, name: str, data: bytes) -> DeliveredFile:
    (folder / name).write_bytes(data)
    return DeliveredFile(name=name, path=str(folder / name), size=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.slow
def test_a_thousand_corruptions_are_refused_by_name_or_read_as_they_stand(tmp_path: Path) -> None:
    draw, query = random.Random(SEED), DuckDBQuery(threads=1, memory_limit="1GB")
    told = {"refused": 0, "read": 0, "quarantined": 0}
    try:
        for turn in range(CORRUPTIONS):
            name = draw.choice(list(FILES))
            data = draw.choice(CORRUPT)(draw, FILES[name])
            told[outcome(query, tmp_path, name, data, turn)] += 1
    finally:
        query.close()
    assert told["refused"] > CORRUPTIONS // 4, told
    assert told["read"] > CORRUPTIONS // 10, told


def outcome(query: DuckDBQuery, folder: Path, name: str, data: bytes, turn: int) -> str:
    """Read one corrupted file with what must stand beside it."""
    given = [_given(folder, name, data)]
    given += [_given(folder, other, _bytes(FILES[other])) for other in TOGETHER.get(name, ())]
    (unit,) = survey(given, known().tables).units
    (table,) = [found.table for found in unit.files if found.file.name == name]
    try:
        for part in unit_parts(query, unit, known()):
            left_out = sum(count for (_, _, kind), count in part.quarantine.items() if kind == "lines")
            rows = query.table(f"SELECT * FROM unit_{table.word}").to_pylist()
    except BadInput as error:
        assert error.facts.get("file") == name, (turn, error)
        assert not any(cell in str(error) for cell in ("AAAAAAAAAAAAAAAA1", "1.0E+12", "xxxx")), (turn, error)
        return "refused"
    expected = second_reading(data, table)
    if left_out:
        assert len(rows) == len(expected) - left_out, turn
        return "quarantined"
    assert [{key: row[key] for key in made} for row, made in zip(rows, expected, strict=True)] == expected, (turn, name)
    return "read"
