# SPDX-License-Identifier: Apache-2.0
"""A second count of a whole synthetic delivery, with the csv module alone: persons, dispensings, stays, consultations, deaths.

Nothing of the loader is used here: the rules are written out again by hand from the reference.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rempart.adapters.delivery_writer import synthetic_tables, write_delivery
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.report import IngestReport
from rempart.synthetic.plan import SyntheticPlan
from tests.small_delivery import read

Group = tuple[str, str, str, str, str]
NINE = """FLX_DIS_DTD FLX_TRT_DTD FLX_EMT_TYP FLX_EMT_NUM FLX_EMT_ORD ORG_CLE_NUM DCT_ORD_NUM PRS_ORD_NUM REM_TYP_AFF""".split()
RETURNS = "NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET COH_NAI_RET COH_SEX_RET".split()
NO_DATE = ("", "1600-01-01", "0001-01-01")
HIDDEN = frozenset(
    """130780521 130783236 130783293 130784234 130804297 600100101 750041543 750100018 750100042 750100075 750100083 750100091
    750100109 750100125 750100166 750100208 750100216 750100232 750100273 750100299 750801441 750803447 750803454 910100015
    910100023 920100013 920100021 920100039 920100047 920100054 920100062 930100011 930100037 930100045 940100027 940100035
    940100043 940100050 940100068 950100016 690783154 690784137 690784152 690784178 690787478 830100558""".split()
)


@dataclass
class Counted:
    """The independent count."""

    persons: dict[tuple[str, int], str] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)
    drugs: dict[Group, int] = field(default_factory=lambda: defaultdict(int))
    consultations: dict[tuple[str, str, str, str], float] = field(default_factory=lambda: defaultdict(float))
    stays: dict[tuple[int, int | str, int], tuple[str, str, str]] = field(default_factory=dict)
    deaths: set[str] = field(default_factory=set)
    diagnoses: set[tuple[object, ...]] = field(default_factory=set)


def rows(folder: Path, start: str, end: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """(file name, line) of all files of a table."""
    for path in sorted(folder.glob(f"{start}*{end}.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter=";"):
                yield path.name, row


def number(text: str) -> int | str:
    """Facility and record numbers come with and without their zeros, and with a letter for Corsica."""
    return int(text) if text.isdigit() else text


def line_key(row: dict[str, str]) -> tuple[object, ...]:
    return tuple(number(row[name]) for name in NINE)


def count_cards(folder: Path, counted: Counted) -> None:
    shared = defaultdict(set)
    for _, row in rows(folder, "IR_BEN_R"):
        counted.lines["IR_BEN_R"] += 1
        usable = (
            row["BEN_CDI_NIR"] in ("00", "03", "04")
            and row["BEN_SEX_COD"] in ("1", "2")
            and row["BEN_NAI_ANN"] != "1600"
        )
        if usable:
            counted.persons[row["BEN_NIR_PSA"], int(row["BEN_RNG_GEM"])] = row["BEN_IDT_ANO"]
            shared[row["BEN_NIR_PSA"]].add(row["BEN_IDT_ANO"])
            if row["BEN_DCD_DTE"] not in NO_DATE:
                counted.deaths.add(row["BEN_IDT_ANO"])
    counted.alone = {psa: next(iter(who)) for psa, who in shared.items() if len(who) == 1}


def count_claims(folder: Path, counted: Counted) -> None:
    boxes = {}
    for _, row in rows(folder, "ER_PHA_F"):
        counted.lines["ER_PHA_F"] += 1
        boxes[line_key(row)] = (row["PHA_PRS_C13"], int(row["PHA_ACT_QSN"]))
    for _, row in rows(folder, "ER_PRS_F"):
        counted.lines["ER_PRS_F"] += 1
        who = counted.persons.get((row["BEN_NIR_PSA"], int(row["BEN_RNG_GEM"])))
        informed = row["DPN_QLF"] in ("71", "72") or row["PRS_DPN_QLP"] in ("71", "72")
        if who is None or informed or row["BSE_PRS_NAT"] == "0" or row["EXE_SOI_DTD"] in NO_DATE:
            continue
        made, ordered = row["PFS_EXE_NUM"], row["PFS_PRE_NUM"]
        if line_key(row) in boxes:
            code, quantity = boxes[line_key(row)]
            counted.drugs[who, row["EXE_SOI_DTD"], code, ordered, made] += quantity
        elif row["CPL_MAJ_TOP"] in ("0", "1") and row["PRS_NAT_REF"] in ("1111", "1112"):
            counted.consultations[who, row["EXE_SOI_DTD"], row["PRS_NAT_REF"], made] += float(row["PRS_ACT_QTE"])


def count_stays(folder: Path, counted: Counted) -> None:
    chains = {}
    for name, row in rows(folder, "T_MCO", "C"):
        chains[int(name[5:7]), number(row["ETA_NUM"]), int(row["RSA_NUM"])] = row
    for name, row in rows(folder, "T_MCO", "B"):
        counted.lines["T_MCOaaB"] += 1
        key = int(name[5:7]), number(row["ETA_NUM"]), int(row["RSA_NUM"])
        chain = chains[key]
        hidden = str(key[1]).zfill(9) in HIDDEN and key[0] <= 17
        wrong = row["GRG_GHM"].startswith("90") or row["SEJ_TYP"] == "B" or row.get("TYP_GEN_RSA", "0") != "0"
        unsafe = any(chain.get(code, "0") != "0" for code in RETURNS)
        who = counted.alone.get(chain["NIR_ANO_17"])
        if not (hidden or wrong or unsafe) and who:
            counted.stays[key] = (who, chain["EXE_SOI_DTD"], chain["EXE_SOI_DTF"])
            if row["SOR_MOD"] == "9":
                counted.deaths.add(who)
    for name, row in rows(folder, "T_MCO", "D"):
        key = int(name[5:7]), number(row["ETA_NUM"]), int(row["RSA_NUM"])
        if key in counted.stays:
            counted.diagnoses.add((*key, row["ASS_DGN"]))


def count_certificates(folder: Path, counted: Counted) -> None:
    known = set(counted.persons.values())
    for _, row in rows(folder, "KI_CCI_R"):
        if row["DCD_IDT_TOP"] == "1" and row["BEN_IDT_ANO"] in known:
            counted.deaths.add(row["BEN_IDT_ANO"])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Counted, DuckDBQuery, IngestReport]]:
    """A delivery counted by hand and ingested."""
    plan = SyntheticPlan(persons=400, first_year=2013, last_year=2015, seed=3, tables=synthetic_tables())
    folder = write_delivery(tmp_path_factory.mktemp("delivery"), plan).delivery
    counted = Counted()
    for step in (count_cards, count_claims, count_stays, count_certificates):
        step(folder, counted)
    query, report = read(folder)
    yield counted, query, report
    query.close()


Both = tuple[Counted, DuckDBQuery, IngestReport]


def test_the_same_persons(both: Both) -> None:
    counted, query, _ = both
    found = query.table("SELECT source_person FROM research_person").column(0).to_pylist()
    assert sorted(found) == sorted(set(counted.persons.values()))


def test_the_same_dispensings_and_boxes(both: Both) -> None:
    counted, query, report = both
    asked = "SELECT source_person, CAST(drug_exposure_start_date AS VARCHAR), drug_source_value, quantity FROM research_drug_exposure"
    found = Counter(tuple(row.values()) for row in query.table(asked).to_pylist())
    expected = Counter((who, day, code, boxes) for (who, day, code, *_), boxes in counted.drugs.items() if boxes > 0)
    assert found == expected
    assert sum(expected.values()) > 5_000
    assert any(boxes <= 0 for boxes in counted.drugs.values()), "nothing was cancelled: the count shows nothing"
    (sheet,) = [sheet for sheet in report.reconciliation if sheet.table == "ER_PHA_F"]
    assert (sheet.lines, sheet.kept) == (counted.lines["ER_PHA_F"], sum(expected.values()))


def test_the_same_hospital_stays(both: Both) -> None:
    counted, query, report = both
    asked = """SELECT source_person, CAST(visit_start_date AS VARCHAR), CAST(visit_end_date AS VARCHAR) FROM research_visit_occurrence
        WHERE visit_concept_id IN (9201, 262)"""
    found = Counter(tuple(row.values()) for row in query.table(asked).to_pylist())
    assert found == Counter(counted.stays.values())
    (sheet,) = [sheet for sheet in report.reconciliation if sheet.table == "T_MCOaaB"]
    assert (sheet.lines, sheet.kept) == (counted.lines["T_MCOaaB"], len(counted.stays))
    assert set(dict(sheet.dropped)) >= {"P1", "P2", "P3", "P5", "P6", "R2"}


def test_the_same_consultations(both: Both) -> None:
    counted, query, _ = both
    asked = """SELECT source_person, CAST(visit_start_date AS VARCHAR) FROM research_visit_occurrence WHERE visit_concept_id = 9202"""
    found = Counter(tuple(row.values()) for row in query.table(asked).to_pylist())
    assert found == Counter((who, day) for (who, day, *_), quantity in counted.consultations.items() if quantity > 0)


def test_the_same_associated_diagnoses_and_deaths(both: Both) -> None:
    counted, query, _ = both
    asked = "SELECT count(*) AS n FROM research_condition_occurrence WHERE condition_status_source_value = 'DAS'"
    assert query.table(asked).column("n")[0].as_py() == len(counted.diagnoses)
    found = query.table("SELECT source_person FROM research_death").column(0).to_pylist()
    assert sorted(found) == sorted(counted.deaths)


def test_every_table_balances_and_every_line_is_counted(both: Both) -> None:
    counted, _, report = both
    assert all(sheet.balanced for sheet in report.reconciliation)
    lines = {sheet.table: sheet.lines for sheet in report.reconciliation}
    assert {table: lines[table] for table in counted.lines} == dict(counted.lines)
