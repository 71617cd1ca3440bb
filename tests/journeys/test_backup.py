# SPDX-License-Identifier: Apache-2.0
"""The drill by commands alone: ceremony, witness, backup; the machine burns; restore by two custodians; the same content."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.journeys.house import PASSPHRASE, Answer, House
from tests.moving_place import HOST

NAMES = ("anna", "ben", "carl")


def word(name: str) -> str:
    return f"the passphrase of {name}"


@contextlib.contextmanager
def lines(*texts: str) -> Iterator[str]:
    """A descriptor that holds these lines."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{text}\n" for text in texts).encode())
    os.close(writing)
    try:
        yield str(reading)
    finally:
        os.close(reading)


def ceremony(house: House, to: Path) -> Answer:
    """Two of three."""
    named = [part for name in NAMES for part in ("--custodian", name)]
    words = ("keys", "ceremony", "--threshold", "2", *named, "--to", to, "--by", house.key("officer"))
    with lines(PASSPHRASE) as old, lines(*map(word, NAMES)) as new:
        return house.call(*words, "--passphrase-fd", old, "--share-passphrase-fd", new, "--json")


def restore(house: House, file: Path, shares: Path, *names: str, more: tuple[str | Path, ...] = ()) -> Answer:
    """Onto the house's folder."""
    given = [part for name in names for part in ("--share", shares / f"{name}.share")]
    with lines(*map(word, names)) as descriptor:
        words = ("restore", file, "--into", house.warehouse, *given, "--passphrase-fd", descriptor, *more)
        return house.call(*words, "--json")


def unlock(house: House, shares: Path, *names: str) -> Answer:
    given = [part for name in names for part in ("--share", shares / f"{name}.share")]
    with lines(*map(word, names)) as descriptor:
        return house.call("keys", "unlock", *given, "--passphrase-fd", descriptor, "--json")


def test_a_burnt_machine_comes_back_from_backup_custodians_host_and_witness(small: House, tmp_path: Path) -> None:
    shares, backup, head = tmp_path / "shares", tmp_path / "w.backup", tmp_path / "w.head"
    assert ceremony(small, shares).code == 0
    small.enrol("second", "officer")
    small.enrol("dpo", "witness")
    content = small.told("vault", "hash")
    taken = small.told("backup", backup, "--head", head)
    small.told("audit", "witness", head, "--key", small.key("dpo"))

    machine = House(tmp_path / "new machine")
    machine.warehouse.mkdir(parents=True)
    shutil.copytree(small.warehouse / "host", machine.warehouse / "host")
    for key in small.folder.glob("*.key"):
        shutil.copy2(key, machine.folder)
    small.lock()
    shutil.rmtree(small.warehouse)

    no_file = restore(machine, tmp_path / "no backup", tmp_path / "no shares", "anna").error
    assert no_file["facts"]["file"].endswith("no backup"), "asked for before any custodian types a passphrase"
    assert restore(machine, backup, shares, "anna", more=("--head", head)).error["code"] == "custody-few"
    done = restore(machine, backup, shares, "carl", "anna", more=("--head", head)).data
    assert (done["backup"], done["size"], done["held"]) == (taken["id"], taken["size"], taken["size"])
    try:
        assert unlock(machine, shares, "ben", "carl").code == 0
        node = HOST.format(name="local", connection="").replace("rempart.host/1", "rempart.node/1")
        file = machine.write("node.toml", node.replace("[connection]", ""))
        machine.told("hosts", "node", file, "--by", machine.key("officer"), "--by", machine.key("second"))
        assert machine.told("vault", "hash") == content
        audit = machine.told("audit", "verify", "--deep", "--since", head)
        assert (audit["sound"], audit["findings"]) == (True, [])
        assert restore(machine, backup, shares, "anna", "ben").error["code"] == "warehouse-exists"
    finally:
        machine.lock()
