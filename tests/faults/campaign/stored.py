# SPDX-License-Identifier: Apache-2.0
"""Campaign 1: random mutations of a stored warehouse, read by whoever reads; and the ledger put back under a checkpoint kept elsewhere."""

import dataclasses
import random
import shutil
from pathlib import Path

from rempart.adapters import ledger_files
from rempart.adapters.configuration import Configuration
from rempart.errors import RempartError
from rempart.wiring.ledger import check_exported, export_checkpoint, open_ledger
from tests.faults.campaign.count import Section
from tests.faults.campaign.mutations import KINDS, Material, Store, mutations
from tests.faults.campaign.readers import Readers
from tests.faults.warehouse.place import Place
from tests.vectors.material import snapshot


def held(folder: Path) -> dict[str, bytes]:
    """Every object of a directory host by its name."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes() for kind in "oms" for path in (folder / kind).iterdir()
    }


def material(place: Place) -> Material:
    """What the place's host holds, what it held before, and another warehouse."""
    store, yesterday = held(place.host), held(place.root / "host-yesterday")
    project = place.body("project:first")
    mine = {project.commit.manifest, project.commit.keyring, *(part.object for part in project.body.parts)}
    before_project = {name: data for name, data in store.items() if name not in mine}
    elsewhere = snapshot("elsewhere", warehouse="0" * 32)
    foreign = {name: sealed.data for name, sealed in elsewhere.objects.items()}
    return Material(store=store, older=(yesterday, before_project), elsewhere=foreign)


def stored(place: Place, *, count: int, seed: int) -> Section:
    """``count`` mutations of the host's objects, each read by the reader with keys and the auditor without."""
    section = Section(f"1. {count} random mutations of a stored warehouse, seed {seed}")
    given = material(place)
    readers = Readers(place, given.store)
    for kind in KINDS:
        section.of(kind)
    for mutation in mutations(given, count=count, seed=seed):
        verdict = readers.judge(mutation.store)
        slipped = verdict.slipped
        section.of(mutation.kind).add(
            caught_by=verdict.caught,
            slipped=f"{mutation.told}: {slipped}" if slipped else "",
        )
    return section


def hints(place: Place, *, seed: int) -> Section:
    """Pointers changed or gone: they are hints, so that nobody may notice and everything must stay true."""
    section, chance = Section(f"1a. hints of the host changed, seed {seed}"), random.Random(seed)
    store = held(place.host)
    readers = Readers(place, store)
    pointers = [name for name in store if name.startswith("s/")]
    changed: dict[str, Store] = {
        "pointer flipped": {**store, pointers[-1]: chance.randbytes(len(store[pointers[-1]]))},
        "pointers gone": {name: data for name, data in store.items() if name not in pointers},
        "pointer to an older manifest": {**store, pointers[-1]: store[pointers[0]]},
    }
    for kind, given in changed.items():
        verdict = readers.judge(given)
        wrong = verdict.false or verdict.defects or verdict.caught
        section.of(kind).add(slipped=f"{verdict}" if wrong else "")
    return section


def put_back(place: Place, folder: Path, *, count: int, seed: int, held_outside: bool = True) -> Section:
    """The controller's ledger put back to any signed earlier state, the host with it: only a checkpoint kept elsewhere shows it."""
    section, chance = Section(f"1b. host and ledger put back together, seed {seed}"), random.Random(seed)
    settings = place.warehouse().configuration
    kept_file, ledger = folder / "kept", place.directory / "controller" / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    export_checkpoint(place.directory, settings, kept_file)
    signed = list(ledger_files.lines(ledger / "checkpoints"))[:-1]
    leaves = place.warehouse().ledger.leaves()
    for number in range(count):
        note = chance.choice(signed)
        size = int(note.split("\n")[1])
        copy = folder / f"copy-{number}"
        old = copy / "controller" / "ledger"
        old.mkdir(parents=True)
        (old / "checkpoint").write_text(note, encoding="utf-8")
        (old / "leaves").write_bytes(b"".join(ledger_files.record(leaf) for leaf in leaves[:size]))
        shutil.copy(ledger / "checkpoints", old)
        count_of = section.of("older ledger, truly signed")
        try:
            _open(copy, settings, kept_file if held_outside else None)
        except RempartError as error:
            count_of.add(caught_by=[error.code])
        else:
            count_of.add(slipped=f"{size} of {len(leaves)} leaves")
    return section


def _open(directory: Path, settings: Configuration, kept_file: Path | None) -> None:
    named = str(kept_file) if kept_file else ""
    told = dataclasses.replace(settings, ledger_exported=named)
    check_exported(directory, told, open_ledger(directory, told, sign=None))
