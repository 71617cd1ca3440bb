# SPDX-License-Identifier: Apache-2.0
"""A study on Spark: the same rows as the pool of processes; and no key, no grant reference in anything that Spark keeps or shows.

What is looked through: event log, driver's log, the pages that Spark serves (environment among them), command lines and environments
of every process of the session, files that it left. A canary planted in each of them shows that the search would have found one.
"""

import contextlib
import json
import pickletools
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from rempart.adapters.spark_engine import SparkEngine
from rempart.audit.canary import search
from rempart.journeys.study import StudyRun
from rempart.keys import broker as broker_module
from rempart.keys.broker import KeyBroker
from rempart.wiring import spark
from rempart.wiring.acts import run_study_file
from tests.conformance.engine_house import java
from tests.faults.once_dying_worker import MARK, MODULE
from tests.faults.warehouse.place import SHARDS, Place, Silence, built, copied, workers_find_the_package
from tests.servers.process import free_ports

pytestmark = [pytest.mark.server, pytest.mark.slow]
CANARY = b"canary-5d1f0c94e2"
LOG4J = """rootLogger.level = info
rootLogger.appenderRef.console.ref = console
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = info
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c: %m%n%ex
"""


@dataclass
class Seen:
    """What a cluster's administrator sees, by where; and the secrets of the run."""

    told: dict[str, bytes] = field(default_factory=dict)
    secrets: list[bytes] = field(default_factory=list)

    def where(self, *needles: bytes) -> set[str]:
        """Places that hold one of them, however it is written."""
        return {place for place, data in self.told.items() if search(data, needles, largest=1 << 30)}


@dataclass(frozen=True)
class Ran:
    """The study on both engines; ``grants``: leaves of grants of the run on Spark."""

    local: StudyRun
    spark: StudyRun
    grants: int
    seen: Seen


def settings(folder: Path, port: int) -> None:
    """A cluster's administrator who keeps and shows as much as Spark can."""
    (folder / "events").mkdir(parents=True)
    (folder / "log4j2.properties").write_text(LOG4J, encoding="ascii")
    told = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{folder}/events",
        "spark.eventLog.logBlockUpdates.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.logConf": "true",
        "spark.ui.enabled": "true",
        "spark.ui.port": str(port),
        "spark.rempart.canary": CANARY.decode(),
        "spark.executorEnv.CANARY": CANARY.decode(),
        "spark.driver.extraJavaOptions": f"-Dcanary={CANARY.decode()}",
        "spark.driver.memory": "512m",
    }
    lines = [f"{name} {value}" for name, value in told.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n", encoding="ascii")


def processes(root: int) -> dict[str, bytes]:
    """Command lines and environments of ``root`` and whoever descends from it."""
    parents, found = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
                )
    for pid in parents:
        line = pid
        while line in parents and line != root:
            line = parents[line]
        if line == root:
            for what in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    found[f"{what} {pid}"] = Path(f"/proc/{pid}/{what}").read_bytes()
    return found


def pages(port: int) -> dict[str, bytes]:
    """What the session's own web server tells."""
    api = f"http://127.0.0.1:{port}/api/v1/applications"
    found = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        name = json.loads(_get(api))[0]["id"]
        for page in ("environment", "allexecutors", "jobs", "stages", "sql", "allmiscellaneousprocess", "storage/rdd"):
            found[f"page {page}"] = _get(f"{api}/{name}/{page}")
    return found


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return bytes(answer.read())


@contextlib.contextmanager
def watched(seen: Seen, port: int) -> Iterator[None]:
    """Look at processes and pages again and again while the block runs."""
    over, start, close = threading.Event(), SparkEngine.start, SparkEngine.close

    def look() -> None:
        while not over.wait(0.5):
            for root in roots:
                seen.told |= processes(root)
            if roots and "page environment" not in seen.told:
                seen.told |= pages(port)
        seen.told |= last

    roots: list[int] = []
    last: dict[str, bytes] = {}

    def closing(engine: SparkEngine) -> None:
        last.update(pages(port))
        close(engine)

    def started(engine: SparkEngine) -> None:
        start(engine)
        if engine._process is not None:
            roots.append(engine._process.pid)

    looker = threading.Thread(target=look)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SparkEngine, "start", started)
        patch.setattr(SparkEngine, "close", closing)
        looker.start()
        try:
            yield
        finally:
            over.set()
            looker.join(60)


@contextlib.contextmanager
def overheard(secrets: list[bytes]) -> Iterator[None]:
    """Keep every data key that the broker opens and every reference that it gives: it runs in this process."""
    grant, unwrap = KeyBroker.grant, broker_module.unwrap

    def kept_grant(broker: KeyBroker, *given: object, **named: object) -> list[str]:
        references = grant(broker, *given, **named)  # type: ignore[arg-type]
        secrets.extend(reference.encode() for reference in references)
        secrets.extend(bytes.fromhex(reference) for reference in references)
        return references

    def kept_unwrap(*given: object, **named: object) -> bytes:
        key = unwrap(*given, **named)  # type: ignore[arg-type]
        secrets.append(bytes(key))
        return key

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeyBroker, "grant", kept_grant)
        patch.setattr(broker_module, "unwrap", kept_unwrap)
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    java()
    folder, (port,), seen = tmp_path_factory.mktemp("spark"), free_ports(1), Seen()
    settings(folder, port)
    with copied(built(tmp_path_factory), folder / "copy") as place, pytest.MonkeyPatch.context() as patch:
        workers_find_the_package(patch)
        local = study(place)
        for name, value in {"SPARK_CONF_DIR": folder, "SPARK_LOCAL_DIRS": folder / "local", "TMPDIR": folder}.items():
            patch.setenv(name, str(value))
        patch.setattr(spark, "SparkEngine", partial(SparkEngine, module=MODULE))
        before = len(place.events())
        with overheard(seen.secrets), watched(seen, port):
            on_spark = study(place, engine="local[2]")
        grants = sum(event.kind == "key-grant" for event in place.events()[before:])
        assert (place.directory / "controller" / MARK).exists(), "no worker died"
        log = place.directory / "controller" / spark.LOG
        files = [log, *(path for name in ("events", "local") for path in (folder / name).rglob("*") if path.is_file())]
        seen.told |= {str(path.relative_to(folder)): path.read_bytes() for path in files}
        yield Ran(local=local, spark=on_spark, grants=grants, seen=seen)


def study(place: Place, **more: str) -> StudyRun:
    """Run the study, nothing of it kept from a run before."""
    key = Path(place.key("alice"))
    return run_study_file(
        place.warehouse(),
        file=place.root / "study.toml",
        key_file=key,
        ask=lambda _: "",
        progress=Silence(),
        fresh=True,
        **more,  # type: ignore[arg-type]
    )


def test_both_engines_give_the_same_rows(ran: Ran) -> None:
    assert ran.spark.rows == ran.local.rows
    assert len(ran.spark.rows) > 10


def test_a_worker_that_died_with_its_keys_was_replaced_under_a_grant_of_its_own(ran: Ran) -> None:
    jobs = -(-SHARDS // 2)
    assert ran.grants == 1 + jobs + 1  # the study's own, one a job, one for the attempt after the crash


@pytest.mark.parametrize(
    "place", ["copy/w/controller/spark.log", "events/", "page environment", "cmdline ", "environ "]
)
def test_a_canary_in_each_place_is_found(ran: Ran, place: str) -> None:
    assert [found for found in ran.seen.where(CANARY) if found.startswith(place)], sorted(ran.seen.told)


def test_no_key_and_no_reference_is_in_what_spark_keeps_or_shows(ran: Ran) -> None:
    assert len(set(ran.seen.secrets)) > 10
    assert all(len(secret) >= 32 for secret in ran.seen.secrets)
    assert ran.seen.where(*set(ran.seen.secrets)) == set()


def test_what_was_looked_through_is_what_there_is(ran: Ran) -> None:
    """The job itself is there in clear, as it may be: the search looked into the right run."""
    assert [place for place in ran.seen.where(ran.spark.run.encode()) if place.startswith("events/")]
    assert [
        name
        for name in ran.seen.told
        if b"rempart.worker" in ran.seen.told[name] or MODULE.encode() in ran.seen.told[name]
    ]
    assert not _named(ran.seen, lambda name: name.startswith("environ"), [b"REMPART_PASSPHRASE"])


def test_what_spark_is_given_to_run_is_a_name_and_no_code() -> None:
    from pyspark.cloudpickle import dumps

    from rempart.adapters.spark_task import serve

    told = [value for _, value, _ in pickletools.genops(dumps(serve)) if value is not None]
    assert [value for value in told if isinstance(value, str)] == [serve.__module__, "serve"]
    assert not [value for value in told if isinstance(value, bytes)]


def _named(seen: Seen, which: Callable[[str], bool], needles: list[bytes]) -> list[str]:
    return [name for name, data in seen.told.items() if which(name) and any(needle in data for needle in needles)]
