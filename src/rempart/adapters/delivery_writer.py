# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic delivery to a folder: ``OUT/delivery/*.csv.gz``, ``OUT/truth.json``, ``OUT/truth_persons.csv.gz``.

The same plan gives the same bytes: no time stamp, no name and no order of the machine gets into a file. It invents nothing itself.
"""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from rempart.adapters import package_data
from rempart.errors import BadInput, Refused
from rempart.synthetic.delivery import pieces
from rempart.synthetic.large import make_large_world
from rempart.synthetic.plan import DeliveryFile, SyntheticPlan
from rempart.synthetic.truth import TruthBook, persons_table
from rempart.synthetic.world import make_world

_TABLES = ("layouts", "layouts_whole", "codes", "model", "places", "care", "demography", "studies")
_SEPARATOR = ";"
_LEVEL = 1
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySummary:
    """What was written: folder, number of files, rows by table, planted canaries, and the truth file's content."""

    delivery: Path
    files: int
    lines: dict[str, int] = field(default_factory=dict)
    canaries: list[str] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)


def synthetic_tables() -> dict[str, Any]:
    """The data files of the room, parsed, as ``SyntheticPlan.tables`` wants them."""
    return {name: package_data.toml(f"synthetic/{name}.toml") for name in _TABLES}


def write_delivery(out: Path, plan: SyntheticPlan, progress: Progress | None = None) -> DeliverySummary:
    """Write everything, a block of persons at a time. ``progress(file name, persons done, persons in all)``.

    Raises Refused ``synth-not-empty``, BadInput ``file-unwritable``.
    """
    folder = out / "delivery"
    if folder.exists() and any(folder.iterdir()):
        raise Refused("synth-not-empty", folder=str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("file-unwritable", file=out.name) from error
    book, written, told_persons = TruthBook(plan), _Written(folder), out / "truth_persons.csv.gz"
    told_persons.unlink(missing_ok=True)
    for part in plan.blocks():
        world = make_large_world(part) if part.whole else make_world(part)
        made, counts = pieces(world)
        first = book.persons
        book.add(world, counts)
        for done, piece in enumerate(made, start=1):
            name = written.add(piece())
            if progress:
                progress(name, part.first_person + part.persons * done // len(made), plan.persons)
        _append(told_persons, persons_table(world, first))
    told = book.told(written.lines, written.files)
    (out / "truth.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return DeliverySummary(
        delivery=folder, files=len(written.files), lines=written.lines, canaries=told["canaries"], truth=told
    )


class _Written:
    """The files of a delivery as they grow, and their lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: dict[str, int] = {}
        self.files: dict[str, int] = {}

    def add(self, file: DeliveryFile) -> str:
        """Begin a file, or add to one begun by an earlier block; returns its name."""
        _append(self.folder / file.name, file.columns)
        self.files[file.name] = self.files.get(file.name, 0) + file.columns.num_rows
        self.lines[file.table] = self.lines.get(file.table, 0) + file.columns.num_rows
        return file.name


def _append(path: Path, columns: pa.Table) -> None:
    """Separator-delimited text, a header when the file is new, no quotes; a gzip member without a time or a name inside."""
    text = io.BytesIO()
    new = not path.exists()
    if new:
        text.write((_SEPARATOR.join(columns.column_names) + "\n").encode("utf-8"))
    elif not columns.num_rows:
        return
    options = pyarrow.csv.WriteOptions(include_header=False, delimiter=_SEPARATOR, quoting_style="none")
    pyarrow.csv.write_csv(columns, text, options)
    with path.open("ab") as stream:
        stream.write(gzip.compress(text.getbuffer(), compresslevel=_LEVEL, mtime=0))
