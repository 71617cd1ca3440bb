# SPDX-License-Identifier: Apache-2.0
"""Custodians for a warehouse of tests: a ceremony held in a moment, their share files, and a machine that lost everything.

Asserts nothing.
"""

import datetime
import shutil
from pathlib import Path

from rempart.adapters.private_file import create_private
from rempart.adapters.surroundings import SystemRandomness
from rempart.journeys.recorded import recorded
from rempart.keys.custody import make_custody, split
from rempart.keys.root_key import QUICK
from rempart.keys.share_file import Share, make_share_file
from rempart.wiring.backup import Restored, restore, take_backup
from tests.faults.warehouse.place import Place, Silence
from tests.moving_place import HOST

CUSTODIANS = ("anne", "bruno", "chloe")
THRESHOLD = 2
WORD = "a custodian's own passphrase"


def ceremony(place: Place, folder: Path) -> list[tuple[bytes, str]]:
    """Name three custodians, any two of whom open a backup; their share files lie in ``folder``."""
    random = SystemRandomness()
    custody, secret = make_custody(THRESHOLD, CUSTODIANS, made=datetime.date(2026, 11, 22), randomness=random)
    create_private(place.directory / "controller" / "keys" / "custody.json", custody.to_bytes())
    objects = [f"custody:{custody.id}"]
    with recorded(place.warehouse().recorder, "ceremony", basis="operation:ceremony", objects=objects):
        pass
    found = []
    for name, words in split(secret, THRESHOLD, CUSTODIANS, random).items():
        share = Share(ceremony=custody.ceremony, custodian=name, words=words)
        data = make_share_file(share, f"{WORD} {name}", randomness=random, cost=QUICK)
        create_private(folder / f"{name}.share", data)
        found.append((data, f"{WORD} {name}"))
    return found


def share_files(folder: Path) -> list[tuple[bytes, str]]:
    """The share files of ``folder`` with their custodians' passphrases."""
    return [((folder / f"{name}.share").read_bytes(), f"{WORD} {name}") for name in CUSTODIANS]


def backed_up(place: Place, name: str = "backup") -> Path:
    """A backup beside the warehouse."""
    file = place.root / name
    take_backup(place.warehouse(), file, head=place.root / f"{name}.head", progress=Silence())
    return file


def put_back(
    place: Place, file: Path, into: Path, shares: list[tuple[bytes, str]], head: Path | None = None
) -> Restored:
    """Restore with quick share files."""
    return restore(into, file, shares=shares, head=head, quick_allowed=True)


def redeclare(place: Place) -> None:
    """This machine has no node key yet: it makes one, and two officers declare it."""
    lines = (
        HOST.format(name="local", connection="").replace("rempart.host/1", "rempart.node/1").replace("[connection]", "")
    )
    file = place.root / "node.toml"
    file.write_text(lines, encoding="utf-8")
    told = place.run("hosts", "node", str(file), "--by", place.key("officer"), "--by", place.key("second"))
    if told.code:
        raise RuntimeError(told.told)


def new_machine(place: Place, root: Path) -> Place:
    """An empty machine: the host's objects survived, the controller's side did not."""
    (root / "w").mkdir(parents=True)
    shutil.copytree(place.host, root / "w" / "host")
    for file in [*place.root.glob("*.toml"), *place.root.glob("*.key")]:  # people keep their own keys
        shutil.copy2(file, root)
    return Place(root)
