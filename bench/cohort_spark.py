# SPDX-License-Identifier: Apache-2.0
"""What Spark costs: a whole study run on `local[2]`, its session up, against the same run on two worker processes; the same rows.

REMPART_BENCH_PERSONS sets the size: a shard must take a second or so for the engine, and not its start, to be what is measured.
"""

import atexit
import contextlib
import tempfile
from pathlib import Path

import pytest

from bench.engine_project import PERSONS, SHARDS, Project, project
from bench.registry import Work, bench
from rempart.adapters.spark_engine import SparkEngine
from rempart.journeys.study import StudyRun
from rempart.ports.engine import Engine
from rempart.wiring import acts
from rempart.wiring.agent import agent_beside
from rempart.wiring.warehouse import Warehouse

MEMORY = 2 << 30


class Silence:
    """A bar that nobody sees."""

    def step(self, name: str, done: int, total: int) -> None:
        """Say nothing."""


@bench(
    "cohort-spark-local",
    peer="the local engine with 2 workers",
    bound=1.3,
    runs=5,
    note="the demonstration's cohort, from the command to the sealed result, the same rows; Spark local[2] after its session is up, "
    f"each job a task with a grant of its own; {PERSONS:,} persons in {SHARDS} shards, about two hundred events each",
)
def spark_local() -> tuple[Work, Work]:
    """Both run the same study on the same project; nothing is kept from run to run."""
    made, stack = project(PERSONS, SHARDS), contextlib.ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rempart-bench-")))
    directory = made.folder / "w"
    agent = stack.enter_context(agent_beside(directory))
    spark = SparkEngine(directory, master="local[2]", memory=MEMORY, log=folder / "spark.log", agent=agent)
    stack.enter_context(spark).start()
    pool = Warehouse(directory).engine(2, memory=MEMORY)
    if study(made, spark).rows != study(made, pool).rows:
        raise ValueError("the engines give different rows")
    return (lambda: study(made, spark), lambda: study(made, pool))


def study(made: Project, engine: Engine) -> StudyRun:
    """One run on an engine that is there already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(engine))
        return acts.run_study_file(
            Warehouse(made.folder / "w"),
            file=made.folder / "study.toml",
            key_file=made.folder / "alice.key",
            ask=lambda _: "",
            progress=Silence(),
            fresh=True,
        )
