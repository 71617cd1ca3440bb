# SPDX-License-Identifier: Apache-2.0
"""A Spark cluster on loopback, one master and one worker, whose executor is killed in the middle of a run: another one finishes it.

Once with workers that open nothing, once with the true ones, whose keys come from this node's agent.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rempart.adapters.spark_engine import SparkEngine
from rempart.errors import Refused
from rempart.journeys.study import StudyRun
from rempart.wiring import spark
from tests.conformance.engine_house import EngineHouse, java, spark_engine
from tests.conformance.stand_in_worker import evidence
from tests.faults import once_waiting_worker
from tests.faults.cut_project import SHARDS, cut, run_all, study_in
from tests.faults.warehouse.place import built, copied, workers_find_the_package
from tests.servers.process import free_ports, running, wait_until

pytestmark = [pytest.mark.server, pytest.mark.slow]
DEPLOY = "org.apache.spark.deploy"
EXECUTOR = b"CoarseGrainedExecutorBackend"
SETTINGS = "spark.executor.memory 512m\nspark.executor.cores 2\nspark.driver.memory 512m\n"


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A standalone cluster of two cores; its master's name."""
    import pyspark

    port, *web = free_ports(3)
    jars = str(Path(pyspark.__file__).parent / "jars" / "*")
    master = f"spark://127.0.0.1:{port}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "PYTHONPATH") if name in os.environ}
    home = {"SPARK_HOME": str(Path(pyspark.__file__).parent), "SPARK_SCALA_VERSION": "2.13"}
    environment = {**kept, **home, "SPARK_LOCAL_IP": "127.0.0.1"}
    start = ["java", "-Xmx200m", "-Dspark.master.rest.enabled=false", "-cp", jars]
    lead = [*start, f"{DEPLOY}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web[0])]
    serve = [*start, f"{DEPLOY}.worker.Worker", "--host", "127.0.0.1", "--cores", "2", "--memory", "2g"]
    serve += ["--webui-port", str(web[1]), "--work-dir", str(folder / "work"), master]
    logs = folder / "master.log", folder / "worker.log"
    with running(lead, log=logs[0], environment=environment) as leader:
        wait_until(lambda: b"New state: ALIVE" in logs[0].read_bytes(), leader, seconds=180, log=logs[0])
        with running(serve, log=logs[1], environment=environment) as server:
            wait_until(lambda: b"Successfully registered" in logs[1].read_bytes(), server, seconds=180, log=logs[1])
            yield master


def executor_of(pid: int) -> int:
    """The executor's process among the parents of a worker's."""
    while pid > 1:
        if EXECUTOR in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
        pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
    raise AssertionError("no executor above the worker")


def test_a_run_whose_executor_is_killed_is_finished_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java()
    workers_find_the_package(monkeypatch)
    (tmp_path / "spark-defaults.conf").write_text(SETTINGS, encoding="ascii")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    found: dict[int, bytes] = {}
    (tmp_path / "house").mkdir()
    with cluster(tmp_path) as master, spark_engine(tmp_path / "house", master) as engine:
        house = EngineHouse(tmp_path / "house", engine)
        house.plan({2: "wait-once"})
        runner = threading.Thread(target=lambda: found.update(house.answers([[0, 1], [2, 3], [4, 5]])))
        runner.start()
        worker = house.waits(2)
        os.kill(executor_of(worker), signal.SIGKILL)
        assert house.gone(worker), "the lost executor's worker computes on"
        runner.join(300)
    assert found == {shard: evidence(house.run, shard) for shard in range(6)}


def test_true_workers_whose_executor_is_killed_are_replaced_under_grants_of_their_own_and_the_rows_are_the_same(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are killed with their keys in memory, one of them after it used them."""
    java()
    workers_find_the_package(monkeypatch)
    (tmp_path / "spark-defaults.conf").write_text(SETTINGS, encoding="ascii")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    monkeypatch.setattr(spark, "SparkEngine", partial(SparkEngine, module=once_waiting_worker.MODULE))
    done: dict[str, StudyRun] = {}
    with copied(built(tmp_path_factory), tmp_path / "copy") as place, cluster(tmp_path) as master:
        study = {"": study_in(place, "comparison", (place.root / "study.toml").read_text(encoding="utf-8"))}
        cut(place, list(study.values()))
        pool = run_all(place, study, "local")[""]
        before = len(place.events())
        runner = threading.Thread(target=lambda: done.update(run_all(place, study, master)), daemon=True)
        runner.start()
        worker = once_waiting_worker.waits(place.directory / "controller")
        os.kill(executor_of(worker), signal.SIGKILL)
        assert once_waiting_worker.gone(worker), "the lost executor's worker computes on"
        runner.join(300)
        after = [event for event in place.events()[before:] if event.phase != "failed"]
    assert done[""].rows == pool.rows
    assert len(pool.rows) > 10
    jobs = SHARDS // 2
    grants = sum(event.kind == "key-grant" for event in after)
    assert 1 + jobs < grants <= 1 + 2 * jobs + 1, "a job that was lost is tried again with keys of its own"


def test_a_cluster_whose_processes_do_not_prove_themselves_is_refused(tmp_path: Path) -> None:
    java()
    with (
        pytest.raises(Refused, match="spark-open") as caught,
        spark_engine(tmp_path, "spark://spark.example.org:7077") as engine,
    ):
        engine.start()
    assert caught.value.facts == {"master": "spark://spark.example.org:7077"}
