# SPDX-License-Identifier: Apache-2.0
"""``rempart keys destroy``: officers, backup files, certificate and its pages. Decides nothing that a rule does not."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.private_file import private_folder, replace_private
from rempart.adapters.shredded_file import overwrite
from rempart.errors import BadInput, Missing, Refused
from rempart.journeys.backup import RegisteredBackup, registered
from rempart.journeys.erasure import Eraser, Erasure, erase, last_certificate, plan_erasure
from rempart.journeys.living import living
from rempart.records.canonical import content_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.signature import Signature
from rempart.wiring.acts import new_run, no_step
from rempart.wiring.cosigning import witnessing
from rempart.wiring.rotation import officer_of
from rempart.wiring.signing import Ask, Signer, today
from rempart.wiring.warehouse import Warehouse

OFFICERS = 2
FOLDER = "certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """The certificate, signed by the vault's key and the officers, and the folder that holds it with a page in each language."""

    certificate: SignedDocument
    folder: Path


def planned(warehouse: Warehouse, *, space: str, epochs: Sequence[int] | None) -> Erasure:
    """What would be destroyed; ``epochs`` as in ``plan_erasure``. Writes nothing."""
    return plan_erasure(warehouse.ledger.leaves(), warehouse.broker, warehouse.documents, space=space, epochs=epochs)


def destroy_keys(
    warehouse: Warehouse,
    *,
    space: str,
    epochs: Sequence[int] | None,
    by: Sequence[Path],
    ask: Ask,
    backups: Sequence[Path] = (),
    declared: Sequence[str] = (),
    named_step: Callable[[str], None] = no_step,
) -> Destroyed:
    """Destroy keys, signed by two officers; run again after an interruption it comes to the same end.

    Raises Refused ``grant-signatures``, ``backup-outstanding``, ``erase-nothing``, ``epoch-in-use``; BadInput ``backup-unknown``.
    """
    officers = _officers(warehouse, by, ask)
    erasure = planned(warehouse, space=space, epochs=epochs)
    files, left = backups_left(warehouse, backups, declared)
    if not erasure.keys:
        return _again(warehouse, erasure)
    if left:
        raise Refused("backup-outstanding", backups=", ".join(left))
    run = new_run("E")
    here = warehouse.configuration.warehouse
    body = erasure.document(warehouse=here, date=today().isoformat(), presented=list(files), declared=declared)
    with living(warehouse.scratch, warehouse.recorder, run):
        eraser = Eraser(
            recorder=warehouse.recorder,
            broker=warehouse.broker,
            documents=warehouse.documents,
            warehouse=here,
            controller=warehouse.configuration.controller,
            run=run,
            shred=lambda name: overwrite(files[name], _mark(name)),
            certify=lambda told: _certified(warehouse, officers, told),
            named_step=named_step,
            witnessing=witnessing(warehouse),
        )
        signed = _signed(officers, body)
        warehouse.cache.clear(space)
        certificate = erase(eraser, erasure, signed, actor=officers[0].salted)
    return _written(warehouse, certificate)


def backups_left(
    warehouse: Warehouse, backups: Sequence[Path], declared: Sequence[str]
) -> tuple[dict[str, Path], list[str]]:
    """Presented files by backup id, and ids of registered backups that still stand and are neither presented nor declared destroyed.

    Raises BadInput ``backup-unknown``, Missing ``file-absent``.
    """
    known = registered([LedgerEvent.from_leaf(leaf) for leaf in warehouse.ledger.leaves()])
    files = _presented(backups, known)
    _check_declared(declared, known)
    return files, [each.id for each in known if not each.destroyed and each.id not in {*files, *declared}]


def _officers(warehouse: Warehouse, by: Sequence[Path], ask: Ask) -> list[Signer]:
    """Two different ones at least."""
    officers = [officer_of(warehouse, key_file, ask) for key_file in by]
    if len({officer.entry.actor for officer in officers}) < OFFICERS:
        raise Refused("grant-signatures", role="officer", count=OFFICERS)
    return officers


def _presented(files: Sequence[Path], known: Sequence[RegisteredBackup]) -> dict[str, Path]:
    """Backup id → file, by the file's hash, or by the line that an earlier try left in it."""
    found = {}
    for path in files:
        if not path.is_file():
            raise Missing("file-absent", file=path.name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            mark = file.read(200)
        match = [backup.id for backup in known if backup.sha256 == digest or mark == _mark(backup.id)]
        if not match:
            raise BadInput("backup-unknown", file=path.name)
        found[match[0]] = path
    return found


def _check_declared(declared: Sequence[str], known: Sequence[RegisteredBackup]) -> None:
    for name in declared:
        if name not in {backup.id for backup in known}:
            raise BadInput("backup-unknown", file=name)


def _mark(name: str) -> bytes:
    return f"rempart: backup {name} was erased\n".encode()


def _signed(officers: Sequence[Signer], body: Mapping[str, Any]) -> SignedDocument:
    over = content_id(body)
    return SignedDocument(body=body, signatures=tuple(officer.sign(over) for officer in officers))


def _certified(warehouse: Warehouse, officers: Sequence[Signer], body: Mapping[str, Any]) -> SignedDocument:
    """The vault's signature, then the officers'."""
    over = content_id(body)
    vault = Signature(alg="ed25519", actor="vault", over=over, sig=warehouse.broker.sign("vault", over))
    return SignedDocument(body=body, signatures=(vault, *(officer.sign(over) for officer in officers)))


def _again(warehouse: Warehouse, erasure: Erasure) -> Destroyed:
    """Nothing is left to destroy: the certificate of the erasure that did it, its pages written again."""
    certificate = last_certificate(warehouse.ledger.leaves(), warehouse.documents, erasure)
    if certificate is None:
        raise Refused("erase-nothing", space=erasure.space)
    return _written(warehouse, certificate)


def _written(warehouse: Warehouse, certificate: SignedDocument) -> Destroyed:
    over = content_id(certificate.body).removeprefix("sha256:")
    folder = warehouse.controller / FOLDER / f"erasure-{over[:16]}"
    private_folder(folder)
    replace_private(folder / "certificate.json", certificate.data)
    for language in ("en", "fr"):
        words = package_data.toml(f"locale/erasure.{language}.toml")
        replace_private(folder / f"certificate.{language}.md", page(certificate, words).encode())
    return Destroyed(certificate=certificate, folder=folder)


def page(certificate: SignedDocument, words: Mapping[str, Any]) -> str:
    """The certificate as Markdown, in the language of ``words`` (``locale/erasure.<language>.toml``)."""
    body, said = certificate.body, words["page"]
    last = body["last_backup"]
    facts = {
        "controller": body["controller"],
        "warehouse": body["warehouse"],
        "space": body["space"],
        "reach": said[f"reach-{body['reach']}"],
        "epochs": ", ".join(str(epoch) for epoch in body["epochs"]),
        "snapshots": str(len(body["snapshots"])),
        "keys": str(len(body["keys"])),
        "destroyed": body["destroyed"],
        "presented": ", ".join(body["backups"]["presented"]) or said["none"],
        "declared": ", ".join(body["backups"]["declared"]) or said["none"],
        "last-backup": f"{last['id']} ({last['taken']})" if last else said["none"],
        "stays": ", ".join(said[f"stays-{name}"] for name in body.get("stays", ())),
        "document": body["document"],
        "ledger": f"{body['ledger']['intent']} / {body['ledger']['size']}",
        "signers": ", ".join(signature.actor for signature in certificate.signatures),
    }
    rows = "\n".join(f"| {said[name]} | {value} |" for name, value in facts.items() if value)
    names = "\n".join(f"- `{name}`" for name in body["keys"])
    limits = "\n".join(f"- {limit}" for limit in words["limits"])
    return (
        f"# {said['title']}\n\n| | |\n|---|---|\n{rows}\n\n## {said['limits']}\n\n{limits}\n\n"
        f"## {said['key-names']}\n\n{names}\n\n{said['check']}\n"
    )
