# SPDX-License-Identifier: Apache-2.0
"""What computes is told by releases and sources: a mended file is another program, and a worker of another one computes nothing."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

import rempart
from rempart.adapters import program_version
from rempart.adapters.duckdb_query import engine_version
from rempart.adapters.process_pool import ProcessPool
from rempart.errors import Refused
from rempart.records.shard_job import ShardJob
from rempart.spark_driver import _tasks
from rempart.wiring import spark
from rempart.wiring.warehouse import Warehouse
from rempart.wiring.worker import check_version

ROOMS = ("cohort", "study", "vault", "records", "journeys", "permits", "adapters")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one file a room, which stands for ours."""
    for room in (*ROOMS, "cli"):
        (tmp_path / room / "inner").mkdir(parents=True)
        (tmp_path / room / "inner" / "one.py").write_text(f"# {room}", encoding="utf-8")
    monkeypatch.setattr(program_version, "rempart", SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    return tmp_path


def digest() -> str:
    """As a new process finds it."""
    return program_version.sources.__wrapped__()


@pytest.mark.parametrize("room", ROOMS)
def test_a_changed_a_new_and_a_renamed_file_of_a_room_that_makes_evidence_is_another_program(
    room: str, package: Path
) -> None:
    found = [digest(), digest()]
    file = package / room / "inner" / "one.py"
    file.write_text(f"# {room} mended", encoding="utf-8")
    found.append(digest())
    (package / room / "new.toml").write_text("a = 1", encoding="utf-8")
    found.append(digest())
    file.rename(file.with_name("two.py"))
    found.append(digest())
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_what_makes_no_evidence_changes_nothing(package: Path) -> None:
    before = digest()
    (package / "cli" / "inner" / "one.py").write_text("# other words", encoding="utf-8")
    (package / "cohort" / "one.cpython-311.pyc").write_bytes(b"\0")
    assert digest() == before


def test_every_room_that_is_named_is_there_and_is_read() -> None:
    home = Path(rempart.__file__).parent
    names = [name for name, _ in program_version._files(home)]
    assert {name.partition("/")[0] for name in names} == set(ROOMS) == set(program_version._ROOMS)
    assert {"cohort/matching.py", "study/evidence.py", "cohort/supply.toml", "adapters/duckdb_query.py"} <= set(names)


def test_a_version_names_the_release_the_sources_and_what_computes() -> None:
    told = engine_version()
    assert f"rempart {rempart.__version__} ({program_version.sources()})" in told
    assert all(f"{name} " in told for name in ("duckdb", "numpy", "python"))


def test_a_worker_of_another_version_computes_nothing_and_says_both() -> None:
    other = engine_version().replace("duckdb ", "duckdb 0.")
    with pytest.raises(Refused, match="worker-version") as caught:
        check_version(other)
    assert caught.value.facts == {"told": other, "here": engine_version()}
    check_version("")
    check_version(engine_version())


class Recorder:
    """Stands for the engine on a cluster, and starts nothing."""

    told: ClassVar[dict[str, object]] = {}

    def __init__(self, _: Path, **told: object) -> None:
        self.told.update(told)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def start(self) -> None:
        """Nothing."""


def test_every_worker_on_spark_is_told_the_version_of_the_study_s_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "SparkEngine", Recorder)
    with spark.engine_called(Warehouse(tmp_path), "yarn"):
        assert Recorder.told["made_by"] == engine_version()
    run = {"dir": "/d", "agent": "/a", "module": "m", "memory": 1, "made_by": "this one", "jobs": [{"run": "S-1"}]}
    session = SimpleNamespace(told=lambda _, otherwise: otherwise)
    (task,) = _tasks(session, run)  # type: ignore[arg-type]
    arguments = json.loads(task)["arguments"]
    assert arguments[arguments.index("--made-by") + 1] == "this one"


def test_a_worker_that_is_told_another_version_answers_its_first_job_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rempart.worker", "--dir", str(tmp_path), "--made-by", "rempart 0.0.1"]
    source = str(Path(rempart.__file__).parent.parent)
    ended = subprocess.run(
        command, input=b"{}\n", capture_output=True, check=False, timeout=60, env={"PYTHONPATH": source}
    )
    (line,) = ended.stdout.splitlines()
    told = json.loads(line)
    assert (told["family"], told["code"], told["facts"]["told"]) == (Refused.family, "worker-version", "rempart 0.0.1")
    assert ended.returncode == Refused.exit_code


def test_a_pool_refuses_a_process_that_starts_after_an_upgrade(tmp_path: Path) -> None:
    job = ShardJob(run="S-1", space="p-1", head="h", study="s", permit="P-2026-0001", shards=(0,), grant="g", parts=())
    pool = ProcessPool(tmp_path, workers=1, memory=2 << 30, made_by="rempart 0.0.1")
    with pytest.raises(Refused, match="worker-version"):
        list(pool.run([job]))
    assert Warehouse(tmp_path).engine(1)._made_by == engine_version()
