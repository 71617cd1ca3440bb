# SPDX-License-Identifier: Apache-2.0
"""Destroy a space's keys, in the store and in its registered backups, and certify it. docs/adr/0013 says what this does not reach.

An erasure that was interrupted is run again as a whole: what is gone stays gone, and the certificate names everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import Missing, NotTrusted, Refused
from rempart.journeys.backup import ERASED, RegisteredBackup, registered
from rempart.journeys.chain import leaves_of, snapshots_in
from rempart.journeys.cosigning import Witnessing, unwitnessed, witnessed
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.register_sets import KIND as ENTERED
from rempart.journeys.register_sets import SPACE as REGISTER
from rempart.keys.erasure import EPOCHS, KIND, SCHEMA, SPACE, doomed_secrets, doomed_tables, erased, whole_space
from rempart.ports.broker import Broker, GrantRequest
from rempart.ports.documents import Documents
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent

CERTIFICATE = "rempart.erasure-certificate/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is to be destroyed. ``keys``: names of those that are there, and of those that an interrupted try had named;
    ``standing``: backups that may hold them and are neither erased nor declared gone."""

    space: str
    reach: str
    epochs: tuple[int, ...]
    keys: tuple[str, ...]
    heads: tuple[str, ...]
    standing: tuple[RegisteredBackup, ...]

    def document(
        self, *, warehouse: str, date: str, presented: Sequence[str], declared: Sequence[str]
    ) -> dict[str, Any]:
        """The body that two officers sign; ``warehouse``: its id, since they may be officers of several."""
        return {
            "schema": SCHEMA,
            "warehouse": warehouse,
            "date": date,
            "space": self.space,
            "reach": self.reach,
            "epochs": list(self.epochs),
            "keys": list(self.keys),
            "backups": {"presented": sorted(presented), "declared": sorted(declared)},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """What an erasure needs. ``shred``: overwrites the file of a presented backup by its id, harmless twice;
    ``certify``: the officers' and the vault's signatures over a body."""

    recorder: Recorder
    broker: Broker
    documents: Documents
    warehouse: str
    controller: str
    run: str
    shred: Callable[[str], None]
    certify: Callable[[Mapping[str, Any]], SignedDocument]
    named_step: Callable[[str], None]
    witnessing: Witnessing = unwitnessed


def plan_erasure(
    leaves: Sequence[bytes], broker: Broker, documents: Documents, *, space: str, epochs: Sequence[int] | None
) -> Erasure:
    """``epochs`` None: the whole space, results and secrets too; else those epochs' table keys ([]: all that are left but the newest).

    Raises Missing ``space-missing``, Refused ``epoch-in-use`` for an epoch that a kept snapshot still needs.
    """
    kept = snapshots_in(leaves, space)
    if not kept:
        raise Missing("space-missing", space=space)
    newest = kept[-1].current.epoch
    events = [LedgerEvent.from_leaf(leaf) for leaf in leaves]
    reach = SPACE if epochs is None else EPOCHS
    _, gone = erased(events)
    old = [epoch for epoch in range(1, newest) if (space, epoch) not in gone]
    chosen = list(range(1, newest + 1)) if epochs is None else sorted(set(epochs)) or old
    needed = {snapshot.current.epoch for snapshot in kept} if reach == EPOCHS else set()
    for epoch in chosen:
        if epoch in needed or epoch > newest:
            raise Refused("epoch-in-use", space=space, epoch=epoch)
    there = _doomed(broker.key_names(space), space=space, reach=reach, epochs=chosen)
    return Erasure(
        space=space,
        reach=reach,
        epochs=tuple(chosen),
        keys=tuple(sorted({*there, *_named_before(events, documents, space, reach, chosen)})),
        heads=tuple(snapshot.origin.head for snapshot in kept),
        standing=tuple(backup for backup in registered(events) if not backup.destroyed),
    )


def erase(eraser: Eraser, erasure: Erasure, signed: SignedDocument, *, actor: str) -> SignedDocument:
    """Backups, then the store, then the certificate, which is returned; ``signed``: the erasure's document by two officers.

    Raises Refused ``backup-outstanding`` naming the backups that are neither presented nor declared destroyed, and by the broker's rules.
    """
    told = signed.body["backups"]
    document = eraser.documents.put(signed.data)
    objects = [
        f"run:{eraser.run}",
        f"space:{erasure.space}",
        f"reach:{erasure.reach}",
        *(f"epoch:{epoch}" for epoch in erasure.epochs),
        f"document:{document}",
    ]
    with recorded(eraser.recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=actor) as act:
        eraser.named_step("intent-logged")
        witnessed(eraser.witnessing, "erasure", act)
        _end_backups(eraser, act, told["presented"], told["declared"])
        tables = (whole_space(erasure.space),)
        (reference,) = eraser.broker.grant(GrantRequest(intent=act.index, tables=tables))
        eraser.named_step("granted")
        eraser.broker.erase(reference)
        eraser.named_step("keys-destroyed")
        _check_gone(eraser, erasure)
        certificate = eraser.certify(_certificate(eraser, erasure, act, document, told))
        act.say("certificate", eraser.documents.put(certificate.data))
        act.say("keys", len(erasure.keys))
        eraser.named_step("certificate-stored")
    eraser.named_step("recorded")
    return certificate


def last_certificate(leaves: Sequence[bytes], documents: Documents, erasure: Erasure) -> SignedDocument | None:
    """The certificate of the newest erasure of the same space, reach and at least these epochs that took effect."""
    wanted = {str(epoch) for epoch in erasure.epochs}
    events = [LedgerEvent.from_leaf(leaf) for leaf in leaves]
    for event in reversed(events):
        if event.kind == KIND and event.phase == "effect" and event.of is not None:
            intent = events[event.of]
            same = (intent.fact("space"), intent.fact("reach")) == (erasure.space, erasure.reach)
            if same and wanted <= set(intent.facts("epoch")):
                return SignedDocument.from_bytes(documents.get(event.fact("certificate") or ""), schema=CERTIFICATE)
    return None


def _doomed(names: Sequence[str], *, space: str, reach: str, epochs: Sequence[int]) -> list[str]:
    """Of the broker's names, tables and secrets together."""
    tables = [name for name in names if name.count("/") == 3]
    secrets = [name for name in names if name.count("/") != 3]
    return [
        *doomed_tables(tables, space=space, reach=reach, epochs=epochs),
        *doomed_secrets(secrets, space=space, reach=reach),
    ]


def _named_before(
    events: Sequence[LedgerEvent], documents: Documents, space: str, reach: str, epochs: Sequence[int]
) -> set[str]:
    """Key names in the documents of tries of the same erasure that came to no effect: their keys may be gone already."""
    done = {event.of for event in events if event.kind == KIND and event.phase == "effect"}
    found: set[str] = set()
    for index, event in enumerate(events):
        same = event.kind == KIND and event.phase == "intent" and index not in done and event.fact("space") == space
        if same and event.fact("reach") == reach and event.facts("epoch") == tuple(str(epoch) for epoch in epochs):
            body = SignedDocument.from_bytes(documents.get(event.fact("document") or ""), schema=SCHEMA).body
            found |= {str(name) for name in body["keys"]}
    return found


def _end_backups(eraser: Eraser, act: Act, presented: Sequence[str], declared: Sequence[str]) -> None:
    """Erase what was presented and write what is gone; whatever stands then ends the act before a key is touched."""
    standing = {backup.id for backup in _registered(eraser) if not backup.destroyed}
    left = standing - set(presented) - set(declared)
    if left:
        raise Refused("backup-outstanding", backups=", ".join(sorted(left)))
    for name in presented:
        eraser.shred(name)
        eraser.named_step("backup-shredded")
    for name in sorted(standing):
        how = "presented" if name in presented else "declared"
        event = eraser.recorder.event(
            ERASED, "effect", basis=act.basis, objects=[f"backup:{name}", f"how:{how}"], actor=act.actor, of=act.index
        )
        eraser.recorder.append(event)
        eraser.named_step("backup-erased")


def _check_gone(eraser: Eraser, erasure: Erasure) -> None:
    """Nothing of it is left in the store, and no backup was begun while it was there."""
    names = eraser.broker.key_names(erasure.space)
    if _doomed(names, space=erasure.space, reach=erasure.reach, epochs=erasure.epochs):
        raise NotTrusted("keys-left", space=erasure.space)
    begun = [backup.id for backup in _registered(eraser) if not backup.destroyed]
    if begun:
        raise Refused("backup-outstanding", backups=", ".join(begun))


def _registered(eraser: Eraser) -> list[RegisteredBackup]:
    return registered([LedgerEvent.from_leaf(leaf) for leaf in eraser.recorder.ledger.leaves()])


def _certificate(
    eraser: Eraser, erasure: Erasure, act: Act, document: str, told: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What is certified; names of keys as hashes, since the certificate may be shown outside."""
    ledger = eraser.recorder.ledger
    backups = [backup for backup in _registered(eraser) if backup.destroyed]
    last = backups[-1] if backups else None
    return {
        "schema": CERTIFICATE,
        "warehouse": eraser.warehouse,
        "controller": eraser.controller,
        "space": erasure.space,
        "reach": erasure.reach,
        "epochs": list(erasure.epochs),
        "snapshots": list(erasure.heads),
        "keys": [sha256_id(name.encode()) for name in erasure.keys],
        "destroyed": eraser.recorder.clock.now().isoformat(),
        "backups": {"presented": list(told["presented"]), "declared": list(told["declared"])},
        "last_backup": {"id": last.id, "taken": last.taken} if last else None,
        "document": document,
        "ledger": {"intent": act.index, "size": ledger.size(), "checkpoint": ledger.checkpoint()},
        **_stays(ledger.leaves()),
    }


def _stays(leaves: Sequence[bytes]) -> dict[str, Any]:
    """What an erasure leaves on purpose: the register of released sets keeps, under keys of its own, who was in each set that was shown.
    Nothing where nothing stands in it; certificates of before do not say it."""
    entries = (event for _, event in leaves_of(leaves, {ENTERED}) if event.phase == "effect")
    return {"stays": [REGISTER]} if any(event.fact("register") for event in entries) else {}
