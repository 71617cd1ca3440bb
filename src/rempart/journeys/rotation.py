# SPDX-License-Identifier: Apache-2.0
"""Rotate a space's keys: every wrapped data key of every kept snapshot anew under the next epoch, inside the broker.

Writes keyrings and one append, nothing else: no part is read, none is written, and until the append the old epoch holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.journeys.chain import active_host, snapshots_in
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import Vault, manifest_context
from rempart.keys.rotation import SCHEMA, whole_space
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import KeyContext, SpaceCommit
from rempart.vault.manifest import Place, key_places, open_keyring
from rempart.vault.read import fetch
from rempart.vault.seal import seal_keyring
from rempart.vault.snapshots import Snapshot

KIND = "rotation"
_TRIES = 50
_BATCH = 5_000  # keys between two steps of the bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One space from one epoch to the next."""

    space: str
    before: int
    after: int

    def as_dict(self) -> dict[str, str | int]:
        """As the officer's document names it."""
        return {"space": self.space, "from": self.before, "to": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What was done: snapshots with a new keyring, and different data keys rewrapped."""

    step: Step
    head: str
    snapshots: int
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotator:
    """What a rotation needs; ``run``: owned by the caller while it lasts (``journeys.living``)."""

    vault: Vault
    recorder: Recorder
    documents: Documents
    run: str
    progress: Progress
    named_step: Callable[[str], None]


def next_steps(leaves: Sequence[bytes], spaces: Sequence[str]) -> list[Step]:
    """Each space from its epoch to the next; raises Missing ``space-missing``."""
    found = []
    for space in spaces:
        kept = snapshots_in(leaves, space)
        if not kept:
            raise Missing("space-missing", space=space)
        epoch = kept[-1].current.epoch
        found.append(Step(space=space, before=epoch, after=epoch + 1))
    return found


def left_over(leaves: Sequence[bytes], documents: Documents, spaces: Sequence[str]) -> list[Step] | None:
    """Steps among ``spaces`` that the newest rotation announced and did not come to; [] when it came to all and only its end is
    unwritten; None when there is nothing to take up. ``spaces``: those that are asked for and not erased."""
    events = [LedgerEvent.from_leaf(leaf) for leaf in leaves]
    intents = [(index, event) for index, event in enumerate(events) if event.kind == KIND and event.phase == "intent"]
    if not intents:
        return None
    document = intents[-1][1].fact("document") or ""
    body = SignedDocument.from_bytes(documents.get(document), schema=SCHEMA).body
    steps = [Step(space=row["space"], before=int(row["from"]), after=int(row["to"])) for row in body["spaces"]]
    mine = [step for step in steps if step.space in spaces]
    todo = [step for step in mine if step in next_steps(leaves, [step.space])]
    if todo:
        return todo
    ended = {event.of for event in events if event.kind == KIND}
    unwritten = any(index not in ended for index, event in intents if event.fact("document") == document)
    return [] if unwritten and mine and len(mine) == len(spaces) else None


def rotate(rotator: Rotator, signed: SignedDocument, *, actor: str) -> list[Rotated]:
    """Every step that the officer's document names, each an act of its own, in order.

    Raises Refused by the broker's rules, NotTrusted for what the host holds, Unavailable ``commit-lost`` when another rotated first.
    """
    document = rotator.documents.put(signed.data)
    rows = signed.body["spaces"]
    steps = [Step(space=row["space"], before=row["from"], after=row["to"]) for row in rows]
    return [_rotate_space(rotator, step, document=document, actor=actor) for step in steps]


def _rotate_space(rotator: Rotator, step: Step, *, document: str, actor: str) -> Rotated:
    objects = [
        f"run:{rotator.run}",
        f"space:{step.space}",
        f"from-epoch:{step.before}",
        f"to-epoch:{step.after}",
        f"document:{document}",
    ]
    with recorded(rotator.recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=actor) as act:
        rotator.named_step("intent-logged")
        tables = (whole_space(step.space), (step.space, "manifest", "main", "read"))
        (reference,) = rotator.vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        work = _Work(rotator, step, reference)
        head = _appended(rotator, work, act)
        rotator.named_step("committed")
        act.say("run", rotator.run)
        act.say("head", head)
        act.say("snapshots", len(work.rings))
        act.say("keys", len(work.fresh))
    return Rotated(step=step, head=head, snapshots=len(work.rings), keys=len(work.fresh))


def _appended(rotator: Rotator, work: "_Work", act: Act) -> str:
    """Keyrings for every snapshot that there is, then one append to exactly that ledger; a lost race takes the new ones in."""
    recorder, step = rotator.recorder, work.step
    for _ in range(_TRIES):
        leaves = recorder.ledger.leaves()
        kept = snapshots_in(leaves, step.space)
        here = active_host(leaves) in {None, rotator.vault.host.label}
        if not kept or kept[-1].current.epoch != step.before or not here:
            break
        work.store([(each, number) for number, each in enumerate(kept, 1) if each.origin.head not in work.rings])
        try:
            recorder.append_at(len(leaves), [LedgerEvent.from_leaf(leaf) for leaf in work.leaves(kept, act)])
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
        else:
            return kept[-1].origin.head
    raise Unavailable("commit-lost", space=step.space)


class _Work:
    """One space's new keyrings: ``rings`` by head, ``fresh`` the rewrapped keys by object name and old wrapping."""

    def __init__(self, rotator: Rotator, step: Step, reference: str) -> None:
        self._rotator, self.step, self._reference = rotator, step, reference
        self._vault = rotator.vault
        self.rings: dict[str, SpaceKeyring] = {}
        self.fresh: dict[tuple[str, bytes], bytes] = {}

    def store(self, snapshots: Sequence[tuple[Snapshot, int]]) -> None:
        """A keyring of the next epoch on the host for each of these, given with its number in the chain."""
        old = [self._keys_of(snapshot, number) for snapshot, number in snapshots]
        self._rewrap([item for items in old for item in items])
        for (snapshot, _), items in zip(snapshots, old, strict=True):
            current = snapshot.current
            by_object = {name: self.fresh[name, blob] for name, _, blob in items}
            self.rings[current.head] = self._stored(current, by_object)
            self._rotator.named_step("keyring-stored")

    def leaves(self, kept: Sequence[Snapshot], act: Act) -> list[bytes]:
        """The rotation's commit of the head, then a keyring leaf for every older snapshot."""
        newest = kept[-1].current
        rings = [self.rings[snapshot.origin.head] for snapshot in kept]
        commit = SpaceCommit(
            space=newest.space,
            host=self._vault.host.label,
            parent=newest.head,
            head=newest.head,
            manifest=newest.manifest,
            keyring=rings[-1].keyring,
            keyring_sha256=rings[-1].keyring_sha256,
            epoch=self.step.after,
        )
        told = [("commit", commit.objects()), *(("keyring", ring.objects()) for ring in rings[:-1])]
        event = self._rotator.recorder.event
        return [
            event(kind, "effect", basis=act.basis, objects=objects, actor=act.actor, of=act.index).leaf()
            for kind, objects in told
        ]

    def _keys_of(self, snapshot: Snapshot, number: int) -> list[tuple[str, KeyContext, bytes]]:
        """(object, context, wrapped key) of everything that the snapshot's keyring holds; its manifest is read once."""
        current, warehouse = snapshot.current, self._vault.warehouse
        wrapped = open_keyring(fetch(self._vault.host, current.keyring), sha256=current.keyring_sha256)
        if current.manifest not in wrapped:
            raise NotTrusted("keyring")
        own = manifest_context(warehouse, current)
        places = self._places(snapshot, number, own, wrapped[current.manifest])
        space, epoch = current.space, current.epoch
        contexts = {
            name: KeyContext(warehouse=warehouse, space=space, table=table, sibling=sibling, part=part, epoch=epoch)
            for name, table, sibling, part in places
        }
        contexts[current.manifest] = own
        if set(contexts) != set(wrapped):
            raise NotTrusted("keyring")
        return [(name, context, wrapped[name]) for name, context in contexts.items()]

    def _places(
        self, snapshot: Snapshot, number: int, context: KeyContext, wrapped: bytes
    ) -> list[tuple[str, str, str, str]]:
        """(object, table, sibling, part) of what the snapshot holds."""
        (key,) = self._vault.broker.unwrap(self._reference, [(context, wrapped)])
        origin = snapshot.origin
        place = Place(
            warehouse=self._vault.warehouse,
            space=origin.space,
            sequence=number,
            parent=origin.parent,
            name=origin.manifest,
            epoch=origin.epoch,
        )
        return key_places(fetch(self._vault.host, origin.manifest), head=origin.head, place=place, key=key)

    def _rewrap(self, items: Sequence[tuple[str, KeyContext, bytes]]) -> None:
        """A part that several snapshots keep is rewrapped once."""
        todo = {(name, blob): context for name, context, blob in items if (name, blob) not in self.fresh}
        places = list(todo.items())
        self._rotator.progress.step("rotate-keys", 0, len(places))
        for at in range(0, len(places), _BATCH):
            batch = places[at : at + _BATCH]
            asked = [(context, blob) for (_, blob), context in batch]
            fresh = self._vault.broker.rewrap(self._reference, asked, self.step.after)
            self.fresh.update(zip((place for place, _ in batch), fresh, strict=True))
            self._rotator.named_step("keys-rewrapped")
            self._rotator.progress.step("rotate-keys", at + len(batch), len(places))

    def _stored(self, current: SpaceCommit, by_object: dict[str, bytes]) -> SpaceKeyring:
        """Put on the host and read back: a keyring that is not there would shut the space once the old epoch is destroyed."""
        random = self._rotator.recorder.randomness.bytes
        name = f"m/{random(16).hex()}"
        sha256, sealed = seal_keyring(by_object, space_label=random(16).hex(), epoch=self.step.after)
        self._vault.host.put(name, sealed)
        if fetch(self._vault.host, name).data != sealed.data:
            raise NotTrusted("keyring")
        return SpaceKeyring(
            space=current.space,
            head=current.head,
            manifest=current.manifest,
            keyring=name,
            keyring_sha256=sha256,
            epoch=self.step.after,
        )
