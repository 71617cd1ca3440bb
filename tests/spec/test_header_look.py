# SPDX-License-Identifier: Apache-2.0
"""A plan sees in the first bytes of a file what an ingest would say or refuse, and reads no further."""

import gzip
import random
from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import ingest_definitions, list_delivery
from rempart.adapters.header_look import header_notes, lines_about
from rempart.ingest.declaration import Declaration
from rempart.ingest.survey import survey

DEFINITIONS = ingest_definitions()
(CARDS,) = (table for table in DEFINITIONS.tables.values() if table.name == "IR_BEN_R")
HEADER = ";".join(name for name, column in CARDS.columns.items())


def look(folder: Path, data: bytes, name: str = "IR_BEN_R.csv") -> list[tuple[str, str]]:
    (folder / name).write_bytes(data)
    (unit,) = survey(list_delivery(folder).files, DEFINITIONS.tables).units
    return [(code, detail) for code, _, detail in header_notes(unit.files[0], Declaration())]


def test_a_file_as_it_should_be_is_not_noted(tmp_path: Path) -> None:
    assert look(tmp_path, f"{HEADER}\n1\n".encode()) == []
    assert look(tmp_path, f"\ufeff{HEADER}\r\n1\r\n".encode()) == []


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("data", "noted"),
    [
        (b"", ("file-empty", "IR_BEN_R.csv")),
        (HEADER.encode() + b"\n", ("no-lines", "IR_BEN_R.csv")),
        (HEADER.encode() + b"\nP\xe9\n", ("encoding-latin-1", "IR_BEN_R.csv")),
        (HEADER.encode() + b";NOM_PATIENT\n1\n", ("column-unknown", "NOM_PATIENT")),
        (HEADER.encode().replace(b"BEN_NIR_PSA", b"X") + b"\n1\n", ("column-missing", "BEN_NIR_PSA")),
        (b"DUPONT;JEAN\n1;2\n", ("file-refused", "IR_BEN_R.csv")),
    ],
)
def test_what_is_wrong_at_the_beginning_is_said(
    tmp_path: Path, data: bytes, noted: tuple[str, str], zipped: bool
) -> None:
    if not zipped:
        assert noted in look(tmp_path, data)
        return
    found = look(tmp_path, gzip.compress(data), "IR_BEN_R.csv.gz")
    assert (noted[0], noted[1].replace(".csv", ".csv.gz")) in found


def test_a_broken_archive_is_said_and_a_long_file_is_not_read_whole(tmp_path: Path) -> None:
    assert look(tmp_path, b"\x1f\x8bnot", "IR_BEN_R.csv.gz") == [("file-refused", "IR_BEN_R.csv.gz")]
    (tmp_path / "IR_BEN_R.csv.gz").unlink()
    late = HEADER.encode() + b"\n" + b"1\n" * 100_000 + b"\xe9\n"
    assert look(tmp_path, late) == []


def about(folder: Path, data: bytes, name: str) -> int:
    (folder / name).write_bytes(data)
    (unit,) = survey(list_delivery(folder).files, DEFINITIONS.tables).units
    return lines_about(unit.files[0])


def test_lines_of_a_small_file_are_counted_and_those_of_a_long_one_told_by_its_beginning(tmp_path: Path) -> None:
    draw = random.Random(4)
    lines = [";".join(str(draw.randrange(10**6)) for _ in CARDS.columns) for _ in range(30_000)]
    for name, pack in (("IR_BEN_R.csv", bytes), ("IR_BEN_R.csv.gz", gzip.compress)):
        for count in (0, 1, 200):
            text = "\n".join([HEADER, *lines[:count]]) + "\n"
            assert about(tmp_path, pack(text.encode()), name) == count
            assert about(tmp_path, pack(text.rstrip().encode()), name) == count
        whole = "\n".join([HEADER, *lines])
        assert about(tmp_path, pack(whole.encode()), name) == pytest.approx(30_000, rel=0.02)
        (tmp_path / name).unlink()


def test_a_file_that_cannot_be_read_has_no_lines_and_one_packed_a_thousandfold_is_not_unpacked_whole(
    tmp_path: Path,
) -> None:
    assert about(tmp_path, b"\x1f\x8bnot", "IR_BEN_R.csv.gz") == 0
    same = HEADER.encode() + b"\n" + b"1\n" * 20_000_000
    assert about(tmp_path, gzip.compress(same, 1), "IR_BEN_R.csv.gz") == pytest.approx(20_000_000, rel=0.05)
