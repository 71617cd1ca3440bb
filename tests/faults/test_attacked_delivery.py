# SPDX-License-Identifier: Apache-2.0
"""What was smuggled past the reader once: swallowed lines, numbers without measure, days of another zone, a file packed anew."""

import datetime
import gzip
import time
import tracemalloc
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.delivery_reader import list_delivery
from rempart.adapters.text_chunks import TextFile
from rempart.errors import BadInput
from rempart.journeys.delivered_units import DeliveredUnits, plan
from tests.small_delivery import card, claim, pack, whole, write
from tests.small_units import read_units

CLAIMS, DRUGS = "ER_PRS_F_201503", "ER_PHA_F_201503"
PARIS, NIR = ZoneInfo("Europe/Paris"), f"2500375056123{97 - 2500375056123 % 97:02d}"


def _claims(folder: Path, column: str, **changes: str) -> Path:
    """Eight lines with one more column; a quote opened in the third and closed in the sixth; the last as ``changes`` say."""
    rows = [claim(number) | {column: "01"} for number in range(1, 9)]
    rows[1][column], rows[4][column] = '"a', 'd"'
    rows[7] |= changes
    write(folder, whole() | {DRUGS: []})
    lines = [";".join(rows[0]), *(";".join(row.values()) for row in rows)]
    (folder / f"{CLAIMS}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.mark.parametrize("column", ["BEN_CMU_ORG", "BEN_CDI_NIR", "NOTE"])
@pytest.mark.parametrize("empty", ["PRS_ACT_QTE", "PRS_DPN_QLP", "PRE_PRE_DTD"])
def test_no_stray_quotes_swallow_lines_beside_a_quoted_empty(column: str, empty: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_units(_claims(tmp_path / "d", column, **{empty: '""'}))
    assert caught.value.code == "csv-quote"
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (3, column)


def test_no_stray_quotes_swallow_lines_into_one_that_is_left_out(tmp_path: Path) -> None:
    folder = _claims(tmp_path / "d", "NOTE")
    path = folder / f"{CLAIMS}.csv"
    path.write_text(path.read_text("utf-8").replace('"a\n', f'"{NIR} \n'), "utf-8")
    with pytest.raises(BadInput, match="csv-quote"):
        read_units(folder)


@pytest.mark.parametrize("column", ["PHA_NOM_PA", "PHA_ATC_L07"])
def test_lines_inside_a_label_without_width_are_told_and_counted(column: str, tmp_path: Path) -> None:
    rows = [
        {"PHA_CIP_C13": f"34009000000{n:02d}", "PHA_ATC_C07": "A10BG03", "PHA_NOM_PA": "A", "PHA_ATC_L07": "B"}
        for n in range(9)
    ]
    rows[1][column], rows[4][column] = '"a', 'd"'
    write(tmp_path / "d", whole())
    lines = [";".join(rows[0]), *(";".join(row.values()) for row in rows)]
    (tmp_path / "d" / "IR_PHA_R.csv").write_text("\n".join([*lines, ""]), "utf-8")
    found = read_units(tmp_path / "d")
    assert found.lines["drug_reference"] == len(rows) - 3
    assert ("lines-joined", "IR_PHA_R", "IR_PHA_R.csv: 3") in found.notes


@pytest.mark.parametrize("value", ["1e15", "1000000000000001", "9" * 300, "1e2", "1E2", "1_000", "-2000000000"])
def test_numbers_beyond_measure_or_of_another_writing_are_refused(value: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole() | {DRUGS: [pack(2, PHA_ACT_QSN=value)]})
    with pytest.raises(BadInput, match="csv-number") as caught:
        read_units(folder)
    assert caught.value.facts["column"] == "PHA_ACT_QSN"


@pytest.mark.parametrize("value", ["2015/02/10", "2015 02 10", "2015-2-010", "2015\\02\\10"])
def test_days_with_other_signs_are_refused(value: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole() | {CLAIMS: [claim(2, EXE_SOI_DTD=value)]})
    with pytest.raises(BadInput, match="csv-day"):
        read_units(folder)


def _parquet(folder: Path, name: str, column: str, values: pa.Array) -> Path:
    """The delivery with one table as Parquet, one of its columns of the given type."""
    tables = whole()
    write(folder, tables)
    (folder / f"{name}.csv").unlink()
    columns = {key: pa.array([row[key] for row in tables[name]]) for key in tables[name][0]}
    pq.write_table(pa.table(columns | {column: values}), folder / f"{name}.parquet")
    return folder


def _instants(*, hour: int = 0, zone: ZoneInfo | None = None) -> list[datetime.datetime]:
    days = [datetime.datetime.fromisoformat(row["EXE_SOI_DTD"]) for row in whole()[CLAIMS]]
    return [day.replace(hour=hour, tzinfo=zone) for day in days]


DAYS = {
    **{unit: pa.array(_instants(), pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    **{f"{unit} in Paris": pa.array(_instants(zone=PARIS), pa.timestamp(unit, tz="Europe/Paris")) for unit in ("ms", "us", "ns")},
    "in no zone but UTC": pa.array(_instants(zone=ZoneInfo("UTC")), pa.timestamp("us", tz="UTC")),
    "date32": pa.array(_instants(), pa.timestamp("s")).cast(pa.date32()),
    "date64": pa.array(_instants(), pa.timestamp("s")).cast(pa.date64()),
    "string": pa.array([str(day.date()) for day in _instants()]),
    "dictionary": pa.array([str(day.date()) for day in _instants()]).dictionary_encode(),
}  # fmt: skip
HOURS = {
    **{unit: pa.array(_instants(hour=23), pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    "midnight in Paris told in UTC": pa.array(_instants(zone=PARIS), pa.timestamp("us", tz="UTC")),
    "an hour in Paris": pa.array(_instants(hour=1, zone=PARIS), pa.timestamp("us", tz="Europe/Paris")),
    "string": pa.array([str(day) for day in _instants()]),
}


@pytest.mark.parametrize("form", DAYS)
def test_a_day_of_parquet_is_the_day_where_it_was_written(form: str, tmp_path: Path) -> None:
    found = read_units(_parquet(tmp_path / "d", CLAIMS, "EXE_SOI_DTD", DAYS[form]))
    assert [row["EXE_SOI_DTD"] for row in found.rows["claims"]] == [day.date() for day in _instants()]


@pytest.mark.parametrize("form", HOURS)
def test_an_hour_of_parquet_is_no_day(form: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="csv-day") as caught:
        read_units(_parquet(tmp_path / "d", CLAIMS, "EXE_SOI_DTD", HOURS[form]))
    assert caught.value.facts["column"] == "EXE_SOI_DTD"


def _noted(kind: pa.DataType) -> pa.Array:
    values = [NIR] + ["1"] * (len(whole()[CLAIMS]) - 1)
    if pa.types.is_integer(kind):
        return pa.array([int(value) for value in values], kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values).dictionary_encode()
    binary = any(test(kind) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view))
    return pa.array([value.encode() if binary else value for value in values], kind)


KINDS = [
    pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()), pa.binary(), pa.large_binary(),
    pa.binary_view(), pa.int64(), pa.uint64(),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_identifier_is_found_whatever_type_holds_it(kind: pa.DataType, tmp_path: Path) -> None:
    found = read_units(_parquet(tmp_path / "d", CLAIMS, "NOTE", _noted(kind)))
    assert found.lines["claims"] == len(whole()[CLAIMS]) - 1


def test_bytes_that_are_no_text_are_read_past(tmp_path: Path) -> None:
    given = pa.array([b"\xff\xfe\x00" for _ in whole()[CLAIMS]])
    assert read_units(_parquet(tmp_path / "d", CLAIMS, "NOTE", given)).lines["claims"] == len(whole()[CLAIMS])


@pytest.mark.parametrize("name", [CLAIMS, "T_MCO15A"])
def test_the_same_lines_packed_anew_are_refused(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", whole())
    (folder / f"{name}_2.csv.gz").write_bytes(gzip.compress((folder / f"{name}.csv").read_bytes()))
    with pytest.raises(BadInput, match="twice"):
        read_units(folder)


@pytest.mark.parametrize(("block", "open_quote"), [(b"\n", False), (b"a\n", True), (b'""\n', True)])
def test_a_packed_file_without_measure_takes_little_time_and_little_memory(
    block: bytes, open_quote: bool, tmp_path: Path
) -> None:
    text = ("A;B\n" + '"' * open_quote).encode() + block * ((24 << 20) // len(block))
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(text, compresslevel=1))
    begun, refused, longest = time.process_time(), False, 0
    tracemalloc.start()
    try:
        for chunk in TextFile(list_delivery(tmp_path).files[0], chunk=4 << 20).chunks():
            longest = max(longest, len(chunk.data))
    except BadInput as error:
        refused = error.code == "csv-quote"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused == open_quote
    assert longest <= 9 << 20
    assert most < 48 << 20
    assert time.process_time() - begun < 5


def test_a_delivery_of_a_day_to_come_is_refused() -> None:
    for produced in ("", "2026-01-01", "2026-01-31", "2026-02-01"):
        plan([_delivered(produced)], [], today="2026-01-31")
    with pytest.raises(BadInput, match="delivery-not-yet"):
        plan([_delivered("2026-02-02")], [], today="2026-01-31")


def _delivered(produced: str) -> DeliveredUnits:
    return DeliveredUnits(id="d", produced=produced, units=(), declared={})


def test_places_that_lost_their_zeros_get_them_back(tmp_path: Path) -> None:
    cards = [card(BEN_RES_DPT=dpt, BEN_RES_COM=com) for dpt, com in (("75", "56"), ("2A", "4"), ("075", "056"))]
    cards = [row | {"BEN_NIR_PSA": f"{number:017d}"} for number, row in enumerate(cards)]
    found = read_units(write(tmp_path / "d", whole() | {"IR_BEN_R": cards}))
    places = [(row["BEN_RES_DPT"], row["BEN_RES_COM"]) for row in found.rows["beneficiaries"]]
    assert places == [("075", "056"), ("2A", "004"), ("075", "056")]
