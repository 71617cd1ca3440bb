# SPDX-License-Identifier: Apache-2.0
"""Direct identifiers that slip into a delivery: found, counted, their lines left out; what share is found, on invented texts."""

import functools
import time
from pathlib import Path

import pytest

from rempart.adapters import package_data
from rempart.adapters.delivery_reader import ingest_definitions, list_delivery, unit_parts
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.identity.leaks import LeakFinder, control_key, leak_finder
from rempart.ingest.survey import survey
from tests.leak_sample import HOLDING, HOLDING_NOTHING, nir

# Measured 2026-11-22 on the sample: the floor under which the finder may not fall, and the share of clean texts that it may suspect.
RECALL, PRECISION = 0.94, 0.97


@functools.cache
def finder() -> LeakFinder:
    """From the data file."""
    return leak_finder(package_data.toml("identity/leaks.toml"))


def missed() -> list[tuple[str, str]]:
    """(kind, text) of the sample that is not found."""
    return [(kind, text) for text, kinds in HOLDING for kind in sorted(kinds - finder().kinds(text, alone=True))]


def suspected() -> list[tuple[str, str]]:
    """(kind, text) that is found where it is not."""
    wrong = [(kind, text) for text in HOLDING_NOTHING for kind in sorted(finder().kinds(text, alone=True))]
    return wrong + [
        (kind, text) for text, kinds in HOLDING for kind in sorted(finder().kinds(text, alone=True) - kinds)
    ]


def test_the_measured_recall_and_precision_hold() -> None:
    planted = sum(len(kinds) for _, kinds in HOLDING)
    found = planted - len(missed())
    assert found / planted >= RECALL, missed()
    assert found / (found + len(suspected())) >= PRECISION, suspected()
    assert not [text for kind, text in missed() if kind in {"nir", "email", "telephone"}]


@pytest.mark.parametrize(("thirteen", "key"), [("1850578006084", 91), ("255102A123456", 78), ("2690549588157", 80)])
def test_the_control_key_is_97_less_the_remainder(thirteen: str, key: int) -> None:
    assert control_key(thirteen) == key


def test_corsica_counts_as_19_and_18() -> None:
    assert control_key("255102A123456") == 97 - 2551019123456 % 97
    assert control_key("162022B033017") == 97 - 1620218033017 % 97


def test_one_wrong_figure_of_an_identity_number_is_no_identity_number() -> None:
    whole = nir("1850578006084")
    for place in range(2, 13):
        other = whole[:place] + str((int(whole[place]) + 1) % 10) + whole[place + 1 :]
        assert "nir" not in finder().kinds(other, alone=True)


@pytest.mark.parametrize("length", [10, 13, 15, 17])
def test_numbers_that_are_pseudonyms_are_seldom_taken_for_a_persons(length: int) -> None:
    numbers = [str(seed * 7_919_000_000_000_039 % 10**length).zfill(length) for seed in range(1, 1001)]
    found = sum(1 for number in numbers if finder().kinds(number, alone=False))
    assert found <= len(numbers) * 0.004


_LONG = 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "a" * _LONG + " @",
        "a@" + "a." * (_LONG // 2) + "1",
        "a@a.a.a.a.1" * (_LONG // 11),
        "NOM" + " " * _LONG,
        "1 RUE AB " * (_LONG // 9),
        "1850175123456" + "-" * _LONG,
        "AAAA BBBB " * (_LONG // 10),
    ],
)
def test_a_value_of_a_million_characters_is_judged_in_a_second_or_so(text: str) -> None:
    before = time.process_time()
    finder().kinds(text, alone=True)
    # Twice to three times what it takes; a pattern that looks back would take hours.
    assert time.process_time() - before < 2.5


def test_what_lies_far_into_a_long_text_is_found_wherever_it_lies() -> None:
    for place in (1700, 1790, 1800, 2040, 2047, 3580, 9000):
        found = finder().kinds("x " * (place // 2) + f"{nir('1850578006084')} suite" + " x" * 900, alone=True)
        assert found == {"nir"}, place


HEADER = "BEN_NIR_PSA;BEN_RNG_GEM;IMB_ALD_DTD;IMB_ALD_DTF;IMB_ETM_NAT;INS_DTE;MED_MTF_COD;COMMENTAIRE;TEL"
LINE = "AAAAAAAAAAAAAAAA1;1;2010-01-01;2099-12-31;41;2010-01-08;E11;"


def read(folder: Path, *ends: str) -> tuple[int, dict[tuple[str, str, str], int]]:
    """Lines that go on, and what was left out, of a file of conditions with two columns that nobody asked for."""
    folder.mkdir()
    (folder / "IR_IMB_R.csv").write_text("\n".join([HEADER, *(LINE + end for end in ends)]) + "\n", encoding="utf-8")
    known = ingest_definitions()
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        (unit,) = survey(list_delivery(folder).files, known.tables).units
        (part,) = list(unit_parts(query, unit, known))
    finally:
        query.close()
    return part.lines["conditions"], dict(part.quarantine)


def test_a_line_with_an_identifier_is_left_out_and_counted_by_kind_and_never_shown(tmp_path: Path) -> None:
    lines, left_out = read(
        tmp_path / "d", "suivi normal;", "Mme Lenoir 12 rue Haute;", f"{nir('1850578006084')};", ";0612345678", ";"
    )
    assert lines == 2
    assert left_out == {
        ("IR_IMB_R", "COMMENTAIRE", "name"): 1, ("IR_IMB_R", "COMMENTAIRE", "address"): 1, ("IR_IMB_R", "COMMENTAIRE", "nir"): 1,
        ("IR_IMB_R", "TEL", "telephone"): 1, ("IR_IMB_R", "*", "lines"): 3,
    }  # fmt: skip
    assert "Lenoir" not in repr(left_out)


def test_the_name_of_a_column_that_is_a_person_is_neither_told_nor_noted(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    name = f"DUPONT JEAN {nir('1850578006084')}"
    lines = [HEADER.replace("TEL", name), f"{LINE};", f"{LINE};Mme Lenoir"]
    (tmp_path / "d" / f"IR_IMB_R_{name.replace(' ', '_')}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "d" / f"{name}.txt").write_text("", encoding="utf-8")
    known, query = ingest_definitions(), DuckDBQuery(threads=1, memory_limit="1GB")
    listed = survey(list_delivery(tmp_path / "d").files, known.tables)
    try:
        (part,) = list(unit_parts(query, listed.units[0], known))
    finally:
        query.close()
    said = repr((listed.other, [found.file.name for found in listed.files], part))
    assert "DUPONT" not in said
    assert nir("1850578006084") not in said
    assert ("named-person", "IR_IMB_R", "#9") in part.notes
    assert ("named-person", "IR_IMB_R", "IR_IMB_R_hidden2.csv") in part.notes
    assert part.quarantine == {("IR_IMB_R", "#9", "name"): 1, ("IR_IMB_R", "*", "lines"): 1}
    assert listed.other == ("hidden1.txt",)


def test_no_published_name_of_a_table_or_a_column_is_taken_for_a_persons() -> None:
    tables = ingest_definitions().tables.values()
    names = [name for table in tables for name in (table.name, *table.columns)]
    names += ["NOM_PATIENT", "DATE_NAISSANCE", "extraction_20160101123000.log", "ER_PRS_F_201503_2.csv.gz", "750100018"]
    assert [name for name in names if finder().in_name(name)] == []


def test_many_unknown_columns_are_searched_at_once_and_too_many_refused(tmp_path: Path) -> None:
    for count in (900, 1000):
        folder = tmp_path / str(count)
        folder.mkdir()
        header = HEADER + "".join(f";C{number}" for number in range(count))
        cells = ["a b"] * count
        held = [*cells[:-1], "Mme Lenoir"]
        lines = [header, *(f"{LINE};;" + ";".join(row) for row in (cells, held))]
        (folder / "IR_IMB_R.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    known = ingest_definitions()
    query = DuckDBQuery(threads=1, memory_limit="500MB")
    try:
        (few,) = survey(list_delivery(tmp_path / "900").files, known.tables).units
        (part,) = list(unit_parts(query, few, known))
        assert part.quarantine == {("IR_IMB_R", "C899", "name"): 1, ("IR_IMB_R", "*", "lines"): 1}
        (many,) = survey(list_delivery(tmp_path / "1000").files, known.tables).units
        with pytest.raises(BadInput) as caught:
            list(unit_parts(query, many, known))
    finally:
        query.close()
    assert (caught.value.code, caught.value.facts["columns"]) == ("csv-columns-many", 1009)


def test_a_clean_delivery_leaves_nothing_out(tmp_path: Path) -> None:
    assert read(tmp_path / "d", "suivi normal;", "hôpital Jean Verdier;", ";") == (3, {})
