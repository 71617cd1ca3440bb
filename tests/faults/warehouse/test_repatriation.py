# SPDX-License-Identifier: Apache-2.0
"""A whole warehouse leaves its host while it works: what is refused on the way, and what is left behind, opens nothing."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import NotTrusted, RempartError, Unavailable
from rempart.journeys.chain import snapshots_in
from rempart.journeys.cutover import check_not_behind
from rempart.journeys.recorded import recorded
from rempart.journeys.space import SpaceWriter
from rempart.records.sealed import KeyContext
from rempart.vault.manifest import open_keyring
from tests.faults.warehouse.place import PASSPHRASE, Place
from tests.move_house import contents
from tests.moving_place import MovingPlace, about_to_move, plan, second_officer
from tests.opener import Opener


def test_a_move_needs_a_checkpoint_from_outside_and_a_declared_target(place: Place) -> None:
    second_officer(place)
    assert place.run("migrate", "plan", "directory", "b").error == "move-needs-checkpoint"
    kept = place.root / "kept"
    assert place.run("audit", "export", str(kept)).code == 0
    words = ("--checkpoint", str(kept))
    assert place.run("migrate", "plan", "directory", "b", *words).error == "host-unknown"
    assert place.run("migrate", "plan", "directory", "directory", *words).error == "move-same-host"
    assert place.run("migrate", "plan", "b", "directory", *words).error == "move-not-active"
    for command in ("run", "verify", "cutover"):
        more = ("--by", place.key("officer"), "--yes") if command == "cutover" else ()
        assert place.run("migrate", command, "M-none", *more).error == "move-missing"
    assert place.run("migrate", "certificate").error == "certificate-what"


def old_keys_open(moving: MovingPlace, host: Path, old: list[tuple[str, int, str]]) -> list[str]:
    """Heads of whose manifest key today's store still unwraps, from the keyrings in a copy of the old host."""
    opener = Opener(moving.place.directory, PASSPHRASE, quick_allowed=True)
    snapshots = {s.origin.head: s.origin for s in moving_snapshots(moving)}
    opened = []
    for head, epoch, keyring in old:
        commit = snapshots[head]
        sealed = DirectoryHost(host).get(keyring)
        wrapped = open_keyring(sealed, sha256=hashlib.sha256(sealed.data).hexdigest())
        context = KeyContext(
            warehouse=moving.place.warehouse().configuration.warehouse, space=commit.space, table="manifest",
            sibling="main", part=commit.manifest, epoch=epoch,
        )  # fmt: skip
        try:
            opener.unwrap("", [(context, wrapped[commit.manifest])])
        except RempartError:
            continue
        opened.append(head)
    return opened


def moving_snapshots(moving: MovingPlace) -> list[Any]:
    """Kept snapshots of every space."""
    leaves = moving.place.warehouse().ledger.leaves()
    return [s for space in ("warehouse", "project:first", "project:second") for s in snapshots_in(leaves, space)]


def test_a_working_warehouse_moves_and_what_stays_behind_opens_with_nothing(place: Place) -> None:
    moving = about_to_move(place)
    assert moving.cutover().error == "cutover-unproven"
    assert moving.migrate("certificate").error == "certificate-early"
    assert moving.migrate("verify").error == "move-not-run", "no alarm over a target that nobody filled yet"
    assert moving.migrate("run").code == 0
    assert place.grant("second").code == 0, "a warehouse that moves may commit"
    assert moving.cutover().error == "cutover-behind"
    content = place.content()
    again = moving.migrate("run")
    assert again.answer["data"]["already"] > again.answer["data"]["copied"] > 0
    assert moving.migrate("cutover", *moving.officers[:2], "--yes").error == "cutover-officers"
    assert moving.migrate("cutover", *moving.officers[:2], *moving.officers[:2], "--yes").error == "cutover-officers"
    assert moving.migrate("cutover", "--by", place.key("claire"), *moving.officers, "--yes").error == "role-missing"
    lost = place.body("warehouse").body.parts[0].object
    (moving.target / lost).rename(place.root / "lost")
    assert moving.cutover().error == "move-target-lost"
    (place.root / "lost").rename(moving.target / lost)
    old = [(s.origin.head, s.current.epoch, s.current.keyring) for s in moving_snapshots(moving)]
    assert len(old) == 6, "two of each ingest, one of each project"
    shutil.copytree(place.host, place.root / "copy-of-the-old-host")
    assert len(old_keys_open(moving, place.root / "copy-of-the-old-host", old)) == len(old), (
        "the look must see what opens"
    )
    late = a_writer_on_the_old_host(place)
    done = moving.cutover()
    assert (done.code, done.answer["data"]["left"]) == (0, 0)
    with pytest.raises(Unavailable) as error:
        late()
    assert error.value.code == "commit-lost"
    assert old_keys_open(moving, place.root / "copy-of-the-old-host", old) == []
    assert contents(place.host).keys() <= {name for name in contents(place.host) if name.startswith(("m/", "o/"))}
    assert place.content() == content
    assert moving.migrate("run").error == "move-finished"
    assert moving.migrate("verify").code == 0
    assert place.grant("third").code == 0
    assert place.run("audit", "verify", "--deep").answer["data"]["sound"]
    check_certificate(moving)
    assert plan(place, "b", "directory").migrate("run").code == 0, "and back again"


def a_writer_on_the_old_host(place: Place) -> Callable[[], object]:
    """A writer that opened the warehouse before the cut-over, and commits after it."""
    warehouse = place.warehouse()
    parent = place.body("project:second").commit
    vault = warehouse.vault

    def write() -> object:
        with recorded(warehouse.recorder, "ingest", basis="operation:ingest", objects=["space:project:second"]) as act:
            writer = SpaceWriter(
                vault, warehouse.recorder, act, space="project:second", shards=2, parent=parent, reference="",
                named_step=lambda _: None,
            )  # fmt: skip
            writer._store_keyring = lambda *_: "0" * 64  # type: ignore[method-assign]  # its keys are not what is tried here
            return writer.commit(lineage=(), facts={})

    return write


def check_certificate(moving: MovingPlace) -> None:
    """It holds offline as it is, and no more when anything in it is changed."""
    place, folder = moving.place, moving.place.root / "certificate"
    assert moving.migrate("certificate", "--to", str(folder)).code == 0
    file = folder / "certificate.json"
    settings = place.warehouse().configuration
    key = f"{settings.ledger_origin} {base64.b64encode(settings.ledger_public).decode()}"

    def verified() -> int:
        return place.run("migrate", "certificate", "--verify", str(file), "--ledger-key", key).code

    assert verified() == 0
    true = json.loads(file.read_text(encoding="utf-8"))
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda it: it["certificate"]["source"].update(objects=1),
        lambda it: it["certificate"].update(deletion=None),
        lambda it: it["certificate"]["target"].update(root="sha256:" + "0" * 64),
        lambda it: it["certificate"]["cutover"]["officers"][0].update(public=it["certificate"]["cutover"]["officers"][1]["public"]),
        lambda it: it["leaf"].update(index=it["leaf"]["index"] - 1),
        lambda it: it.update(leaf=it["cutover"]),
        lambda it: it["cutover"].update(inclusion=it["cutover"]["inclusion"][:-1]),
        lambda it: it.update(document=it["leaf"]["leaf"]),
        lambda it: it.update(checkpoint=it["checkpoint"].replace("\n", "\n1", 1)),
        lambda it: it.pop("checkpoint"),
    ]  # fmt: skip
    for number, change in enumerate(changes):
        changed = json.loads(json.dumps(true))
        change(changed)
        file.write_text(json.dumps(changed), encoding="utf-8")
        assert verified() == NotTrusted.exit_code, number
    file.write_text(json.dumps(true), encoding="utf-8")
    inventory = folder / "inventory.json"
    inventory.write_text(inventory.read_text(encoding="utf-8").replace("0", "1", 1), encoding="utf-8")
    assert verified() == NotTrusted.exit_code
    for language in ("en", "fr"):
        assert true["certificate"]["source"]["root"] in (folder / f"certificate.{language}.md").read_text(
            encoding="utf-8"
        )


def test_an_erased_space_is_not_moved_and_its_erasure_meanwhile_makes_the_cut_over_wait(place: Place) -> None:
    moving = about_to_move(place)
    whole = moving.migrate("run").answer["data"]["objects"]
    words = ("keys", "destroy", "first", *moving.officers, "--yes")
    told = place.run(*words)
    assert told.code == 0, told.told
    assert moving.cutover().error == "cutover-behind"
    assert moving.migrate("run").answer["data"]["objects"] < whole
    assert moving.cutover("--keep-old").answer["data"]["asked"] == 0
    assert contents(place.host), "the old host was asked to delete though it was not to be"
    assert moving.cutover().answer["data"]["left"] == 0
    assert place.run("audit", "verify", "--deep").code == 0


def test_a_cut_over_looks_at_the_leaves_since_the_proof(shared: Place) -> None:
    ledger = shared.warehouse().ledger
    commits = [i for i, event in enumerate(shared.events()) if event.kind == "commit"]
    check_not_behind(ledger, since=commits[-1] + 1, size=ledger.size())
    with pytest.raises(RempartError) as error:
        check_not_behind(ledger, since=commits[-1], size=ledger.size())
    assert error.value.code == "cutover-behind"
