# SPDX-License-Identifier: Apache-2.0
"""A Spark session and what is asked of it: tasks as text, one a partition, through ``mapInArrow``; answers as they come. No key, ever.

The one place, with ``spark_task``, that imports pyspark.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from rempart.adapters.spark_master import ATTEMPTS, is_here, with_attempts
from rempart.adapters.spark_task import ANSWERS, serve
from rempart.errors import Refused, Unavailable

AGENT = "spark.rempart.agent"
"""Where a node's key agent listens: a folder of the same name on every node. No secret."""
DIRECTORY = "spark.rempart.dir"
"""The warehouse's folder as the nodes see it, where that is another one."""
_AHEAD = 2  # tasks under way for each core, so that none waits for an answer to be fetched
_CALLS = 16  # threads that ask for answers
_LOOK = 0.2
_ALWAYS = {
    "spark.python.worker.reuse": "true",
    "spark.speculation": "false",  # a second copy of a task would ask for keys of its own
    "spark.task.maxFailures": str(ATTEMPTS),
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1",  # each task a partition of its own,
    "spark.sql.execution.arrow.localRelationThreshold": "0",  # and none written into a plan
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.showConsoleProgress": "false",
}
_HERE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


class Session:
    """One session; its JVM ends with ``stop``."""

    def __init__(self, master: str) -> None:
        """Raises Refused ``spark-open`` for a cluster whose processes do not prove themselves to one another, Unavailable
        ``spark-start``."""
        ours = SparkConf().setMaster(with_attempts(master)).setAppName("rempart").setAll(list(_ALWAYS.items()))
        if is_here(master):
            ours.setAll(list(_HERE.items()))
        try:
            gateway = launch_gateway(ours)
            conf = SparkConf(_jvm=gateway.jvm)  # only now the administrator's settings are read; ours stand above them
            _check(conf, master)
            self._context = SparkContext(conf=conf, gateway=gateway)
            self._spark = SparkSession(self._context)
        except (PySparkException, Py4JError, OSError, RuntimeError) as error:
            raise Unavailable("spark-start") from error

    @property
    def cores(self) -> int:
        """Tasks that the cluster runs at once, as far as it says."""
        return max(1, int(self._context.defaultParallelism))

    def told(self, name: str, otherwise: str) -> str:
        """A setting of the cluster's administrator."""
        return str(self._context.getConf().get(name, otherwise))

    def run(self, tasks: Sequence[str], *, group: str, stop: Callable[[], bool]) -> Iterator[pa.Table]:
        """Answers, some tasks' at a time, in no promised order. Nothing of the group runs on once the iterator is closed, or ``stop``
        says so (it then ends early). Raises Unavailable ``spark-failed``."""
        size = max(1, self.cores // (_CALLS // _AHEAD))
        calls = [tasks[at : at + size] for at in range(0, len(tasks), size)]
        threads = min(len(calls), math.ceil(_AHEAD * self.cores / size)) or 1
        pool = ThreadPoolExecutor(threads, thread_name_prefix="spark-call")
        waiting: set[Future[pa.Table]] = {pool.submit(self._call, call, group) for call in calls}
        try:
            while waiting and not stop():
                done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._cancel(waiting, group)

    def stop(self) -> None:
        """End the session and its JVM."""
        self._spark.stop()

    def _call(self, tasks: Sequence[str], group: str) -> pa.Table:
        """One Spark job, a task each."""
        self._context.setJobGroup(group, "rempart", interruptOnCancel=True)
        try:
            given = self._spark.createDataFrame(pa.table({"task": pa.array(tasks, pa.string())}))
            return given.mapInArrow(serve, ANSWERS).toArrow()
        except (PySparkException, Py4JError, OSError, EOFError) as error:
            raise Unavailable("spark-failed") from error

    def _cancel(self, waiting: set[Future[pa.Table]], group: str) -> None:
        """Told again until none is left: one may just have begun."""
        left = {one for one in waiting if not one.cancelled()}
        while left:
            self._context.cancelJobGroup(group)
            _, left = wait(left, timeout=_LOOK)


def _check(conf: SparkConf, master: str) -> None:
    """What the administrator's settings (spark-defaults.conf) leave open is filled; a cluster that anyone can join is refused."""
    conf.setIfMissing("spark.ui.enabled", "false")
    if is_here(master):
        conf.setIfMissing("spark.executorEnv.PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    elif conf.get("spark.authenticate", "false") != "true":
        raise Refused("spark-open", master=master)
