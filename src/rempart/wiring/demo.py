# SPDX-License-Identifier: Apache-2.0
"""What the demo does that no command does: plant canaries, make a bad delivery and a greedy study, build the unsealed twin."""

import csv
import gzip
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from rempart.adapters.delivery_writer import DeliverySummary
from rempart.errors import Missing
from rempart.journeys.permits import events
from rempart.journeys.twin import unsealed
from rempart.ports.surroundings import Progress
from rempart.wiring.audit import scan_folder
from rempart.wiring.ingest import Brought, ingest_delivery
from rempart.wiring.invented import InventedPlace
from rempart.wiring.releases import releases
from rempart.wiring.synthetic import write_synthetic


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Files in which each canary was found, files and bytes searched."""

    hits: dict[str, int]
    files: int
    size: int


class Stage(InventedPlace):
    """The demo's folder and what it has planted there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mark = "CANARY" + os.urandom(4).hex().upper()
        self.planted: list[tuple[str, str]] = []
        self.log: list[str] = []

    def write_delivery(
        self, *, persons: int, years: tuple[int, int], seed: int, effect: float, progress: Progress
    ) -> DeliverySummary:
        """The synthetic delivery, with a canary code, a canary pseudonym and a canary file name in it."""
        out = self.folder / "synthetic"
        made = write_synthetic(
            out,
            persons=persons,
            first_year=years[0],
            last_year=years[1],
            seed=seed,
            effect=effect,
            mark=self.mark,
            progress=progress,
        )
        self.planted += zip(("drug code", "pseudonym", "file name"), made.canaries, strict=True)
        return made

    def bad_delivery(self) -> Path:
        """A delivery of which one file gives a column twice: that column's name is the error message's canary."""
        folder = self.folder / "bad-delivery"
        shutil.copytree(self.folder / "synthetic" / "delivery", folder, copy_function=os.link)
        victim = sorted(folder.glob("ER_PRS_F_*"))[0]
        lines = gzip.decompress(victim.read_bytes()).split(b"\n")
        column = f"{self.mark}_ERR"
        lines[0] += f";{column};{column}".encode()
        victim.unlink()
        victim.write_bytes(
            gzip.compress(b"\n".join(lines[:1] + [line + b";1;1" for line in lines[1:] if line]) + b"\n", mtime=0)
        )
        self.planted.append(("error message", column))
        return folder

    def remember(self, message: str) -> None:
        """Keep an error message for the twin: an ordinary warehouse would have logged it beside its data."""
        self.log.append(message)

    def ingest(self, delivery: Path, *, progress: Progress) -> Brought:
        """The real ingest, with one small extra table that carries a canary as a column name and one as a value."""
        shutil.rmtree(self.folder / "bad-delivery", ignore_errors=True)
        column, value = f"{self.mark}_COL", f"{self.mark}_VAL"
        self.planted += [("column name", column), ("value", value)]
        extra = {"demo_canary": pa.table({column: [value]})}
        return ingest_delivery(self.warehouse, delivery, form="snds", replace=False, progress=progress, extra=extra)

    def greedy_study(self, file: Path) -> Path:
        """The example study, made to ask for a column that the permit does not give."""
        text = file.read_text(encoding="utf-8")
        asked = '\n[codes.surgery]\nsystem = "CCAM"\ninclude = ["JDFA"]\n\n[covariates.surgery]\ntype = "history"\n'
        asked += 'domain = "procedure"\ncodes = "surgery"\ndays = [-365, -1]\n'
        greedy = file.with_name("greedy-study.toml")
        greedy.write_text(text.replace("\n[[analyses]]", asked + "\n[[analyses]]", 1), encoding="utf-8")
        return greedy

    def newest_run(self) -> str:
        """The id of the last study that ended well."""
        found = [
            event.fact("run")
            for event in events(self.warehouse.ledger)
            if event.kind == "study" and event.phase == "effect"
        ]
        if not found or found[-1] is None:
            raise Missing("run-missing", run="S-")
        return found[-1]

    def newest_release(self) -> str:
        """The id of the last submission."""
        return releases(self.warehouse)[-1].release

    def release_folder(self) -> Path:
        """Where the last release was published."""
        return self.folder / "warehouse" / "public" / "releases" / self.newest_release()

    def estimates(self) -> dict[str, dict[str, float]]:
        """Model → hazard ratio, lower, upper, from the released table; 'suppressed' would not be a number and fails here."""
        found: dict[str, dict[str, float]] = {"crude": {}, "adjusted": {}}
        with (self.release_folder() / "tables" / "hazard_ratio.csv").open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["statistic"] in {"hazard_ratio", "lower", "upper"} and row["term"] == "target versus comparator":
                    found[row["model"]].setdefault(row["statistic"], float(row["value"]))
        return found

    def canaries(self) -> list[tuple[str, str]]:
        """(where it was planted, the text)."""
        return self.planted

    def scan_host(self, *, progress: Progress) -> Scan:
        """Search everything under the host's folder."""
        return self._scan(self.warehouse.host_folder, progress)

    def scan_twin(self, *, progress: Progress) -> Scan:
        """Write the unsealed twin, search it the same way, remove it."""
        twin = self.folder / "twin"
        warehouse = self.warehouse
        for name, data in unsealed(warehouse.vault, warehouse.recorder):
            path = twin / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (twin / "log").write_bytes(gzip.compress("\n".join(self.log).encode()))
        try:
            return self._scan(twin, progress)
        finally:
            shutil.rmtree(twin)

    def _scan(self, folder: Path, progress: Progress) -> Scan:
        needles = [text.encode() for _, text in self.planted]
        hits, files, size = scan_folder(folder, needles, progress=progress)
        return Scan(hits={needle.decode(): count for needle, count in hits.items()}, files=files, size=size)

    def end(self) -> None:
        """Lock the broker if it runs; drop the twin."""
        shutil.rmtree(self.folder / "twin", ignore_errors=True)
        self.lock()
