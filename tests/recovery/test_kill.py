# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every named step, then a second run: the same content, nothing half-committed in between, nothing left behind."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.process_pool import ProcessPool
from rempart.audit.checkpoint import body
from rempart.errors import Unavailable
from rempart.journeys.space import commits, read_parts
from rempart.records.omop import DRAW, PROJECT_PERSON
from rempart.records.result import ResultRow
from rempart.wiring.acts import run_study_file
from tests.faults.warehouse.place import Place, Silence, copied, workers_find_the_package


def killed(place: Place, act: str, step: str = "", nth: int = 1) -> None:
    """Run the driver until it kills itself; whoever it started ends with it."""
    command = [sys.executable, "-m", "tests.recovery.driver", str(place.root), act, step, str(nth)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    deadline = time.monotonic() + 30
    while (left := processes_of(place)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def processes_of(place: Place) -> list[str]:
    """Command lines of living processes that work on this copy."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found += [words] if str(place.directory) in words else []
    return found


def audit(place: Place) -> list[str]:
    """Rules of what a deep audit finds; it finds no breach, anomalies at most."""
    told = place.run("audit", "verify", "--deep")
    assert told.code == 0, told.told
    assert {finding["family"] for finding in told.answer["data"]["findings"]} <= {"anomaly"}
    return [finding["rule"] for finding in told.answer["data"]["findings"]]


def scratch(place: Place) -> list[str]:
    """Runs that have pieces in scratch."""
    folder = place.directory / "controller" / "scratch"
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def ingested_content(place: Place, which: int) -> dict[str, str]:
    """Content by research table of the n-th compaction, as its effect leaf tells."""
    effects = [event for event in place.events() if event.kind == "ingest" and event.facts("content")]
    told = dict(fact.split("=") for fact in effects[which].facts("content"))
    return {table: content for table, content in told.items() if table in place.warehouse().layouts}


# The second of a kind is the compaction's, but for parts: those of research tables come after some twenty gross ones.
INGEST_STEPS = [
    ("intent-logged", 1),
    ("part-stored", 3),
    ("committed", 1),
    ("shard-compacted", 1),
    ("part-stored", 40),
    ("committed", 2),
]


@pytest.mark.parametrize(("step", "nth"), INGEST_STEPS)
def test_an_ingest_killed_at_any_step_and_run_again_ends_in_the_same_content(place: Place, step: str, nth: int) -> None:
    old, new = ingested_content(place, 1), ingested_content(place, 0)
    assert old != new
    before = len(commits(place.warehouse().ledger, "warehouse"))
    killed(place, "ingest", step, nth)
    done, read = (step, nth) == ("committed", 2), place.body("warehouse").body.facts["units"].count('"live"')
    assert place.content() == (new if done else old), "something half-committed is visible"
    assert audit(place) == ["intent-open"]
    told = place.ingest("first", "--replace")
    assert told.code == 0, told.told
    assert (told.answer["data"]["head"] is None) == done, "what is there already is not committed again"
    assert place.content() == new
    assert audit(place) == [], "the next run did not close the intent of the dead one"
    assert scratch(place) == []
    assert len(commits(place.warehouse().ledger, "warehouse")) == before + 2
    assert read > 0


def test_units_that_were_committed_before_a_kill_are_not_read_again(place: Place) -> None:
    """With a commit after every unit, whoever is killed in the fourth finds three held."""
    killed(place, "ingest-units", "units-committed", 3)
    told = place.ingest("first", "--replace")
    fates = Counter(fate for _, fate in told.answer["data"]["units"])
    assert fates["held"] == 3
    assert fates["new"] > 20
    assert place.content() == ingested_content(place, 0)
    assert audit(place) == []


def number(which: int | str, parts: int) -> int:
    """``middle`` and ``last`` of so many parts."""
    return {"middle": parts // 2, "last": parts}.get(which, which) if isinstance(which, str) else which


def test_parts_of_a_killed_run_lie_on_the_host_and_no_reader_lists_them(place: Place) -> None:
    before = set((place.host / "o").iterdir())
    listed = {part.object for part in place.body("warehouse").body.parts}
    killed(place, "ingest", "keyring-stored")
    garbage = {f"o/{path.name}" for path in set((place.host / "o").iterdir()) - before}
    assert len(garbage) > 10
    assert {part.object for part in place.body("warehouse").body.parts} == listed
    for name in garbage:
        (place.host / name).write_bytes(b"whatever a host does to them")
    assert place.content() == ingested_content(place, 1)
    assert audit(place) == ["intent-open"]


def test_who_dies_between_its_signature_and_its_checkpoint_shuts_nobody_out(place: Place) -> None:
    """Two leaves were signed for and never published; the next one appends a single leaf."""
    warehouse = place.warehouse()
    size = warehouse.ledger.size()
    warehouse.broker.sign("ledger", body(warehouse.configuration.ledger_origin, size + 2, bytes(32)))
    assert place.run("vault", "hash").code == 0
    assert audit(place) == []


GRANT_STEPS = [
    ("intent-logged", 1),
    ("persons-chosen", 1),
    ("rows-exchanged", 1),
    ("part-stored", 1),
    ("part-stored", "middle"),
    ("part-stored", "last"),
    ("manifest-stored", 1),
    ("keyring-stored", 1),
    ("committed", 1),
]


@pytest.mark.parametrize(("step", "which"), GRANT_STEPS)
def test_a_grant_killed_at_any_step_and_run_again_ends_in_the_same_content(
    place: Place, step: str, which: int | str
) -> None:
    parts = len(place.body("project:first").body.parts)
    killed(place, "grant", step, number(which, parts))
    assert bool(commits(place.warehouse().ledger, "project:second")) == (step == "committed")
    assert audit(place) == ["intent-open"]
    assert len(scratch(place)) == 1, "the killed run left its scratch, which the next one is to sweep"
    told = place.grant("second")
    assert (told.code, told.error) == ((10, "project-exists") if step == "committed" else (0, ""))
    assert scratch(place) == []
    assert audit(place) == []
    assert len(commits(place.warehouse().ledger, "project:second")) == 1
    assert histories(place, "project:second") == histories(place, "project:first")


def test_a_project_whose_grant_was_killed_after_its_commit_can_be_studied(place: Place) -> None:
    killed(place, "grant", "committed")
    study = place.root / "study.toml"
    study.write_text(study.read_text(encoding="utf-8").replace("P-2026-0001", "P-2026-0002"), encoding="utf-8")
    assert (place.study().error, place.grant("second").error) == ("permit-missing", "project-exists")
    assert place.study().code == 0
    assert audit(place) == []


def histories(place: Place, space: str) -> str:
    """A hash of every person's rows without the ids and draw numbers that a grant makes afresh: the same whatever order or names they
    lie under."""
    persons: dict[int, list[str]] = defaultdict(list)
    for table, row in rows_of(place, space):
        kept = {name: value for name, value in row.items() if not name.endswith("_id") or name.endswith("concept_id")}
        kept.pop(DRAW, None)
        persons[row[PROJECT_PERSON]].append(f"{table} {kept}")
    assert len(persons) > 50
    digests = sorted(hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest() for rows in persons.values())
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def rows_of(place: Place, space: str) -> list[tuple[str, dict[str, object]]]:
    """(table, row) of every part of a space."""
    vault, opened = place.vault(), place.body(space)
    data = read_parts(vault, opened, opened.body.parts, reference="")
    return [
        (f"{part.table}/{part.sibling}", row)
        for part, held in zip(opened.body.parts, data, strict=True)
        for row in pq.read_table(pa.BufferReader(bytes(held))).to_pylist()
    ]


def studied(place: Place) -> tuple[tuple[ResultRow, ...], int]:
    """Result rows, and how many shards were there already."""
    done = run_study_file(
        place.warehouse(),
        file=place.root / "study.toml",
        key_file=Path(place.key("alice")),
        ask=lambda _: "",
        workers=2,
        progress=Silence(),
    )
    return done.rows, done.resumed


@pytest.fixture(scope="module")
def undisturbed(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultRow, ...]:
    """The rows of the study where nobody is killed."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("study") / "copy") as place:
        workers_find_the_package(patch)
        rows, resumed = studied(place)
    assert resumed == 0
    assert len(rows) > 20
    return rows


def test_a_study_whose_process_is_killed_resumes_and_gives_the_same_rows(
    place: Place, undisturbed: tuple[ResultRow, ...]
) -> None:
    killed(place, "study")
    assert audit(place) == ["intent-open"]
    assert scratch(place)[0].startswith("S-")
    assert place.ingest("first", "--replace").code == 0, (
        "another run's start must not sweep what a study can resume from"
    )
    assert studied(place) == (undisturbed, 1)
    assert scratch(place) == []
    assert audit(place) == []


def test_a_study_whose_worker_is_killed_is_told_and_resumes_to_the_same_rows(
    place: Place, undisturbed: tuple[ResultRow, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(pool: ProcessPool) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.recovery.dying_worker", "--dir", str(place.directory)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    with monkeypatch.context() as patch:
        patch.setattr(ProcessPool, "_start", start)
        with pytest.raises(Unavailable, match="worker-killed"):
            studied(place)
    assert not processes_of(place)
    assert studied(place) == (undisturbed, 1)
    assert scratch(place) == []
    assert audit(place) == []
