# SPDX-License-Identifier: Apache-2.0
"""The rows of cohorts as one Parquet file: cohort_id, subject_id, start_date, end_date. Whole or not there, and its owner's alone."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from rempart.errors import BadInput


class CohortRows:
    """Written beside the file under another name; ``finish`` puts it in place, ``give_up`` removes it.

    ``cohort_id`` is a whole number where every cohort's name is one, else text. Raises BadInput ``file-unwritable``.
    """

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        self._file, self._unfinished = file, file.with_name(f".{file.name}.{os.getpid()}.unfinished")
        whole = all(_is_whole(name) for name in names)
        self._id = pa.int64() if whole else pa.string()
        days = [("start_date", pa.date32()), ("end_date", pa.date32())]
        self._schema = pa.schema([("cohort_id", self._id), ("subject_id", pa.int64()), *days])
        try:
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadInput("file-unwritable", file=file.name) from error
        self._stream = os.fdopen(descriptor, "wb")
        self._writer = parquet.ParquetWriter(self._stream, self._schema, compression="zstd")

    def take(self, name: str, rows: pa.Table) -> None:
        """The rows of one cohort: subject_id, start_date, end_date."""
        number = int(name) if self._id == pa.int64() else name
        told = pa.repeat(pa.scalar(number, self._id), rows.num_rows)
        columns = [told, *(rows.column(field.name) for field in list(self._schema)[1:])]
        self._write(pa.table(columns, names=self._schema.names).cast(self._schema))

    def _write(self, table: pa.Table) -> None:
        try:
            self._writer.write_table(table)
        except OSError as error:
            raise BadInput("file-unwritable", file=self._file.name) from error

    def finish(self) -> None:
        """Put the file in its place."""
        try:
            self._writer.close()
            self._stream.close()
            os.replace(self._unfinished, self._file)
        except OSError as error:
            self.give_up()
            raise BadInput("file-unwritable", file=self._file.name) from error

    def give_up(self) -> None:
        """Leave no half-written file."""
        self._stream.close()
        self._unfinished.unlink(missing_ok=True)


def _is_whole(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 19 and str(int(name)) == name
