# SPDX-License-Identifier: Apache-2.0
"""A house with a witness over HTTP and a second ledger machine, as its people run it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.adapters.configuration import NAME
from rempart.adapters.cosigner import Cosigner
from tests.conformance.test_witness_http import serving_log
from tests.faults.test_second_machine import keeping_log
from tests.faults.warehouse.place import Place, served
from tests.properties.test_witness import key
from tests.recovery.test_witness_command import enrolled

BOTH = ("--by", "officer.key", "--by", "second.key")


@pytest.fixture
def house(whole: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy whose ledger has a second machine, and its broker."""
    shutil.copytree(whole.root, tmp_path / "copy", copy_function=shutil.copy2)
    place = Place(tmp_path / "copy")
    settings = place.warehouse().configuration
    with keeping_log(tmp_path / "two", settings.ledger_origin, settings.ledger_public) as url:
        file = place.directory / NAME
        text = file.read_text(encoding="utf-8").replace("[ledger]\n", f'[ledger]\nsecond = "{url}"\n')
        file.write_text(text, encoding="utf-8")
        with served(place.directory):
            yield place


def both(place: Place) -> list[str]:
    """The options that name two officers' keys."""
    return [str(place.root / word) if word.endswith(".key") else word for word in BOTH]


def decide(place: Place, version: int, url: str, ledger: str) -> None:
    """A policy with one witness."""
    line = f"witness one {Cosigner(name='one', private=key('one')).keys[0]} {url}"
    file = place.root / "policy.toml"
    told = f'schema = "rempart.policy/1"\nversion = {version}\n[ledger]\nwitnesses = """\n{line}\nquorum one\n"""\n{ledger}\n'
    file.write_text(told, encoding="utf-8")
    done = place.run("audit", "policy", str(file), *both(place))
    assert done.code == 0, done.told


def test_a_key_and_an_erasure_wait_for_the_witness_and_every_leaf_lies_on_both_machines(
    house: Place, tmp_path: Path
) -> None:
    settings = house.warehouse().configuration
    enrolled(house, "second", "officer")
    assert house.run("audit", "cosign").error == "witness-undecided"
    erase = ("keys", "destroy", "first", "--yes", *both(house))
    with serving_log(tmp_path / "one", "one", settings.ledger_origin, settings.ledger_public, seconds=now()) as port:
        url = f"http://127.0.0.1:{port}"
        decide(house, 1, url, 'before = ["erasure"]\nfresh_minutes = 60')
        assert house.run("vault", "hash").error == "grant-unwitnessed"
        done = house.run("audit", "cosign")
        assert (done.code, done.answer["data"]["witnesses"]) == (0, ["one"])
        assert house.run("vault", "hash").code == 0
        public = house.run("audit", "publish").answer["data"]["heads"]
        assert public["size"] > public["cosigned"]["size"] and public["cosigned"]["quorum"] is True
        assert [one["name"] for one in public["cosigned"]["witnesses"]] == ["one"]
    absent = house.run(*erase)
    assert absent.error == "witness-absent", absent.told
    with serving_log(tmp_path / "one", "one", settings.ledger_origin, settings.ledger_public, seconds=now()) as port:
        decide(house, 2, f"http://127.0.0.1:{port}", 'before = ["erasure"]')
        ended = house.run(*erase)
        assert ended.code == 0, ended.told
    effect = next(event for event in reversed(house.events()) if event.kind == "erasure" and event.phase == "effect")
    assert effect.fact("witnessed")
    verified = house.run("audit", "verify")
    assert (verified.code, verified.answer["data"]["findings"]) == (0, []), verified.told
    assert verified.answer["data"]["counts"]["witnessed"] == 1
    here, there = house.directory / "controller" / "ledger", tmp_path / "two"
    for name in ("leaves", "checkpoint"):
        assert (there / name).read_bytes() == (here / name).read_bytes()


def now() -> int:
    """The witness's clock."""
    from rempart.adapters.surroundings import SystemClock

    return int(SystemClock().now().timestamp())


def test_without_the_second_machine_no_act_begins(house: Place) -> None:
    file = house.directory / NAME
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("http://127.0.0.1:", "http://127.0.0.2:"), encoding="utf-8")
    size = len(house.events())
    assert house.run("vault", "hash").error == "second-absent"
    assert len(house.events()) == size


def test_receipts_show_what_the_ledger_lost(house: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ledger = tmp_path / "receipts", house.directory / "controller" / "ledger"
    monkeypatch.setenv("REMPART_RECEIPTS", str(folder))
    assert house.run("vault", "hash").error == "file-missing"
    folder.mkdir()
    enrolled(house, "second", "officer")
    shutil.copytree(ledger, tmp_path / "before")
    monkeypatch.delenv("REMPART_RECEIPTS")
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "rempart.policy/1"\nversion = 1\n', encoding="utf-8")
    done = house.run("--receipts", str(folder), "audit", "policy", str(policy), *both(house))
    assert done.code == 0 and "REMPART_RECEIPTS" not in os.environ, done.told
    given = sorted(int(file.name.removesuffix(".tlog-proof")) for file in folder.iterdir())
    assert [house.events()[index].kind for index in given] == ["person"] * 2 + ["policy"] * 2, (
        "intent and effect of what a person signed"
    )
    found = house.run("audit", "receipts", str(folder))
    assert (found.code, found.answer["data"]["held"]) == (0, 4), found.told
    (folder / "torn.tlog-proof").write_text("torn", encoding="utf-8")
    shutil.rmtree(ledger)
    shutil.copytree(tmp_path / "before", ledger)
    lost = house.run("audit", "receipts", str(folder))
    assert (lost.code, lost.answer["data"]["held"]) == (20, 2)
    assert dict(lost.answer["data"]["bad"]) == {
        f"{given[2]}.tlog-proof": "ledger-rolled-back",
        f"{given[3]}.tlog-proof": "ledger-rolled-back",
        "torn.tlog-proof": "tlog-proof-form",
    }
