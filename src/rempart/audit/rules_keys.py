# SPDX-License-Identifier: Apache-2.0
"""Key epochs, keyrings and the end of keys: did a rotation rewrap everything by an officer's word, and was what two officers ended
ended everywhere, and read no more?

Sees no key: that no data key left the broker, and that the bytes are gone, is not in the log.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.audit.book import Book
from rempart.audit.findings import Bad
from rempart.errors import Missing, NotTrusted, Refused, RempartError
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import SpaceCommit

ROTATIONS = {"rotation": "rempart.rotation/1", "root-rotation": "rempart.root-rotation/1"}
ERASURE, CERTIFICATE = "rempart.erasure/1", "rempart.erasure-certificate/1"
SYSTEM = frozenset({"vault", "ledger"})
OFFICERS = 2


def rotation_document(book: Book) -> Iterator[Bad]:
    """A rotation that took effect was signed by an officer that day, whose document names its space and epochs."""
    for kind, schema in ROTATIONS.items():
        for index, event, _, _ in book.done(kind):
            book.counts["rotations"] += 1
            try:
                signed = book.document(event, "document", schema)
                book.signers(index, signed, "officer")
                if kind == "rotation" and _step(event) not in list(signed.body.get("spaces", ())):
                    raise NotTrusted("document-form", expected=schema)
            except RempartError as error:
                yield index, {"space": event.fact("space") or "?", "code": error.code}


def key_epoch(book: Book) -> Iterator[Bad]:
    """The first snapshot of a space is of epoch 1; a commit keeps the epoch, a rotation's raises it by one and keeps the snapshot."""
    before: dict[str, SpaceCommit] = {}
    for index, commit in _commits(book):
        last = before.get(commit.space)
        intent = _intent(book, index)
        turns = intent is not None and intent.kind == "rotation"
        kept = last is not None and (commit.head, commit.manifest) == (last.head, last.manifest)
        epoch = (last.epoch if last else 1) + turns
        if kept != turns or commit.epoch != epoch or (turns and intent and intent.fact("to-epoch") != str(epoch)):
            yield index, {"space": commit.space, "epoch": commit.epoch}
        before[commit.space] = commit


def keyring_complete(book: Book) -> Iterator[Bad]:
    """A rotation brings a keyring of its epoch for every older snapshot of its space, and for nothing else."""
    made: dict[str, dict[str, str]] = {}
    given: dict[int, dict[str, str]] = {}
    for index, event in book.of_kind("keyring", "effect"):
        book.counts["keyrings"] += 1
        intent = _intent(book, index)
        ring = _ring(event)
        if (
            ring is None
            or intent is None
            or (ring.space, str(ring.epoch))
            != (
                intent.fact("space"),
                intent.fact("to-epoch"),
            )
        ):
            yield index, {"space": event.fact("space") or "?"}
        elif event.of is not None:
            given.setdefault(event.of, {})[ring.head] = ring.manifest
    for index, commit in _commits(book):
        of = book.events[index].of
        if commit.parent == commit.head:
            older = {head: manifest for head, manifest in made[commit.space].items() if head != commit.head}
            if given.pop(-1 if of is None else of, {}) != older:
                yield index, {"space": commit.space}
        made.setdefault(commit.space, {})[commit.head] = commit.manifest
    for rotation in given:
        yield rotation, {"space": book.events[rotation].fact("space") or "?"}


def keyring_held(book: Book) -> Iterator[Bad]:
    """The host holds the newest keyring of every kept snapshot as the ledger names it; of an erased space it need not."""
    newest: dict[tuple[str, str], tuple[int, SpaceKeyring]] = {}
    for index, event in book.of_kind("keyring", "effect"):
        ring = _ring(event)
        if ring is not None:
            newest[ring.space, ring.head] = (index, ring)
    turned = {(commit.space, commit.head): index for index, commit in _commits(book)}
    gone = erased_spaces(book)
    for place, (index, ring) in newest.items():
        if book.check_manifest is None or ring.space in gone or turned.get(place, -1) > index:
            continue
        try:
            book.check_manifest(_as_commit(ring))
        except (NotTrusted, Missing) as error:
            yield index, {"space": ring.space, "code": error.code}


def erasure_officers(book: Book) -> Iterator[Bad]:
    """An erasure that took effect, and its certificate, were signed by two different officers and say what the leaf says."""
    for index, event, end, effect in book.done("erasure"):
        book.counts["erasures"] += 1
        try:
            signed = book.document(event, "document", ERASURE)
            _two_officers(book, index, signed)
            certificate = book.document(effect, "certificate", CERTIFICATE)
            people = tuple(one for one in certificate.signatures if one.actor not in SYSTEM)
            _two_officers(book, end, SignedDocument(body=certificate.body, signatures=people))
            if len(people) == len(certificate.signatures) or not _agree(event, signed.body, certificate.body):
                raise NotTrusted("document-form", expected=CERTIFICATE)
        except RempartError as error:
            yield index, {"space": event.fact("space") or "?", "code": error.code}


def erasure_backups(book: Book) -> Iterator[Bad]:
    """When an erasure took effect, every backup that had been begun was erased or declared gone."""
    for _, event, end, _ in book.done("erasure"):
        begun = {e.fact("backup"): i for i, e in book.of_kind("backup", "intent") if i < end}
        ended = {name for i, e in book.leaves.named(("backup-erased",)) if i < end for name in e.facts("backup")}
        for name, index in begun.items():
            if name not in ended and not book.failed(index):
                yield end, {"space": event.fact("space") or "?", "backup": name or "?"}


def erased_read(book: Book) -> Iterator[Bad]:
    """Nothing of a space is granted or committed after all its keys were destroyed."""
    ends = {event.fact("space"): end for _, event, end, _ in book.done("erasure") if event.fact("reach") == "space"}
    for index, event in book.leaves.named(("key-grant", "commit", "keyring")) if ends else ():
        named = {use.split("/")[0] for use in event.facts("use") if not use.endswith("/erase")}
        if event.kind in {"commit", "keyring"}:
            named = {event.fact("space") or ""}
        for space in sorted(named & set(ends) - {None}):
            if index > ends[space]:
                yield index, {"kind": event.kind, "space": space}


def erased_spaces(book: Book) -> frozenset[str]:
    """Spaces all of whose keys were destroyed."""
    found = (event.fact("space") or "" for _, event, _, _ in book.done("erasure") if event.fact("reach") == "space")
    return frozenset(found)


def _commits(book: Book) -> Iterator[tuple[int, SpaceCommit]]:
    """Commits that can be read; the others are named by ``commit_chain``."""
    for index, event in book.of_kind("commit", "effect"):
        try:
            yield index, SpaceCommit.from_objects(event.objects)
        except NotTrusted:
            continue


def _ring(event: LedgerEvent) -> SpaceKeyring | None:
    try:
        return SpaceKeyring.from_objects(event.objects)
    except NotTrusted:
        return None


def _as_commit(ring: SpaceKeyring) -> SpaceCommit:
    """The keyring in the form of a rotation's commit: what the host is asked for is the same."""
    return SpaceCommit(
        space=ring.space,
        host="",
        parent=ring.head,
        head=ring.head,
        manifest=ring.manifest,
        keyring=ring.keyring,
        keyring_sha256=ring.keyring_sha256,
        epoch=ring.epoch,
    )


def _intent(book: Book, index: int) -> LedgerEvent | None:
    of = book.events[index].of
    return book.events.get(-1 if of is None else of)


def _step(event: LedgerEvent) -> Mapping[str, Any]:
    """How a document names the rotation of this intent."""
    epochs = {name: event.fact(f"{name}-epoch") or "" for name in ("from", "to")}
    numbers = {name: int(text) if text.isdecimal() else -1 for name, text in epochs.items()}
    return {"space": event.fact("space"), **numbers}


def _two_officers(book: Book, index: int, signed: SignedDocument) -> None:
    if len({signer.actor for signer in book.signers(index, signed, "officer")}) < OFFICERS:
        raise Refused("grant-signatures", role="officer", count=OFFICERS)


def _agree(event: LedgerEvent, document: Mapping[str, Any], certificate: Mapping[str, Any]) -> bool:
    """Leaf, officers' document and certificate tell of the same space, reach and epochs."""
    epochs = [int(epoch) if epoch.isdecimal() else -1 for epoch in event.facts("epoch")]
    told = {"space": event.fact("space"), "reach": event.fact("reach"), "epochs": epochs}
    same = all(body.get(name) == value for body in (document, certificate) for name, value in told.items())
    return same and certificate.get("document") == event.fact("document")
