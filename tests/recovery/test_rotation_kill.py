# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every named step of a rotation and of an erasure, then a second run: the end is that of an undisturbed one."""

from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.table_key_file import open_table_keys
from rempart.wiring.rotation import key_state
from tests.faults.backup_house import backed_up, ceremony
from tests.faults.warehouse.place import PASSPHRASE, Outcome, Place
from tests.opener import Opener
from tests.recovery.driver import officers
from tests.recovery.test_kill import audit, killed, rows_of

SPACES = ("warehouse", "project:first")
# (step, space it is of, spaces that are rotated by then); a keyring's step is that of the last of the space, before its commit.
ROTATION_STEPS = [
    ("intent-logged", "warehouse", 0),
    ("keys-rewrapped", "warehouse", 0),
    ("keyring-stored", "warehouse", 0),
    ("committed", "warehouse", 1),
    ("keyring-stored", "project:first", 1),
    ("committed", "project:first", 2),
]
ERASURE_STEPS = [
    "intent-logged",
    "backup-shredded",
    "backup-erased",
    "granted",
    "keys-destroyed",
    "certificate-stored",
    "recorded",
]


def epochs(place: Place) -> dict[str, int]:
    """Key epoch of each space."""
    return {state.space: state.epoch for state in key_state(place.warehouse())}


def rotate(place: Place) -> Outcome:
    """Every space, by the command."""
    return place.run("keys", "rotate", "--all", "--by", place.key("officer"))


def times(place: Place, step: str, space: str) -> int:
    """The how-manieth of its name that step is: a space stores a keyring for each of its snapshots, and commits once."""
    before = SPACES[: SPACES.index(space) + 1]
    if step != "keyring-stored":
        return len(before)
    kept = {state.space: state.snapshots for state in key_state(place.warehouse())}
    assert kept["warehouse"] > 1
    return sum(kept[name] for name in before)


@pytest.mark.parametrize(("step", "space", "done"), ROTATION_STEPS)
def test_a_rotation_killed_at_any_step_and_run_again_ends_at_the_next_epoch(
    place: Place, step: str, space: str, done: int
) -> None:
    rows = {name: rows_of(place, name) for name in SPACES}
    rings = len(list((place.host / "m").iterdir()))
    killed(place, "rotate", step, times(place, step, space))
    stored = len(list((place.host / "m").iterdir())) - rings
    assert stored == (times(place, "keyring-stored", space) if step in {"keyring-stored", "committed"} else 0)
    assert epochs(place) == {name: 2 if number < done else 1 for number, name in enumerate(SPACES)}
    assert {name: rows_of(place, name) for name in SPACES} == rows, "an interrupted rotation shut something"
    assert audit(place) == ["intent-open"]
    told = rotate(place)
    assert told.code == 0, told.told
    assert [row["space"] for row in told.answer["data"]["spaces"]] == list(SPACES[done:])
    assert epochs(place) == dict.fromkeys(SPACES, 2)
    assert {name: rows_of(place, name) for name in SPACES} == rows
    assert audit(place) == []
    assert rotate(place).code == 0
    assert epochs(place) == dict.fromkeys(SPACES, 3), "the next rotation is one of its own"


def erased(place: Place, names: Path) -> dict[str, Any]:
    """What is left of an erasure: key names in the store, the backup's file, what the certificate says of keys and backups."""
    body = place.run(
        "keys",
        "destroy",
        "first",
        "--yes",
        "--backup",
        str(names),
        *(w for f in officers(place) for w in ("--by", str(f))),
    )
    assert body.code == 0, body.told
    certificate = body.answer["data"]["certificate"]
    opener = Opener(place.directory, PASSPHRASE, quick_allowed=True)
    folder = Path(body.answer["data"]["folder"])
    return {
        "stored": opener._keys.names("table") + opener._keys.names("secret"),
        "backup": names.read_bytes()[:24],
        "keys": certificate["keys"],
        "last": certificate["last_backup"]["id"][:2],
        "pages": sorted(path.name for path in folder.iterdir()),
    }


@pytest.fixture
def ready(place: Place) -> Place:
    """Two officers, custodians, a backup."""
    told = place.run(
        "person", "add", "olga", "--role", "officer", "--by", place.key("officer"), "--key", place.key("olga")
    )
    assert told.code == 0, told.told
    ceremony(place, place.root)
    backed_up(place)
    return place


@pytest.mark.parametrize("step", ERASURE_STEPS)
def test_an_erasure_killed_at_any_step_and_run_again_ends_as_an_undisturbed_one(ready: Place, step: str) -> None:
    opener = Opener(ready.directory, PASSPHRASE, quick_allowed=True)
    mine = [*opener._keys.names("table"), *opener._keys.names("secret")]
    mine = [name for name in mine if name.startswith("project:first/")]
    killed(ready, "destroy", step)
    end = erased(ready, ready.root / "backup")
    assert not [name for name in end["stored"] if name.startswith("project:first/")]
    assert "identity" in end["stored"]
    assert end["backup"] == b"rempart: backup B-" + end["backup"][18:]
    assert (len(end["keys"]), end["last"]) == (len(mine), "B-")
    assert end["pages"] == ["certificate.en.md", "certificate.fr.md", "certificate.json"]
    assert ready.study().error == "space-erased"
    assert audit(ready) == []
    assert len([e for e in ready.events() if e.kind == "erasure" and e.phase == "effect"]) == 1


def test_a_store_that_was_killed_while_it_rewrote_its_file_leaves_no_old_bytes_once_run_again(tmp_path: Path) -> None:
    from tests.properties.keys_story import Story

    story, path = Story(), tmp_path / "table-keys.json"
    keys = open_table_keys(path, store=story.store, randomness=story.randomness)
    keys.ensure("table", "a/b/c/1", "a/b/c/2")
    for left in (".table-keys.json.erasing", ".table-keys.json.77.unfinished"):
        (tmp_path / left).write_bytes(path.read_bytes())
    (tmp_path / ".table-keys.json.78.unfinished").hardlink_to(path)
    keys.destroy({"table": ["a/b/c/1"]})
    assert [found.name for found in tmp_path.iterdir()] == ["table-keys.json"]
    assert open_table_keys(path, store=story.store, randomness=story.randomness).names("table") == ["a/b/c/2"]
