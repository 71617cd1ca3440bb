# SPDX-License-Identifier: Apache-2.0
"""Ledger and host put back to yesterday together: refused by a second machine, by a witness; and the way back."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rempart.adapters.configuration import NAME
from rempart.cli.app import _whole as whole_or_read
from rempart.cli.commands import ANYWHERE, READS, TREE
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import NotTrusted
from rempart.wiring.recovery import note_recovered
from tests.conformance.test_witness_http import serving_log
from tests.faults.test_second_machine import keeping_log
from tests.faults.warehouse.place import Place, built, served, workers_find_the_package
from tests.recovery.test_witness_command import enrolled
from tests.recovery.test_witnessed_acts import both, decide, now


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The undamaged warehouse; never to be changed."""
    return built(tmp_path_factory)


@pytest.fixture
def house(whole: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A copy without a broker."""
    workers_find_the_package(monkeypatch)
    shutil.copytree(whole.root, tmp_path / "copy", copy_function=shutil.copy2)
    yield Place(tmp_path / "copy")


def ledger_of(place: Place) -> Path:
    return place.directory / "controller" / "ledger"


def put_back(place: Place) -> None:
    """The host and the controller's folder as they were: everything in them agrees."""
    for name in ("controller", "host"):
        shutil.rmtree(place.directory / name)
        shutil.copytree(place.root / "yesterday" / name, place.directory / name)


def keep_for_tomorrow(place: Place) -> None:
    for name in ("controller", "host"):
        shutil.copytree(
            place.directory / name, place.root / "yesterday" / name, ignore=shutil.ignore_patterns("*.sock")
        )


def with_second(place: Place, url: str) -> None:
    file = place.directory / NAME
    text = file.read_text(encoding="utf-8").replace("[ledger]\n", f'[ledger]\nsecond = "{url}"\n')
    file.write_text(text, encoding="utf-8")


def test_a_second_machine_refuses_yesterday_and_gives_back_what_was_lost(house: Place, tmp_path: Path) -> None:
    settings = house.warehouse().configuration
    with ExitStack() as stack:
        two = tmp_path / "two"
        url = stack.enter_context(keeping_log(two, settings.ledger_origin, settings.ledger_public))
        with_second(house, url)
        with served(house.directory):
            enrolled(house, "second", "officer")
            keep_for_tomorrow(house)
            assert house.run("vault", "hash").code == 0
            today = (ledger_of(house) / "leaves").read_bytes()
        put_back(house)
        with pytest.raises(NotTrusted, match="ledger-behind-second"), served(house.directory):
            pass
        had = len(house.events())
        assert house.run("audit", "verify").code == 0, "it is read; nobody signs"
        assert house.run("audit", "recover", str(ledger_of(house)), *both(house)).error == "recovery-short"
        assert house.run("audit", "recover", "second", *both(house)[:2]).error == "recovery-officers"
        planned = house.run("audit", "recover", "second", "--plan")
        assert (planned.code, len(house.events())) == (0, had)
        done = house.run("audit", "recover", "second", *both(house))
        assert done.code == 0, done.told
        assert (ledger_of(house) / "leaves").read_bytes() == today
        with served(house.directory):
            note_recovered(house.directory)
            note_recovered(house.directory)
            assert [event.kind for event in house.events()].count("recovery") == 2, "intent and effect, once"
            verified = house.run("audit", "verify")
            assert (verified.code, verified.answer["data"]["findings"]) == (0, []), verified.told
            assert house.run("audit", "recover", "second", *both(house)).error == "recovery-needless"
        assert (two / "leaves").read_bytes() == (ledger_of(house) / "leaves").read_bytes()


def test_a_witness_refuses_yesterday_and_a_copy_gives_back_what_was_lost(house: Place, tmp_path: Path) -> None:
    settings = house.warehouse().configuration
    origin, public = settings.ledger_origin, settings.ledger_public
    with serving_log(tmp_path / "one", "one", origin, public, seconds=now()) as port:
        with served(house.directory):
            enrolled(house, "second", "officer")
            decide(house, 1, f"http://127.0.0.1:{port}", "")
            keep_for_tomorrow(house)
            assert house.run("vault", "hash").code == 0
            assert house.run("audit", "cosign").code == 0
            shutil.copytree(ledger_of(house), tmp_path / "copy of the ledger")
        put_back(house)
        with pytest.raises(NotTrusted, match="ledger-behind-witness"), served(house.directory):
            pass
        assert house.run("audit", "recover", "second", *both(house)).error == "recovery-no-second"
        leaves = tmp_path / "copy of the ledger" / "leaves"
        good = leaves.read_bytes()
        leaves.write_bytes(good[:-9] + b"x" + good[-8:])
        assert house.run("audit", "recover", str(leaves.parent), *both(house)).code == 20
        leaves.write_bytes(good)
        done = house.run("audit", "recover", str(leaves.parent), *both(house))
        assert done.code == 0, done.told
        with served(house.directory):
            note_recovered(house.directory)
            assert house.run("audit", "cosign").code == 0, "the witness accepts what was recovered"
    with copied_without(house):
        assert house.run("audit", "verify").code == 0


def copied_without(place: Place) -> "ExitStack":
    """The broker starts where the witness is silent: a broken line stops no house."""
    stack = ExitStack()
    stack.enter_context(served(place.directory))
    return stack


def test_a_checkpoint_kept_elsewhere_is_enough_to_recover_and_without_any_nobody_can_tell(
    house: Place, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    with served(house.directory):
        enrolled(house, "second", "officer")
        keep_for_tomorrow(house)
        assert house.run("vault", "hash").code == 0
        assert house.run("audit", "export", str(kept)).code == 0
        shutil.copytree(ledger_of(house), tmp_path / "later")
    put_back(house)
    with served(house.directory):
        assert house.run("vault", "hash").code == 0, (
            "with nobody who remembers, yesterday is today: docs/ledger.md says so"
        )
    put_back(house)
    later = str(tmp_path / "later")
    assert house.run("audit", "recover", later, *both(house)).error == "recovery-needless"
    done = house.run("audit", "recover", later, "--witnessed", str(kept), *both(house))
    assert done.code == 0, done.told


def test_a_ledger_that_lost_leaves_is_read_with_a_loud_word_and_written_by_no_command(
    house: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    with served(house.directory):
        enrolled(house, "second", "officer")
        keep_for_tomorrow(house)
        assert house.run("vault", "hash").code == 0
        assert house.run("audit", "export", str(kept)).code == 0
        shutil.copytree(ledger_of(house), tmp_path / "later")
    put_back(house)
    monkeypatch.setenv("REMPART_LEDGER_EXPORTED", str(kept))
    leaves = (ledger_of(house) / "leaves").read_bytes()
    for read in (
        "permit list",
        "permit due",
        "release list",
        "person list",
        "study list",
        "study jobs",
        "audit policy",
    ):
        told = house.run(*read.split())
        assert told.code == 0 and "rempart audit recover" in told.told, told.told
    assert house.run("audit", "verify").error == "ledger-rolled-back"
    assert house.run("audit", "publish").error == "ledger-rolled-back"
    with pytest.raises(NotTrusted, match="ledger-rolled-back"), served(house.directory):
        pass
    session = Session(voice=Voice("en", as_json=True), directory=house.directory)
    for path in TREE.keys() - READS - ANYWHERE:
        with pytest.raises(NotTrusted, match="ledger-rolled-back"):
            whole_or_read(session, path)
    ledger = house.warehouse().ledger
    with pytest.raises(NotTrusted, match="ledger-rolled-back"):
        ledger.append(ledger.size(), [ledger.leaves()[-1]])
    assert (ledger_of(house) / "leaves").read_bytes() == leaves, "a second history was begun"
    waiting = house.directory / "controller" / "alarms"
    assert waiting.read_text(encoding="utf-8").count("ledger-rolled-back") == 1
    done = house.run("audit", "recover", str(tmp_path / "later"), *both(house))
    assert done.code == 0, done.told
    with served(house.directory):
        told = house.run("vault", "hash")
        assert told.code == 0 and "audit recover" not in told.told, told.told
