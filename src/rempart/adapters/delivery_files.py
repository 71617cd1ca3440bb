# SPDX-License-Identifier: Apache-2.0
"""The files of a delivery as they grow on disk: separated text, gzip or plain, or Parquet; one folder or one a flow month.

The same pieces give the same bytes: no time stamp, no name and no order of the machine gets into a file.
"""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from rempart.synthetic.plan import DeliveryFile, SyntheticPlan

_SEPARATOR = ";"
_LEVEL = 1
_ENDING = ".csv.gz"
FORMS = (".csv.gz", ".csv", ".parquet")
# Cards and references come first, and cards again at the end, when more of them are certified.
FIRST, LAST = "000000", "999999"
_MONTHLY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One delivery: its folder, and the day it says it was produced."""

    name: str
    produced: str


class Written:
    """The files of a delivery, and their lines. ``form``: one of ``FORMS``; Parquet has one file a block."""

    def __init__(self, folder: Path, plan: SyntheticPlan, form: str) -> None:
        self.folder, self.plan, self.form = folder, plan, form
        self.lines: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.slots: dict[str, Slot] = {}
        self.block = 0

    def add(self, file: DeliveryFile) -> str:
        """Begin a file, or add to one begun by an earlier block; returns its name. What is replaced later is not counted."""
        slot = self._slot(file)
        name = file.name.removesuffix(_ENDING) + self.form
        if self.form == ".parquet" and self.block:
            name = name.replace(".parquet", f"_b{self.block}.parquet")
        folder = self.folder / slot.name if slot else self.folder
        if slot and slot.name not in self.slots:
            folder.mkdir(parents=True, exist_ok=True)
            self.slots[slot.name] = slot
        append(folder / name, file.columns)
        if not file.variant:
            self.files[name] = self.files.get(name, 0) + file.columns.num_rows
            self.lines[file.table] = self.lines.get(file.table, 0) + file.columns.num_rows
        return name

    def declare(self) -> None:
        """Write ``delivery.toml`` of each delivery."""
        last = f"{self.plan.last_year + 3}-05-02"
        slots = self.slots.values() if self.plan.monthly else [Slot(name="", produced=last)]
        for slot in slots:
            text = _DECLARATION.format(
                id=f"synthetic-{self.plan.seed}-{slot.name or 'whole'}", produced=slot.produced,
                target=f"synthetic population {self.plan.population}",
            )  # fmt: skip
            (self.folder / slot.name / "delivery.toml").write_text(text, encoding="utf-8")

    def _slot(self, file: DeliveryFile) -> Slot | None:
        """Where a file goes when each flow month is a delivery of its own."""
        if not self.plan.monthly:
            return None
        if len(file.period) == _MONTHLY and not file.table.startswith(("REF", "ENV")):
            year, month = int(file.period[:4]), int(file.period[4:])
            wrong = (year, month) == (self.plan.last_year, 6) and file.table.startswith("ER_")
            if wrong and not file.variant:
                return Slot(name=f"{file.period}-corrected", produced=f"{year}-10-05")
            after = f"{year + month // 12}-{month % 12 + 1:02d}-05"
            return Slot(name=file.period, produced=after)
        if file.period and file.table.startswith("ER_"):
            return Slot(name=f"{file.period}-archive", produced=f"{int(file.period) + 1}-06-01")
        if file.period and not file.table.startswith(("REF", "ENV")):
            return Slot(name=f"{file.period}-hospitals", produced=f"{int(file.period) + 1}-06-15")
        if file.period or file.variant:
            return Slot(name=FIRST, produced=f"{self.plan.first_year}-01-15")
        return Slot(name=LAST, produced=f"{self.plan.last_year + 3}-05-02")


_DECLARATION = """schema = "rempart.delivery/1"
id = "{id}"
produced = {produced}
source = "rempart synth"

[population]
target = "{target}"
fraction = 1.0
weight = 1.0
"""


def append(path: Path, columns: pa.Table) -> None:
    """Add rows to a file, with a header when it is new; no quotes; a gzip member without a time or a name inside."""
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(columns, path, compression="zstd")
        return
    text, new = io.BytesIO(), not path.exists()
    if new:
        text.write((_SEPARATOR.join(columns.column_names) + "\n").encode("utf-8"))
    elif not columns.num_rows:
        return
    options = pyarrow.csv.WriteOptions(include_header=False, delimiter=_SEPARATOR, quoting_style="none")
    pyarrow.csv.write_csv(columns, text, options)
    data = text.getbuffer()
    with path.open("ab") as stream:
        stream.write(gzip.compress(data, compresslevel=_LEVEL, mtime=0) if path.suffix == ".gz" else data)
