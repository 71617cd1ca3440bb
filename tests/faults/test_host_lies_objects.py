# SPDX-License-Identifier: Apache-2.0
"""A host that lies about objects is caught: every fault, on every kind of object, ends in `not trusted` and gives out nothing false.

The commit stands for the ledger here; a ledger that lies, and the command line's exit code, have tests of their own.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import NotTrusted
from rempart.records.sealed import PartEntry, Sealed
from rempart.vault import manifest, read
from rempart.vault.commit import check_chain
from tests.vectors.material import CODES, Snapshot, read_all, snapshot

FIRST = snapshot("first")
SECOND = snapshot("second", parent=FIRST.commit, sequence=2)
OTHER_WAREHOUSE = snapshot("elsewhere", warehouse="0" * 32)
OTHER_SPACE = snapshot("beside", space="project:other")
TRUE_ROWS = [(entry.part, entry.table, entry.shard) for entry in SECOND.body.parts]

KINDS: dict[str, Callable[[Snapshot], str]] = {
    "first part": lambda s: s.body.parts[0].object,
    "last part": lambda s: s.body.parts[-1].object,
    "manifest": lambda s: s.commit.manifest,
    "keyring": lambda s: s.commit.keyring,
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DirectoryHost]:
    """A host that holds two snapshots of one space."""
    made = DirectoryHost.create(tmp_path / "host")
    for name, sealed in {**FIRST.objects, **SECOND.objects}.items():
        made.put(name, sealed)
    yield made


def replace(host: DirectoryHost, name: str, data: bytes) -> None:
    """What only a host can do: other bytes under the same name."""
    host.delete(name)
    host.put(name, Sealed(data))


def caught(host: DirectoryHost, snap: Snapshot = SECOND) -> str:
    """The code under which reading the snapshot stops."""
    with pytest.raises(NotTrusted) as refusal:
        list(read_all(host, snap.commit))
    assert refusal.value.code in CODES
    assert refusal.value.exit_code == 20
    return refusal.value.code


def test_an_honest_host_gives_every_row(host: DirectoryHost) -> None:
    """The positive control of every test below."""
    assert [(entry.part, entry.table, entry.shard) for entry, _ in read_all(host, SECOND.commit)] == TRUE_ROWS
    assert check_chain([FIRST.commit, SECOND.commit]) == SECOND.commit


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_anywhere_is_caught(host: DirectoryHost, kind: str) -> None:
    name = KINDS[kind](SECOND)
    data = host.get(name).data
    for place in {0, 1, 20, 39, 40, 41, len(data) // 3, len(data) // 2, len(data) - 16, len(data) - 1}:
        for bit in (0, 7):
            touched = bytearray(data)
            touched[place] ^= 1 << bit
            replace(host, name, bytes(touched))
            caught(host)
    replace(host, name, data)
    assert len(list(read_all(host, SECOND.commit))) == len(TRUE_ROWS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left", [0, 1, 40, 56, -1, -16, -500])
def test_a_truncated_object_is_caught(host: DirectoryHost, kind: str, left: int) -> None:
    name = KINDS[kind](SECOND)
    replace(host, name, host.get(name).data[:left])
    caught(host)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("added", [b"\0", b"\n", b"\0" * 4096])
def test_an_extended_object_is_caught(host: DirectoryHost, kind: str, added: bytes) -> None:
    name = KINDS[kind](SECOND)
    replace(host, name, host.get(name).data + added)
    caught(host)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_object_is_caught(host: DirectoryHost, kind: str) -> None:
    host.delete(KINDS[kind](SECOND))
    assert caught(host) == "object-absent"


PAIRS = [(one, other) for one in KINDS for other in KINDS if one < other]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_swapped_objects_are_caught(host: DirectoryHost, one: str, other: str) -> None:
    first, second = KINDS[one](SECOND), KINDS[other](SECOND)
    data, beside = host.get(first).data, host.get(second).data
    replace(host, first, beside)
    replace(host, second, data)
    caught(host)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [FIRST, OTHER_WAREHOUSE, OTHER_SPACE], ids=["older", "warehouse", "space"])
def test_an_object_of_another_snapshot_under_the_same_name_is_caught(
    host: DirectoryHost, kind: str, source: Snapshot
) -> None:
    replace(host, KINDS[kind](SECOND), source.objects[KINDS[kind](source)].data)
    caught(host)


@pytest.mark.parametrize("source", [FIRST, OTHER_WAREHOUSE, OTHER_SPACE], ids=["older", "warehouse", "space"])
def test_every_object_of_another_snapshot_at_once_is_caught(host: DirectoryHost, source: Snapshot) -> None:
    """An older state served as the newest, whole and consistent in itself."""
    for kind in KINDS:
        replace(host, KINDS[kind](SECOND), source.objects[KINDS[kind](source)].data)
    assert caught(host) == "keyring"


def test_an_older_state_is_caught_with_the_true_keyring_too(host: DirectoryHost) -> None:
    for kind in ("manifest", "first part", "last part"):
        replace(host, KINDS[kind](SECOND), FIRST.objects[KINDS[kind](FIRST)].data)
    assert caught(host) == "manifest"


def test_a_plain_file_in_place_of_a_part_is_caught(host: DirectoryHost) -> None:
    rows = next(iter(read_all(host, SECOND.commit)))[1]
    replace(host, SECOND.body.parts[0].object, rows)
    assert caught(host) == "object-altered"


def test_the_pointer_is_a_hint_that_nobody_believes(host: DirectoryHost) -> None:
    for data in (FIRST.objects["s/1"].data, b"", b"?" * 100):
        replace(host, "s/2", data)
        assert len(list(read_all(host, SECOND.commit))) == len(TRUE_ROWS)
    host.delete("s/2")
    assert len(list(read_all(host, SECOND.commit))) == len(TRUE_ROWS)


def test_the_older_snapshot_still_opens_for_who_asks_for_it(host: DirectoryHost) -> None:
    """The positive control: what is refused above is the place it is served in, not the objects."""
    assert len(list(read_all(host, FIRST.commit))) == len(FIRST.body.parts)


def test_a_host_that_says_created_to_two_writers_makes_no_second_head(host: DirectoryHost) -> None:
    """Whatever a host answers, of two commits on one parent the chain takes one."""
    rival = snapshot("rival", parent=FIRST.commit, sequence=2)
    with pytest.raises(NotTrusted, match="commit-chain"):
        check_chain([FIRST.commit, SECOND.commit, rival.commit])


def without_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "check_object", lambda *_, **__: None)


def without_associated_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PartEntry, "associated_data", lambda *_: b"")


@pytest.mark.parametrize("taken_out", [without_the_hash, without_associated_data])
def test_a_part_of_another_table_is_caught_by_either_check_alone(
    tmp_path: Path, taken_out: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_out(monkeypatch)
    assert swapped_under_one_key(tmp_path) in {"sealed-bytes", "object-altered"}


def test_without_hash_and_associated_data_a_part_of_another_table_would_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: with both checks taken out the same swap goes unseen, so that they are what catches it."""
    without_the_hash(monkeypatch)
    without_associated_data(monkeypatch)
    assert swapped_under_one_key(tmp_path) == "nothing"


def swapped_under_one_key(folder: Path) -> str:
    """Equal rows of two tables under one data key (which never happens), swapped on the host: the code, or ``nothing``."""
    monkey = pytest.MonkeyPatch()
    with monkey.context() as constant:
        constant.setattr("tests.vectors.material.wrap", lambda _: b"w" * 40)
        constant.setattr("tests.vectors.material.unwrap", lambda _: b"k" * 32)
        constant.setattr("rempart.vault.aead.encrypt_stream", with_one_key(manifest.aead.encrypt_stream))
        snap, host = snapshot("one key"), DirectoryHost.create(folder / "host")
        for name, sealed in snap.objects.items():
            host.put(name, sealed)
        one, other = (entry.object for entry in (snap.body.parts[0], snap.body.parts[2]))
        data, beside = host.get(one).data, host.get(other).data
        assert len(data) == len(beside)
        replace(host, one, beside)
        replace(host, other, data)
        try:
            assert len(list(read_all(host, snap.commit))) == len(snap.body.parts)
        except NotTrusted as refusal:
            return refusal.code
    return "nothing"


def with_one_key(encrypt: Callable[..., bytes]) -> Callable[..., bytes]:
    """Sealing that ignores the fresh key it is given."""
    return lambda plaintext, **given: encrypt(plaintext, **{**given, "key": b"k" * 32})
