# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.cluster_sizing`: one measured run, and from it what a nation needs; writes the table of docs/cluster.md. No bench.

A worker's time grows with the rows that a study reads (bench cohort-linear-time), its memory with a shard (cohort-flat-memory): both are
measured here on two processes and multiplied. Figures of a machine that does nothing else are the only ones to keep.
"""

import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from pyarrow import parquet

from bench.engine_project import PERSONS, SHARDS, Project, project
from bench.engine_run import apart
from rempart.journeys.permits import events
from rempart.journeys.run_cost import pace
from rempart.wiring.acts import read_permit_file
from rempart.wiring.warehouse import Warehouse

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cluster.md"
MARKS = "<!-- sizing -->", "<!-- end of sizing -->"
NATION, YEARS = 68_000_000, 10
RUNS = 5
CORES = (4, 16, 64)
READ = ("person_id", "drug_exposure_start_date", "drug_source_value", "condition_start_date", "condition_source_value")
IDLE = 250e6  # bytes of a worker with nothing to do (journeys/study_size.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``pace``: seconds of one worker for a million rows; ``peak``: bytes of the largest worker; ``rows``: of a shard; ``stored``: bytes
    of a row in the columns that are read."""

    pace: float
    peak: float
    rows: float
    stored: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """A kind of study by the rows that it reads of a person in a year (France: 38 boxes, 18 claim forms, 1.3 hospital contacts)."""

    what: str
    rows: float
    shards: int


STUDIES = (
    Reads(what="boxes of drugs and hospital diagnoses", rows=40, shards=4096),
    Reads(what="the same, laboratory and acts beside them", rows=150, shards=8192),
)


def measure() -> Measured:
    """The demonstration's study on an invented project, two workers: the median of some runs, as the ledger tells them."""
    made = project(PERSONS, SHARDS)
    peaks = [apart(made.folder).peak for _ in range(RUNS)]
    permit = read_permit_file(made.folder / "permit.toml").id
    found = pace(events(Warehouse(made.folder / "w").ledger), permit, engine="local")
    if found is None:
        raise ValueError("the ledger tells no pace")
    return Measured(pace=found, peak=max(peaks), rows=made.events / SHARDS, stored=stored(made))


def stored(made: Project) -> float:
    """Bytes of an event in the columns that the study reads, compressed; sealing adds 16 for every segment."""
    files = [
        file for table in ("drug_exposure", "condition_occurrence") for file in made.folder.glob(f"plain/{table}-*")
    ]
    found = [parquet.ParquetFile(file).metadata for file in files]
    groups = [one.row_group(n) for one in found for n in range(one.num_row_groups)]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    return float(sum(c.total_compressed_size for c in columns if c.path_in_schema in READ) / made.events)


def rows(found: Measured) -> list[str]:
    """The table, for a nation."""
    each = max(0.0, found.peak - IDLE) / found.rows
    heads = "".join(f" minutes on {cores} cores |" for cores in CORES)
    lines = [
        f"| a study that reads | rows | from the host | shards | memory a worker |{heads}",
        "|---|---|---|---|---|" + "---|" * len(CORES),
    ]
    for study in STUDIES:
        total = NATION * YEARS * study.rows
        memory = IDLE + each * total / study.shards
        minutes = [found.pace * total / 1e6 / cores / 60 for cores in CORES]
        told = "".join(f" {minute:.2g} |" for minute in minutes)
        fetched = found.stored * total / 1e9
        lines.append(
            f"| {study.what} | {total / 1e9:.0f} billion | {fetched:.0f} GB | {study.shards:,} | {math.ceil(memory / 1e8) / 10} GB |{told}"
        )
    return lines


def main() -> int:
    """Measure, print, write the page."""
    found = measure()
    basis = (
        f"Measured: {PERSONS:,} invented persons of about two hundred events in {SHARDS} shards, two workers: "
        f"{found.pace:.3g} s of one worker for a million rows, {found.peak / 1e6:.0f} MB in the largest worker, "
        f"{found.rows:,.0f} rows a shard, {found.stored:.1f} bytes a row in the columns that it reads. A host that hands over less than "
        f"{found.stored / found.pace:.0f} MB a second for each worker is what such a study waits for."
    )
    table = "\n".join([basis, "", *rows(found)])
    print(table)
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: f"{MARKS[0]}\n{table}\n{MARKS[1]}", page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
