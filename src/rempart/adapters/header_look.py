# SPDX-License-Identifier: Apache-2.0
"""A look at the beginning of a delivered file, for a plan: its columns, its encoding, whether it has a line. Reads no file whole.

What it says is what an ingest would say or refuse; it repeats no value, and no name of a column in a line that may be a patient's.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.adapters.delivered_checks import check_header, drift, split_header
from rempart.errors import BadInput
from rempart.ingest.declaration import Declaration
from rempart.ingest.units import Note, UnitFile

_SAMPLE = 1 << 16
# As text, so much of it at most: what is packed a thousand times over is not unpacked whole for an estimate.
_UNPACKED = 1 << 20
_ZIPPED = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_WRONG = {"csv-missing-column": "column-missing", "csv-empty": "file-empty"}


def header_notes(found: UnitFile, said: Declaration) -> list[Note]:
    """What the beginning of a file tells: drift of its columns, Latin-1, no line, or why it would be refused."""
    try:
        header, lines, notes = _parquet(found) if _is_parquet(found) else _text(found, said)
        check_header(found, header)
    except BadInput as error:
        column = str(error.facts.get("column", "")) if error.code == "csv-missing-column" else found.file.name
        what = f"{column} {found.period}".strip() if error.code == "csv-missing-column" else column
        return [(_WRONG.get(error.code, "file-refused"), found.table.name, what)]
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException):
        return [("file-refused", found.table.name, found.file.name)]
    if not lines:
        notes.append(("no-lines", found.table.name, found.file.name))
    return [*notes, *drift(found, header)]


def lines_about(found: UnitFile) -> int:
    """About how many lines a file holds, exact where its beginning is all of it or it says so; 0 where it cannot be read.

    From its size, how much shorter its beginning is packed than as text, and the length of the lines there."""
    try:
        if _is_parquet(found):
            with pq.ParquetFile(found.file.path) as file:
                return int(file.metadata.num_rows)
        text, packed = _unpacked(_start(Path(found.file.path)), most=_UNPACKED)
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException):
        return 0
    if packed >= found.file.size:
        return max(text.rstrip().count(b"\n"), 0)
    header, _, rest = text[: text.rfind(b"\n") + 1].partition(b"\n")
    if not rest:
        return 0
    whole = found.file.size * len(text) / packed - len(header)
    return max(1, round(whole * rest.count(b"\n") / len(rest)))


def _is_parquet(found: UnitFile) -> bool:
    return found.file.name.lower().endswith(".parquet")


def _parquet(found: UnitFile) -> tuple[Sequence[str], bool, list[Note]]:
    with pq.ParquetFile(found.file.path) as file:
        return [name.strip().upper() for name in file.schema_arrow.names], bool(file.metadata.num_rows), []


def _text(found: UnitFile, said: Declaration) -> tuple[Sequence[str], bool, list[Note]]:
    """(columns, whether a line follows, notes) of the first bytes."""
    data = _unpacked(_start(Path(found.file.path)), most=_SAMPLE)[0].removeprefix(_BOM)
    first, _, rest = data.partition(b"\n")
    if not first.strip():
        raise BadInput("csv-empty", file=found.file.name)
    notes: list[Note] = []
    whole = data[: data.rfind(b"\n") + 1] if b"\n" in rest else data
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:
        notes.append(("encoding-latin-1", found.table.name, found.file.name))
    header, _ = split_header(found, first.rstrip(b"\r").decode("latin-1" if notes else "utf-8"), said.separator)
    return header, bool(rest.strip()), notes


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_SAMPLE)


def _unpacked(data: bytes, *, most: int) -> tuple[bytes, int]:
    """The text of the beginning of a file, and how many of its bytes that is packed."""
    if not data.startswith(_ZIPPED):
        return data, len(data)
    stream = zlib.decompressobj(wbits=31)
    text = stream.decompress(data, most)
    return text, len(data) - len(stream.unused_data) - len(stream.unconsumed_tail)
