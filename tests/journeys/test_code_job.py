# SPDX-License-Identifier: Apache-2.0
"""A researcher's own Python and R on the project dataset: what it reads, what is kept of it, what nobody is told."""

import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from rempart.journeys.code_job import FILES, LOG, unpacked
from rempart.journeys.evidence import open_kept
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.ports.broker import GrantRequest
from rempart.wiring.jobs import sandbox_of
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import PROGRAM, SOURCE, House
from tests.law.tree import ROOT as TREE

JOB = """schema = "rempart.job/1"
permit = "P-2026-0001"
language = "LANGUAGE"
main = "MAIN"
files = ["MAIN"]

[[inputs]]
table = "person"
columns = ["person_id", "gender_concept_id", "year_of_birth"]

[[inputs]]
table = "drug_exposure"
columns = ["person_id", "drug_source_value", "drug_exposure_start_date"]

[[outputs]]
path = "by_sex.csv"
about = "persons by sex"

[limits]
seconds = 120
processes = PROCESSES
"""
PYTHON = """import csv, json, collections
kinds = json.load(open("/in/columns.json"))
assert kinds["drug_exposure.csv"]["drug_exposure_start_date"].startswith("date"), kinds
counts = collections.Counter(row["gender_concept_id"] for row in csv.DictReader(open("/in/person.csv")))
print("canary", 40 + 2, sep="-")
with open("by_sex.csv", "w") as file:
    file.write(",".join(["sex", "persons"]) + "\\n" + "".join(f"{sex},{n}\\n" for sex, n in sorted(counts.items())))
open("forgotten.csv", "w").write("x")
"""
R = """persons <- read.csv("/in/person.csv")
counts <- table(persons$gender_concept_id)
write.csv(data.frame(sex = names(counts), persons = as.integer(counts)), "by_sex.csv", row.names = FALSE, quote = FALSE)
"""
ROOT = os.geteuid() == 0
pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap on this machine")


@contextlib.contextmanager
def where_jobs_run(house: House) -> Iterator[House]:
    """The house with a folder for jobs that no other test has, and accounts of its own for them."""
    folder = tempfile.mkdtemp(prefix="rempart-jobs-", dir="/run" if ROOT else "/dev/shm")
    first = 240_000 + os.getpid() % 1000 * 20
    with (house.warehouse / "rempart.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[sandbox]\nfolder = "{folder}"\n' + f"uids = [{first}, {first + 19}]\n" * ROOT)
    yield house
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(small: House) -> Iterator[House]:
    """The small house, where jobs may run."""
    with where_jobs_run(small) as house:
        yield house


def job(house: House, language: str, code: str, *changes: tuple[str, str]) -> Path:
    """A job file and its code, in a folder of their own."""
    folder = house.folder / "job"
    folder.mkdir(exist_ok=True)
    main = "main.py" if language == "python" else "main.R"
    (folder / main).write_text(code, encoding="utf-8")
    text = JOB.replace("LANGUAGE", language).replace("MAIN", main).replace("PROCESSES", "32" if ROOT else "1")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "job.toml").write_text(text, encoding="utf-8")
    return folder / "job.toml"


def kept(house: House, run: str, name: str) -> bytes:
    """What a run keeps, opened as a check would: the test's own look into the seal."""
    place = Warehouse(house.warehouse)
    log = events(place.ledger)
    end = next(e for e in log if e.kind == "code-job" and e.phase == "effect" and e.fact("run") == run)
    space = "project:glitazones"
    with recorded(place.recorder, "check", basis=end.basis, objects=[f"run:{run}"], event_class="trace") as act:
        (reference,) = place.broker.grant(GrantRequest(intent=act.index, tables=((space, "result", "main", "read"),)))
        document = place.documents.get(end.fact(name) or "")
        return open_kept(
            document,
            broker=place.broker,
            reference=reference,
            warehouse=place.configuration.warehouse,
            space=space,
            run=run,
            name=name,
        )


def nothing_left(house: House, *canaries: bytes) -> None:
    """No plaintext in the warehouse, no folder of a job."""
    root = sandbox_of(Warehouse(house.warehouse)).root
    assert [path.name for path in root.iterdir() if path.is_dir()] == []
    files = [path for path in house.warehouse.rglob("*") if path.is_file()]
    assert [path.name for path in files for canary in canaries if canary in path.read_bytes()] == []


def test_a_researchers_own_code(house: House) -> None:
    house.run_study()  # a study has ended: the check that looks into the seal may be granted
    found = {}
    for language, code in (("python", PYTHON), *((("r", R),) if ROOT else ())):
        done = house.told("study", "job", job(house, language, code), "--key", house.key("alice"))
        assert done["files"] == ["by_sex.csv"]
        assert done["left"] == (1 if language == "python" else 0), "an undeclared file is discarded and counted"
        found[language] = unpacked(kept(house, done["run"], FILES))[0]["by_sex.csv"].replace(b"\r", b"")
        printed = kept(house, done["run"], LOG)
        assert (b"canary-42" in printed) == (language == "python")
    assert len(set(found.values())) == 1, found
    persons = sum(int(line.split(b",")[1]) for line in found["python"].splitlines()[1:])
    assert 0 < persons <= 300
    nothing_left(house, b"canary-42", b"sex,persons")
    _refusals(house)
    _failures(house)
    told = house.told("study", "jobs")["jobs"]
    assert {one["state"] for one in told} == {"done", "failed"}
    assert "canary" not in str(told)
    assert not house.told("audit", "verify")["findings"]


def _refusals(house: House) -> None:
    """Before anything is opened."""
    cases: list[tuple[str, int, tuple[str, str]]] = [
        ("job-column", 10, ('"year_of_birth"', '"month_of_birth"')),
        ("job-limit", 10, ("seconds = 120", "seconds = 999999")),
        ("permit-missing", 30, ("P-2026-0001", "P-2026-0009")),
        ("job-field", 40, ('"by_sex.csv"', '"../by_sex.csv"')),
        ("job-field", 40, ('"by_sex.csv"', '"by_sex.svg"')),
        ("unknown-key", 40, ("[limits]", "[bounds]")),
        ("job-code-file", 40, ('files = ["main.py"]', 'files = ["main.py", "other.py"]')),
    ]
    for code, exit_code, change in cases:
        answer = house.call("--json", "study", "job", job(house, "python", PYTHON, change), "--key", house.key("alice"))
        assert (answer.error["code"], answer.code) == (code, exit_code)
    other = house.call("--json", "study", "job", job(house, "python", PYTHON), "--key", house.key("dora"))
    assert other.error["code"] == "permit-person"
    assert "job-" not in str(house.told("study", "jobs")), "nothing was begun"


def _failures(house: House) -> None:
    """A run that fails tells a name and a line; ten of them, and the project waits."""
    raising = "\n" * 4 + "raise RuntimeError('canary' + ' Dupont ' + open('/in/person.csv').read())\n"
    answer = house.call("--json", "study", "job", job(house, "python", raising), "--key", house.key("alice"))
    assert (answer.code, answer.error["code"]) == (40, "job-error")
    assert answer.error["facts"] == {"file": "main.py", "line": 5, "error": "RuntimeError"}
    assert "Dupont" not in answer.out + answer.err
    for code, text in (("job-undeclared", "pass"), ("job-time", "while True: pass")):
        short = ("seconds = 120", "seconds = 2")
        answer = house.call("--json", "study", "job", job(house, "python", text, short), "--key", house.key("alice"))
        assert (answer.code, answer.error["code"]) == (10, code)
    for _ in range(7):
        house.call("study", "job", job(house, "python", "1/0"), "--key", house.key("alice"))
    answer = house.call("--json", "study", "job", job(house, "python", PYTHON), "--key", house.key("alice"))
    assert (answer.code, answer.error["code"]) == (10, "job-quota")
    nothing_left(house, b"canary Dupont")


def test_parquet_is_handed_over_too_in_an_order_that_tells_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, bytes] = {}
    taken: Callable[..., object] = sandbox_of(Warehouse(house.warehouse)).run

    def looking(self: object, job: object, *, stop: object) -> object:
        seen.update(job.inputs)  # type: ignore[attr-defined]
        return taken(job, stop=stop)

    monkeypatch.setattr("rempart.adapters.sandbox_bubblewrap.Bubblewrap.run", looking)
    as_parquet = ('"drug_exposure_start_date"]', '"drug_exposure_start_date"]\nformat = "parquet"')
    file = job(house, "python", "open('by_sex.csv', 'w').write('x')", as_parquet)
    house.told("study", "job", file, "--key", house.key("alice"))
    (tmp_path / "t.parquet").write_bytes(seen["drug_exposure.parquet"])
    rows = duckdb.sql(f"SELECT * FROM '{tmp_path}/t.parquet'").fetchall()
    assert rows == sorted(rows)
    assert len(rows) > 100
    assert set(seen) == {"person.csv", "drug_exposure.parquet", "columns.json"}
    amended(house)
    house.told("study", "job", file, "--key", house.key("alice"))
    (tmp_path / "t.parquet").write_bytes(seen["drug_exposure.parquet"])
    fewer = duckdb.sql(f"SELECT * FROM '{tmp_path}/t.parquet'").fetchall()
    last = datetime.date(2015, 12, 31)
    assert fewer == [row for row in rows if row[2] <= last]
    assert len(rows) > len(fewer) > 10
    assert not house.told("audit", "verify")["findings"]


def amended(house: House) -> None:
    """The next version of the permit, whose period ends two years earlier."""
    persons = ('persons = ["alice"]', 'persons = ["alice", "frank"]')
    first = house.told("permit", "check", house.example("permit", persons))["id"]
    version = (persons[0], f'version = 2\namends = "{first}"\n{persons[1]}')
    house.told(
        "permit",
        "amend",
        house.example("permit", version, ("2017-12-31]", "2015-12-31]")),
        "--key",
        house.key("claire"),
    )


@pytest.mark.skipif(not ROOT, reason="R begins processes, which only control groups hold")
def test_the_worked_example_gives_the_same_file_in_both_languages(house: House) -> None:
    house.run_study()
    found = set()
    for name in ("job.toml", "job-r.toml"):
        done = house.told("study", "job", TREE / "docs/examples/code_job" / name, "--key", house.key("alice"))
        found.add(unpacked(kept(house, done["run"], FILES))[0]["first_years.csv"].replace(b'"', b""))
    assert len(found) == 1
    rows = next(iter(found)).decode().splitlines()
    assert rows[0] == "sex,year,persons"
    assert len(rows) == 3, "one year of first dispensings, two sexes"


def test_a_run_can_be_stopped_and_one_that_dies_leaves_nothing(house: House) -> None:
    waiting = job(house, "python", "import time\nopen('by_sex.csv', 'w').write('plain')\ntime.sleep(100)\n")
    words = ("--json", "study", "job", waiting, "--key", house.key("alice"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = pool.submit(house.spawn, *words)
        house.told("study", "cancel", running(house))
        assert asked.result().error["code"] == "run-cancelled"
    nothing_left(house)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    given = [str(word) for word in ("--dir", house.warehouse, *words)]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *given], env=environment, stdout=subprocess.DEVNULL)
    running(house)
    process.kill()
    process.wait()
    done = house.call("--json", "study", "job", job(house, "python", "1/0"), "--key", house.key("alice"))
    assert done.error["code"] == "job-error"
    told = [one["ended"] for one in house.told("study", "jobs")["jobs"]]
    assert told == ["cancelled/run-cancelled", "unavailable/run-died", "bad input/job-error"]
    nothing_left(house)


def running(house: House) -> str:
    """The run whose code has begun to write."""
    root, until = sandbox_of(Warehouse(house.warehouse)).root, time.monotonic() + 60
    while time.monotonic() < until:
        begun = [path.parts[-3] for path in root.glob("J-*/out/by_sex.csv")]
        if begun:
            return begun[0]
        time.sleep(0.05)
    raise AssertionError("no job began")
