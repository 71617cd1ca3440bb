# SPDX-License-Identifier: Apache-2.0
"""However a delivery is written, its units hold the same rows; however a row is written, its canonical form is the one counted by hand.

The count by hand is of plain Python over the csv module's rows; it knows nothing of the reader.
"""

import csv
import datetime
import gzip
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.small_delivery import Row, Tables, card, certificate, claim, condition, pack, whole, write
from tests.small_units import UnitsRead, read_units

LINES = 400


def many(seed: int) -> Tables:
    """A delivery with some hundred lines of the tables that come in months, written with every liberty that is allowed."""
    draw = random.Random(seed)
    tables = whole()
    tables["IR_BEN_R"] = [card(BEN_NIR_PSA=f"{number:017d}", BEN_DCD_DTE=_day(draw)) for number in range(40)]
    tables["ER_PRS_F_201503"] = [_claim(draw, number) for number in range(LINES)]
    tables["ER_PHA_F_201503"] = [_pack(draw, number) for number in range(0, LINES, 3)]
    tables["IR_IMB_R"] = [condition(MED_MTF_COD=draw.choice(["E11  ", "c67.9", " I10", ""])) for _ in range(50)]
    tables["KI_CCI_R_2015"] = [
        certificate(DCD_IDT_ENC=f"{number:064d}", DCD_LIE_LIB="été à Nîmes") for number in range(9)
    ]
    return tables


def _day(draw: random.Random) -> str:
    return draw.choice(["1600-01-01", "0001-01-01", "", "2015-11-20", "1987-02-28"])


def _claim(draw: random.Random, number: int) -> Row:
    padded = draw.choice([str(number), f"{number:05d}", f"{number:08d}"])
    return claim(number) | {
        "PRS_ORD_NUM": padded, "BEN_RNG_GEM": draw.choice(["1", "01"]), "PRE_PRE_DTD": _day(draw),
        "PRS_NAT_REF": draw.choice(["1111", "3313", "17"]), "PRS_ACT_QTE": draw.choice(["1", "-1", "2.0", "0.5", ""]),
        "BEN_RES_DPT": draw.choice(["075", "02a", "2A"]), "ETB_PRE_FIN": draw.choice(["", "1000999", "2A000999"]),
    }  # fmt: skip


def _pack(draw: random.Random, number: int) -> Row:
    return pack(number) | {
        "PRS_ORD_NUM": draw.choice([str(number), f"{number:03d}"]),
        "PHA_ACT_QSN": draw.choice(["1", "-2"]),
    }


def _plain(folder: Path, tables: Tables) -> None:
    write(folder, tables)


def _again(change: Callable[[Path, list[list[str]]], None]) -> Callable[[Path, Tables], None]:
    """Write plainly, then every file again in another form."""

    def written(folder: Path, tables: Tables) -> None:
        write(folder, tables)
        for path in sorted(folder.glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.reader(stream, delimiter=";"))
            path.unlink()
            change(path, rows)

    return written


def _text(rows: Iterable[Iterable[str]], separator: str = ";", end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in rows)


def _zip(path: Path, rows: list[list[str]]) -> None:
    half = len(rows) // 2
    members = (_text(part).encode() for part in (rows[:half], rows[half:]))
    path.with_name(path.name + ".gz").write_bytes(b"".join(gzip.compress(part) for part in members if part))


def _quote(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=",", quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)


def _split(path: Path, rows: list[list[str]]) -> None:
    for number in range(3):
        part = rows[1 + number :: 3]
        path.with_name(f"{path.stem}_{number}.csv").write_text(_text([rows[0], *part]), encoding="utf-8")


def _parquet(path: Path, rows: list[list[str]]) -> None:
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(rows[0])
    table = pa.table({name: pa.array(values, pa.string()) for name, values in zip(rows[0], columns, strict=True)})
    pq.write_table(_typed(table), path.with_suffix(".parquet"), row_group_size=37)


def _typed(table: pa.Table) -> pa.Table:
    """Some columns as a database would have typed them."""
    for name, kind in (("FLX_DIS_DTD", pa.date32()), ("FLX_TRT_DTD", pa.timestamp("ms")), ("DCT_ORD_NUM", pa.int64())):
        if name in table.column_names:
            values = table.column(name).cast(pa.date32()) if name.endswith("DTD") else table.column(name)
            table = table.set_column(table.column_names.index(name), name, values.cast(kind))
    return table


FORMS: dict[str, Callable[[Path, Tables], None]] = {
    "Latin-1": _again(lambda path, rows: path.write_bytes(_text(rows).encode("latin-1")) and None),
    "commas": _again(lambda path, rows: path.write_text(_text(rows, ","), encoding="utf-8") and None),
    "all quoted, commas, other line ends": _again(_quote),
    "byte order mark, no last line end": _again(lambda p, rows: p.write_text("\ufeff" + _text(rows).rstrip("\n"), "utf-8") and None),
    "gzip in two members": _again(_zip),
    "three files a table": _again(_split),
    "Parquet with types": _again(_parquet),
    "small letters in the header, columns in another order": _again(
        lambda path, rows: path.write_text(_text([[n.lower() for n in reversed(rows[0])], *(r[::-1] for r in rows[1:])]), "utf-8") and None
    ),
}  # fmt: skip


def counted(found: UnitsRead) -> dict[str, Counter[tuple[Any, ...]]]:
    """Rows without order."""
    return {word: Counter(tuple(row.items()) for row in rows) for word, rows in found.rows.items()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, UnitsRead]:
    """A delivery and its rows, read from plain files."""
    tables, folder = many(5), tmp_path_factory.mktemp("plain")
    _plain(folder, tables)
    return tables, read_units(folder)


@pytest.mark.parametrize("form", FORMS)
def test_the_rows_are_the_same_in_every_form(form: str, usual: tuple[Tables, UnitsRead], tmp_path: Path) -> None:
    tables, expected = usual
    FORMS[form](tmp_path / "d", tables)
    found = read_units(tmp_path / "d")
    assert counted(found) == counted(expected)
    assert (form == "Latin-1") == any(code == "encoding-latin-1" for code, *_ in found.notes)


@pytest.mark.parametrize("chunk", [5_000, 40_000])
def test_the_size_of_the_pieces_changes_no_row(chunk: int, usual: tuple[Tables, UnitsRead], tmp_path: Path) -> None:
    tables, expected = usual
    _again(_quote if chunk < 6_000 else _zip)(tmp_path / "d", tables)
    assert counted(read_units(tmp_path / "d", chunk=chunk)) == counted(expected)


def test_shares_hold_every_row_once_and_keep_what_joins_together(
    usual: tuple[Tables, UnitsRead], tmp_path: Path
) -> None:
    tables, expected = usual
    _plain(tmp_path / "d", tables)
    found = read_units(tmp_path / "d", limit=12_000, chunk=8_000)
    assert found.parts["dcir/201503"] > 5
    assert counted(found) == counted(expected)
    assert found.lines == expected.lines


def test_an_identifier_of_two_lines_stays_apart_and_their_details_find_them(usual: tuple[Tables, UnitsRead]) -> None:
    _, found = usual
    keys = [row["line_key"] for row in found.rows["claims"]]
    assert len(set(keys)) == LINES
    details = {row["line_key"] for row in found.rows["drugs"]}
    assert details == {keys[number] for number in range(0, LINES, 3)}


def test_the_canonical_forms_are_those_counted_by_hand(usual: tuple[Tables, UnitsRead]) -> None:
    tables, found = usual
    expected = [_by_hand(row) for row in tables["ER_PRS_F_201503"]]
    names = list(expected[0])
    assert [{name: row[name] for name in names} for row in found.rows["claims"]] == expected
    codes = {row["MED_MTF_COD"] for row in found.rows["conditions"]}
    assert codes == {"E11", "C679", "I10", None}
    assert {row["BEN_DCD_DTE"] for row in found.rows["beneficiaries"]} <= {
        None, datetime.date(2015, 11, 20), datetime.date(1987, 2, 28),
    }  # fmt: skip


def _by_hand(row: Row) -> dict[str, Any]:
    day = row["PRE_PRE_DTD"]
    return {
        "BEN_NIR_PSA": row["BEN_NIR_PSA"],
        "BEN_RNG_GEM": row["BEN_RNG_GEM"].zfill(2),
        "PRE_PRE_DTD": None if day[:4] in ("", "1600", "0001") else datetime.date.fromisoformat(day),
        "PRS_NAT_REF": row["PRS_NAT_REF"].zfill(4),
        "PRS_ACT_QTE": float(row["PRS_ACT_QTE"]) if row["PRS_ACT_QTE"] else None,
        "BEN_RES_DPT": row["BEN_RES_DPT"].upper(),
        "ETB_PRE_FIN": row["ETB_PRE_FIN"].zfill(8) if row["ETB_PRE_FIN"] else None,
        "flow": 182,
    }
