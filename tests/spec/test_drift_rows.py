# SPDX-License-Identifier: Apache-2.0
"""Notes of drift come together by column, what matters first, what may be absent in one line."""

import io

from rich.console import Console

from rempart.cli.drift_rows import detail, periods, show_notes, show_populations
from rempart.cli.voice import LANGUAGES, Voice
from rempart.identity.leaks import ADDRESS, EMAIL, NAME, NIR, TELEPHONE
from rempart.ingest.drift_words import grouped

MONTHS = [f"2014{month:02d}" for month in range(1, 13)]
NOTES = [
    *(("table-not-delivered", "ER_UCD_F", month) for month in MONTHS),
    *(("column-absent", "ER_PRS_F", f"BEN_IDT_ANO {month}") for month in MONTHS),
    *(("column-unknown", "ER_PRS_F", f"NOM {month}") for month in MONTHS[:2]),
    ("encoding-latin-1", "ER_PRS_F", "ER_PRS_F_201403.csv.gz"),
    ("quarantine", "T_MCOaaB", "* lines 3"),
]


def test_a_note_that_comes_every_month_is_one_row_with_its_months() -> None:
    rows = grouped(NOTES)
    assert [(row.code, row.what, row.periods) for row in rows] == [
        ("quarantine", "* lines 3", 0),
        ("encoding-latin-1", "", 1),
        ("column-unknown", "NOM", 2),
        ("column-absent", "BEN_IDT_ANO", 12),
        ("table-not-delivered", "", 12),
    ]
    assert periods(Voice("en", as_json=False), rows[2]) == "2 months, 201401–201402"
    assert (rows[-1].first, rows[-1].last) == ("201401", "201412")


def test_what_may_be_absent_is_one_line_and_files_left_alone_are_named() -> None:
    voice, out = Voice("en", as_json=False), io.StringIO()
    voice._out = Console(file=out, width=160)
    show_notes(voice, NOTES, ["lisez-moi.xlsx"])
    told = out.getvalue()
    assert "ER_UCD_F" not in told
    assert "tables 1, columns 1" in told
    assert "lisez-moi.xlsx" in told
    assert told.index("Latin-1") < told.index("NOM")


def test_files_of_hospital_years_are_one_row() -> None:
    (row,) = grouped(("no-lines", "T_HADaaA", f"T_HAD{year}A.csv.gz") for year in (12, 13, 17))
    assert (row.periods, row.first, row.last) == (3, "2012", "2017")


def test_lines_left_out_for_identifiers_are_told_in_the_language_of_the_reader() -> None:
    rows = grouped(
        ("quarantine", "ER_PRS_F", what) for what in ("* lines 2", "COMMENTAIRE name 1", "COMMENTAIRE telephone 1")
    )
    assert [detail(Voice("fr", as_json=False), row) for row in rows] == [
        "lignes écartées : 2", "COMMENTAIRE, nom : 1", "COMMENTAIRE, numéro de téléphone : 1",
    ]  # fmt: skip


def test_every_kind_of_identifier_has_its_word() -> None:
    for language in LANGUAGES:
        for kind in (NIR, TELEPHONE, EMAIL, ADDRESS, NAME):
            assert Voice(language, as_json=False).word(f"leak-{kind}")


def test_deliveries_that_declare_the_same_population_are_one_line() -> None:
    voice, out = Voice("en", as_json=False), io.StringIO()
    voice._out = Console(file=out, width=200)
    same = {"target": "EGB", "fraction": "1/97", "source": "x"}
    show_populations(
        voice, {f"D-2014{month:02d}": same for month in range(1, 13)} | {"D-2015": {"target": "all"}, "D-x": {}}
    )
    assert out.getvalue().splitlines() == [
        "12 deliveries (D-201401 to D-201412) declare one population: EGB, sampled 1/97, weight of a person ?",
        "D-2015 declares its population: all, sampled ?, weight of a person ?",
    ]
