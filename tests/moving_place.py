# SPDX-License-Identifier: Apache-2.0
"""A tiny whole warehouse about to move: a second officer, a second host that both declared, a checkpoint kept outside, a plan.

Commands go through the door. Asserts only that preparing worked.
"""

from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.directory_host import DirectoryHost
from tests.faults.warehouse.place import Outcome, Place

HOST = """schema = "rempart.host/1"
name = "{name}"
operator = "the hospital itself"
own = true
seat = "FR"
storage_countries = ["FR"]
access_countries = ["FR"]
laws = ["EU: GDPR", "FR"]
valid = [2026-01-01, 2028-12-31]

[connection]
{connection}
"""


@dataclass(frozen=True, slots=True)
class MovingPlace:
    """``move``: the id of the planned move, from the first host to ``b``."""

    place: Place
    move: str

    @property
    def target(self) -> Path:
        """The folder of host ``b``."""
        return self.place.root / "b"

    @property
    def officers(self) -> list[str]:
        """Both officers, as options."""
        return ["--by", self.place.key("officer"), "--by", self.place.key("second")]

    def migrate(self, verb: str, *words: str) -> Outcome:
        """A command on this move."""
        return self.place.run("migrate", verb, self.move, *words)

    def cutover(self, *words: str) -> Outcome:
        """The cut-over, signed by both."""
        return self.migrate("cutover", *self.officers, "--yes", *words)


def second_officer(place: Place) -> None:
    """Enrol another officer."""
    words = ["--role", "officer", "--by", place.key("officer"), "--key", place.key("second")]
    told = place.run("person", "add", "second", *words)
    assert told.code == 0, told.told


def add_host(place: Place, name: str, connection: str, *, credentials: str = "") -> None:
    """Declare a host of the hospital's own, signed by both officers."""
    file = place.root / f"{name}.toml"
    file.write_text(HOST.format(name=name, connection=connection), encoding="utf-8")
    words = ["--by", place.key("officer"), "--by", place.key("second")]
    if credentials:
        secret = place.root / f"{name}.credentials"
        secret.touch(mode=0o600)
        secret.write_text(credentials, encoding="utf-8")
        words += ["--credentials", str(secret)]
    told = place.run("hosts", "add", str(file), *words)
    assert told.code == 0, told.told


def plan(place: Place, source: str, target: str) -> MovingPlace:
    """Keep a checkpoint outside and plan."""
    kept = place.root / "kept.checkpoint"
    assert place.run("audit", "export", str(kept)).code == 0
    told = place.run("migrate", "plan", source, target, "--checkpoint", str(kept))
    assert told.code == 0, told.told
    return MovingPlace(place, str(told.answer["data"]["move"]))


def about_to_move(place: Place) -> MovingPlace:
    """All of it, with a folder as the second host."""
    second_officer(place)
    DirectoryHost.create(place.root / "b")
    add_host(place, "b", f'kind = "directory"\npath = "{place.root / "b"}"')
    return plan(place, "directory", "b")
