# SPDX-License-Identifier: Apache-2.0
"""A host that lies to a whole warehouse is caught by every command that reads: `not trusted`, exit 20, a leaf, no traceback.

Every kind of object, every kind of lie, through the door. What is damaged is put back, and the commands then work again.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.journeys.space import OpenSpace, commits
from rempart.records.sealed import PartEntry, Sealed, SpaceCommit
from rempart.vault.seal import seal_part
from rempart.wiring.ingest import Brought, ingest_delivery
from tests.faults.warehouse.place import Place, Silence, served

WAREHOUSE, PROJECT = "warehouse", "project:first"
CODES = {"object-absent", "object-altered", "sealed-bytes", "manifest", "keyring", "commit-chain", "wrapped-key"}
Spaces = dict[str, OpenSpace]


@pytest.fixture(scope="module")
def spaces(shared: Place) -> Spaces:
    """What both spaces truly hold."""
    return {space: shared.body(space) for space in (WAREHOUSE, PROJECT)}


def part(spaces: Spaces, space: str, table: str, shard: int = 0) -> PartEntry:
    return spaces[space].parts(table, "main", shard)[0]


KINDS: dict[str, Callable[[Spaces], str]] = {
    "part of the warehouse": lambda s: part(s, WAREHOUSE, "drug_exposure").object,
    "manifest of the warehouse": lambda s: s[WAREHOUSE].commit.manifest,
    "keyring of the warehouse": lambda s: s[WAREHOUSE].commit.keyring,
    "part of a project": lambda s: part(s, PROJECT, "drug_exposure").object,
    "manifest of a project": lambda s: s[PROJECT].commit.manifest,
    "keyring of a project": lambda s: s[PROJECT].commit.keyring,
}
OTHERS: dict[str, Callable[[Spaces], str]] = {
    "part of the warehouse": lambda s: part(s, WAREHOUSE, "condition_occurrence", 1).object,
    "manifest of the warehouse": lambda s: s[PROJECT].commit.manifest,
    "keyring of the warehouse": lambda s: s[PROJECT].commit.keyring,
    "part of a project": lambda s: part(s, PROJECT, "drug_exposure", 1).object,
    "manifest of a project": lambda s: s[WAREHOUSE].commit.manifest,
    "keyring of a project": lambda s: s[WAREHOUSE].commit.keyring,
}


def readers(kind: str) -> list[str]:
    """Commands that read that kind of object."""
    return ["hash", "grant"] if "warehouse" in kind else ["study"]


def read(place: Place, command: str) -> "tuple[int, str, str]":
    """Exit code, error code and all that was written, of one reading command."""
    run = {"hash": lambda: place.run("vault", "hash"), "grant": place.grant, "study": place.study}[command]
    told = run()
    return told.code, told.error, told.told


def caught(place: Place, command: str) -> str:
    """The code under which the command stopped, once exit code, leaf and silence are as they must be."""
    before = len(place.events())
    code, error, told = read(place, command)
    assert (code, error) == (20, error if error in CODES else "one of the codes"), told
    assert "Traceback" not in told
    leaves = place.events()[before:]
    assert leaves[-1].phase == "failed"
    assert leaves[-1].objects == (f"error:not trusted/{error}",)
    return error


def named_by_the_audit(place: Place, *more: str) -> bool:
    """Whether the audit names a commit that the host does not hold as committed; and it has an alarm in the ledger then."""
    told = place.run("audit", "verify", *more)
    rules = {finding["rule"] for finding in told.answer["data"]["findings"]}
    assert "Traceback" not in told.told
    if "commit-manifest" not in rules:
        assert told.code == 0
        return False
    assert told.code == 20
    assert [event for event in place.events() if event.kind == "alarm" and event.fact("rule") == "commit-manifest"]
    return True


@contextlib.contextmanager
def lying(place: Place, *names: str) -> Iterator[list[Path]]:
    """The files of some objects, put back afterwards whatever was done to them."""
    files = [place.host / name for name in names]
    before = [file.read_bytes() for file in files]
    try:
        yield files
    finally:
        for file, data in zip(files, before, strict=True):
            file.write_bytes(data)


def everyone_catches(place: Place, kind: str) -> None:
    """Each reader stops, and the audit names it: a part only when it reads every object."""
    for command in readers(kind):
        caught(place, command)
    assert named_by_the_audit(place, "--deep")
    assert named_by_the_audit(place) == ("part" not in kind)


def test_the_undamaged_copy_reads_well(shared: Place, spaces: Spaces) -> None:
    """The positive control: the same commands on the same copy with an honest host."""
    assert read(shared, "hash")[0] == 0
    assert not named_by_the_audit(shared, "--deep")
    names = {pick(spaces) for pick in (*KINDS.values(), *OTHERS.values())}
    assert len(names) == 8
    assert all((shared.host / name).is_file() for name in names)


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_is_caught(shared: Place, spaces: Spaces, kind: str) -> None:
    with lying(shared, KINDS[kind](spaces)) as (file,):
        data = file.read_bytes()
        for at in (0, 45, len(data) // 3, len(data) - 1):
            file.write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :])
            assert named_by_the_audit(shared, "--deep")
        everyone_catches(shared, kind)
    assert not named_by_the_audit(shared, "--deep")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["truncated", "emptied", "extended"])
def test_a_shorter_or_longer_object_is_caught(shared: Place, spaces: Spaces, kind: str, change: str) -> None:
    with lying(shared, KINDS[kind](spaces)) as (file,):
        data = file.read_bytes()
        file.write_bytes({"truncated": data[:-1], "emptied": b"", "extended": data + bytes(16)}[change])
        caught(shared, readers(kind)[0])
        assert named_by_the_audit(shared, "--deep")


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_object_is_caught(shared: Place, spaces: Spaces, kind: str) -> None:
    with lying(shared, KINDS[kind](spaces)) as (file,):
        file.unlink()
        assert caught(shared, readers(kind)[-1]) == "object-absent"
        assert named_by_the_audit(shared, "--deep")


@pytest.mark.parametrize("kind", KINDS)
def test_two_swapped_objects_of_a_kind_are_caught(shared: Place, spaces: Spaces, kind: str) -> None:
    swap_is_caught(shared, kind, KINDS[kind](spaces), OTHERS[kind](spaces))


KIND_PAIRS = [(one, other) for one in KINDS for other in KINDS if one < other]


@pytest.mark.parametrize(("one", "other"), KIND_PAIRS)
def test_two_swapped_objects_of_two_kinds_are_caught(shared: Place, spaces: Spaces, one: str, other: str) -> None:
    swap_is_caught(shared, one, KINDS[one](spaces), KINDS[other](spaces))


def swap_is_caught(place: Place, kind: str, first: str, second: str) -> None:
    with lying(place, first, second) as (one, other):
        data, beside = one.read_bytes(), other.read_bytes()
        one.write_bytes(beside)
        other.write_bytes(data)
        caught(place, readers(kind)[0])
        assert named_by_the_audit(place, "--deep")


def yesterdays(place: Place) -> SpaceCommit:
    """The newest snapshot of the warehouse that yesterday's host held."""
    there = place.root / "host-yesterday"
    return [commit for commit in commits(place.warehouse().ledger, WAREHOUSE) if (there / commit.manifest).exists()][-1]


def older(place: Place, kind: str) -> str:
    """The same kind of object of yesterday's snapshot of the warehouse: still on the host, and once true."""
    if "manifest" in kind:
        return yesterdays(place).manifest
    if "keyring" in kind:
        return yesterdays(place).keyring
    there = {f"o/{file.name}" for file in (place.root / "host-yesterday" / "o").iterdir()}
    return min(there)


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_object_served_as_the_newest_is_caught(shared: Place, spaces: Spaces, kind: str) -> None:
    with lying(shared, KINDS[kind](spaces)) as (file,):
        file.write_bytes((shared.host / older(shared, kind)).read_bytes())
        caught(shared, readers(kind)[0])
        assert named_by_the_audit(shared, "--deep")


@pytest.mark.parametrize("space", [WAREHOUSE, PROJECT])
def test_a_part_of_another_warehouse_under_the_same_name_is_caught(shared: Place, spaces: Spaces, space: str) -> None:
    true = part(spaces, space, "drug_exposure")
    foreign = seal_part(
        bytes(true.length),
        warehouse="f" * 32,
        space=space,
        table=true.table,
        sibling=true.sibling,
        shard=0,
        rows=true.rows,
        lineage=(),
        key=bytes(32),
        randomness=bytes,
        segment=true.segment,
    )[1]
    with lying(shared, true.object) as (file,):
        assert len(foreign.data) == true.size
        file.write_bytes(foreign.data)
        assert caught(shared, "hash" if space == WAREHOUSE else "study") == "sealed-bytes"
        assert named_by_the_audit(shared, "--deep")


POINTER_LIES: dict[str, Callable[[Path, bytes], object]] = {
    "another's": lambda file, other: file.write_bytes(other),
    "emptied": lambda file, _: file.write_bytes(b""),
    "deleted": lambda file, _: file.unlink(),
}


@pytest.mark.parametrize("lie", POINTER_LIES)
def test_the_pointer_is_only_a_hint(shared: Place, lie: str) -> None:
    """All pointers lie at once, the newest of each space too."""
    content = shared.content()
    hints = [f"s/{file.name}" for file in sorted((shared.host / "s").iterdir())]
    ledger = shared.warehouse().ledger
    assert len(hints) == sum(len(commits(ledger, space)) for space in (WAREHOUSE, PROJECT)) > 2
    with lying(shared, *hints) as files:
        held = [file.read_bytes() for file in files]
        for number, file in enumerate(files):
            POINTER_LIES[lie](file, held[number - 1])
        assert shared.content() == content
        assert not named_by_the_audit(shared, "--deep")


def test_a_whole_older_host_state_is_caught(place: Place) -> None:
    shutil.rmtree(place.host)
    shutil.copytree(place.root / "host-yesterday", place.host)
    for command in ("hash", "grant", "study"):
        assert caught(place, command) == "object-absent"
    assert named_by_the_audit(place)


def test_an_older_state_under_the_newest_names_is_caught(place: Place) -> None:
    """Yesterday's manifest, keyring and parts, whole and consistent in themselves, where today's are asked for."""
    old, new = yesterdays(place), commits(place.warehouse().ledger, WAREHOUSE)[-1]
    assert old != new
    for stale, name in ((old.manifest, new.manifest), (old.keyring, new.keyring)):
        shutil.copy(place.host / stale, place.host / name)
    assert caught(place, "hash") == "keyring"
    assert caught(place, "grant") == "keyring"
    assert named_by_the_audit(place)


class SaysCreated(DirectoryHost):
    """Answers "created" whatever happened."""

    def put(self, name: str, sealed: Sealed) -> bool:
        super().put(name, sealed)
        return True


def told_content(place: Place, which: int) -> dict[str, str]:
    """Content by research table of the n-th ingest that made them, as its effect leaf tells."""
    effects = [event for event in place.events() if event.kind == "ingest" and event.facts("content")]
    told = dict(fact.split("=") for fact in effects[which].facts("content"))
    return {table: content for table, content in told.items() if table in place.warehouse().layouts}


def two_committers(place: Place) -> list[Brought | BaseException]:
    """Two ingests of units that both stand before their one commit with the same parent, on a host that tells both "created"."""
    meeting = threading.Barrier(2, timeout=120)
    ends: list[Brought | BaseException] = []

    def step(name: str) -> None:
        if name == "keyring-stored":
            meeting.wait()

    def ingest() -> None:
        warehouse, first = place.warehouse(), place.delivery("first")
        vars(warehouse)["host"] = SaysCreated(place.host)
        try:
            ends.append(
                ingest_delivery(
                    warehouse, first, form="snds", replace=True, later=True, progress=Silence(), named_step=step
                )
            )
        except Unavailable as error:
            ends.append(error)

    threads = [threading.Thread(target=ingest) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def test_of_two_writers_that_were_both_told_created_one_wins_and_the_other_can_run_again(place: Place) -> None:
    old, new, before = told_content(place, 1), told_content(place, 0), commits(place.warehouse().ledger, WAREHOUSE)
    assert old != new
    ends = two_committers(place)
    (lost,) = [end for end in ends if isinstance(end, Unavailable)]
    (won,) = [end for end in ends if isinstance(end, Brought)]
    assert (lost.code, lost.exit_code) == ("commit-lost", 60)
    after = commits(place.warehouse().ledger, WAREHOUSE)
    assert won.commit is not None
    assert [commit.head for commit in after] == [*(commit.head for commit in before), won.commit.head]
    assert place.content() == old, "research tables changed before anyone made them anew"
    assert [event for event in place.events() if event.objects == ("error:unavailable/commit-lost",)]
    assert place.ingest("first", "--replace").code == 0
    assert place.content() == new
    assert not named_by_the_audit(place, "--deep")


@pytest.fixture
def rolled_back(whole: Place, place: Place, tmp_path: Path) -> Path:
    """Host and ledger both put back to yesterday; the checkpoint that was exported today. The broker is not of today."""
    kept = tmp_path / "exported"
    assert place.run("audit", "export", str(kept)).code == 0
    put_back(place, "yesterday")
    return kept


def put_back(place: Place, day: str) -> None:
    controller = place.directory / "controller"
    for folder, source in ((place.host, f"host-{day}"), (controller / "ledger", f"ledger-{day}")):
        if folder.exists():
            shutil.move(folder, folder.with_name(folder.name + "-today"))
        shutil.copytree(place.root / source, folder)


def test_a_host_and_a_ledger_put_back_together_are_caught_by_the_exported_checkpoint(
    rolled_back: Path, place: Place
) -> None:
    told = place.run("audit", "verify", "--since", str(rolled_back))
    assert (told.code, told.error) == (20, "ledger-rolled-back"), told.told


def test_no_command_acts_on_a_ledger_older_than_the_exported_checkpoint(
    rolled_back: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMPART_LEDGER_EXPORTED", str(rolled_back))
    leaves = (place.directory / "controller/ledger/leaves").read_bytes()
    for told in (
        place.run("vault", "hash"),
        place.grant(),
        place.study(),
        place.ingest("first", "--replace"),
        place.run("audit", "verify"),
    ):
        assert (told.code, told.error) == (20, "ledger-rolled-back"), told.told
    assert (place.directory / "controller/ledger/leaves").read_bytes() == leaves, "a second history was begun"


def test_the_alarm_over_a_rolled_back_ledger_reaches_the_ledger_once_that_is_the_true_one_again(
    rolled_back: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMPART_LEDGER_EXPORTED", str(rolled_back))
    waiting = place.directory / "controller" / "alarms"
    assert place.run("vault", "hash").code == 20
    assert waiting.read_text(encoding="utf-8") == "error:not trusted/ledger-rolled-back\n"
    for folder in (place.host, place.directory / "controller/ledger"):
        shutil.rmtree(folder)
        shutil.move(folder.with_name(folder.name + "-today"), folder)
    assert place.run("audit", "verify").code == 0
    assert [event.phase for event in place.events() if event.fact("error") == "not trusted/ledger-rolled-back"] == [
        "intent"
    ]
    assert not waiting.exists()


def test_the_broker_does_not_start_on_a_rolled_back_ledger(rolled_back: Path, place: Place, whole: Place) -> None:
    settings = place.directory / "rempart.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[ledger]\n", f'[ledger]\nexported = "{rolled_back}"\n'), encoding="utf-8")
    place.run("keys", "lock")
    with pytest.raises(NotTrusted, match="ledger-rolled-back"), served(place.directory):
        pass


def test_without_an_exported_checkpoint_yesterday_looks_sound(rolled_back: Path, place: Place) -> None:
    """The positive control: nothing but the checkpoint kept elsewhere can tell."""
    place.run("keys", "lock")
    assert place.run("audit", "verify", "--deep").code == 0


def test_an_exported_checkpoint_that_is_gone_is_said_and_an_older_one_is_never_written_over_a_newer(
    rolled_back: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = rolled_back.read_text(encoding="utf-8")
    told = place.run("audit", "export", str(rolled_back))
    assert (told.code, told.error, rolled_back.read_text(encoding="utf-8")) == (20, "ledger-rolled-back", kept)
    monkeypatch.setenv("REMPART_LEDGER_EXPORTED", str(rolled_back.with_name("gone")))
    told = place.run("vault", "hash")
    assert (told.code, told.error) == (Missing.exit_code, "ledger-exported-missing")


def test_what_is_not_trusted_before_any_intent_raises_an_alarm_leaf(place: Place) -> None:
    """A permit's document altered at the controller: the study stops before it writes an intent."""
    permit = next(event.fact("permit") for event in place.events() if event.kind == "permit") or ""
    document = place.directory / "controller/documents" / permit.removeprefix("sha256:")
    document.write_bytes(document.read_bytes().replace(b"alice", b"mallo"))
    before = len(place.events())
    told = place.study()
    assert (told.code, told.error) == (20, "document-altered")
    leaves = place.events()[before:]
    assert [(event.kind, event.phase) for event in leaves] == [("alarm", "intent"), ("alarm", "effect")]
    assert leaves[0].objects == ("error:not trusted/document-altered",)
    assert "Traceback" not in told.told
