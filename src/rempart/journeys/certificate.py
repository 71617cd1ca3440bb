# SPDX-License-Identifier: Apache-2.0
"""The proof around a move's certificate: two leaves of the ledger, the officers' document, a signed checkpoint. Checked offline.

Needs the JSON and the ledger's public key from elsewhere; the inventory, where it lies beside, is hashed again as well.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.proofs import leaf_hash, verify_inclusion
from rempart.errors import NotTrusted, RempartError
from rempart.journeys.cutover import OFFICERS
from rempart.journeys.cutover import SCHEMA as CUTOVER
from rempart.journeys.migration import root_of
from rempart.migration.certificate import SCHEMA
from rempart.migration.inventory import Entry, Inventory
from rempart.ports.ledger import Ledger
from rempart.records.canonical import content_id, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.signature import verify

PROOF = "rempart.move-proof/1"
KIND = "certificate"
_FORM = (KeyError, TypeError, ValueError, AttributeError, binascii.Error)


def build_proof(ledger: Ledger, body: Mapping[str, Any], *, index: int, signed: bytes) -> dict[str, Any]:
    """The certificate with what proves it. ``index``: of the leaf that names it; ``signed``: the cut-over's document."""
    checkpoint = ledger.checkpoint()
    size = int(checkpoint.split("\n")[1])
    return {
        "schema": PROOF,
        "certificate": dict(body),
        "checkpoint": checkpoint,
        "leaf": _included(ledger, index, size),
        "cutover": _included(ledger, int(body["cutover"]["index"]), size),
        "document": base64.b64encode(signed).decode(),
    }


def _included(ledger: Ledger, index: int, size: int) -> dict[str, Any]:
    (leaf,) = ledger.leaves(index, index + 1)
    path = [base64.b64encode(item).decode() for item in ledger.inclusion(index, size)]
    return {"index": index, "leaf": base64.b64encode(leaf).decode(), "inclusion": path}


def check_proof(proof: Any, *, origin: str, public: bytes) -> Mapping[str, Any]:
    """The certificate's body, once everything around it holds.

    Raises NotTrusted ``move-certificate``, ``inclusion-proof``, ``checkpoint-…``, ``signature``.
    """
    try:
        if proof["schema"] != PROOF or proof["certificate"]["schema"] != SCHEMA:
            raise NotTrusted("move-certificate", what="schema")
        checkpoint = parse_and_verify(proof["checkpoint"], origin, public)
        body = proof["certificate"]
        named = _event(proof["leaf"], checkpoint)
        cutover = _event(proof["cutover"], checkpoint)
        signed = base64.b64decode(proof["document"], validate=True)
        _check_leaves(body, named, cutover, index=proof["cutover"]["index"])
        _check_document(body, cutover, signed)
    except _FORM as error:
        raise NotTrusted("move-certificate", what="form") from error
    return dict(body)


def check_listed(body: Mapping[str, Any], entries: Sequence[Any]) -> None:
    """The inventory beside the certificate is the certified one; raises NotTrusted ``move-certificate``."""
    try:
        listed = Inventory(Entry(str(name), int(size), str(sha256)) for name, size, sha256 in entries)
    except (*_FORM, RempartError) as error:
        raise NotTrusted("move-certificate", what="inventory") from error
    found = {"root": root_of(listed), "objects": len(listed), "bytes": listed.bytes}
    if found != body["source"] or found != body["target"]:
        raise NotTrusted("move-certificate", what="inventory")


def _event(told: Mapping[str, Any], checkpoint: Checkpoint) -> LedgerEvent:
    leaf = base64.b64decode(told["leaf"], validate=True)
    path = [base64.b64decode(item, validate=True) for item in told["inclusion"]]
    index = told["index"]
    if type(index) is not int:
        raise NotTrusted("move-certificate", what="index")
    verify_inclusion(leaf=leaf_hash(leaf), index=index, size=checkpoint.size, proof=path, root=checkpoint.root)
    return LedgerEvent.from_leaf(leaf)


def _check_leaves(body: Mapping[str, Any], named: LedgerEvent, cutover: LedgerEvent, *, index: int) -> None:
    """One leaf names this certificate, the other is the effect of the cut-over that it tells of, with both inventories."""
    if (named.kind, named.fact("certificate"), named.fact("move")) != (KIND, content_id(body), body["move"]):
        raise NotTrusted("move-certificate", what="leaf")
    told = (cutover.kind, cutover.phase, cutover.fact("move"), cutover.fact("from"), cutover.fact("to"), index)
    if told != ("cutover", "effect", body["move"], body["from"]["name"], body["to"]["name"], body["cutover"]["index"]):
        raise NotTrusted("move-certificate", what="cutover")
    facts = (cutover.fact("inventory"), cutover.fact("objects"), cutover.fact("bytes"), cutover.time)
    count = (str(body["source"]["objects"]), str(body["source"]["bytes"]), body["cutover"]["time"])
    if body["source"] != body["target"] or facts != (body["source"]["root"], *count):
        raise NotTrusted("move-certificate", what="inventories")


def _check_document(body: Mapping[str, Any], cutover: LedgerEvent, data: bytes) -> None:
    """The document that the cut-over's leaf names, signed by each officer of the certificate over the same inventory."""
    signed = SignedDocument.from_bytes(data, schema=CUTOVER)
    wanted = (sha256_id(data), body["cutover"]["document"], body["move"], body["source"]["root"])
    if (cutover.fact("document"), cutover.fact("document"), signed.body["move"], signed.body["inventory"]) != wanted:
        raise NotTrusted("move-certificate", what="document")
    publics = {officer["actor"]: base64.b64decode(officer["public"]) for officer in body["cutover"]["officers"]}
    for one in signed.signatures:
        verify(one, public=publics[one.actor], alg="ed25519", over=signed.over)
    if len({one.actor for one in signed.signatures}) < OFFICERS or len(set(publics.values())) < OFFICERS:
        raise NotTrusted("move-certificate", what="officers")
