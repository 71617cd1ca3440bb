# SPDX-License-Identifier: Apache-2.0
"""The same answers under another locale, time zone, account, path, number of shards or of workers, and after a kill."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.cli.commands import TREE
from tests.journeys.conftest import Once
from tests.journeys.house import PASSPHRASE, PROGRAM, SOURCE, House, call, copy_house, spawn
from tests.journeys.raw_result import Cells, cells, same

ELSEWHERE = {"LANG": "C", "LC_ALL": "C", "TZ": "America/New_York"}
SHARDS_MANY = 16
SOMEBODY = 12345  # an account number that nobody has


# --- locale, time zone, path


def test_another_locale_time_zone_and_path_give_the_same_content(
    small_delivery: Path, small: House, tmp_path: Path
) -> None:
    """Told by the true program in a folder with a space and an accent, whose socket path is longer than the system takes."""
    house = House(tmp_path / "un dossier à côté" / ("profond " * 12).strip())
    house.folder.mkdir(parents=True)
    assert len(str(house.warehouse / "controller" / "keys" / "broker.sock")) > 108

    def run(*words: str | Path, secret: str | None = None) -> dict[str, object]:
        place = [] if words[0] == "init" else ["--dir", house.warehouse]
        said = spawn("--json", *place, *words, secret=secret, environment=ELSEWHERE, cwd=house.folder, lang="")
        return said.data

    try:
        words = ("--controller", "Régie à l’essai", "--officer-key", "officer.key", "--shards", "2")
        run("init", "w", *words, secret=PASSPHRASE)
        here = run("ingest", small_delivery)
        small_content = small.told("vault", "hash")["content"]
        assert here["content"] == small_content
        assert run("vault", "hash")["content"] == small_content
        said = spawn("--dir", house.warehouse, "audit", "verify", lang="fr", environment=ELSEWHERE)
        assert said.code == 0
        assert "chaque règle" in said.out
    finally:
        house.lock()


def test_the_language_comes_from_the_locale_when_not_asked_for(small: House) -> None:
    for environment, word in (
        ({"LANG": "fr_FR.UTF-8"}, "rôles"),
        ({"LANG": "C"}, "roles"),
        ({"REMPART_LANG": "fr"}, "rôles"),
    ):
        said = spawn("--dir", small.warehouse, "person", "list", lang="", environment=environment)
        assert word in said.out, (environment, said)


def test_the_warehouse_can_be_named_by_the_environment(small: House) -> None:
    said = spawn("--json", "person", "list", environment={"REMPART_DIR": str(small.warehouse)})
    assert len(said.data["persons"]) == 7


@pytest.mark.parametrize("command", TREE)
def test_every_command_has_help_in_both_languages(command: str) -> None:
    english, french = (call(*command.split(), "--help", lang=lang) for lang in ("en", "fr"))
    for said in (english, french):
        assert (said.code, said.err) == (0, "")
        assert f"rempart {command}" in " ".join(said.out.split())
    assert english.out != french.out


def test_help_of_the_nouns_lists_their_verbs() -> None:
    for noun in {command.split()[0] for command in TREE if " " in command}:
        verbs = {command.split()[1] for command in TREE if command.startswith(noun + " ")}
        said = call(noun, "--help").out
        assert all(verb in said for verb in verbs), noun
    assert {command.split()[0] for command in TREE} <= set(call("--help").out.replace("\n", " ").split())


# --- a plain account


def as_somebody() -> tuple[str, ...]:
    """The command that runs another as a plain account; nothing where this is one already.

    Reading may be left to root's right (never writing): the interpreter of the tests may lie where others cannot look.
    """
    if os.geteuid() != 0:
        return ()
    numbers = (f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    probe = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import rempart, duckdb'], check=True)"
    command, environment = ["setpriv", *numbers, sys.executable, "-c", probe], {"PYTHONPATH": str(SOURCE)}
    looks = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False)
    reading = () if looks.returncode == 0 else ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ("setpriv", *numbers, *reading)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of nobody's but its owner's, where other accounts may pass on the way (pytest's own may not be passed)."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-plain-"))
    yield folder
    shutil.rmtree(folder)


def test_a_plain_account_goes_the_way_and_another_cannot_use_its_broker(
    small_template: Path, open_folder: Path
) -> None:
    house = copy_house(small_template, open_folder)
    before = as_somebody()
    owner = SOMEBODY if before else os.geteuid()
    for path in [house.folder, *house.folder.rglob("*")] if before else []:
        os.chown(path, owner, owner)

    def run(*words: str | Path, secret: str | None = None) -> dict[str, object]:
        return spawn("--json", "--dir", house.warehouse, *words, secret=secret, before=before, cwd=house.folder).data

    pid = int(str(run("keys", "unlock", secret=PASSPHRASE)["pid"]))
    try:
        assert Path(f"/proc/{pid}").stat().st_uid in {owner, 0}  # a process that is not dumpable belongs to root there
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}" in status
        found = run("study", "run", "study.toml", "--key", "alice.key")
        run("release", "submit", str(found["run"]), "--key", "alice.key")
        assert run("audit", "verify", "--deep")["sound"] is True
        if before:
            other = house.call("keys", "status")
            assert other.code in {10, 60}, "root is not the account that unlocked the keys"
        assert all(path.stat().st_uid == owner for path in house.warehouse.rglob("*"))
    finally:
        spawn("--dir", house.warehouse, "keys", "lock", before=before)
        until = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.05)
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


# --- shards, workers, kills


@pytest.fixture(scope="module")
def many(once: Once, small_delivery: Path) -> Path:
    """A locked warehouse of the small delivery in many shards."""

    def build(folder: Path) -> None:
        house = House(folder)
        house.init(shards=SHARDS_MANY)
        house.told("ingest", small_delivery)
        permit = house.example("permit", ('persons = ["alice"]', 'persons = ["alice", "frank"]'))
        house.told("permit", "grant", permit, "--key", house.key("claire"))
        house.example("study")
        house.lock()

    return once("many", build)


def answer_of(house: House, *, workers: int) -> Cells:
    """The cells of the example study."""
    done = house.run_study(workers=workers)
    assert done["resumed"] == 0
    return cells(house, done["run"])


def test_no_answer_depends_on_the_number_of_shards_or_of_workers(
    house_of: Callable[..., House], small: House, many: Path
) -> None:
    four = answer_of(small, workers=1)
    assert len(four) > 300
    same(four, answer_of(small, workers=2))
    same(four, answer_of(house_of(many, "many"), workers=2))


def test_a_killed_study_is_taken_up_and_gives_the_undisturbed_answer(
    house_of: Callable[..., House], many: Path
) -> None:
    undisturbed = answer_of(house_of(many, "undisturbed"), workers=2)
    house = house_of(many, "killed")
    words = [
        "--dir",
        house.warehouse,
        "study",
        "run",
        house.folder / "study.toml",
        "--key",
        house.key("alice"),
        "--workers",
        "1",
    ]
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    scratch, until = house.warehouse / "controller" / "scratch", time.monotonic() + 120
    while not list(scratch.glob("S-*/shard-*.sealed")):
        assert parent.poll() is None, "the study ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.001)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    pieces = len(list(scratch.glob("S-*/shard-*.sealed")))
    assert 0 < pieces < SHARDS_MANY
    wait_until_nobody_works(parent.pid)
    assert house.told("audit", "verify")["sound"] is True, "an open intent is no breach"
    done = house.run_study(workers=2)
    assert 0 < done["resumed"] < SHARDS_MANY
    same(undisturbed, cells(house, done["run"]))
    assert not list(scratch.glob("S-*"))
    assert house.told("audit", "verify", "--deep")["sound"] is True


def wait_until_nobody_works(session: int) -> None:
    """The workers of a killed parent see their input end and go; those that do not are ended here, and that is a failure."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        left = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if session_of(pid) == session]
        if not left:
            return
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    pytest.fail(f"workers outlived their parent: {left}")


def session_of(pid: int) -> int:
    """The session of a living process, -1 for none."""
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:4]
    except OSError:
        return -1
    return -1 if state == "Z" else int(session)


def heard() -> None:
    """Let an interrupt be heard: a shell that starts the tests in the background leaves it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_study_killed_by_its_keyboard_says_cancelled(house_of: Callable[..., House], many: Path) -> None:
    house = house_of(many, "cancelled")
    words = ["--dir", house.warehouse, "study", "run", house.folder / "study.toml", "--key", house.key("alice")]
    command = [sys.executable, "-c", PROGRAM, *map(str, words), "--workers", "1"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        encoding="utf-8",
        preexec_fn=heard,
    )
    scratch, until = house.warehouse / "controller" / "scratch", time.monotonic() + 120
    while not list(scratch.glob("S-*/shard-*.sealed")):
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.001)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    said, hint = err.strip().splitlines()
    assert re.fullmatch(r"rempart: cancelled: run S-[0-9a-f]{16} was stopped", said)
    assert "takes up at the next shard" in hint
    wait_until_nobody_works(running.pid)
    assert house.run_study()["resumed"] > 0


def test_a_copied_warehouse_is_a_whole_one(small_template: Path, house_of: Callable[..., House]) -> None:
    """A folder moved to another place opens there: nothing in it names where it lay."""
    house = house_of(small_template, "moved")
    shutil.move(house.folder / "study.toml", house.folder / "other.toml")
    assert house.told("audit", "verify", "--deep")["sound"] is True
    needle = str(small_template).encode()
    files = [path for path in house.warehouse.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if needle in path.read_bytes()]
