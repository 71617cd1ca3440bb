# SPDX-License-Identifier: Apache-2.0
"""Plan, show and stop a study; a worker that crashes; evidence that is kept: each on a true warehouse, small."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.process_pool import ProcessPool
from rempart.errors import Cancelled, Refused, RempartError, Unavailable
from rempart.journeys.run_cost import LEAST_CELLS
from rempart.journeys.study import StudyRun, run_id
from rempart.journeys.study_size import LEAST_BYTES, LEAST_ROWS, ToldSize, coarse
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit
from rempart.records.result import ResultRow
from rempart.records.shard_job import ShardJob
from rempart.wiring import acts
from rempart.wiring.acts import run_study_file
from rempart.wiring.warehouse import Warehouse
from rempart.wiring.worker import Worker
from tests.faults.warehouse.place import Place, Silence, copied, workers_find_the_package
from tests.recovery.study_door import started
from tests.recovery.test_kill import audit, processes_of, scratch

ROOT = Path(__file__).resolve().parents[2]


def run_of(place: Place, *, fresh: bool = False, workers: int = 2) -> StudyRun:
    """Run the study that lies beside the warehouse."""
    return run_study_file(
        place.warehouse(),
        file=place.root / "study.toml",
        key_file=Path(place.key("alice")),
        ask=lambda _: "",
        workers=workers,
        progress=Silence(),
        fresh=fresh,
    )


def edit(place: Place, *changes: tuple[str, str]) -> None:
    """Texts of the study replaced."""
    file = place.root / "study.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def cells(rows: Sequence[ResultRow]) -> list[tuple[object, ...]]:
    """Every cell without the run that it is of."""
    return [tuple(getattr(row, name) for name in row.__dataclass_fields__ if name != "run") for row in rows]


def live_run(place: Place) -> str:
    """The run that works now, once one piece of it is kept."""
    warehouse, until = place.warehouse(), time.monotonic() + 60
    while time.monotonic() < until:
        for run in scratch(place):
            if any(name.startswith("shard-") for name in warehouse.scratch.names(run)) and warehouse.scratch.held(run):
                return run
        time.sleep(0.05)
    pytest.fail("no run got as far as a shard")


@pytest.fixture(scope="module")
def undisturbed(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultRow, ...]:
    """The rows of the study where nothing happens."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("study") / "copy") as place:
        workers_find_the_package(patch)
        return run_of(place).rows


def test_a_study_is_stopped_from_another_terminal_and_taken_up(
    place: Place, undisturbed: tuple[ResultRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []

    def work() -> None:
        with contextlib.suppress(RempartError):
            try:
                ended.append(run_of(place))
            except RempartError as error:
                ended.append(error)
                raise

    with monkeypatch.context() as patch:
        patch.setattr(ProcessPool, "_start", started("slow", tmp_path / "notes"))
        thread = threading.Thread(target=work)
        thread.start()
        run = live_run(place)
        shown = place.run("study", "show", run).answer["data"]
        assert (shown["state"], shown["done"], shown["shards"]) == ("running", 1, 2)
        began = time.monotonic()
        stopped = place.run("study", "cancel", run)
        thread.join(30)
    assert time.monotonic() - began < 5
    assert (stopped.code, stopped.answer["data"]) == (0, {"run": run})
    (error,) = ended
    assert isinstance(error, Cancelled)
    assert (error.code, error.exit_code, error.facts) == ("run-cancelled", 130, {"run": run})
    assert not processes_of(place)
    assert place.events()[-1].facts("error") == ("cancelled/run-cancelled",)
    assert place.run("study", "show", run).answer["data"]["state"] == "cancelled"
    done = run_of(place)
    assert (done.rows, done.run, done.resumed) == (undisturbed, run, 1)
    assert scratch(place) == []
    assert audit(place) == []


def heard() -> None:
    """Let an interrupt be heard: a shell that starts the tests in the background leaves it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_of_the_process_stops_the_run_alike(
    place: Place, undisturbed: tuple[ResultRow, ...], tmp_path: Path
) -> None:
    words = ["--json", "--dir", str(place.directory), "study", "run", str(place.root / "study.toml")]
    command = [sys.executable, "-m", "tests.recovery.study_door", "slow", str(tmp_path / "notes"), *words]
    process = subprocess.Popen(
        [*command, "--key", place.key("alice")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        preexec_fn=heard,
    )
    run = live_run(place)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "run-cancelled"
    assert place.events()[-1].facts("error") == ("cancelled/run-cancelled",)
    done = run_of(place)
    assert (done.rows, done.run, done.resumed) == (undisturbed, run, 1)
    assert audit(place) == []


def test_only_a_run_that_works_can_be_stopped(place: Place) -> None:
    done = run_of(place)
    for run in (done.run, "S-0000000000000000", "G-1", "../keys"):
        assert place.run("study", "cancel", run).error == "run-not-live"
    assert scratch(place) == [], "asking leaves nothing behind"


def test_a_worker_that_crashes_is_tried_once_more(
    place: Place, undisturbed: tuple[ResultRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessPool, "_start", started("crash-once", tmp_path / "notes"))
    done = run_of(place)
    assert (done.rows, done.resumed) == (undisturbed, 0)
    assert audit(place) == []


def test_a_worker_that_crashes_again_is_told_with_its_shard(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessPool, "_start", started("crash", tmp_path / "notes"))
    with pytest.raises(Unavailable, match="worker-died") as caught:
        run_of(place)
    assert caught.value.facts == {"shard": 0}
    assert (tmp_path / "notes").read_text(encoding="ascii").splitlines() == ["crashed", "crashed"]
    shown = place.run("study", "show", scratch(place)[0]).answer["data"]
    assert (shown["state"], shown["error"]) == ("failed", "unavailable/worker-died")


def test_a_shard_that_needs_more_memory_than_a_worker_may_take_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the query engine says of its own limit; what a worker says of its own is in tests/faults/test_engine_faults.py."""
    engine = OneProcess(place.directory, memory=4_000_000)
    monkeypatch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(engine))
    with pytest.raises(Unavailable, match="shard-memory") as caught:
        run_of(place)
    assert caught.value.facts == {"shard": 0, "limit": 4}
    assert place.study("--memory", "100MB").error == "memory-size"


# --- plan


def hashes(place: Place) -> dict[str, str]:
    """Every file of the warehouse but the ledger's."""
    files = [path for path in place.directory.rglob("*") if path.is_file() and "ledger" not in path.parts]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def plan(place: Place, *more: str, code: int = 0) -> dict[str, object]:
    """What the plan of the study says."""
    told = place.run("study", "plan", str(place.root / "study.toml"), *more)
    assert told.code == code, told.told
    found: dict[str, object] = told.answer["data"]
    return found


def test_a_plan_tells_what_will_be_read_and_writes_nothing_but_its_trace(place: Place) -> None:
    before, leaves = hashes(place), len(place.events())
    made = plan(place, "--workers", "2", "--memory", "1GB")
    assert hashes(place).items() <= before.items() | {(k, v) for k, v in hashes(place).items() if "scratch" in k}
    assert [(e.kind, e.phase, e.event_class) for e in place.events()[leaves:]] == [
        ("study-plan", "intent", "trace"),
        ("key-grant", "effect", "trace"),
        ("study-plan", "effect", "trace"),
    ]
    body = place.body("project:first").body
    counted = Counter({part.table: 0 for part in body.parts})
    for part in body.parts:
        counted[part.table] += part.rows if part.sibling == "main" else 0
    rows, size = made["rows"], made["bytes"]
    assert isinstance(rows, dict)
    assert isinstance(size, dict)
    assert 0 < counted["drug_exposure"] < LEAST_ROWS, "few persons, of whom no exact figure may be told"
    assert set(rows.values()) == {LEAST_ROWS} and set(size.values()) == {LEAST_BYTES}
    assert made["least"] == {"rows": LEAST_ROWS, "bytes": LEAST_BYTES}
    assert (
        made["memory"]["need"]
        == ToldSize(  # type: ignore[index]
            rows=rows, size=size, largest=size, largest_rows=rows, shards=2
        ).memory
    ), "made of what is told, and of nothing finer"
    assert (made["fits"], made["missing"], made["shards"], made["seconds"]) == (True, {}, 2, None)
    assert made["memory"]["limit"] == 10**9  # type: ignore[index]
    assert made["earliest"] == "2012-01-02"
    assert audit(place) == []


def test_a_plan_after_a_run_knows_its_time_and_what_is_kept(place: Place) -> None:
    run_of(place)
    made = plan(place)
    assert (made["parts"], made["kept"]) == (1, 1)
    assert made["seconds"] == 0, "there is nothing to read"
    edit(place, ("washout_days = 365", "washout_days = 364"))
    made = plan(place, "--workers", "1")
    assert (made["parts"], made["kept"]) == (1, 0)
    assert isinstance(made["seconds"], float)
    assert 0 < made["seconds"] < 600


def test_a_plan_names_every_column_that_the_permit_lacks(place: Place) -> None:
    edit(place, ('death = "month"', 'death = "date"'), ('include = ["C67"]', 'include = ["C67"]'))
    made = plan(place, code=1)
    assert (made["fits"], made["missing"]) == (False, {"death": ["death_date"]})
    assert made["rows"] is None, "nothing is looked into for a study that would be refused"
    edit(place, ("period = [2013-01-01", "period = [2012-01-01"), ('death = "date"', 'death = "month"'))
    made = plan(place, code=1)
    assert (made["fits"], made["missing"]) == (False, {})
    assert made["days"] in {"window-before-lookback", "study-period"}


def test_a_plan_under_a_permit_that_is_not_granted_still_says_what_would_be_read(place: Place) -> None:
    edit(place, ("P-2026-0001", "P-2026-0002"))
    made = plan(place)
    assert (made["granted"], made["fits"], made["rows"]) == (False, None, None)
    assert "drug_exposure" in made["reads"]  # type: ignore[operator]


# --- show


def test_a_run_is_shown_without_a_value_of_it(place: Place) -> None:
    done = run_of(place)
    told = place.run("study", "show", done.run)
    shown = told.answer["data"]
    assert (shown["state"], shown["done"], shown["shards"], shown["engine"]) == ("finished", 2, 2, "local")
    raw = Counter(row.output for row in done.rows)
    assert shown["outputs"] == {output: coarse(count, least=LEAST_CELLS) for output, count in raw.items()}
    assert (shown["result"], shown["release"]) == (done.result, "")
    estimates = {repr(row.value) for row in done.rows if row.value is not None and row.value % 1}
    assert estimates
    assert not [value for value in estimates if value in told.told]
    place.run("release", "submit", done.run, "--key", place.key("alice"))
    after = place.run("study", "show", done.run).answer["data"]
    assert (after["release"][:2], after["release_state"]) == ("R-", "in-review")
    assert place.run("study", "show", "S-0000000000000000").error == "run-missing"


# --- what is kept


def jobs(notes: Path) -> list[ShardJob]:
    """The jobs that workers were given."""
    if not notes.exists():
        return []
    return [ShardJob.from_dict(json.loads(line)) for line in notes.read_text(encoding="utf-8").splitlines()]


SECOND = """
[outcomes.diabetes]
any = [{ domain = "condition", codes = "bladder_cancer" }]

[[analyses]]
id = "second"
type = "incidence_rate"
inputs = { cohort = "main", target = "target", comparator = "comparator", outcome = "diabetes" }

[[analyses]]
id = "flow"
"""
FIRST = 'inputs = { outcome = "bladder_cancer" }\n'


def two_outcomes(place: Place) -> None:
    """The study with a second outcome, and so a second part; every analysis names its own."""
    text = (place.root / "study.toml").read_text(encoding="utf-8").replace('[[analyses]]\nid = "flow"\n', SECOND)
    for kind in ("attrition", "table_one", "cumulative_incidence"):
        text = text.replace(f'type = "{kind}"\n', f'type = "{kind}"\n{FIRST}')
    text = text.replace('id = "rates"\ntype = "incidence_rate"\n', f'id = "rates"\ntype = "incidence_rate"\n{FIRST}')
    (place.root / "study.toml").write_text(text, encoding="utf-8")


def test_a_study_of_which_one_analysis_changed_reads_only_what_is_new(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(place)
    monkeypatch.setattr(ProcessPool, "_start", started("honest", tmp_path / "notes"))
    edit(place, ("grid_days = 180", "grid_days = 90"))
    told = place.study()
    assert (told.code, told.answer["data"]["reused"]) == (0, 1)
    assert jobs(tmp_path / "notes") == [], "another grid of days asks nothing new of any shard"
    two_outcomes(place)
    done = run_of(place)
    assert (done.cost.parts, done.cost.reused) == (2, 1)
    (job,) = jobs(tmp_path / "notes")
    assert len(job.parts) == 1, "the part that is new, alone"
    assert cells(done.rows) == cells(run_of(place, fresh=True).rows)
    assert audit(place) == []


def test_a_rotation_removes_what_is_kept(place: Place) -> None:
    run_of(place)
    cache = place.warehouse().cache
    assert not cache.empty
    told = place.run("keys", "rotate", "--space", "project:first", "--by", place.key("officer"))
    assert told.code == 0, told.told
    assert not any(path.is_file() for path in (place.directory / "controller" / "cache").rglob("*"))
    done = run_of(place)
    assert done.cost.reused == 0


def test_a_run_is_whole_where_its_evidence_cannot_be_kept(place: Place) -> None:
    """Whatever the disk refuses: what is kept is a copy."""
    (place.directory / "controller" / "cache").write_bytes(b"")
    told = place.study()
    assert (told.code, told.answer["data"]["unkept"]) == (0, 1)
    assert place.events()[-1].fact("result") == told.answer["data"]["result"]
    (place.directory / "controller" / "cache").unlink()
    told = place.study()
    assert (told.code, told.answer["data"]["reused"], told.answer["data"]["unkept"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "words",
    [("study", "list"), ("study", "show"), ("study", "plan"), ("study", "run"), ("permit", "list")],
    ids=" ".join,
)
def test_whatever_command_finds_a_permit_ended_removes_what_was_kept_under_it(
    words: tuple[str, ...], kept_once: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, cache = kept_once, kept_once.directory / "controller" / "cache"
    more = {"plan": ["study.toml"], "run": ["study.toml", "--key", "alice.key"], "show": [_last_run(place)]}
    paths = [str(place.root / word) if "." in word else word for word in more.get(words[1], [])]
    (piece,) = [path for path in cache.rglob("*") if path.is_file()]
    held = piece.read_bytes()
    if words != ("study", "run"):
        assert place.run(*words, *paths).code == 0
        assert piece.exists(), "a permit that runs keeps its own"

    def ended(_: Permit, __: object) -> None:
        raise Refused("permit-expired", permit="P-2026-0001", date="2027-01-01")

    with monkeypatch.context() as patch:
        patch.setattr(Permit, "check_valid_on", ended)
        place.run(*words, *paths)
    assert not [path for path in cache.rglob("*") if path.is_file()]
    piece.parent.mkdir(parents=True)
    piece.write_bytes(held)


@pytest.fixture(scope="module")
def kept_once(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """A warehouse in which evidence of one run is kept."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("kept") / "copy") as place:
        workers_find_the_package(patch)
        run_of(place)
        yield place


def _last_run(place: Place) -> str:
    return str(next(event.fact("run") for event in reversed(place.events()) if event.kind == "study"))


@pytest.mark.parametrize(("version", "resumed"), [(None, 1), ("rempart 0.0.1, duckdb 1.0.0", 0)])
def test_what_another_version_left_is_not_added_to(
    version: str | None, resumed: int, place: Place, undisturbed: tuple[ResultRow, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if version is not None:
            patch.setattr(acts, "engine_version", lambda: version)
        patch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(Interrupted(place.directory)))
        with pytest.raises(Cancelled):
            run_of(place)
    (run,) = scratch(place)
    assert "shard-0000.sealed" in place.warehouse().scratch.names(run)
    monkeypatch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(OneProcess(place.directory)))
    done = run_of(place)
    assert (done.rows, done.run, done.resumed) == (undisturbed, run, resumed)


class OneProcess:
    """An engine within this process: what it computes is what a worker does."""

    name, own_grants, workers = "local", False, 1

    def __init__(self, directory: Path, *, memory: int = 4 * 10**9) -> None:
        self._worker = Worker(directory, memory=memory)

    def run(self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool]) -> Generator[tuple[int, bytes]]:
        """As the port says."""
        for job in jobs:
            yield from self._worker.serve(json.dumps(job.as_dict()).encode())


class Interrupted(OneProcess):
    """The same, stopped from outside after the first shard."""

    def run(self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool]) -> Generator[tuple[int, bytes]]:
        """As the port says, until then."""
        yield next(super().run(jobs, stop=stop))
        raise KeyboardInterrupt


EDITS = (
    ("lag_days = 30", "lag_days = 60"),
    ("grid_days = 180", "grid_days = 90"),
    ("washout_days = 365", "washout_days = 300"),
    ("age = [40, 120]", "age = [18, 120]"),
    ("bands = [50, 55, 60, 65, 70, 75, 80]", "bands = [60, 75]"),
    ('include = ["C67"]', 'include = ["C67", "C66"]'),
    ('title = "Pioglitazone and', 'title = "Pioglitazone or'),
    ('ties = "efron"', 'ties = "breslow"'),
)


@pytest.mark.slow
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    histories=st.lists(st.sets(st.integers(0, len(EDITS) - 1), max_size=3), min_size=2, max_size=3), two=st.booleans()
)
def test_results_are_the_same_with_and_without_what_is_kept(
    histories: list[set[int]], two: bool, shared: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Studies one after another, each edited from the same text: what is kept of all before never changes a cell."""
    engine = OneProcess(shared.directory)
    monkeypatch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(engine))
    original = (shared.root / "study.toml").read_text(encoding="utf-8")
    try:
        for edits in histories:
            (shared.root / "study.toml").write_text(original, encoding="utf-8")
            edit(shared, *(EDITS[number] for number in sorted(edits)))
            if two:
                two_outcomes(shared)
            assert cells(run_of(shared).rows) == cells(run_of(shared, fresh=True).rows)
    finally:
        (shared.root / "study.toml").write_text(original, encoding="utf-8")


def test_a_runs_name_comes_of_study_and_snapshot(place: Place) -> None:
    done = run_of(place)
    intent = next(event for event in place.events() if event.kind == "study")
    document = intent.fact("study") or ""
    SignedDocument.from_bytes(Warehouse(place.directory).documents.get(document), schema="rempart.study/1")
    assert done.run == run_id(document, intent.fact("head") or "")
