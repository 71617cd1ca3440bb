# SPDX-License-Identifier: Apache-2.0
"""The generator of deliveries: processor time a claim line against a million lines a minute, and memory at ten times the persons."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.registry import Work, bench

ALLOWED = 60 / 1_000_000
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from rempart.adapters.delivery_writer import synthetic_tables, write_delivery
from rempart.synthetic.plan import SyntheticPlan
out, asked = Path(sys.argv[1]), json.loads(sys.argv[2])
made = write_delivery(out, SyntheticPlan(seed=1, first_year=2012, last_year=2014, tables=synthetic_tables(), **asked))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"lines": made.lines["ER_PRS_F"], "seconds": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
"""


def written(persons: int, **more: object) -> dict[str, float]:
    """One delivery in a process of its own: claim lines, processor seconds (all included), peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        asked = json.dumps({"persons": persons, **more})
        command = [sys.executable, "-c", _CHILD, str(Path(folder) / "out"), asked]
        told: dict[str, float] = json.loads(
            subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
        )
    return told


def a_line(**more: object) -> Work:
    """Processor seconds a claim line, of a delivery with these options."""

    def work() -> float:
        told = written(4000, **more)
        return told["seconds"] / told["lines"]

    return work


@bench(
    "synth-whole", peer="a million claim lines a minute", bound=1.0, runs=3, given=True,
    note="every table of the large population, written as gzip with its truth; processor seconds a line of ER_PRS_F, on one core",
)  # fmt: skip
def whole() -> tuple[Work, Work]:
    """All tables: claims are one line in two of what is written."""
    return a_line(population="france", whole=True), lambda: ALLOWED


@bench(
    "synth-study", peer="a million claim lines a minute", bound=1.0, runs=3, given=True,
    note="the small population of the demo; processor seconds a line of ER_PRS_F, on one core",
)  # fmt: skip
def study() -> tuple[Work, Work]:
    """The tables that one question needs."""
    return a_line(), lambda: ALLOWED


@bench(
    "synth-memory", peer="the same with a tenth of the persons", bound=1.2, runs=1, given=True,
    note="peak memory of writing 52,000 persons for three years, every table, against 5,200 (two blocks of persons)",
)  # fmt: skip
def memory() -> tuple[Work, Work]:
    """Peak memory in kilobytes."""
    whole_tables = {"population": "france", "whole": True}
    return lambda: written(52_000, **whole_tables)["peak"], lambda: written(5_200, **whole_tables)["peak"]
