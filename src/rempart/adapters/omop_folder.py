# SPDX-License-Identifier: Apache-2.0
"""Writes tables of the OMOP CDM as a folder of Parquet files, as ``omop_reader`` reads one. Invents and checks nothing."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet


def write_omop(folder: Path, tables: Mapping[str, pa.Table]) -> Path:
    """``folder/<table>.parquet`` for each table; the folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, table in tables.items():
        parquet.write_table(table, folder / f"{name}.parquet")
    return folder
