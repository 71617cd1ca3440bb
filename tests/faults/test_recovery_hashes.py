# SPDX-License-Identifier: Apache-2.0
"""A recovery from a copy whose traces are hashes alone: taken where the whole log let them go, refused where it did not."""

import shutil
from pathlib import Path

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import lines, record
from rempart.adapters.second_ledger import Second
from rempart.audit.retention import check_purged
from rempart.audit.tree import hash_of
from rempart.errors import NotTrusted, Refused
from rempart.journeys.recovery import Found, plan_recovery
from rempart.records.event import LedgerEvent, purged_hash, purged_leaf
from rempart.wiring.recovery import take_up
from tests.faults.kept_house import KeptHouse, days_after
from tests.faults.test_second_machine import keeping
from tests.properties.ledger_story import ORIGIN, PUBLIC


@pytest.fixture
def later(tmp_path: Path) -> KeptHouse:
    """A ledger that let its four traces go, and an act after that."""
    house = KeptHouse(tmp_path / "later")
    house.control()
    house.now = days_after(366)
    assert house.purge() == 4
    recorder = house.desk.recorder
    recorder.append(
        recorder.event("hash", "intent", basis="operation:hash", objects=["space:warehouse"], actor="salted:x")
    )
    return house


def before_of(house: KeptHouse, size: int, *, whole: bool) -> DirectoryLedger:
    """The same ledger as it was at a size that was signed; ``whole``: its traces are there."""
    folder = house.root.parent / f"before-{size}"
    folder.mkdir()
    kept = house.ledger.leaves()
    kept = [*house.story.leaves, *kept[len(house.story.leaves) :]] if whole else kept
    note = next(note for note in lines(house.root / "checkpoints") if note.split("\n")[1] == str(size))
    (folder / "leaves").write_bytes(b"".join(map(record, kept[:size])))
    (folder / "checkpoint").write_text(note, encoding="utf-8")
    return DirectoryLedger(folder, origin=ORIGIN, public=PUBLIC, sign=None)


def found_in(ledger: DirectoryLedger, size: int) -> Found:
    return Found(leaves=ledger.leaves(size), note=ledger.checkpoint(), source="copy")


def recovered(ledger: DirectoryLedger, found: Found, witnessed: str) -> None:
    plan_recovery(ledger, found, [witnessed], origin=ORIGIN, public=PUBLIC)
    take_up(ledger, found)


def sizes(house: KeptHouse) -> list[int]:
    """Sizes that were signed and are not the whole."""
    found = sorted({int(note.split("\n")[1]) for note in lines(house.root / "checkpoints")})
    return [size for size in found if size < house.ledger.size()]


def test_from_each_state_that_was_signed_a_purged_copy_gives_the_same_ledger_back(later: KeptHouse) -> None:
    asked = sizes(later)
    assert len(asked) > 4 and asked[0] == 0
    for size in asked:
        ledger = before_of(later, size, whole=True)
        recovered(ledger, found_in(later.ledger, size), later.ledger.checkpoint())
        opened = DirectoryLedger(later.root.parent / f"before-{size}", origin=ORIGIN, public=PUBLIC, sign=None)
        assert (opened.leaves(), opened.checkpoint()) == (later.ledger.leaves(), later.ledger.checkpoint())
        assert len(opened.purged()) == 4
        check_purged(opened.leaves())


def test_a_second_machine_that_let_traces_go_gives_back_what_was_lost(later: KeptHouse, tmp_path: Path) -> None:
    shutil.copytree(later.root, tmp_path / "two")
    with keeping(tmp_path / "two") as url:
        second = Second(url, origin=ORIGIN, public=PUBLIC)
        note, end = second.checkpoint()
        ledger = before_of(later, 0, whole=True)
        recovered(ledger, Found(leaves=second.leaves(0, end), note=note, source="second"), note)
    assert ledger.leaves() == later.ledger.leaves()


def test_an_act_behind_its_hash_is_not_taken(later: KeptHouse) -> None:
    for index, leaf in enumerate(later.ledger.leaves()):
        if purged_hash(leaf) is not None:
            continue
        size = max(size for size in sizes(later) if size <= index)
        ledger = before_of(later, size, whole=False) if not (later.root.parent / f"before-{size}").exists() else None
        ledger = ledger or DirectoryLedger(
            later.root.parent / f"before-{size}", origin=ORIGIN, public=PUBLIC, sign=None
        )
        found = found_in(later.ledger, size)
        leaves = [purged_leaf(hash_of(one)) if size + at == index else one for at, one in enumerate(found.leaves)]
        hidden = Found(leaves=leaves, note=found.note, source="copy")
        with pytest.raises(NotTrusted, match="ledger-purged"):
            plan_recovery(ledger, hidden, [found.note], origin=ORIGIN, public=PUBLIC)
        assert ledger.size() == size


def test_traces_that_the_log_did_not_let_go_are_not_taken_as_hashes(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path / "ledger")
    note, leaves = house.ledger.checkpoint(), house.ledger.leaves()
    gone = [
        purged_leaf(hash_of(leaf)) if LedgerEvent.from_leaf(leaf).event_class == "trace" else leaf for leaf in leaves
    ]
    assert gone != leaves
    ledger = before_of(house, 0, whole=True)
    with pytest.raises(NotTrusted, match="ledger-purged"):
        plan_recovery(ledger, Found(leaves=gone, note=note, source="copy"), [note], origin=ORIGIN, public=PUBLIC)
    recovered(ledger, Found(leaves=leaves, note=note, source="copy"), note)
    with pytest.raises(Refused, match="recovery-needless"):
        recovered(ledger, Found(leaves=(), note=note, source="copy"), note)


def test_a_source_that_holds_nothing_is_said_to_be_short(later: KeptHouse) -> None:
    ledger, note = before_of(later, 0, whole=True), later.ledger.checkpoint()
    with pytest.raises(Refused, match="recovery-short") as caught:
        plan_recovery(ledger, Found(leaves=(), note="", source="second"), [note], origin=ORIGIN, public=PUBLIC)
    assert (caught.value.facts["size"], caught.value.facts["seen"]) == (0, later.ledger.size())


def test_a_recovery_that_is_killed_before_traces_went_is_ended_by_the_next(later: KeptHouse) -> None:
    size = sizes(later)[-3]
    ledger = before_of(later, size, whole=True)
    found = found_in(later.ledger, size)
    ledger.take_up(found.leaves, found.note)
    assert not ledger.purged()
    assert ledger.purge() == 4
    assert ledger.leaves() == later.ledger.leaves()
