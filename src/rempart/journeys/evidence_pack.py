# SPDX-License-Identifier: Apache-2.0
"""An evidence pack: what was found becomes files, a manifest lists them, a leaf of the ledger names it, and its proof lies beside."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.audit import tlog_proof
from rempart.audit.checkpoint import parse_and_verify, unproven
from rempart.audit.evidence_pack import cited_leaves
from rempart.errors import NotTrusted
from rempart.journeys.recorded import Recorder, recorded
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.canonical import canonical_bytes, sha256_id
from rempart.records.event import LedgerEvent
from rempart.records.vkey import ED25519_LOG, VerifierKey

KIND = "evidence-pack"
MANIFEST = "rempart.evidence-manifest/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The log that was looked at: its newest note, name and key then; ``leaves``: as appended, of that size."""

    note: str
    origin: str
    public: bytes
    leaves: Sequence[bytes]

    def head(self) -> dict[str, Any]:
        """Origin, size and root, as a pack tells them; raises NotTrusted ``checkpoint-…``."""
        signed = parse_and_verify(self.note, self.origin, self.public)
        return {"origin": signed.origin, "size": signed.size, "root": base64.b64encode(signed.root).decode()}


def evidence_pack(
    recorder: Recorder,
    documents: Documents,
    *,
    looked: Looked,
    content: Mapping[str, Any],
    tests: Mapping[str, Any],
    texts: Mapping[str, str],
) -> dict[str, bytes]:
    """Every file of the pack, relative path → bytes, once the ledger names it.

    ``content``: what ``pack_content`` gave; ``tests``: the list of tests it was given; ``texts``: further files (pages, verifier).
    """
    ledger = recorder.ledger
    files = {
        "pack.json": canonical_bytes(dict(content)),
        "tests.json": canonical_bytes(dict(tests)),
        "public.txt": (VerifierKey(name=looked.origin, kind=ED25519_LOG, public=looked.public).line + "\n").encode(),
        "ledger/checkpoint": looked.note.encode(),
        **{name: text.encode() for name, text in texts.items()},
        **_proofs(ledger, looked, cited_leaves(content)),
    }
    hashes = {path: sha256_id(data) for path, data in sorted(files.items())}
    manifest = canonical_bytes({"schema": MANIFEST, "files": hashes, "log": looked.head()})
    return {**files, "manifest.json": manifest, **_named(recorder, looked, documents.put(manifest))}


def _proofs(ledger: Ledger, looked: Looked, cited: Sequence[int]) -> dict[str, bytes]:
    """A proof of each cited leaf under the checkpoint that was looked at."""
    size = unproven(looked.note).size
    return {
        f"proofs/{index}.tlog-proof": tlog_proof.build(
            leaf=looked.leaves[index],
            index=index,
            inclusion=ledger.inclusion(index, size),
            checkpoint=looked.note,
        ).encode()
        for index in cited
    }


def _named(recorder: Recorder, looked: Looked, manifest: str) -> dict[str, bytes]:
    """What lies beside the manifest: the proof of the leaf that names it, and that the log grew from the one that was looked at."""
    fact = f"manifest:{manifest}"
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=[fact]) as act:
        act.say("manifest", manifest)
    ledger, note = recorder.ledger, recorder.ledger.checkpoint()
    size = unproven(note).size
    leaves = ledger.leaves(act.index, size)
    found = [n for n, leaf in enumerate(leaves, act.index) if _closes(leaf, act.index, fact)]
    if not found:
        raise NotTrusted("event-form", kind=KIND)
    index = found[0]
    proof = tlog_proof.build(
        leaf=leaves[index - act.index], index=index, inclusion=ledger.inclusion(index, size), checkpoint=note
    )
    grown = ledger.consistency(unproven(looked.note).size, size)
    lines = "".join(base64.b64encode(item).decode() + "\n" for item in grown)
    return {"manifest.tlog-proof": proof.encode(), "ledger/consistency": lines.encode()}


def _closes(leaf: bytes, intent: int, fact: str) -> bool:
    event = LedgerEvent.from_leaf(leaf)
    return (event.kind, event.phase, event.of) == (KIND, "effect", intent) and fact in event.objects
