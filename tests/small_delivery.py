# SPDX-License-Identifier: Apache-2.0
"""A delivery small enough to read: one woman, one dispensing, one consultation, one stay, one condition; tests change single cells.

Written with the csv module from plain rows; it knows nothing of the loader.
"""

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.definitions import Definitions
from rempart.ingest.report import IngestReport
from tests.one_session import read_whole

Row = dict[str, str]
Tables = dict[str, list[Row]]
PSA, TWIN, OWN = "AAAAAAAAAAAAAAAA1", "BBBBBBBBBBBBBBBB2", "NNNNNNNNNNNNNNNN1"


def card(**changed: str) -> Row:
    """A line of IR_BEN_R."""
    return {
        "BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "01", "BEN_NIR_ANO": OWN, "BEN_IDT_ANO": OWN, "BEN_IDT_TOP": "1",
        "BEN_CDI_NIR": "00", "BEN_NAI_ANN": "1950", "BEN_NAI_MOI": "03", "BEN_SEX_COD": "2", "BEN_DCD_DTE": "1600-01-01",
        "BEN_RES_DPT": "075", "BEN_RES_COM": "056", "MAX_TRT_DTD": "2015-12-01", "BEN_DTE_INS": "2000-01-01",
        "BEN_DTE_MAJ": "2015-12-01",
    } | changed  # fmt: skip


def keys(line: int, flow: str = "2015-03-01") -> Row:
    """The nine keys."""
    return {
        "FLX_DIS_DTD": flow, "FLX_TRT_DTD": flow, "FLX_EMT_TYP": "1", "FLX_EMT_NUM": "10", "FLX_EMT_ORD": "1",
        "ORG_CLE_NUM": "01C751000", "DCT_ORD_NUM": "17", "PRS_ORD_NUM": f"{line:05d}", "REM_TYP_AFF": "1",
    }  # fmt: skip


def claim(line: int, **changed: str) -> Row:
    """A line of ER_PRS_F: a consultation unless changed."""
    return keys(line) | {
        "BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "1", "EXE_SOI_DTD": "2015-02-10", "PRE_PRE_DTD": "2015-02-09",
        "PRS_NAT_REF": "1111", "BSE_PRS_NAT": "1111", "CPL_MAJ_TOP": "0", "DPN_QLF": "0", "PRS_DPN_QLP": "",
        "PRS_ACT_QTE": "1", "PFS_EXE_NUM": "750000001", "PFS_PRE_NUM": "750000002",
    } | changed  # fmt: skip


def simplified(line: int, person: str, **changed: str) -> Row:
    """A line of NS_PRS_F, which names the person key alone: a consultation unless changed."""
    columns = (*keys(line), "BEN_NIR_PSA", "BEN_RNG_GEM")
    usual = {name: value for name, value in claim(line).items() if name not in columns}
    return {"CLE_DCI_JNT": str(line), "BEN_IDT_ANO": person, "FLX_DIS_DTD": "2015-03-01"} | usual | changed


def keyed(person: str, **changed: str) -> Row:
    """A line of IR_IBA_R, a card without pseudonym."""
    usual = {name: value for name, value in card(BEN_IDT_ANO=person).items() if name[4:7] not in ("NIR", "RNG")}
    return usual | changed


def pack(line: int, **changed: str) -> Row:
    """A line of ER_PHA_F; its line number has three digits there."""
    return keys(line) | {
        "PRS_ORD_NUM": f"{line:03d}", "PHA_ORD_NUM": "1", "PHA_PRS_C13": "3400935563248", "PHA_ACT_QSN": "1",
        "PHA_ACT_PRU": "22.17",
    } | changed  # fmt: skip


def chain(**changed: str) -> Row:
    """A line of T_MCO15C."""
    codes = "NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET COH_NAI_RET COH_SEX_RET".split()
    return {
        "ETA_NUM": "10009991", "RSA_NUM": "7", "NIR_ANO_17": PSA, "EXE_SOI_DTD": "2015-05-02", "EXE_SOI_DTF": "2015-05-06",
    } | dict.fromkeys(codes, "0") | changed  # fmt: skip


def stay(**changed: str) -> Row:
    """A line of T_MCO15B: the same stay, its numbers written as numbers."""
    return {
        "ETA_NUM": "10009991", "RSA_NUM": "7", "DGN_PAL": "C679", "DGN_REL": "", "GRG_GHM": "11C021", "ENT_MOD": "8",
        "ENT_PRV": "5", "SOR_MOD": "8", "SOR_DES": "", "SEJ_TYP": "", "TYP_GEN_RSA": "0",
    } | changed  # fmt: skip


def diagnosis(**changed: str) -> Row:
    """A line of T_MCO15D: there the numbers keep their zeros."""
    return {"ETA_NUM": "010009991", "RSA_NUM": "0000000007", "ASS_DGN": "I10"} | changed


def act(**changed: str) -> Row:
    """A line of T_MCO15A."""
    return {
        "ETA_NUM": "010009991", "RSA_NUM": "0000000007", "CDC_ACT": "JDFA001", "ENT_DAT_DEL": "1", "PHA_ACT": "0",
        "ACV_ACT": "1", "NBR_EXE_ACT": "1",
    } | changed  # fmt: skip


def condition(**changed: str) -> Row:
    """A line of IR_IMB_R."""
    return {
        "BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "1", "IMB_ALD_DTD": "2010-01-01", "IMB_ALD_DTF": "2099-12-31",
        "IMB_ETM_NAT": "41", "INS_DTE": "2010-01-08", "MED_MTF_COD": "E11  ",
    } | changed  # fmt: skip


def certificate(**changed: str) -> Row:
    """A line of KI_CCI_R."""
    return {
        "DCD_IDT_ENC": "X" * 64, "DCD_IDT_TOP": "1", "BEN_IDT_ANO": OWN, "BEN_DCD_DTE": "2015-11-20", "DCD_CIM_COD": "C679",
    } | changed  # fmt: skip


def whole() -> Tables:
    """Everything once; line 1 is a consultation, line 2 a dispensing."""
    return {
        "IR_BEN_R": [card()],
        "ER_PRS_F_201503": [claim(1), claim(2, PRS_NAT_REF="3313", BSE_PRS_NAT="3313")],
        "ER_PHA_F_201503": [pack(2)],
        "T_MCO15C": [chain()],
        "T_MCO15B": [stay()],
        "T_MCO15D": [diagnosis()],
        "T_MCO15A": [act()],
        "IR_IMB_R": [condition()],
        "KI_CCI_R_2015": [],
    }


def write(folder: Path, tables: Mapping[str, Sequence[Mapping[str, str]]]) -> Path:
    """The delivery as plain CSV files; a table without lines is a header."""
    samples = {"KI_CCI_R_2015": certificate(), "T_MCO15D": diagnosis(), "T_MCO15A": act(), "ER_PHA_F_201503": pack(1)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        header = list(rows[0] if rows else samples[name])
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, header, delimiter=";", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def read(folder: Path) -> tuple[DuckDBQuery, IngestReport]:
    """Ingest a folder within one session; the caller closes the query."""
    return read_whole(folder, known())


def dropped(report: IngestReport) -> dict[str, dict[str, int]]:
    """table → rule → lines, tables without a dropped line left out."""
    return {sheet.table: dict(sheet.dropped) for sheet in report.reconciliation if sheet.dropped}


@functools.cache
def known() -> Definitions:
    """The data files, parsed once."""
    return ingest_definitions()
