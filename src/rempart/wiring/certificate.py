# SPDX-License-Identifier: Apache-2.0
"""``rempart migrate certificate``: gathers what the ledger and the target say now, has the ledger name it, writes the files."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.move_folder import CUT, INVENTORY, ORDER, MoveFolder
from rempart.adapters.private_file import replace_private
from rempart.errors import BadInput, Missing, Refused
from rempart.journeys import chain
from rempart.journeys.certificate import KIND, build_proof, check_listed, check_proof
from rempart.journeys.cutover import cutover_of
from rempart.journeys.migration import prove_log, root_of, take_inventory
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.migration.certificate import Afterwards, Count, certificate_body, page
from rempart.migration.order import MoveOrder, MoveReport
from rempart.records.canonical import content_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.wiring.migration import evidence, host_of, move_folder
from rempart.wiring.warehouse import Warehouse

FILE = "certificate.json"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """The certificate, its id, and the folder that holds it with its pages and the inventory."""

    body: Mapping[str, Any]
    document: str
    folder: Path


def certify(warehouse: Warehouse, *, move: str, to: Path | None) -> Certified:
    """Make the certificate of a move that was cut over; raises Refused ``certificate-early``, NotTrusted, BadInput ``file-unwritable``."""
    place = move_folder(warehouse, move)
    order = MoveOrder.from_dict(place.read(ORDER))
    log = events(warehouse.ledger)
    found = cutover_of(log, move)
    if found is None:
        raise Refused("certificate-early", move=move)
    index, effect = found
    report = MoveReport.from_dict(place.read(CUT))
    signed = warehouse.documents.get(effect.fact("document") or "")
    body = certificate_body(
        order,
        report,
        _afterwards(warehouse, order, log, index),
        controller=warehouse.configuration.controller,
        made=warehouse.recorder.clock.now().isoformat(),
        kept=_size_and_root(order.kept),
        cutover={"index": index, "time": effect.time, "document": effect.fact("document")}
        | _officers(warehouse, signed),
    )
    check_listed(body, place.read(INVENTORY))
    document, objects = content_id(body), [f"move:{move}", f"certificate:{content_id(body)}"]
    with recorded(warehouse.recorder, KIND, basis=f"operation:{KIND}", objects=objects) as act:
        pass
    proof = build_proof(warehouse.ledger, body, index=act.index, signed=signed)
    folder = to or place.root / "certificate"
    _write(folder, place, proof, document)
    return Certified(body=body, document=document, folder=folder)


def check_certificate(file: Path, *, origin: str, public: bytes) -> Certified:
    """Check a certificate and, where it lies beside, its inventory; raises Missing ``file-absent``, BadInput ``move-form``, NotTrusted."""
    body = check_proof(_read(file), origin=origin, public=public)
    beside = file.parent / INVENTORY
    if beside.is_file():
        check_listed(body, _read(beside))
    return Certified(body=body, document=content_id(body), folder=file.parent)


def _afterwards(warehouse: Warehouse, order: MoveOrder, log: list[LedgerEvent], index: int) -> Afterwards:
    leaves = warehouse.ledger.leaves()
    whole = prove_log(evidence(warehouse, order), origin=order.origin, public=order.ledger_public)
    now = take_inventory(
        host_of(warehouse, order.target), whole, warehouse=order.warehouse, vault_public=order.vault_public
    )
    spaces = [space for space in chain.spaces(warehouse.ledger) if space in chain.written(leaves[:index])]
    epochs = [(_epoch(leaves[:index], space), _epoch(leaves, space)) for space in spaces]
    erased = [e.fact("certificate") for e in log[index:] if (e.kind, e.phase) == (chain.ERASURE, "effect")]
    return Afterwards(
        now=Count(root=root_of(now), objects=len(now), bytes=now.bytes),
        spaces=len(spaces),
        rotated=sum(after > before for before, after in epochs),
        erasures=[name for name in erased if name],
        deletion=_deletion(log, order.move),
    )


def _epoch(leaves: list[bytes], space: str) -> int:
    return chain.snapshots_in(leaves, space)[-1].current.epoch


def _deletion(log: list[LedgerEvent], move: str) -> tuple[int, int, str] | None:
    """What the last deletion of this move came to."""
    asked = {i for i, e in enumerate(log) if (e.kind, e.phase, e.fact("move")) == ("deletion", "intent", move)}
    ends = [e for e in log if e.kind == "deletion" and e.phase == "effect" and e.of in asked]
    if not ends:
        return None
    total = sum(int(e.fact("asked") or 0) for e in ends)
    return total, int(ends[-1].fact("left") or 0), ends[-1].time


def _officers(warehouse: Warehouse, data: bytes) -> dict[str, Any]:
    """Who signed the cut-over, and with which public key."""
    signed = SignedDocument.from_bytes(data, schema="rempart.cutover/1")
    names = {one.actor for one in signed.signatures}
    keys = {entry.actor: entry.public for entry in warehouse.trust.entries if entry.actor in names}
    return {"officers": [{"actor": actor, "public": public} for actor, public in sorted(keys.items())]}


def _size_and_root(checkpoint: str) -> tuple[int, str]:
    """Of a checkpoint that was proven when the move was planned."""
    _, size, root = checkpoint.split("\n")[:3]
    return int(size), "sha256:" + base64.b64decode(root).hex()


def _write(folder: Path, place: MoveFolder, proof: Mapping[str, Any], document: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = json.dumps(proof, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        replace_private(folder / FILE, data)
        replace_private(folder / INVENTORY, (place.root / INVENTORY).read_bytes())
        for language in LANGUAGES:
            words = package_data.toml(f"locale/move.{language}.toml")
            text = page(proof["certificate"], document=document, words=words)
            replace_private(folder / f"certificate.{language}.md", text.encode())
    except OSError as error:
        raise BadInput("file-unwritable", file=folder.name) from error


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise Missing("file-absent", file=file.name) from error
    except ValueError as error:
        raise BadInput("move-form", expected=file.name) from error
