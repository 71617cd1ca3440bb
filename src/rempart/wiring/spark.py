# SPDX-License-Identifier: Apache-2.0
"""The engine that a run asks for by name: ``local`` for a pool of processes, else a Spark master."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rempart.adapters.duckdb_query import engine_version
from rempart.adapters.machine import cores, memory_each
from rempart.adapters.spark_engine import SparkEngine
from rempart.adapters.spark_master import check_master, is_here, tasks_here
from rempart.ports.engine import Engine
from rempart.wiring.agent import agent_beside
from rempart.wiring.warehouse import Warehouse

POOL = "local"
LOG = "spark.log"
_MEMORY = 4 * 10**9


@contextmanager
def engine_called(
    warehouse: Warehouse, name: str = POOL, *, workers: int | None = None, memory: int | None = None
) -> Iterator[Engine]:
    """The engine, ready to run jobs until the block ends; ``memory``: bytes of each worker.

    Raises BadInput ``engine-name``, Unavailable ``spark-start``, Refused ``spark-open``; where Spark runs on this machine alone, what its
    key agent raised as it began.
    """
    if name == POOL:
        with warehouse.engine(workers, memory=memory) as pool:
            pool.begin(-(-warehouse.configuration.shards // 2))  # a job is two shards
            yield pool
        return
    check_master(name)
    tasks = tasks_here(name)
    each = memory or (_MEMORY if tasks is None else memory_each(tasks or cores()))
    with ExitStack() as stack:
        agent = stack.enter_context(agent_beside(warehouse.directory)) if is_here(name) else None
        log = warehouse.controller / LOG
        made = SparkEngine(
            warehouse.directory, master=name, memory=each, log=log, agent=agent, made_by=engine_version()
        )
        engine = stack.enter_context(made)
        engine.start()  # before the study's intent: its time is none of the run's, and its failure no failed study
        yield engine
