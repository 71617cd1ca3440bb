# SPDX-License-Identifier: Apache-2.0
"""Every line of every delivered table stands in the reconciliation; the lines are counted here with the csv module alone."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import pytest

from rempart.adapters.delivery_writer import synthetic_tables, write_delivery
from rempart.ingest.report import IngestReport
from rempart.synthetic.plan import SyntheticPlan
from tests.small_delivery import PSA, claim, dropped, keys, known, read, whole, write

MATERNITY = {"BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "1", "BEN_GRS_DTE": "2015-01-01", "BEN_DRA_AME": "201503"}
HOME = {
    "BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "1", "ESM_FIN_ANO": "F1", "ESM_TAR_COD": "40", "PEC_DEB_DTE": "2015-01-01",
    "PEC_FIN_DTE": "2015-02-01",
}  # fmt: skip


def told(folder: Path) -> IngestReport:
    """The report of a folder's ingest."""
    query, report = read(folder)
    query.close()
    return report


def lines_by_table(folder: Path) -> Counter[str]:
    """Delivered table → lines of its files."""
    found: Counter[str] = Counter()
    names = {table.name.replace("aa", "{}"): table.name for table in known().tables.values()}
    years = [f"{year:02d}" for year in range(30)]
    starts = {start.format(year): name for start, name in names.items() for year in years}
    for path in folder.glob("*.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            lines = sum(1 for _ in csv.reader(stream, delimiter=";")) - 1
        (name,) = [starts[start] for start in sorted(starts, key=len) if path.name.startswith(start)][-1:]
        found[name] += lines
    return found


def test_every_table_of_a_whole_delivery_is_reconciled_line_by_line(tmp_path: Path) -> None:
    plan = SyntheticPlan(
        persons=150, first_year=2014, last_year=2015, seed=5, density=0.3, population="france", whole=True, tables=synthetic_tables(),
    )  # fmt: skip
    folder = write_delivery(tmp_path, plan).delivery
    report, counted = told(folder), lines_by_table(folder)
    sheets = {sheet.table: sheet.lines for sheet in report.reconciliation}
    assert sheets == {name: lines for name, lines in counted.items() if lines}
    assert all(sheet.balanced for sheet in report.reconciliation)


def test_every_table_that_can_be_delivered_is_one_that_must_balance() -> None:
    assert {table.word for table in known().tables.values()} - known().balanced == set()


def test_lines_of_the_maternity_and_homes_registers_are_kept_or_dropped_by_a_rule(tmp_path: Path) -> None:
    nobody = {"BEN_NIR_PSA": "Z" * 17}
    tables = whole() | {
        "IR_MAT_R": [MATERNITY, MATERNITY, MATERNITY | nobody, MATERNITY | {"BEN_GRS_DTE": ""}],
        "IR_ESM_R": [HOME, HOME, HOME | nobody],
    }
    report = told(write(tmp_path / "d", tables))
    sheets = {sheet.table: (sheet.lines, sheet.kept) for sheet in report.reconciliation}
    assert (sheets["IR_MAT_R"], sheets["IR_ESM_R"]) == ((4, 1), (3, 1))
    assert dropped(report)["IR_MAT_R"] == {"T1": 1, "R1": 1, "K2": 1}
    assert dropped(report)["IR_ESM_R"] == {"R1": 1, "K2": 1}


def test_lines_that_only_tell_more_of_others_are_counted_by_whether_these_are_there(tmp_path: Path) -> None:
    place = {"ETB_EXE_FIN": "01000999", "ETE_IND_TAA": "0"}
    tables = whole() | {
        "ER_ETE_F_201503": [keys(1) | place, keys(8) | place],
        "ER_PRS_F_201503": [claim(1), claim(2, PRS_NAT_REF="3313", BSE_PRS_NAT="3313")],
        "T_MCO15VALO": [{"ETA_NUM": "10009991", "RSA_NUM": n, "MNT_TOT_AM": "10"} for n in ("7", "9")],
    }
    report = told(write(tmp_path / "d", tables))
    sheets = {sheet.table: (sheet.lines, sheet.kept) for sheet in report.reconciliation}
    assert (sheets["ER_ETE_F"], sheets["T_MCOaaVALO"]) == ((2, 1), (2, 1))
    assert (dropped(report)["ER_ETE_F"], dropped(report)["T_MCOaaVALO"]) == ({"J1": 1}, {"J1": 1})


@pytest.mark.parametrize(
    ("name", "table", "line"),
    [
        ("IR_CIM_V", "IR_CIM_V", {"CIM_COD": "E11", "ALD_030_COD": "8"}),
        ("REF_COMMUNE_HISTORY", "REF_COMMUNE_HISTORY", {"DATE_EFF": "2015-01-01", "TYPE": "32", "COM_AV": "01002", "COM_AP": "01001"}),
        ("REF_POPULATION_2015", "REF_POPULATION", {"COM": "01001", "SEX": "1", "AGE": "40", "POP": "12"}),
    ],
)  # fmt: skip
def test_a_line_of_a_reference_file_counts_once(tmp_path: Path, name: str, table: str, line: dict[str, str]) -> None:
    report = told(write(tmp_path / "d", whole() | {name: [line, line]}))
    (sheet,) = [sheet for sheet in report.reconciliation if sheet.table == table]
    assert (sheet.lines, sheet.kept, dict(sheet.dropped)) == (2, 1, {"K2": 1})
