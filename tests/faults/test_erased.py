# SPDX-License-Identifier: Apache-2.0
"""Whoever kept every copy of the host from before, and has today's key store and all its backups, opens nothing that was erased.

The same search with the table keys from before the rotation opens everything: it can find what is there.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rempart.adapters.key_file import KeyFile
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.errors import NotTrusted
from rempart.journeys.chain import snapshots_in
from rempart.journeys.space import Vault, manifest_context, open_space
from rempart.keys.envelope import unwrap
from rempart.records.sealed import KeyContext, Sealed
from rempart.vault.manifest import open_keyring
from tests.faults.backup_house import backed_up, ceremony, new_machine, put_back
from tests.faults.warehouse.place import PASSPHRASE, Place, built, copied, workers_find_the_package

ERASED, ROTATED = "project:first", "warehouse"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped data key on a copy of the host, and everything that it is bound to."""

    context: KeyContext
    blob: bytes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        pytest.MonkeyPatch.context() as patch,
        copied(built(tmp_path_factory), tmp_path_factory.mktemp("erased") / "copy") as made,
    ):
        workers_find_the_package(patch)
        yield made


@pytest.fixture(scope="module")
def copies(place: Place) -> dict[str, list[Wrapped]]:
    """Before anything was rotated: every wrapped key of every snapshot of both spaces, from a copy of the host."""
    vault = place.vault()
    return {space: list(wrapped_keys(vault, space)) for space in (ERASED, ROTATED)}


@pytest.fixture(scope="module")
def before(place: Place, copies: dict[str, list[Wrapped]]) -> Path:
    """The key store's folder as it was before: the positive control's."""
    return Path(
        shutil.copytree(
            place.directory / "controller" / "keys", place.root / "keys-before", ignore=shutil.ignore_patterns("*.sock")
        )
    )


@pytest.fixture(scope="module")
def after(place: Place, before: Path) -> list[Path]:
    """Rotation, erasure of the project and of the warehouse's old epoch, backups: today's key store and that of each backup."""
    officers = enrolled(place)
    shares = ceremony(place, place.root)
    first, second = backed_up(place, "one.backup"), backed_up(place, "two.backup")
    done(place, "keys", "rotate", "--all", "--by", place.key("officer"))
    refused = place.run("keys", "destroy", "first", "--yes", *officers)
    assert refused.error == "backup-outstanding"
    one = place.run("keys", "destroy", "first", "--yes", "--backup", str(first), *officers)
    assert one.error == "backup-outstanding"
    names = [event.fact("backup") for event in place.events() if event.kind == "backup" and event.phase == "effect"]
    declared = ("--declare-destroyed", str(names[1]))
    done(place, "keys", "destroy", "first", "--yes", "--backup", str(first), *declared, *officers)
    second.unlink()
    assert first.stat().st_size < 100
    done(place, "keys", "destroy", "--space", "warehouse", "--old-epochs", "--yes", *officers)
    third = backed_up(place, "three.backup")
    machine = new_machine(place, place.root / "machine")
    put_back(place, third, machine.directory, shares)
    return [place.directory / "controller" / "keys", machine.directory / "controller" / "keys"]


def enrolled(place: Place) -> tuple[str, ...]:
    """The words that name two officers."""
    done(place, "person", "add", "olga", "--role", "officer", "--by", place.key("officer"), "--key", place.key("olga"))
    return ("--by", place.key("officer"), "--by", place.key("olga"))


def done(place: Place, *words: str) -> None:
    """A command that must go well."""
    told = place.run(*words)
    assert told.code == 0, told.told


def wrapped_keys(vault: Vault, space: str) -> Iterator[Wrapped]:
    """Every wrapped key of every snapshot, as the host holds them now."""
    for snapshot in snapshots_in(vault.ledger.leaves(), space):
        current = snapshot.current
        held = open_keyring(Sealed(vault.host.get(current.keyring).data), sha256=current.keyring_sha256)
        body = open_space(vault, space=space, reference="", head=current.head).body
        contexts = {part.object: part.key_context(vault.warehouse, current.epoch) for part in body.parts}
        contexts[current.manifest] = manifest_context(vault.warehouse, current)
        yield from (Wrapped(contexts[name], blob) for name, blob in held.items())


def opened(folder: Path, wrapped: list[Wrapped]) -> int:
    """How many of them any key of that store opens, under any epoch that there may be."""
    store = KeyFile.open(folder / "root.key", PASSPHRASE, randomness=SystemRandomness(), quick_allowed=True)
    held = open_table_keys(folder / "table-keys.json", store=store, randomness=SystemRandomness())
    keys = [held.need("table", name) for name in held.names("table")] + [
        held.need("secret", n) for n in held.names("secret")
    ]
    return sum(any(_opens(key, item, epoch) for key in keys for epoch in (1, 2, 3)) for item in wrapped)


def _opens(key: bytes, item: Wrapped, epoch: int) -> bool:
    try:
        unwrap(key, item.blob, context=replace(item.context, epoch=epoch).associated_data())
    except NotTrusted:
        return False
    return True


def test_the_keys_from_before_open_every_copy(copies: Mapping[str, list[Wrapped]], before: Path) -> None:
    for wrapped in copies.values():
        assert len(wrapped) > 10
        assert opened(before, wrapped) == len(wrapped)


@pytest.mark.parametrize("space", [ERASED, ROTATED])
def test_todays_keys_and_every_backups_open_no_copy(
    copies: Mapping[str, list[Wrapped]], after: list[Path], space: str
) -> None:
    assert [opened(folder, copies[space]) for folder in after] == [0, 0]


def test_the_old_bytes_of_the_key_store_are_in_none_of_its_files(before: Path, after: list[Path]) -> None:
    gone = before.joinpath("table-keys.json").read_bytes()
    texts = [text for text in gone.split(b'"') if len(text) == 80]
    assert len(texts) > 20
    lasting = after[0].joinpath("table-keys.json").read_bytes()
    erased = [text for text in texts if text not in lasting]
    assert len(erased) > 20
    for file in after[0].parent.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not [text for text in erased if text in data], file.name


def test_what_was_kept_opens_as_before_and_the_audit_is_sound(
    place: Place, copies: Mapping[str, list[Wrapped]], after: list[Path]
) -> None:
    kept = list(wrapped_keys(place.vault(), ROTATED))
    assert {item.context.part for item in kept} == {item.context.part for item in copies[ROTATED]}
    assert opened(after[0], kept) == len(kept)
    assert place.study().error == "space-erased"
    told = place.run("audit", "verify", "--deep")
    assert (told.code, told.answer["data"]["findings"]) == (0, []), told.told


def test_a_key_files_root_key_changes_in_a_ceremony_only(place: Place, after: list[Path]) -> None:
    told = place.run("keys", "rotate", "--root", "--by", place.key("officer"))
    assert told.error == "root-key-file"
