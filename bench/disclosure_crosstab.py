# SPDX-License-Identifier: Apache-2.0
"""A table of counts out of millions of lines with every check of ours, against the output checker of the SACRO project."""

import contextlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa

from bench.registry import Work, bench
from rempart.adapters.package_data import joined
from rempart.cohort.tally_sql import set_sums, tally_of_sums
from rempart.disclosure.check import check
from rempart.records.result import ResultRow

ROWS, LINES, COLUMNS = 2_000_000, 12, 10
KEYS = ("area", "class")
MARGINS = (KEYS, KEYS[:1], KEYS[1:], ())


@bench(
    "disclosure-crosstab-acro",
    peer="acro 1.0.2, crosstab",
    bound=0.1,
    runs=5,
    note=(
        "12 areas by 10 classes with margins out of 2 million lines, one a person: ours prints each person, tallies cells and margins as "
        "the engine does and passes the table through the whole check (small cells, margins, an attacker's programme); the peer makes the "
        "same table of a frame of strings, with its own checks and suppression"
    ),
)
def crosstab() -> tuple[Work, Work]:
    """Both begin with the lines in memory and end with a table that may be shown."""
    from acro import ACRO

    random = np.random.default_rng(20261123)
    areas, classes = random.integers(0, LINES, ROWS), np.minimum(random.geometric(0.5, ROWS) - 1, COLUMNS - 1)
    told = {"area": _names(areas, "area"), "class": _names(classes, "class")}
    delivered = pa.table({"person_id": random.permutation(ROWS) + 10**15, **told})
    frame = delivered.to_pandas().astype(dict.fromkeys(KEYS, object))
    rules = joined("disclosure/rules.toml")
    os.chdir(tempfile.mkdtemp())  # the peer writes beside itself
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()):
        checker = ACRO(suppress=True)

    def ours() -> None:
        with duckdb.connect(config={"threads": 2}) as session:
            session.register("delivered", delivered)
            session.execute(f"CREATE TEMP TABLE s AS {set_sums('SELECT * FROM delivered', keys=KEYS)}")
            found = [session.execute(tally_of_sums("SELECT * FROM s", keys=keys)).fetchall() for keys in MARGINS]
        rows = [_row(json.loads(key), persons, f"{a}/{b}") for tally in found for key, persons, *_, a, b, _, _ in tally]
        if not any(row.value for table in check(rows, rules) for row in table.rows):
            raise ValueError("nothing is left of the table")

    def peer() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            checker.crosstab(frame["area"], frame["class"], margins=True)

    return ours, peer


def _names(numbers: np.ndarray, word: str) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers.astype("int32")), [f"{word} {n:02d}" for n in range(max(numbers) + 1)]
    )


def _row(key: Mapping[str, str], persons: int, ref: str) -> ResultRow:
    """A cell of a table of classes by area; the margins are its totals."""
    kind = key.get("class")
    return ResultRow(
        run="bench",
        output="table_one",
        output_type="frequency",
        row_key={"variable": "class" if kind else "all", "level": kind or "all"},
        column_key={"arm": key.get("area", "all")},
        statistic="n",
        value=float(persons),
        unit="persons",
        n_persons=persons,
        persons_ref=ref,
    )
