# SPDX-License-Identifier: Apache-2.0
"""The drill: an empty machine, a backup, the custodians and the host give the same warehouse; every wrong mixture is refused."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rempart.audit.canary import search
from rempart.errors import NotTrusted, Refused, RempartError, Unavailable
from rempart.journeys.archive import read_header, unseal
from rempart.journeys.backup import registered
from rempart.journeys.recorded import recorded
from rempart.keys.custody import custody_from_bytes, open_recovery
from rempart.keys.share_file import open_custody
from rempart.records.canonical import canonical_bytes
from rempart.wiring import backup as wiring
from rempart.wiring.acts import no_step
from rempart.wiring.backup import note_restored, take_backup
from rempart.wiring.ledger import export_checkpoint
from tests.faults.backup_house import THRESHOLD, WORD, backed_up, ceremony, new_machine, put_back, redeclare
from tests.faults.warehouse.place import PASSPHRASE, Place, Silence, served
from tests.moving_place import second_officer

Shares = list[tuple[bytes, str]]
STEPS = {
    "backup": ("intent-written", "sealed", "stored", "registered"),
    "restore": ("opened", "written", "controller-placed", "warehouse-placed"),
}
FLIPS = 40


@pytest.fixture(scope="module")
def kept(shared: Place) -> tuple[Place, Shares, Path]:
    """A warehouse with custodians and one backup, which no test of this file changes."""
    shares = ceremony(shared, shared.root)
    return shared, shares, backed_up(shared)


def refuses(
    code: str, into: Path, data: bytes, shares: Shares, head: Path | None = None, place: Place | None = None
) -> None:
    """The restore is refused by that code, and leaves nothing."""
    file = into.with_name("given")
    file.write_bytes(data)
    with pytest.raises(RempartError) as told:
        put_back(place, file, into, shares, head)  # type: ignore[arg-type]
    assert told.value.code == code
    assert not into.exists() or not list(into.iterdir()), "something was left"


def test_an_empty_machine_the_backup_and_the_host_give_the_same_content(place: Place, tmp_path: Path) -> None:
    second_officer(place)
    shares, before = ceremony(place, place.root), place.content()
    file = backed_up(place)
    machine = new_machine(place, tmp_path / "new machine")
    done = put_back(place, file, machine.directory, shares[-THRESHOLD:], place.root / "backup.head")
    assert done.held == done.size > 0
    with served(machine.directory):
        note_restored(machine.directory)
        assert machine.run("vault", "hash").error == "node-unknown", "another machine is another node"
        redeclare(machine)
        assert machine.content() == before
        assert machine.run("audit", "verify", "--deep").answer["data"]["findings"] == []
        assert machine.grant().code == 0, "a restored warehouse goes on"
    assert [backup.id for backup in registered(machine.events())] == [done.backup]
    assert registered(machine.events()) == registered(place.events())
    assert [event.fact("backup") for event in machine.events() if event.kind == "restore"] == [done.backup, None]
    closed = [machine.directory / "controller", *(machine.directory / "controller").iterdir()]
    closed += [path for path in (machine.directory / "controller" / "keys").iterdir() if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in closed} == {0}, "the controller's files are nobody else's"


def test_too_few_wrong_or_strange_shares_open_nothing(
    kept: tuple[Place, Shares, Path], whole: Place, tmp_path: Path
) -> None:
    _, shares, file = kept
    data, into = file.read_bytes(), tmp_path / "into"
    refuses("custody-few", into, data, shares[:1])
    refuses("custody-few", into, data, [shares[0], shares[0]])
    refuses("share-passphrase", into, data, [shares[0], (shares[1][0], WORD)])
    other = tmp_path / "other"
    shutil.copytree(whole.root, other)
    with served(other / "w"):
        strange = ceremony(Place(other), other)
    refuses("share-ceremony", into, data, strange[:THRESHOLD])
    refuses("share-ceremony", into, data, [shares[0], strange[1]])


def test_every_flipped_bit_and_every_missing_end_is_refused(kept: tuple[Place, Shares, Path], tmp_path: Path) -> None:
    _, shares, file = kept
    data, chance = file.read_bytes(), random.Random(8)
    places = [chance.randrange(len(data)) for _ in range(FLIPS)] + [chance.randrange(4000) for _ in range(FLIPS)]
    changed = [data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] for at in places]
    changed += [data[: chance.randrange(len(data))] for _ in range(FLIPS // 2)] + [data + b"\0", b"", data[:4]]
    told = set()
    for damaged in changed:
        given = tmp_path / "given"
        given.write_bytes(damaged)
        with pytest.raises((NotTrusted, Refused)) as error:
            put_back(kept[0], given, tmp_path / "into", shares[:THRESHOLD])
        told.add(error.value.code)
    assert {"backup-sealed", "backup-form"} <= told
    assert not list((tmp_path / "into").iterdir())


def test_a_backup_older_than_a_checkpoint_kept_elsewhere_is_refused(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares, file = ceremony(place, place.root), backed_up(place)
    later = tmp_path / "later"
    export_checkpoint(place.directory, place.warehouse().configuration, later)
    refuses("backup-older", tmp_path / "into", file.read_bytes(), shares, later)
    monkeypatch.setenv("REMPART_LEDGER_EXPORTED", str(later))
    refuses("backup-older", tmp_path / "into", file.read_bytes(), shares)
    refuses("backup-older", tmp_path / "into", file.read_bytes(), shares, place.root / "backup.head")
    monkeypatch.delenv("REMPART_LEDGER_EXPORTED")
    assert put_back(place, file, tmp_path / "into", shares).held == 0, "held to nothing, and told so"


def test_a_backup_of_another_history_is_refused(place: Place, tmp_path: Path) -> None:
    """Two copies of a warehouse went on apart: the head of one does not bear with the backup of the other."""
    fork = tmp_path / "fork"
    shutil.copytree(place.root, fork, ignore=shutil.ignore_patterns("*.sock"))
    shares = ceremony(place, place.root)
    with served(fork / "w"):
        assert Place(fork).grant().code == 0
        export_checkpoint(fork / "w", Place(fork).warehouse().configuration, tmp_path / "head")
    for _ in range(8):  # as long as the other one
        place.run("vault", "hash")
    refuses("consistency-proof", tmp_path / "into", backed_up(place).read_bytes(), shares, tmp_path / "head")


def test_a_restore_never_goes_over_a_warehouse(kept: tuple[Place, Shares, Path], tmp_path: Path) -> None:
    place, shares, file = kept
    with pytest.raises(Refused, match="warehouse-exists"):
        put_back(place, file, place.directory, shares)
    (tmp_path / "into" / "controller" / "keys").mkdir(parents=True)
    with pytest.raises(Refused, match="restore-occupied"):
        put_back(place, file, tmp_path / "into", shares)
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["controller"]


def test_a_backup_needs_custodians_and_a_name_of_its_own(place: Place) -> None:
    with pytest.raises(Refused, match="custody-missing"):
        backed_up(place)
    ceremony(place, place.root)
    file = backed_up(place)
    with pytest.raises(Refused, match="file-exists"):
        backed_up(place)
    assert [backup.sha256 for backup in registered(place.events())] == [
        wiring.hashlib.sha256(file.read_bytes()).hexdigest()
    ]
    assert place.run("audit", "verify").answer["data"]["findings"] == []


def files_of(file: Path, shares: Shares) -> dict[str, bytes]:
    """What is sealed in a backup."""
    data = file.read_bytes()
    custody = custody_from_bytes(canonical_bytes(read_header(data).custody))
    return unseal(data, private=open_recovery(custody, open_custody(custody, shares, quick_allowed=True)))


def test_a_backup_holds_nothing_in_clear_and_no_credential_of_a_host_or_a_node(place: Place) -> None:
    secrets = {
        "controller/hosts/far/credentials.toml": b"the-secret-of-the-host",
        "controller/node/node.key": b"the-key-of-the-node",
    }
    for path, data in {**secrets, "controller/hosts/far/connection.toml": b"the-way-to-the-host"}.items():
        (place.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (place.directory / path).write_bytes(data)
    shares = ceremony(place, place.root)
    file = backed_up(place)
    held = files_of(file, shares)
    whole = b"".join(held.values())
    needles = [*secrets.values(), b"the-way-to-the-host", b"drug_exposure", b"alice", PASSPHRASE.encode(), b"root.key"]
    assert search(file.read_bytes(), needles) == set()
    assert search(whole, needles) == {b"the-way-to-the-host", b"drug_exposure", b"alice"}
    assert {"rempart.toml", "controller/keys/root.key", "controller/keys/table-keys.json"} < set(held)
    assert not [path for path in held if "credentials" in path or "node" in path or "scratch" in path]


def test_an_enrolment_that_comes_between_is_whole_in_the_backup(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shares, true, calls = ceremony(place, place.root), wiring.controller_files, []

    def meanwhile(directory: Path) -> dict[str, bytes]:
        found = true(directory)
        if not calls:
            with recorded(place.warehouse().recorder, "person", basis="operation:person", objects=["trust:none"]):
                calls.append(found)
        return found

    monkeypatch.setattr(wiring, "controller_files", meanwhile)
    size = len(place.events())
    file = backed_up(place)
    assert read_header(file.read_bytes()).size == size + 3, "the intent of the backup, and both leaves of the enrolment"
    assert files_of(file, shares)


def test_no_backup_is_taken_while_keys_are_being_destroyed(place: Place) -> None:
    ceremony(place, place.root)
    recorder = place.warehouse().recorder
    with (
        recorded(recorder, "erasure", basis="operation:erasure", objects=["space:project:first"]),
        pytest.raises(Unavailable, match="backup-erasure"),
    ):
        backed_up(place)
    assert registered(place.events()) == [], "a backup that failed left no file"
    assert not (place.root / "backup").exists()


def killed(place: Place, act: str, step: str) -> None:
    """The act in a process of its own that dies at ``step``."""
    command = [sys.executable, "-m", "tests.recovery.driver", str(place.root), act, step, "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=120, check=False)
    assert done.returncode == -9, done


@pytest.mark.parametrize("step", STEPS["backup"])
def test_a_backup_killed_at_any_step_leaves_a_whole_file_or_none_and_is_counted(place: Place, step: str) -> None:
    shares = ceremony(place, place.root)
    killed(place, "backup", step)
    file = place.root / "killed-backup"
    assert file.exists() == (step in {"stored", "registered"})
    if file.exists():
        assert files_of(file, shares)
    assert len(registered(place.events())) == 1, "it may lie somewhere, so it counts"
    again = backed_up(place)
    assert [bool(backup.sha256) for backup in registered(place.events())] == [step == "registered", True]
    assert files_of(again, shares)
    assert place.run("audit", "verify").answer["data"]["findings"] == []
    assert list(place.root.glob(".killed-backup*")) == []


@pytest.mark.parametrize("step", STEPS["restore"])
def test_a_restore_killed_at_any_step_leaves_no_half_warehouse_and_can_be_repeated(place: Place, step: str) -> None:
    second_officer(place)
    shares, before = ceremony(place, place.root), place.content()
    file = backed_up(place)
    machine = new_machine(place, place.root / "machine")
    killed(place, "restore", step)
    if step == "warehouse-placed":
        with pytest.raises(Refused, match="warehouse-exists"):
            put_back(place, file, machine.directory, shares)
    else:
        assert not (machine.directory / "rempart.toml").exists(), "a folder without configuration is no warehouse"
        put_back(place, file, machine.directory, shares)
    with served(machine.directory):
        note_restored(machine.directory)
        redeclare(machine)
        assert machine.content() == before
        assert machine.run("audit", "verify").answer["data"]["findings"] == []


def test_the_commands_speak_of_what_they_did(place: Place, tmp_path: Path) -> None:
    assert place.run("backup", str(tmp_path / "b")).error == "custody-missing"
    ceremony(place, place.root)
    plan = place.run("backup", str(tmp_path / "b"), "--plan").answer["data"]["kept"]
    assert {row[0] for row in plan} == {"configuration", "documents", "keys", "ledger"}
    assert not (tmp_path / "b").exists()
    done = place.run("backup", str(tmp_path / "b"), "--head", str(tmp_path / "head"))
    assert (done.code, done.answer["data"]["bytes"]) == (0, (tmp_path / "b").stat().st_size)
    assert take_backup(place.warehouse(), tmp_path / "c", head=None, progress=Silence(), named_step=no_step).files > 0
    told = place.run(
        "restore", str(tmp_path / "b"), "--into", str(tmp_path / "into"), "--share", str(tmp_path / "none")
    )
    assert told.error == "file-absent"
    assert place.run("restore", str(tmp_path / "none"), "--into", str(tmp_path / "x"), "--share", "s").code == 30


def test_an_account_that_cannot_read_the_keys_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    true = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == "table-keys.json":
            raise PermissionError(13, "Permission denied", str(path))
        return true(path)

    ceremony(place, place.root)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read)
        told = place.run("backup", str(place.root / "b"))
    assert (told.code, told.error, told.answer["error"]["facts"]) == (10, "backup-account", {"file": "table-keys.json"})
    assert not (place.root / "b").exists()
