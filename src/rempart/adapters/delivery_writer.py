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
from rempart.synthetic.delivery import deliver, files, make_world
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.truth import persons_table, truth

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
    return {name: package_data.toml(f"synthetic/{name}.toml") for name in ("layouts", "codes", "model")}


def write_delivery(out: Path, plan: SyntheticPlan, progress: Progress | None = None) -> DeliverySummary:
    """Write everything. ``progress(file name, files done, files in all)``.

    Raises Refused ``synth-not-empty``, BadInput ``file-unwritable``.
    """
    folder = out / "delivery"
    if folder.exists() and any(folder.iterdir()):
        raise Refused("synth-not-empty", folder=str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("file-unwritable", file=out.name) from error
    world = make_world(plan)
    lines: dict[str, int] = {}
    by_file: dict[str, int] = {}
    total = files(plan, world)
    for done, file in enumerate(deliver(plan, world), start=1):
        _write(folder / file.name, file.columns)
        by_file[file.name] = file.columns.num_rows
        lines[file.table] = lines.get(file.table, 0) + file.columns.num_rows
        if progress:
            progress(file.name, done, total)
    told = truth(plan, world, lines, by_file)
    _write(out / "truth_persons.csv.gz", persons_table(world))
    (out / "truth.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return DeliverySummary(delivery=folder, files=len(by_file), lines=lines, canaries=told["canaries"], truth=told)


def _write(path: Path, columns: pa.Table) -> None:
    """Separator-delimited text with a header, no quotes, gzip without a time or a name inside."""
    text = io.BytesIO()
    text.write((_SEPARATOR.join(columns.column_names) + "\n").encode("utf-8"))
    options = pyarrow.csv.WriteOptions(include_header=False, delimiter=_SEPARATOR, quoting_style="none")
    pyarrow.csv.write_csv(columns, text, options)
    path.write_bytes(gzip.compress(text.getbuffer(), compresslevel=_LEVEL, mtime=0))
