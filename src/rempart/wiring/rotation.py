# SPDX-License-Identifier: Apache-2.0
"""``rempart keys rotate`` and what ``rempart keys status`` says of epochs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.errors import Refused
from rempart.journeys import chain
from rempart.journeys.living import living
from rempart.journeys.recorded import recorded
from rempart.journeys.rotation import KIND, Rotated, Rotator, Step, left_over, next_steps, rotate
from rempart.keys.rotation import ROOT_SCHEMA, SCHEMA
from rempart.ports.broker import GrantRequest
from rempart.ports.surroundings import Progress
from rempart.records.event import LedgerEvent
from rempart.vault.manifest import open_keyring
from rempart.vault.read import fetch
from rempart.wiring.acts import new_run, no_step
from rempart.wiring.signing import Ask, Signer, signer, today
from rempart.wiring.warehouse import Warehouse

ROOT = "root-rotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One space's rotation before it is done. ``keys``: wrapped data keys in its keyrings; ``size``: bytes to be written at least."""

    step: Step
    snapshots: int
    keys: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """A space's keys as the ledger tells. ``rotated``, ``erased``: ISO instants, '' for never; ``gone``: all its keys are destroyed."""

    space: str
    epoch: int
    snapshots: int
    rotated: str
    erased: str
    gone: bool


def key_state(warehouse: Warehouse) -> list[KeyState]:
    """Every space that was ever written; asks neither host nor broker."""
    leaves = warehouse.ledger.leaves()
    gone, found = chain.erased_spaces(leaves), []
    for space in chain.written(leaves):
        kept = chain.snapshots_in(leaves, space)
        state = KeyState(
            space=space,
            epoch=kept[-1].current.epoch,
            snapshots=len(kept),
            rotated=_last(leaves, KIND, space),
            erased=_last(leaves, chain.ERASURE, space),
            gone=space in gone,
        )
        found.append(state)
    return found


def plan_rotation(warehouse: Warehouse, spaces: Sequence[str]) -> list[Planned]:
    """What a rotation would do; reads keyrings, opens nothing, writes nothing."""
    leaves = warehouse.ledger.leaves()
    planned = []
    for step in steps_for(warehouse, spaces):
        kept = chain.snapshots_in(leaves, step.space)
        sealed = [fetch(warehouse.host, snapshot.current.keyring) for snapshot in kept]
        rings = zip(sealed, kept, strict=True)
        keys = sum(len(open_keyring(ring, sha256=snapshot.current.keyring_sha256)) for ring, snapshot in rings)
        size = sum(len(ring.data) for ring in sealed)
        planned.append(Planned(step=step, snapshots=len(kept), keys=keys, size=size))
    return planned


def steps_for(warehouse: Warehouse, spaces: Sequence[str]) -> list[Step]:
    """What is still to do of a rotation that was interrupted, else the next epoch of every space; none named means all.

    Raises Missing ``space-missing``, Refused ``keys-erased``.
    """
    leaves = warehouse.ledger.leaves()
    alive = chain.spaces(warehouse.ledger)
    wanted = list(dict.fromkeys(spaces)) or alive
    for space in set(wanted) & chain.erased_spaces(leaves):
        raise Refused("keys-erased", space=space)
    todo = left_over(leaves, warehouse.documents, wanted)
    return next_steps(leaves, wanted) if todo is None else todo


def rotate_keys(
    warehouse: Warehouse,
    *,
    spaces: Sequence[str],
    by: Path,
    ask: Ask,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
) -> list[Rotated]:
    """Rotate the named spaces (none: all), signed by an officer; [] when an interrupted rotation had already come to its end."""
    officer = officer_of(warehouse, by, ask)
    run = new_run("K")
    steps = steps_for(
        warehouse, spaces
    )  # before the dead are closed: whose end is unwritten tells what was interrupted
    with living(warehouse.scratch, warehouse.recorder, run):
        rotator = Rotator(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            documents=warehouse.documents,
            run=run,
            progress=progress,
            named_step=named_step,
        )
        body = {"schema": SCHEMA, "date": today().isoformat(), "spaces": [step.as_dict() for step in steps]}
        done = rotate(rotator, officer.document(body), actor=officer.salted) if steps else []
    for step in steps:
        warehouse.cache.clear(step.space)  # what is kept of runs ends with the epoch that sealed it
    return done


def rotate_root(warehouse: Warehouse, *, by: Path, ask: Ask) -> int:
    """Every table key anew under the newest root key, signed by an officer; how many."""
    officer = officer_of(warehouse, by, ask)
    document = warehouse.documents.put(officer.document({"schema": ROOT_SCHEMA, "date": today().isoformat()}).data)
    run = new_run("K")
    with living(warehouse.scratch, warehouse.recorder, run):
        objects = [f"run:{run}", "space:warehouse", f"document:{document}"]
        with recorded(
            warehouse.recorder, ROOT, basis=f"operation:{ROOT}", objects=objects, actor=officer.salted
        ) as act:
            (reference,) = warehouse.broker.grant(GrantRequest(intent=act.index, tables=()))
            keys = warehouse.broker.rewrap_root(reference)
            act.say("keys", keys)
    return keys


def officer_of(warehouse: Warehouse, key_file: Path, ask: Ask) -> Signer:
    """Who holds the key file, once an officer; raises Refused ``role-missing``."""
    person = signer(warehouse.trust, key_file, ask)
    if "officer" not in person.entry.roles:
        raise Refused("role-missing", actor=person.entry.actor, role="officer")
    return person


def _last(leaves: Sequence[bytes], kind: str, space: str) -> str:
    """When the last act of that kind on that space took effect."""
    events: dict[int, LedgerEvent] = dict(chain.leaves_of(leaves, {kind}))
    times = [
        event.time
        for event in events.values()
        if event.phase == "effect" and event.of in events and events[event.of].fact("space") == space
    ]
    return times[-1] if times else ""
