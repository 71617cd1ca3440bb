# SPDX-License-Identifier: Apache-2.0
"""Traces go after their days, behind a signed control; acts, tree, checkpoints and proofs stay; nothing else can go."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.backup_files import ledger_as_files, ledger_of_files
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.keeper_http import KeeperDoor
from rempart.adapters.ledger_files import record
from rempart.audit import tlog_proof
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.retention import check_purged, listed
from rempart.audit.tree import verify_consistency
from rempart.errors import BadInput, NotTrusted, RempartError
from rempart.journeys.backup import holding_purged
from rempart.journeys.trace_control import control_body, plan_purge, purge, resume, sign_control
from rempart.records.carried_leaves import carried_bytes
from rempart.records.event import PURGED, LedgerEvent, purged_leaf
from rempart.records.policy import SCHEMA, policy_body
from rempart.wiring.policy import policy_form
from tests.faults.kept_house import IN_MAY, KeptHouse, days_after
from tests.properties.keeping_histories import MONTH
from tests.properties.ledger_story import ORIGIN, PUBLIC

CLAMPS = [
    (182, "", False),
    (182, "why", False),
    (183, "", True),
    (366, "", True),
    (367, "", False),
    (367, "a court asked", True),
    (1095, "a court asked", True),
    (1096, "a court asked", False),
]


@pytest.fixture
def house(tmp_path: Path) -> KeptHouse:
    return KeptHouse(tmp_path / "ledger")


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(RempartError) as caught:
        act()
    return caught.value.code


def traces(house: KeptHouse) -> list[int]:
    return [index for index, event in enumerate(house.story.events) if event.event_class == "trace"]


def salts(house: KeptHouse) -> list[str]:
    return [event.salt for event in house.story.events if event.event_class == "trace"]


def test_a_trace_stays_its_days_and_goes_on_the_day_after(house: KeptHouse) -> None:
    house.control()
    for days in (183, 364, 365):
        house.now = days_after(days)
        assert code_of(house.purge) == "purge-nothing"
    house.now = days_after(366)
    assert house.purge() == len(traces(house)) == 4
    assert not any(house.holds(salt) for salt in salts(house))


def test_a_month_without_its_control_is_not_conform_and_keeps_its_traces(house: KeptHouse) -> None:
    assert house.rules() == {"control-monthly"}
    house.now = days_after(366)
    assert code_of(house.purge) == "purge-uncontrolled"
    assert all(house.holds(salt) for salt in salts(house))
    house.now = IN_MAY
    assert code_of(lambda: house.control(by="bob")) == "role-missing"
    house.control()
    assert house.rules() == set()
    assert code_of(house.control) == "control-signed"


def test_a_month_that_is_not_over_cannot_be_controlled(house: KeptHouse) -> None:
    assert code_of(lambda: house.control("2026-05")) == "control-open"
    for month in ("2026-13", "2026-5", "may", "0000-01"):
        assert code_of(lambda month=month: house.control(month)) == "control-month"


def test_one_officer_lets_nothing_go(house: KeptHouse) -> None:
    house.control()
    house.now = days_after(366)
    assert code_of(lambda: house.purge("olga")) == "officers-two"
    assert code_of(lambda: house.purge("olga", "bob")) in {"officers-two", "role-missing"}
    assert all(house.holds(salt) for salt in salts(house))


def purged(house: KeptHouse) -> KeptHouse:
    house.control()
    house.now = days_after(366)
    house.purge()
    return house


def test_acts_checkpoints_and_proofs_are_what_they_were(house: KeptHouse) -> None:
    size, note, acts = house.ledger.size(), house.ledger.checkpoint(), house.ledger.leaves()
    root, other = house.ledger.root(size), DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None)
    assert other.leaves() == acts
    purged(house)
    for ledger in (house.ledger, other, DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None)):
        assert ledger.root(size) == root
        found = [LedgerEvent.from_leaf(leaf) for leaf in ledger.leaves()]
        assert [index for index, event in enumerate(found) if event.kind == PURGED] == traces(house)
        assert [leaf for leaf in ledger.leaves()[:size] if b"purged" not in leaf] == [
            leaf for index, leaf in enumerate(acts) if index not in traces(house)
        ]
        now = parse_and_verify(ledger.checkpoint(), ORIGIN, PUBLIC)
        kept = parse_and_verify(note, ORIGIN, PUBLIC)
        proof = ledger.consistency(kept.size, now.size)  # what a witness asks for
        verify_consistency(first=kept.size, second=now.size, proof=proof, old=kept.root, new=now.root)
    index = house.story.index("release", "effect")
    text = tlog_proof.build(
        index=index,
        inclusion=house.ledger.inclusion(index, house.ledger.size()),
        checkpoint=house.ledger.checkpoint(),
        leaf=house.ledger.leaves(index, index + 1)[0],
    )
    assert tlog_proof.verify(text, origin=ORIGIN, public=PUBLIC).kind == "release"
    assert house.rules() <= {"control-monthly"}
    check_purged(house.ledger.leaves())


def test_a_purged_ledger_is_appended_to_and_purged_again(house: KeptHouse) -> None:
    purged(house)
    assert code_of(house.purge) == "purge-nothing"
    size = house.ledger.size()
    house.ledger.append(size, [b"a further leaf"])
    again = DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None)
    assert again.leaves(size) == [b"a further leaf"]
    assert again.purged() == tuple(traces(house))


def test_a_backup_of_a_purged_ledger_holds_what_the_ledger_holds(house: KeptHouse) -> None:
    purged(house)
    files = ledger_as_files(house.root, house.ledger.checkpoint(), house.ledger.leaves())
    note, leaves = ledger_of_files(files)
    assert (note, leaves) == (house.ledger.checkpoint(), house.ledger.leaves())
    restored = house.root.parent / "restored"
    for name, data in files.items():
        path = restored / Path(name).name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    other = DirectoryLedger(restored, origin=ORIGIN, public=PUBLIC, sign=None)
    assert other.leaves() == leaves
    check_purged(other.leaves())


def test_a_copy_of_before_that_is_put_back_is_named_and_let_go_again(house: KeptHouse) -> None:
    before, size = house.ledger.leaves(), house.ledger.size()
    purged(house)
    leaves = [*before[:size], *house.ledger.leaves()[size:]]
    (house.root / "leaves").write_bytes(b"".join(map(record, leaves)))
    assert all(house.holds(salt) for salt in salts(house))
    check_purged(DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None).leaves())  # nothing is missing
    assert "purged-back" in house.rules()
    house.ledger = DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None)  # as the next process opens it
    assert resume(house.desk) == 4
    assert not any(house.holds(salt) for salt in salts(house))
    assert "purged-back" not in house.rules()


def test_traces_stay_a_month_longer_than_their_days_and_no_more(house: KeptHouse) -> None:
    house.control()
    for days, late in ((365 + 31, False), (365 + 32, True)):
        house.now = days_after(days)
        assert ("traces-late" in house.rules()) is late
    house.purge()
    assert "traces-late" not in house.rules()


def backup_of(house: KeptHouse, name: str, *, ended: bool = True) -> None:
    """Leaves of a backup."""
    recorder = house.desk.recorder
    told = [f"run:{name}", f"backup:{name}"]
    intent = recorder.append(recorder.event("backup", "intent", basis="operation:backup", objects=told))
    if ended:
        told = [f"backup:{name}", f"size:{intent + 1}", "sha256:00"]
        recorder.append(recorder.event("backup", "effect", basis="operation:backup", objects=told, of=intent))


def test_backups_that_hold_what_went_are_known_until_they_are_gone(house: KeptHouse) -> None:
    def holding() -> list[str]:
        return [one.id for one in holding_purged([LedgerEvent.from_leaf(leaf) for leaf in house.ledger.leaves()])]

    backup_of(house, "B-old")
    backup_of(house, "B-killed", ended=False)
    assert holding() == []
    purged(house)
    backup_of(house, "B-new")
    assert holding() == ["B-old", "B-killed"]
    recorder = house.desk.recorder
    recorder.append(
        recorder.event("backup-erased", "effect", basis="operation:erasure", objects=["backup:B-old"], of=0)
    )
    assert holding() == ["B-killed"]


def test_the_second_machine_lets_go_what_the_first_does(tmp_path: Path) -> None:
    door = KeeperDoor(tmp_path / "second", origin=ORIGIN, public=PUBLIC)

    def forward(first: int, leaves: Any, note: str) -> None:
        assert door._append("", carried_bytes(first, leaves, note)).status == 200

    house = purged(KeptHouse(tmp_path / "ledger", forward=forward))
    copy = DirectoryLedger(tmp_path / "second", origin=ORIGIN, public=PUBLIC, sign=None)
    assert copy.leaves() == house.ledger.leaves()
    assert not any(salt.encode() in (tmp_path / "second" / "leaves").read_bytes() for salt in salts(house))


def test_a_second_machine_that_comes_after_a_purge_is_given_what_is_left(tmp_path: Path, house: KeptHouse) -> None:
    purged(house)
    door = KeeperDoor(tmp_path / "second", origin=ORIGIN, public=PUBLIC)
    assert door._append("", carried_bytes(0, house.ledger.leaves(), house.ledger.checkpoint())).status == 200
    copy = DirectoryLedger(tmp_path / "second", origin=ORIGIN, public=PUBLIC, sign=None)
    assert copy.leaves() == house.ledger.leaves()
    assert copy.purged() == tuple(traces(house))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_purge_that_is_killed_is_taken_up(house: KeptHouse, when: str) -> None:
    house.control()
    house.now = days_after(366)
    child = os.fork()
    if child == 0:
        _die_at_rename(when)
        house.purge()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [house.holds(salt) for salt in salts(house)].count(True) == (4 if when == "before" else 0)
    check_purged(house.ledger.leaves())  # every command still opens it
    assert resume(house.desk) == (4 if when == "before" else 0)
    assert not any(house.holds(salt) for salt in salts(house))
    last = LedgerEvent.from_leaf(house.ledger.leaves()[-1])
    assert (last.kind, last.phase, last.fact("purged")) == ("retention", "effect", "4")
    assert resume(house.desk) == 0
    assert house.rules() <= {"control-monthly"}


def _die_at_rename(when: str) -> None:
    """The leaf file's rename is the purge: the process ends just before or just after it."""
    rename = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        if target.name != "leaves":
            return rename(self, target)
        if when == "after":
            rename(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
        return target

    Path.replace = replaced  # type: ignore[method-assign,assignment]


def hide(house: KeptHouse, *indexes: int) -> None:
    """What somebody who can write the folder does: keep of these leaves the hash alone. No root and no checkpoint changes."""
    leaves = house.ledger.leaves()
    for index in indexes:
        leaves[index] = purged_leaf(house.ledger._tree.hash_at(index))
    (house.root / "leaves").write_bytes(b"".join(map(record, leaves)))


@pytest.mark.parametrize("before", [False, True], ids=["never purged", "after a purge"])
@pytest.mark.parametrize("kind", ["vote", "person", "permit"])
def test_an_act_that_is_hidden_is_found_before_anything_is_read(house: KeptHouse, kind: str, before: bool) -> None:
    if before:
        purged(house)
    hide(house, house.story.index(kind, "effect"))
    with pytest.raises(NotTrusted, match="ledger-purged"):
        check_purged(DirectoryLedger(house.root, origin=ORIGIN, public=PUBLIC, sign=None).leaves())
    assert "purged-covered" in house.rules()


def test_traces_that_nobody_let_go_are_missed(house: KeptHouse) -> None:
    hide(house, traces(house)[0])
    assert code_of(lambda: check_purged(house.ledger.leaves())) == "ledger-purged"
    assert "purged-covered" in house.rules()


def test_an_intent_that_names_acts_lets_nothing_go(house: KeptHouse) -> None:
    size = house.ledger.size()
    objects = ["first:0", f"to:{size}", f"leaves:{listed(range(size))}"]
    recorder = house.desk.recorder
    recorder.append(recorder.event("retention", "intent", basis="operation:retention", objects=objects))
    assert house.ledger.purge() == 0
    assert house.ledger.purged() == ()


def test_what_only_stands_for_a_leaf_is_never_appended(house: KeptHouse) -> None:
    with pytest.raises(BadInput, match="ledger-leaf"):
        house.ledger.append(house.ledger.size(), [purged_leaf(b"\0" * 32)])


def test_what_was_signed_of_another_day_or_month_is_refused(house: KeptHouse) -> None:
    size = house.ledger.size()
    body = control_body(house.desk, MONTH, size=size, root="")
    for wrong in ({"to": body["to"] - 1}, {"anomalies": [{}]}, {"traces": []}, {"size": size + 1}):
        signed = house.signed({**body, **wrong}, "audrey")
        assert code_of(lambda signed=signed: sign_control(house.desk, signed=signed, actor="x")) == "control-differs"
    house.control()
    house.now = days_after(370)
    signed = house.signed(plan_purge(house.desk, days=365).body(), "olga", "otto")
    for days in (366, 300):
        assert code_of(lambda days=days: purge(house.desk, signed=signed, days=days, actor="x")) == "purge-differs"
    assert house.ledger.purged() == ()


@pytest.mark.parametrize(("days", "reason", "good"), CLAMPS)
def test_the_days_of_traces_are_held_within_what_the_law_allows(days: int, reason: str, good: bool) -> None:
    told = {"schema": SCHEMA, "version": 1, "ledger": {"retain_days": days}}
    value = {**told, **({"reasons": {"ledger.retain_days": reason}} if reason else {})}
    if good:
        assert policy_body(value, policy_form(), file="policy.toml")["version"] == 1
    else:
        with pytest.raises(BadInput, match=r"policy-reason|policy-field"):
            policy_body(value, policy_form(), file="policy.toml")
