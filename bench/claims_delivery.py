# SPDX-License-Identifier: Apache-2.0
"""A large delivery of claims for the benches of ingest: monthly flows of ER_PRS_F with details, one card file, written by DuckDB.

Columns and their order are those of a delivery; values are drawn by hash, so that the same numbers give the same files. No planted
truth, no dirt but what the formats ask for: that is ``rempart synth``'s.
"""

from pathlib import Path

import duckdb

FIRST_YEAR = 2014
_KEY = """
    strftime(flow, '%Y-%m-%d') AS FLX_DIS_DTD, strftime(care + (h % 20)::INTEGER, '%Y-%m-%d') AS FLX_TRT_DTD, '1' AS FLX_EMT_TYP,
    (1 + line // 50)::VARCHAR AS FLX_EMT_NUM, '1' AS FLX_EMT_ORD, '01C' || lpad((h % 95 + 1)::VARCHAR, 2, '0') || '1000' AS ORG_CLE_NUM,
    line::VARCHAR AS DCT_ORD_NUM, '00001' AS PRS_ORD_NUM, '1' AS REM_TYP_AFF
"""
_CLAIMS = """
    psa AS BEN_NIR_PSA, '1' AS BEN_RNG_GEM, '00' AS BEN_CDI_NIR, (1930 + person % 80)::VARCHAR AS BEN_NAI_ANN,
    (20 + person % 60)::VARCHAR AS BEN_AMA_COD, (1 + person % 2)::VARCHAR AS BEN_SEX_COD,
    lpad((1 + person % 95)::VARCHAR, 3, '0') AS BEN_RES_DPT, lpad((1 + person % 300)::VARCHAR, 3, '0') AS BEN_RES_COM,
    '01C751000' AS ORG_AFF_BEN, strftime(care, '%Y-%m-%d') AS EXE_SOI_DTD, strftime(care, '%Y-%m-%d') AS EXE_SOI_DTF,
    strftime(care, '%Y%m') AS EXE_SOI_AMD, strftime(care - (h % 9)::INTEGER, '%Y-%m-%d') AS PRE_PRE_DTD, nature AS PRS_NAT_REF,
    nature AS BSE_PRS_NAT, '0' AS CPL_MAJ_TOP, '0' AS DPN_QLF, '0' AS PRS_DPN_QLP, (h % 50)::VARCHAR AS EXO_MTF,
    '1' AS PRS_ACT_QTE, '1' AS PRS_ACT_NBR, printf('%.2f', (h % 9000) / 100.0) AS PRS_PAI_MNT,
    printf('%.2f', (h % 9000) / 100.0) AS BSE_REM_BSE, printf('%.2f', (h % 5000) / 100.0) AS BSE_REM_MNT, '0' AS CPL_REM_MNT,
    '65' AS RGO_REM_TAU, lpad((10000000 + h % 40000)::VARCHAR, 9, '0') AS PFS_EXE_NUM,
    lpad((20000000 + h % 60000)::VARCHAR, 9, '0') AS PFS_PRE_NUM, (h % 20)::VARCHAR AS PSE_SPE_COD, '50' AS PSE_ACT_NAT,
    '1' AS PSP_SPE_COD, '01C751000' AS ORG_CLE_NEW, '' AS ETB_PRE_FIN, '2' AS PRS_PPU_SEC
"""
_DETAILS = {
    "ER_PHA_F": (
        "3313",
        "'1' AS PHA_ORD_NUM, (3400930000000 + (h % 9000) * 7)::VARCHAR AS PHA_PRS_C13, '' AS PHA_PRS_IDE, "
        "(1 + h % 3)::VARCHAR AS PHA_ACT_QSN, "
        "printf('%.2f', (h % 3000) / 100.0) AS PHA_ACT_PRU, '' AS PHA_DEC_TOP, '0' AS PHA_DEC_QSU",
    ),
    "ER_BIO_F": ("3117", "'1' AS BIO_ORD_NUM, lpad((1 + h % 900)::VARCHAR, 4, '0') AS BIO_PRS_IDE, '1' AS BIO_ACT_QSN"),
    "ER_CAM_F": (
        "1351",
        "'1' AS CAM_ORD_NUM, 'ZBQK' || lpad((1 + h % 200)::VARCHAR, 3, '0') AS CAM_PRS_IDE, '1' AS CAM_ACT_COD, '0' AS CAM_TRT_PHA, "
        "printf('%.2f', (h % 3000) / 100.0) AS CAM_ACT_PRU",
    ),
}


def write_claims(folder: Path, *, lines: int, persons: int, months: int) -> int:
    """Write ``lines`` main lines over ``months`` flow months of ``persons`` persons, and their details; bytes written.

    Six of ten lines are drugs, one in ten each laboratory and acts, each with one detail line; the others stand alone.
    """
    folder.mkdir(parents=True)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET enable_progress_bar = false")
    _cards(connection, folder, persons)
    for month in range(months):
        year, number = FIRST_YEAR + month // 12, month % 12 + 1
        share = lines // months
        connection.execute(
            f"""
            CREATE OR REPLACE TABLE made AS
            SELECT *, {_psa("person")} AS psa,
              CASE WHEN h % 10 < 6 THEN '3313' WHEN h % 10 = 6 THEN '3117' WHEN h % 10 = 7 THEN '1351' ELSE '1111' END AS nature
            FROM (SELECT line, hash(line + {month * share}) % 1000000007 AS h, hash(line * 3 + {month}) % {persons} AS person,
              DATE '{year}-{number:02}-01' AS flow,
              DATE '{year}-{number:02}-01' - (1 + hash(line * 7) % 45)::INTEGER AS care FROM range(1, {share + 1}) t(line))
            """
        )
        period = f"{year}{number:02}"
        _copy(connection, f"SELECT {_KEY}, {_CLAIMS} FROM made", folder / f"ER_PRS_F_{period}.csv")
        for name, (nature, columns) in _DETAILS.items():
            select = f"SELECT {_KEY}, {columns} FROM made WHERE nature = '{nature}'"
            _copy(connection, select, folder / f"{name}_{period}.csv")
    connection.close()
    return sum(path.stat().st_size for path in folder.iterdir())


def _psa(person: str) -> str:
    return f"'P' || upper(lpad(printf('%x', hash({person}) % 4294967296), 16, '0'))"


def _cards(connection: duckdb.DuckDBPyConnection, folder: Path, persons: int) -> None:
    select = f"""
        SELECT {_psa("person")} AS BEN_NIR_PSA, '1' AS BEN_RNG_GEM, 'A' || lpad(person::VARCHAR, 16, '0') AS BEN_NIR_ANO,
          'A' || lpad(person::VARCHAR, 16, '0') AS BEN_IDT_ANO, '1' AS BEN_IDT_TOP, 'A' || lpad(person::VARCHAR, 16, '0') AS ASS_NIR_ANO,
          '00' AS BEN_CDI_NIR, (1930 + person % 80)::VARCHAR AS BEN_NAI_ANN, '06' AS BEN_NAI_MOI, (1 + person % 2)::VARCHAR AS BEN_SEX_COD,
          '1600-01-01' AS BEN_DCD_DTE, '160001' AS BEN_DCD_AME, '01C751000' AS ORG_AFF_BEN,
          lpad((1 + person % 95)::VARCHAR, 3, '0') AS BEN_RES_DPT, lpad((1 + person % 300)::VARCHAR, 3, '0') AS BEN_RES_COM,
          '1' AS BEN_TOP_CNS, '2016-01-05' AS MAX_TRT_DTD, '01C751000' AS ORG_CLE_NEW, '2002-06-15' AS BEN_DTE_INS,
          '2016-01-05' AS BEN_DTE_MAJ
        FROM range({persons}) t(person)
    """
    _copy(connection, select, folder / "IR_BEN_R.csv")


def _copy(connection: duckdb.DuckDBPyConnection, select: str, file: Path) -> None:
    connection.execute(f"COPY ({select}) TO '{file}' (FORMAT csv, DELIMITER ';', HEADER, QUOTE '')")
