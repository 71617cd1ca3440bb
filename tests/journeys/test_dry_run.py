# SPDX-License-Identifier: Apache-2.0
"""``study run --dry-run``: every worked study on invented persons, with nothing but its file; marked everywhere, and nothing stays."""

import csv
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.adapters.throwaway_folder import throwaway_folder
from rempart.errors import Refused
from rempart.journeys.permits import events
from rempart.wiring.broker import connect
from rempart.wiring.dry_run import _invented, _Place, plan_dry_run
from rempart.wiring.invented import InventedPlace, swap_may_see
from rempart.wiring.releases import submit_run
from tests.conformance.engine_house import java
from tests.faults.warehouse.place import Silence
from tests.journeys.house import EXAMPLES, PROGRAM, SOURCE, Answer, call, edited

NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/study.toml"))
MARK = "SYNTHETIC"
FEW = ("--persons", "400", "--workers", "1")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files of one's own, which holds nothing at the end, and no broker that worked there."""
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield place
    assert list(place.iterdir()) == []
    assert brokers_in(place) == []


def brokers_in(place: Path) -> list[str]:
    """Processes of brokers whose warehouse lies there."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"rempart.broker" in said and str(place).encode() in said:
            found.append(pid)
    return found


def dry(file: Path, *words: str | Path, lang: str = "en", json: bool = False) -> Answer:
    """A dry run in a folder that holds no warehouse."""
    return call(
        *(["--json"] if json else []),
        "--dir",
        file.parent / "nowhere",
        "study",
        "run",
        file,
        "--dry-run",
        *words,
        lang=lang,
    )


def check_marked(out: Path) -> None:
    """Every file of a saved dry run says what it is, and none is part of a release."""
    told = json.loads((out / f"{MARK}.json").read_text(encoding="utf-8"))
    assert (told["synthetic"], told["releasable"]) == (True, False)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.name for path in files} & {"release.json", "proof"} == set()
    for path in files:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as stream:
                assert {line["data"] for line in csv.DictReader(stream)} <= {MARK}, path
        elif path.suffix == ".pdf":
            assert f"{MARK} ·".encode() in path.read_bytes(), (
                "in its title; on its pages as in the other form of the report"
            )
        elif path.suffix != ".png":
            assert MARK in path.read_text(encoding="utf-8"), path
    for language, not_a_result in (("en", "This is no result"), ("fr", "Ce n'est pas un résultat")):
        assert not_a_result in (out / f"summary.{language}.md").read_text(encoding="utf-8")
        assert list((out / "figures").glob(f"*-{language}.svg")), "a figure in each language"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lang"), [(name, ("en", "fr")[at % 2]) for at, name in enumerate(NAMES)])
def test_a_worked_study_runs_with_nothing_but_its_file(name: str, lang: str, tmp_path: Path) -> None:
    answer = dry(EXAMPLES / name / "study.toml", *FEW, "--out", tmp_path / "out", lang=lang)
    assert answer.code == 0, answer
    assert answer.err == ""
    assert MARK in answer.out and f"# {MARK} sha256:" in answer.out
    assert ("personnes inventées" if lang == "fr" else "invented persons") in answer.out
    check_marked(tmp_path / "out")
    check_somebody(tmp_path / "out" / "tables")


def check_somebody(tables: Path) -> None:
    """The first table of who stays, or else the first of all, tells of persons whom the study's codes found."""
    told = min(tables.glob("attrition*.csv"), default=None) or min(tables.glob("*.csv"))
    with told.open(encoding="utf-8", newline="") as stream:
        counts = [line["value"] for line in csv.DictReader(stream) if line["statistic"] in {"n", "persons", "events"}]
    told_of = [20 + 1 if count == "suppressed" else int(count) for count in counts]
    assert max(told_of, default=0) > 20, "invented persons bear the study's codes"


def test_all_variants_run_on_the_same_persons_and_the_cells_are_in_the_answer(tmp_path: Path) -> None:
    text = (EXAMPLES / "glitazones" / "study.toml").read_text(encoding="utf-8")
    file = tmp_path / "study.toml"
    file.write_text(text + '\n[variants.washout]\n"cohorts.main.washout_days" = [180]\n', encoding="utf-8")
    told = dry(file, *FEW, "--every-variant", json=True).data
    assert (told["synthetic"], told["releasable"], told["persons"]) == (True, False, 400)
    itself, variant = told["studies"]
    assert [itself["variant"], variant["variant"]] == ["", "washout.washout_days_180"]
    assert (itself["few"], itself["nearly_all"], itself["fewer_than"]) == ([], [], 11), "no described cohort is empty"
    first = [
        next(c for c in item["tables"]["attrition"] if c["column"] == {"arm": "all"})["value"]
        for item in (itself, variant)
    ]
    assert first[0] == first[1] > 100, "the same persons"
    assert "raw" not in {cell["status"] for cell in itself["tables"]["attrition"]}, "the rules of a release apply"


def test_what_a_dry_run_cannot_take_is_said_before_anybody_is_invented(tmp_path: Path, temporary: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text((EXAMPLES / "glitazones" / "study.toml").read_text(encoding="utf-8"), encoding="utf-8")
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").write_text("dear", encoding="utf-8")
    key = tmp_path / "alice.key"
    for words, code, name in (
        (("--engine", "spark://10.0.0.5:7077"), 10, "dry-run-engine"),
        (("--engine", "spark://127.0.0.1:7077"), 10, "dry-run-engine"),
        (("--engine", "yarn"), 10, "dry-run-engine"),
        (("--engine", "sprak"), 40, "engine-name"),
        (("--persons", "5"), 40, "dry-run-persons"),
        (("--out", full), 10, "dry-run-folder"),
        (("--key", key), 40, "options-apart"),
        (("--variant", "x", "--every-variant"), 40, "options-apart"),
        (("--variant", "x"), 30, "study-variant"),
    ):
        answer = dry(file, *words, json=True)
        assert (answer.code, answer.error["code"]) == (code, name), answer
    assert call("--json", "study", "run", file).error["code"] == "study-key"
    assert call("--json", "study", "run", file, "--key", key, "--seed", "3").error["code"] == "option-needs"
    assert (full / "letter").read_text(encoding="utf-8") == "dear"
    file.write_text(
        edited(file.read_text(encoding="utf-8"), ('estimand = "initiation"', 'estimand = "x"')), encoding="utf-8"
    )
    assert dry(file, json=True).code == 40
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.server
def test_a_dry_run_on_spark_shows_the_cells_of_one_on_worker_processes(tmp_path: Path) -> None:
    java()
    file = EXAMPLES / "glitazones" / "study.toml"
    pool, spark = (
        dry(file, "--persons", "300", "--engine", engine, json=True).data["studies"] for engine in ("local", "local[2]")
    )
    assert spark == pool
    assert sum(cell["value"] is not None for cell in pool[0]["tables"]["attrition"]) > 3


def test_the_desk_of_a_warehouse_of_invented_persons_takes_no_submission(tmp_path: Path) -> None:
    """As it lies there after a kill: its broker serves, its keys are not encrypted."""
    plan = plan_dry_run(EXAMPLES / "glitazones" / "study.toml", persons=300)
    with swap_may_see(), throwaway_folder(lambda folder: InventedPlace(folder).lock()) as folder:
        place = _Place(folder)
        place.settle()
        place.bring_in(_invented(plan), Silence())
        place.grant(plan.permits[0], Silence())
        (run,) = place.run(plan, progress=Silence(), engine="local", workers=1, memory=None)
        assert run.done is not None
        with pytest.raises(Refused, match="release-invented"):
            submit_run(
                place.warehouse, run=run.done.run, context="a result", key_file=place.key("author"), ask=lambda _: ""
            )
        assert not [event for event in events(place.warehouse.ledger) if event.kind == "submission"]
        ends = datetime.datetime.fromisoformat(str(connect(place.warehouse.directory).status()["expires"]))
        assert ends - datetime.datetime.now(datetime.UTC) <= datetime.timedelta(hours=1)


def hear() -> None:
    """A background shell leaves interrupts ignored, and children inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(file: Path, temporary: Path) -> "subprocess.Popen[bytes]":
    """The true program at its dry run, once its broker serves."""
    words = ["--dir", str(file.parent), "study", "run", str(file), "--dry-run", "--persons", "60000", "--workers", "1"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SOURCE),
        "HOME": "/nonexistent",
        "TMPDIR": str(temporary),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=hear,
    )
    until = time.monotonic() + 120
    while not list(temporary.glob("*/synthetic/*.parquet")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() is None, process.stderr.read() if process.stderr else b""
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_dry_run_leaves_nothing(number: signal.Signals, temporary: Path) -> None:
    process = begun(EXAMPLES / "glitazones" / "study.toml", temporary)
    process.send_signal(number)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert b"Traceback" not in told
    assert list(temporary.iterdir()) == []


def test_what_a_killed_dry_run_left_goes_with_the_next(temporary: Path) -> None:
    process = begun(EXAMPLES / "glitazones" / "study.toml", temporary)
    process.kill()
    process.communicate(timeout=60)
    (left,) = temporary.iterdir()
    assert re.fullmatch(r"rempart-dry-run-\w+", left.name) and left.stat().st_mode & 0o077 == 0
    assert brokers_in(temporary)
    with throwaway_folder(lambda folder: InventedPlace(folder).lock()) as next_one:
        assert list(temporary.iterdir()) == [next_one]
        assert brokers_in(temporary) == []
