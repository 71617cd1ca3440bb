# SPDX-License-Identifier: Apache-2.0
"""A second count of every detail of a whole synthetic delivery, with the csv module alone: what each main line's details come to.

Nothing of the loader is used here: which lines count is written out again by hand from the reference.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from rempart.adapters.delivery_writer import synthetic_tables, write_delivery
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.report import IngestReport
from rempart.synthetic.plan import SyntheticPlan
from tests.properties.test_ingest_against_csv import NO_DATE, line_key, rows
from tests.small_delivery import read

Row = Mapping[str, str]
Event = tuple[str, str, str, str, str]


@dataclass
class Sums:
    """By person, day, code, prescriber and dispenser: quantity and amount."""

    quantity: dict[Event, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    paid: dict[Event, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def events(self) -> Counter[tuple[str, str, str, float]]:
        """Those above zero, as (person, day, code, quantity)."""
        return Counter((who, day, code, float(n)) for (who, day, code, *_), n in self.quantity.items() if n > 0)


def persons(folder: Path) -> dict[tuple[str, int], str]:
    """Card → person key."""
    found: dict[tuple[str, int], str] = {}
    for _, row in rows(folder, "IR_BEN_R"):
        known = row["BEN_NAI_ANN"] not in ("1600", "0000", "0001")
        if known and row["BEN_CDI_NIR"] in ("00", "03", "04") and row["BEN_SEX_COD"] in ("1", "2"):
            found.setdefault((row["BEN_NIR_PSA"], int(row["BEN_RNG_GEM"])), row["BEN_IDT_ANO"])
    return found


def main_lines(folder: Path) -> dict[tuple[object, ...], tuple[str, Row]]:
    """Lines that count, by their key, with their person."""
    direct = {line_key(row) for _, row in rows(folder, "ER_ETE_F") if row["ETE_IND_TAA"] == "1"}
    known, found = persons(folder), {}
    for _, row in rows(folder, "ER_PRS_F"):
        who = known.get((row["BEN_NIR_PSA"], int(row["BEN_RNG_GEM"])))
        told = row["DPN_QLF"] in ("71", "72") or row["PRS_DPN_QLP"] in ("71", "72")
        if (
            who
            and not told
            and row["BSE_PRS_NAT"].strip("0")
            and row["EXE_SOI_DTD"] not in NO_DATE
            and line_key(row) not in direct
        ):
            found[line_key(row)] = (who, row)
    return found


def summed(folder: Path, table: str, of: Callable[[Row, Row], tuple[str, str, str] | None]) -> Sums:
    """``of``: (code, quantity, unit price) of a detail and its main line, None where it does not count."""
    lines, sums = main_lines(folder), Sums()
    for _, detail in rows(folder, table):
        who, line = lines.get(line_key(detail), ("", detail))
        told = of(detail, line) if who else None
        if told:
            code, quantity, price = told
            event = (who, line["EXE_SOI_DTD"], code, line["PFS_PRE_NUM"], line["PFS_EXE_NUM"])
            sums.quantity[event] += Fraction(quantity)
            sums.paid[event] += Fraction(quantity) * Fraction(price or "0")
    return sums


Both = tuple[Path, DuckDBQuery, IngestReport]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A whole delivery, and what became of it."""
    plan = SyntheticPlan(
        persons=200, first_year=2014, last_year=2015, seed=8, tables=synthetic_tables(), population="france", whole=True, density=0.4
    )  # fmt: skip
    folder = write_delivery(tmp_path_factory.mktemp("delivery"), plan).delivery
    query, report = read(folder)
    yield folder, query, report
    query.close()


def found(
    query: DuckDBQuery, table: str, day: str, code: str, where: str = "TRUE"
) -> Counter[tuple[str, str, str, float]]:
    """The same of a research table."""
    asked = f"SELECT source_person, CAST({day} AS VARCHAR), {code}, quantity FROM research_{table} WHERE {where}"
    return Counter(tuple(row.values()) for row in query.table(asked).to_pylist())


def test_the_same_packs_and_amounts(both: Both) -> None:
    folder, query, _ = both
    sums = summed(folder, "ER_PHA_F", lambda d, _: (d["PHA_PRS_C13"], d["PHA_ACT_QSN"], d["PHA_ACT_PRU"]))
    where = "drug_source_vocabulary = 'CIP13'"
    assert found(query, "drug_exposure", "drug_exposure_start_date", "drug_source_value", where) == sums.events()
    assert any(n <= 0 for n in sums.quantity.values()), "nothing was cancelled"
    asked = f"SELECT sum(total_paid) AS paid FROM research_drug_exposure WHERE {where}"
    expected = sum(paid for event, paid in sums.paid.items() if sums.quantity[event] > 0)
    assert query.table(asked).column("paid")[0].as_py() == pytest.approx(float(expected))


def test_the_same_hospital_drugs(both: Both) -> None:
    folder, query, _ = both
    sums = summed(folder, "ER_UCD_F", lambda d, _: (d["UCD_UCD_COD"][-7:], d["UCD_DLV_NBR"], ""))
    where = "drug_source_vocabulary = 'UCD' AND visit_occurrence_id IS NULL"
    assert found(query, "drug_exposure", "drug_exposure_start_date", "drug_source_value", where) == sums.events()


def test_the_same_tests_and_devices(both: Both) -> None:
    folder, query, _ = both
    sums = summed(folder, "ER_BIO_F", lambda d, _: (d["BIO_PRS_IDE"].strip().zfill(4), d["BIO_ACT_QSN"], ""))
    where = "visit_occurrence_id IS NULL"
    assert found(query, "measurement", "measurement_date", "measurement_source_value", where) == sums.events()
    assert len(sums.quantity) > 100
    sums = summed(
        folder, "ER_TIP_F", lambda d, _: (d["TIP_PRS_IDE"].strip().lstrip("0").zfill(7)[-7:], d["TIP_ACT_QSN"], "")
    )
    assert found(query, "device_exposure", "device_exposure_start_date", "device_source_value") == sums.events()


def test_the_same_acts(both: Both) -> None:
    folder, query, _ = both

    def counted(detail: Row, line: Row) -> tuple[str, str, str] | None:
        usual = detail["CAM_TRT_PHA"].strip().lstrip("0") in ("", "1") and detail["CAM_ACT_COD"] == "1"
        return (detail["CAM_PRS_IDE"].strip(), line["PRS_ACT_QTE"], "") if usual and line["CPL_MAJ_TOP"] < "2" else None

    sums = summed(folder, "ER_CAM_F", counted)
    where = "visit_occurrence_id IS NULL"
    assert found(query, "procedure_occurrence", "procedure_date", "procedure_source_value", where) == sums.events()


def test_every_table_of_a_whole_delivery_balances(both: Both) -> None:
    folder, _, report = both
    lines: Counter[str] = Counter()
    for table in ("ER_BIO_F", "ER_CAM_F", "ER_TIP_F", "ER_UCD_F", "ER_PHA_F", "ER_PRS_F"):
        lines[table] = sum(1 for _ in rows(folder, table))
    told = {sheet.table: sheet.lines for sheet in report.reconciliation}
    assert {table: told[table] for table in lines} == dict(lines)
    assert all(sheet.balanced for sheet in report.reconciliation)
    assert len(told) > 25
