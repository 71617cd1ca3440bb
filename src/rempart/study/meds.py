# SPDX-License-Identifier: Apache-2.0
"""Sequences of persons as a MEDS data set in memory (Medical Event Data Standard 0.4): the bytes of each of its files. Writes no file.

``subject_id``: a number drawn for this data set alone, no id of the person anywhere else. ``time``: midnight of the day; birth on 1 January
of its year; sex without a time. ``code``: kind of record, ``//``, the code as the delivery has it. Persons of a share are in one file, in
order of their numbers, each in order of time.
"""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.canonical import length_prefixed

VERSION = "0.4.1"
BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
_MAGIC = b"rempart.files/1"
_DATA = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.timestamp("us")),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
        ("text_value", pa.large_string()),
    ]
)
_CODES = pa.schema([("code", pa.string()), ("description", pa.string()), ("parent_codes", pa.list_(pa.string()))])
_SPLITS = pa.schema([("subject_id", pa.int64()), ("split", pa.string())])
_DAY = 86_400_000_000  # microseconds
_MOST = 1 << 30  # bytes of text in one data set
Row = tuple[int | None, str, float | None]  # day since 1970, code, value


def meds_files(people: Sequence[Sequence[str]], draw: Callable[[int], bytes], *, name: str) -> dict[str, bytes]:
    """Path → bytes. ``people``: share, sex, day of birth, day of death, records of each; ``draw``: so many random bytes.

    Raises BadInput ``sequences-too-large``.
    """
    if sum(len(person[4]) for person in people) > _MOST:
        raise BadInput("sequences-too-large", most=_MOST >> 20)
    numbers = _numbers(len(people), draw)
    order = np.argsort(numbers)  # so that the order of the file tells nothing of the order of the evidence
    shares: dict[str, list[tuple[int, list[Row]]]] = {}
    for at in order.tolist():
        share, *told = people[at]
        shares.setdefault(share, []).append((int(numbers[at]), _rows(*told)))
    files = {f"data/{share}/0.parquet": _bytes(_data(rows)) for share, rows in sorted(shares.items())}
    codes = sorted({code for rows in shares.values() for _, own in rows for _, code, _ in own})
    files["metadata/codes.parquet"] = _bytes(
        pa.Table.from_pylist(
            [{"code": code, "description": None, "parent_codes": None} for code in codes], schema=_CODES
        )
    )
    splits = [{"subject_id": n, "split": share} for share, rows in sorted(shares.items()) for n, _ in rows]
    files["metadata/subject_splits.parquet"] = _bytes(pa.Table.from_pylist(splits, schema=_SPLITS))
    told_of = {"dataset_name": name, "etl_name": "rempart", "meds_version": VERSION}
    files["metadata/dataset.json"] = json.dumps(told_of, sort_keys=True).encode()
    return files


def _numbers(count: int, draw: Callable[[int], bytes]) -> NDArray[np.int64]:
    """Distinct whole numbers from 0 to 2^53, drawn."""
    found = np.zeros(0, dtype=np.int64)
    while len(found) < count:
        fresh = np.frombuffer(draw(8 * count), dtype=np.uint64) >> np.uint64(11)
        found = np.unique(np.concatenate([found, fresh.astype(np.int64)]))
    mixed = np.frombuffer(draw(8 * len(found)), dtype=np.uint64)
    return found[np.argsort(mixed)][:count]


def _rows(sex: str, born: str, died: str, records: str) -> list[Row]:
    """One person's measurements in order; on one day birth first, death last."""
    found: list[Row] = [(None, f"sex//{sex}", None)]
    if born:
        found.append((int(born), BIRTH, None))
    for record in records.split(";") if records else ():
        day, code, value = record.split(",")
        found.append((int(day), code, float(value) if value else None))
    if died:
        found.append((int(died), DEATH, None))
    return sorted(found, key=lambda row: (row[0] is not None, row[0] or 0, row[1] == DEATH, row[1] != BIRTH))


def _data(rows: Sequence[tuple[int, list[Row]]]) -> pa.Table:
    flat = [(number, *row) for number, own in rows for row in own]
    times = pa.array([None if day is None else day * _DAY for _, day, _, _ in flat], pa.int64()).cast(
        pa.timestamp("us")
    )
    columns = [
        pa.array([number for number, *_ in flat], pa.int64()),
        times,
        pa.array([code for _, _, code, _ in flat], pa.string()),
        pa.array([value for *_, value in flat], pa.float32()),
        pa.nulls(len(flat), pa.large_string()),
    ]
    return pa.Table.from_arrays(columns, schema=_DATA)


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def packed(files: Mapping[str, bytes]) -> bytes:
    """Files as one text of bytes, to be sealed."""
    return length_prefixed(_MAGIC, *(part for name in sorted(files) for part in (name, files[name])))


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files; raises BadInput ``sequences-form``."""
    parts, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or parts[:1] != [_MAGIC] or len(parts) % 2 != 1:
        raise BadInput("sequences-form")
    return {name.decode(): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}
