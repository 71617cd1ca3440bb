# SPDX-License-Identifier: Apache-2.0
"""A delivery that cannot be read is told by file, line, column and what was expected, without a value of any row; nothing stays of it."""

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import PASSPHRASE, House, call

CARDS, CLAIMS = "IR_BEN_R.csv.gz", "ER_PRS_F_201202.csv.gz"


def lines_of(folder: Path, name: str) -> list[str]:
    """The lines of a delivered file."""
    return gzip.decompress((folder / name).read_bytes()).decode().splitlines()


def put(folder: Path, name: str, lines: list[str], *, encoding: str = "utf-8") -> None:
    """Deliver these lines instead."""
    (folder / name).write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(encoding)))


def with_value(name: str, column: str, line: int, value: str, *, encoding: str = "utf-8") -> Callable[[Path], None]:
    """Another value in one cell; the header is line 1."""

    def change(folder: Path) -> None:
        lines = lines_of(folder, name)
        cells = lines[line - 1].split(";")
        cells[lines[0].split(";").index(column)] = value
        lines[line - 1] = ";".join(cells)
        put(folder, name, lines, encoding=encoding)

    return change


def column_twice(folder: Path) -> None:
    header, *lines = lines_of(folder, CARDS)
    put(folder, CARDS, [f"{header};BEN_HUM_EUR;BEN_HUM_EUR", *(f"{line};1;1" for line in lines)])


def missing_column(folder: Path) -> None:
    rows = [line.split(";") for line in lines_of(folder, CARDS)]
    at = rows[0].index("BEN_IDT_ANO")
    put(folder, CARDS, [";".join(row[:at] + row[at + 1 :]) for row in rows])


def other_separator(folder: Path) -> None:
    put(folder, CARDS, [line.replace(";", "|") for line in lines_of(folder, CARDS)])


def cut_short(folder: Path) -> None:
    data = (folder / CLAIMS).read_bytes()
    (folder / CLAIMS).write_bytes(data[: len(data) // 2])


def empty_file(folder: Path) -> None:
    (folder / CARDS).write_bytes(b"")


def empty_inside(folder: Path) -> None:
    (folder / CARDS).write_bytes(gzip.compress(b""))


def empty_text(folder: Path) -> None:
    (folder / CARDS).unlink()
    (folder / "IR_BEN_R.csv").write_bytes(b"")


def given_twice(folder: Path) -> None:
    shutil.copy(folder / CLAIMS, folder / "ER_PRS_F_201202_bis.csv.gz")


def zipped_and_not(folder: Path) -> None:
    (folder / "IR_BEN_R.csv").write_bytes(gzip.decompress((folder / CARDS).read_bytes()))


def no_such_table(folder: Path) -> None:
    shutil.copy(folder / CLAIMS, folder / "ER_XYZ_F_201202.csv.gz")


def a_table_left_out(folder: Path) -> None:
    next(folder.glob("T_MCO12C.csv*")).unlink()


def a_short_line(folder: Path) -> None:
    lines = lines_of(folder, CARDS)
    lines[5] = lines[5].rpartition(";")[0]
    put(folder, CARDS, lines)


@dataclass(frozen=True, slots=True)
class Bad:
    """A change to a good delivery, and what must be said of it. ``logged``: whether an intent was written first."""

    change: Callable[[Path], None]
    code: str
    file: str
    line: int | None = None
    column: str = ""
    expected: str = ""
    logged: bool = True


BAD = {
    "a column given twice": Bad(column_twice, "csv-column-twice", CARDS, 1, "BEN_HUM_EUR"),
    "a missing column": Bad(missing_column, "csv-missing-column", CARDS, 1, "BEN_IDT_ANO", "IR_BEN_R"),
    "a wrong separator": Bad(other_separator, "csv-separator", CARDS, 1, "", ";"),
    "letters in a code": Bad(
        with_value(CARDS, "BEN_RES_COM", 4, "é02", encoding="latin-1"), "csv-encoding", CARDS, 4, "", "ASCII"
    ),
    "a truncated gzip": Bad(cut_short, "csv-truncated", CLAIMS),
    "a date that is no date": Bad(with_value(CARDS, "BEN_DCD_DTE", 7, "31/02/2013"), "csv-day", CARDS, 7, "BEN_DCD_DTE", "YYYY-MM-DD"),
    "a day that does not exist": Bad(with_value(CLAIMS, "EXE_SOI_DTD", 3, "2012-02-30"), "csv-day", CLAIMS, 3, "EXE_SOI_DTD", "YYYY-MM-DD"),
    "an identifier read as a number": Bad(
        with_value(CARDS, "BEN_NIR_PSA", 6, "9.63521E+16"), "csv-identifier", CARDS, 6, "BEN_NIR_PSA", "17"
    ),
    "a number that is none": Bad(with_value(CLAIMS, "PRS_ACT_QTE", 3, "trois-x"), "csv-number", CLAIMS, 3, "PRS_ACT_QTE"),
    "an empty file": Bad(empty_file, "csv-", CARDS),
    "a file that unpacks to nothing": Bad(empty_inside, "csv-empty", CARDS),
    "an empty text file": Bad(empty_text, "csv-empty", "IR_BEN_R.csv", expected="column names"),
    "a file given twice": Bad(given_twice, "delivery-content-twice", "ER_PRS_F_201202_bis.csv.gz"),
    "a file zipped and not": Bad(zipped_and_not, "delivery-twice", "IR_BEN_R", logged=False),
    "a table nobody knows": Bad(no_such_table, "delivery-unknown-table", "ER_XYZ_F_201202.csv.gz", logged=False),
    "a table left out": Bad(a_table_left_out, "delivery-table-missing", "T_MCOaaC", logged=False),
    "a line that is too short": Bad(a_short_line, "csv-fields", CARDS, 6, "", ";"),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny good delivery."""
    folder = tmp_path_factory.mktemp("good")
    assert call("synth", folder, "--persons", "40", "--years", "2012:2013", "--seed", "3").code == 0
    return folder / "delivery"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An empty warehouse."""
    made = House(tmp_path_factory.mktemp("house"))
    words = ("--controller", "Essai", "--officer-key", made.key("officer"), "--shards", "2")
    assert call("init", made.warehouse, *words, secret=PASSPHRASE).code == 0
    yield made
    made.lock()


def ledger(house: House) -> list[dict[str, object]]:
    """Its leaves."""
    return [json.loads(leaf) for leaf in Warehouse(house.warehouse).ledger.leaves()]


def values_of(folder: Path) -> set[str]:
    """Every value of the changed files' rows that is long enough to be told from a word."""
    found: set[str] = {"31/02/2013", "2012-02-30", "9.63521E+16", "trois-x"}
    for path in folder.glob("*"):
        if path.name.startswith((CARDS[:8], CLAIMS[:15])):
            data = path.read_bytes()
            try:
                text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            except EOFError:
                continue
            cells = re.split(r"[;,\n]", text.partition(b"\n")[2].decode("latin-1"))
            found |= {cell for cell in cells if len(cell) > 5}
    return found - {"1600-01-01", "0001-01-01"}  # no dates of anybody: the hint names them


@pytest.mark.parametrize("name", BAD)
def test_a_bad_delivery_is_named_and_leaves_nothing(name: str, house: House, good: Path, tmp_path: Path) -> None:
    bad, delivery = BAD[name], tmp_path / "delivery"
    shutil.copytree(good, delivery)
    bad.change(delivery)
    before, on_host = ledger(house), sorted((house.warehouse / "host").rglob("*"))
    answer = house.call("ingest", delivery)
    assert (answer.code, answer.out) == (40, "")
    message, hint = answer.err.splitlines()
    assert message.startswith("rempart: bad input: ")
    assert hint.startswith("rempart: hint: ")
    for told in (bad.file, f"line {bad.line}" if bad.line else "", bad.column, bad.expected):
        assert told in message, (told, message)
    said_nothing_of_a_row(answer.err, delivery)
    assert sorted((house.warehouse / "host").rglob("*")) == on_host
    new = ledger(house)[len(before) :]
    acts = [(leaf["kind"], leaf["phase"]) for leaf in new if leaf["kind"] != "key-grant"]
    assert acts == [("ingest", "intent"), ("ingest", "failed")] * bad.logged
    assert not any(value in json.dumps(new) for value in values_of(delivery))
    french = house.call("ingest", delivery, lang="fr")
    assert french.code == 40
    assert french.err != answer.err
    assert bad.file in french.err
    told = house.call("--json", "ingest", delivery)
    assert told.error["family"] == "bad input"
    assert told.error["code"].startswith(bad.code)
    assert told.error["facts"].get("line") == bad.line
    said_nothing_of_a_row(told.out + french.err, delivery)


def said_nothing_of_a_row(text: str, delivery: Path) -> None:
    """No value of the changed files stands in what was said."""
    assert not [value for value in values_of(delivery) if value in text]


def test_afterwards_a_good_delivery_goes_in_and_the_ledger_holds(house: House, good: Path) -> None:
    assert not any(leaf["kind"] == "commit" for leaf in ledger(house))
    assert house.told("ingest", good)["rows"]["person"] > 30
    assert house.told("audit", "verify", "--deep")["sound"] is True
    assert list((house.warehouse / "controller" / "scratch").glob("[!.]*")) == []


def test_a_bad_delivery_on_top_of_a_good_one_leaves_the_good_one(house: House, good: Path, tmp_path: Path) -> None:
    if not any(leaf["kind"] == "commit" for leaf in ledger(house)):
        house.told("ingest", good)
    before = house.told("vault", "hash")
    delivery = tmp_path / "delivery"
    shutil.copytree(good, delivery)
    with_value(CARDS, "BEN_NAI_ANN", 5, "douze")(delivery)
    assert house.call("ingest", delivery, "--replace").code == 40
    assert house.told("vault", "hash") == before


def test_two_pages_of_the_same_month_under_other_names_are_one_table(good: Path, tmp_path: Path, house: House) -> None:
    """Splitting a file is no fault: the same lines in two files give the same content."""
    if not any(leaf["kind"] == "commit" for leaf in ledger(house)):
        house.told("ingest", good)
    before = house.told("vault", "hash")
    delivery = tmp_path / "delivery"
    shutil.copytree(good, delivery)
    header, *lines = lines_of(delivery, CLAIMS)
    half = len(lines) // 2
    put(delivery, CLAIMS, [header, *lines[:half]])
    put(delivery, CLAIMS.replace("201202", "201202_2"), [header, *lines[half:]])
    house.told("ingest", delivery, "--replace")
    assert house.told("vault", "hash") == before
