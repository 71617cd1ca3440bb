# SPDX-License-Identifier: Apache-2.0
"""A delivery that cannot be read is refused with file, line, column and what was expected; never with a value."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import list_delivery
from rempart.errors import BadInput
from tests.small_delivery import certificate, chain, claim, stay, whole, write
from tests.small_units import read_listed, read_units

CLAIMS, CARDS = "ER_PRS_F_201503.csv", "IR_BEN_R.csv"
Spoil = Callable[[Path], object]


def text(name: str, old: str, new: str) -> Spoil:
    """Replace text in a file, where it stands last."""

    def spoil(folder: Path) -> None:
        path = folder / name
        before = path.read_bytes().decode("utf-8")
        assert old in before
        head, _, tail = before.rpartition(old)
        path.write_bytes((head + new + tail).encode("utf-8"))

    return spoil


def data(name: str, content: bytes) -> Spoil:
    """Put a file in place of another."""
    return lambda folder: (folder / name).write_bytes(content)


def _latin1(folder: Path) -> None:
    path = folder / CARDS
    path.write_bytes(path.read_bytes().replace(b";056;", b";\xe9\xe9\xe9;"))


def _zipped(cut: int) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / CARDS
        whole_file = gzip.compress(path.read_bytes() * 50)
        path.unlink()
        (folder / f"{CARDS}.gz").write_bytes(whole_file[: len(whole_file) - cut])

    return spoil


def _twice(folder: Path) -> None:
    (folder / f"{CLAIMS}.gz").write_bytes(gzip.compress((folder / CLAIMS).read_bytes()))


def _other_month(folder: Path) -> None:
    (folder / "ER_PRS_F_201504.csv").write_bytes((folder / CLAIMS).read_bytes())


def _other_suffix(folder: Path) -> None:
    (folder / "ER_PRS_F_201503_b.csv").write_bytes((folder / CLAIMS).read_bytes())


def _no_header(folder: Path) -> None:
    path = folder / CARDS
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])


def _twice_in_header(folder: Path) -> None:
    path = folder / CLAIMS
    rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{row};{'PFS_EXE_NUM' if at == 0 else '1'}\n" for at, row in enumerate(rows)), "utf-8")


def _mixed(folder: Path) -> None:
    lines = [";".join(certificate(DCD_IDT_ENC=str(number)).values()).encode() for number in range(2)]
    lines = [";".join(certificate()).encode() + b";DCD_LIE_LIB", lines[0] + ";é".encode(), lines[1] + b";\xe9"]
    (folder / "KI_CCI_R_2015.csv").write_bytes(b"\n".join(lines) + b"\n")


def _control(folder: Path) -> None:
    path = folder / CLAIMS
    path.write_bytes(path.read_bytes().replace(b";00002;", b";0\x000002;"))


def _other_year(folder: Path) -> None:
    write(folder, {"T_MCO15B": [stay(RSA_NUM=str(number)) for number in range(500)]})
    (folder / "T_MCO16B.csv").write_bytes((folder / "T_MCO15B.csv").read_bytes())
    (folder / "T_MCO16C.csv").write_bytes((folder / "T_MCO15C.csv").read_bytes())


def _renamed_year(short: str) -> Spoil:
    """The files of acute stays under the name of another year."""

    def spoil(folder: Path) -> None:
        for path in folder.glob("T_MCO15*"):
            path.rename(folder / path.name.replace("15", short, 1))

    return spoil


def _no_main(folder: Path) -> None:
    (folder / CLAIMS).write_text((folder / CLAIMS).read_text("utf-8").partition("\n")[0] + "\n", "utf-8")


def _two_lines(folder: Path) -> None:
    rows = [claim(1), claim(2, DPN_QLF="0")]
    head = ";".join([*rows[0], "BEN_CDI_NIR", "ORG_AFF_BEN"])
    body = [";".join([*row.values(), "00", "01C"]) for row in rows]
    # A stray quote in each of two lines, in the same column: they would be read as one line, fields and all.
    at = body[0].rindex(";00;")
    broken = head + "\n" + body[0] + "\n" + body[1][:at] + ';"00;01C\n' + body[0][:at] + ';00";01C\n'
    (folder / CLAIMS).write_text(broken, encoding="utf-8")


def _drop_column(folder: Path) -> None:
    path = folder / CLAIMS
    rows = [line.split(";") for line in path.read_text(encoding="utf-8").splitlines()]
    at = rows[0].index("EXE_SOI_DTD")
    path.write_text("".join(";".join(row[:at] + row[at + 1 :]) + "\n" for row in rows), encoding="utf-8")


BAD = (
    ("a needed column under another name", text(CLAIMS, "PFS_PRE_NUM", "PFS_XXX_NUM"), "csv-missing-column", CLAIMS, 1, "PFS_PRE_NUM"),
    ("missing column", _drop_column, "csv-missing-column", CLAIMS, 1, "EXE_SOI_DTD"),
    ("column twice", _twice_in_header, "csv-column-twice", CLAIMS, 1, "PFS_EXE_NUM"),
    ("no header", _no_header, "csv-header", CARDS, 1, None),
    ("letters in a code", _latin1, "csv-encoding", CARDS, 2, "BEN_RES_COM"),
    ("bytes of neither encoding", data(CARDS, b"BEN_NIR_PSA;BEN_RNG_GEM\n\x81;1\n"), "csv-missing-column", CARDS, 1, None),
    ("UTF-8 and Latin-1 in one file", _mixed, "csv-encoding", "KI_CCI_R_2015.csv", 3, None),
    ("a byte that is no text", _control, "csv-nul", CLAIMS, 3, None),
    ("truncated gzip", _zipped(30), "csv-truncated", f"{CARDS}.gz", None, None),
    ("gzip without its end", _zipped(6), "csv-truncated", f"{CARDS}.gz", None, None),
    ("text named gzip", lambda f: (f / CARDS).rename(f / f"{CARDS}.gz"), "csv-truncated", f"{CARDS}.gz", None, None),
    ("a date that is no date", text(CLAIMS, "2015-02-10", "2015-02-30"), "csv-day", CLAIMS, 3, "EXE_SOI_DTD"),
    ("a date in another order", text(CLAIMS, "2015-02-10", "10/02/2015"), "csv-day", CLAIMS, 3, "EXE_SOI_DTD"),
    ("identifier as 1.0E+12", text(CARDS, "AAAAAAAAAAAAAAAA1", "1.0E+12"), "csv-identifier", CARDS, 2, "BEN_NIR_PSA"),
    ("pack code as float", text("ER_PHA_F_201503.csv", "3400935563248", "3400935563248.0"), "csv-identifier",
     "ER_PHA_F_201503.csv", 2, "PHA_PRS_C13"),
    ("zeros lost in a pseudonym", text(CARDS, "AAAAAAAAAAAAAAAA1", "1234567890123456"), "csv-identifier", CARDS, 2, "BEN_NIR_PSA"),
    ("key as float", text(CLAIMS, ";00002;", ";2.0;"), "csv-key", CLAIMS, 3, "PRS_ORD_NUM"),
    ("key wider than its table", text(CLAIMS, ";00002;", ";123456789;"), "csv-key", CLAIMS, 3, "PRS_ORD_NUM"),
    ("key empty", text(CLAIMS, ";00002;", ";;"), "csv-value-missing", CLAIMS, 3, "PRS_ORD_NUM"),
    ("number that is none", text("ER_PHA_F_201503.csv", "22.17", "22,17"), "csv-number", "ER_PHA_F_201503.csv", 2, "PHA_ACT_PRU"),
    ("text too long", text("T_MCO15B.csv", "C679", "C679 and more"), "csv-width", "T_MCO15B.csv", 2, "DGN_PAL"),
    ("a field too many", text(CLAIMS, ";3313;", ";33;13;"), "csv-fields", CLAIMS, 3, None),
    ("a field too few", text(CLAIMS, ";750000001", ""), "csv-fields", CLAIMS, 3, None),
    ("a flow outside the month", text(CLAIMS, "2015-03-01;2015-03-01", "2015-04-01;2015-03-01"), "delivery-flow", CLAIMS, None,
     "FLX_DIS_DTD"),
    ("a number without end", text("ER_PHA_F_201503.csv", "22.17", "inf"), "csv-number", "ER_PHA_F_201503.csv", 2, "PHA_ACT_PRU"),
    ("a day of another age", text(CLAIMS, "2015-02-10", "0215-02-10"), "csv-day", CLAIMS, 3, "EXE_SOI_DTD"),
    ("a whole number with a fraction", text("T_MCO15A.csv", ";1;0;1", ";1.5;0;1"), "csv-number", "T_MCO15A.csv", 2, "ENT_DAT_DEL"),
    ("a value over two lines", _two_lines, "csv-quote", CLAIMS, 3, "BEN_CDI_NIR"),
    ("a quote left open", text(CLAIMS, ";3313;", ';"3313;'), "csv-quote", CLAIMS, 3, None),
    ("empty file", data("T_MCO15D.csv", b""), "csv-empty", "T_MCO15D.csv", None, None),
    ("empty gzip", lambda f: ((f / "T_MCO15D.csv").unlink(), (f / "T_MCO15D.csv.gz").write_bytes(gzip.compress(b""))),
     "csv-empty", "T_MCO15D.csv.gz", None, None),
    ("a file given twice, once compressed", _twice, "delivery-twice", f"{CLAIMS}.gz", None, None),
    ("a file given twice under another month", _other_month, "delivery-flow", "ER_PRS_F_201504.csv", None, "FLX_DIS_DTD"),
    ("a long file given twice under another year", _other_year, "delivery-content-twice", "T_MCO16B.csv", None, None),
    ("a file given twice under another suffix", _other_suffix, "delivery-content-twice", "ER_PRS_F_201503_b.csv", None, None),
    ("stays under the name of a year before", _renamed_year("14"), "delivery-year", "T_MCO14C.csv", None, "EXE_SOI_DTF"),
    ("stays under the name of a year to come", _renamed_year("21"), "delivery-year", "T_MCO21C.csv", None, "EXE_SOI_DTF"),
    ("certificates of another year", lambda f: write(f, {"KI_CCI_R_2016": [certificate()]}), "delivery-year",
     "KI_CCI_R_2016.csv", None, "BEN_DCD_DTE"),
    ("a main table without a line, details with", _no_main, "delivery-main-empty", CLAIMS, None, None),
    ("unknown table", data("ER_XXX_F_201503.csv", b"A;B\n"), "delivery-unknown-table", "ER_XXX_F_201503.csv", None, None),
    ("a month that is none", data("ER_PRS_F_201513.csv", b"A;B\n"), "delivery-period", "ER_PRS_F_201513.csv", None, None),
)  # fmt: skip


@pytest.mark.parametrize(("_", "spoil", "code", "file", "line", "column"), BAD, ids=[case[0] for case in BAD])
def test_bad_input_is_named(
    _: str, spoil: Spoil, code: str, file: str, line: int | None, column: str | None, tmp_path: Path
) -> None:
    folder = write(tmp_path / "d", whole())
    spoil(folder)
    with pytest.raises(BadInput) as caught:
        read_units(folder)
    assert caught.value.code == code
    assert caught.value.facts["file"] == file
    assert caught.value.facts.get("line") == line
    if column:
        assert caught.value.facts["column"] == column
    _no_value(caught.value)


def test_a_separator_of_neither_kind_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole())
    path = folder / CARDS
    path.write_bytes(path.read_bytes().replace(b";", b"\t"))
    with pytest.raises(BadInput, match="csv-separator") as caught:
        read_units(folder)
    assert caught.value.facts == {"file": CARDS, "line": 1, "expected": "; ,"}


def test_a_wrong_value_in_a_later_file_of_the_year_is_placed_in_that_file(tmp_path: Path) -> None:
    tables = whole()
    for month in ("04", "05", "06"):
        tables[f"ER_PRS_F_2015{month}"] = [claim(number, FLX_DIS_DTD=f"2015-{month}-01") for number in range(11, 16)]
    tables["ER_PRS_F_201505"][3]["PRE_PRE_DTD"] = "yesterday"
    with pytest.raises(BadInput, match="csv-day") as caught:
        read_units(write(tmp_path / "d", tables))
    assert caught.value.facts == {
        "file": "ER_PRS_F_201505.csv", "line": 5, "column": "PRE_PRE_DTD", "expected": "YYYY-MM-DD",
    }  # fmt: skip


@pytest.mark.parametrize(("given", "more"), [("", -1), (";1;2", 1), (";1;2;3;4;5;6", 5)])
def test_a_line_with_too_few_or_too_many_fields_is_told_with_both_numbers(
    given: str, more: int, tmp_path: Path
) -> None:
    folder = write(tmp_path / "d", whole())
    text(CLAIMS, ";750000001", given)(folder)
    with pytest.raises(BadInput, match="csv-fields") as caught:
        read_units(folder)
    names = len(claim(1))
    told = {name: caught.value.facts[name] for name in ("fields", "names", "expected")}
    assert told == {"fields": names + more, "names": names, "expected": ";"}


def test_a_stay_of_another_year_among_many_is_no_fault_of_the_file(tmp_path: Path) -> None:
    tables = whole()
    for year, number in (("2015", 8), ("2016", 9)):
        tables["T_MCO15C"].append(chain(RSA_NUM=str(number), EXE_SOI_DTF=f"{year}-05-06"))
    assert read_units(write(tmp_path / "d", tables)).lines["mco_chaining"] == 3


def test_a_month_without_any_line_may_come(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole())
    _no_main(folder)
    (folder / "ER_PHA_F_201503.csv").unlink()
    assert read_units(folder).lines["claims"] == 0


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole())
    (folder / "T_MCO15C.csv").unlink()
    with pytest.raises(BadInput, match="delivery-table-missing") as caught:
        read_units(folder)
    assert caught.value.facts == {"table": "T_MCOaaC"}


def test_an_empty_folder_and_no_folder_are_named(tmp_path: Path) -> None:
    for folder, code in ((tmp_path, "delivery-empty"), (tmp_path / "no", "delivery-missing")):
        with pytest.raises(BadInput, match=code):
            list_delivery(folder)


def test_a_file_that_changes_under_the_reader_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole())
    listed = list_delivery(folder).files
    text(CLAIMS, "1111", "1112")(folder)
    with pytest.raises(BadInput, match="delivery-changed"):
        read_listed(listed)


def _no_value(error: BadInput) -> None:
    """No cell of the delivery is told; nor does a hidden context hold one."""
    told = str(error) + repr(error.__cause__) + repr(error.__context__)
    assert not any(
        value in told for value in ("AAAAAAAAAAAAAAAA1", "NNNNNNNNNNNNNNNN1", "1.0E+12", "340093", "750000001")
    )
