# SPDX-License-Identifier: Apache-2.0
"""The third-country order report: everything that a host could hand over, object by object, each with what proves it ciphertext.

Checked offline from its own bytes: officers' signatures, the manifests' clear lists with the vault's signature, and every part
found in one of them by name, size and SHA-256. It shows what the host held when it was read; it cannot show that the host
keeps no copy of anything else.
"""

import base64
import binascii
import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, RempartError
from rempart.hosts.clear_forms import Clear, even, read_clear, sealed_form
from rempart.records.canonical import content_id, parse_canonical
from rempart.records.document import SignedDocument
from rempart.records.signature import Signature, verify
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import check_chain, quorum_signers

SCHEMA = "rempart.order-report/1"
OFFICERS = 2
_VAULT = "vault"
_BODY = {"schema", "warehouse", "host", "made", "ledger", "vault_public", "trust", "manifests", "objects", "missing"}
_PROOFS = {
    "part": {"listed", "unlisted"},
    "manifest": {"committed", "signed"},
    "keyring": {"committed", "form"},
    "pointer": {"form"},
    "foreign": {"none", "altered"},
}
_BAD = (RempartError, KeyError, TypeError, ValueError, IndexError, AttributeError, binascii.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An object as it was read whole: its hash, its first byte, whether its byte values are as even as random ones; ``clear`` for
    the small kinds."""

    name: str
    size: int
    sha256: str
    first: int
    even: bool
    clear: Clear | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgered:
    """What the ledger says of the host's objects: hashes of committed manifests and of keyrings; the signed checkpoint's facts."""

    heads: frozenset[str]
    keyrings: frozenset[str]
    origin: str
    size: int
    root: str


def read_object(name: str, size: int, chunks: Iterable[bytes | memoryview], tally: Any) -> Read:
    """What is read of an object in one pass; ``tally`` gives ``update(chunk)``, ``sha256`` and ``histogram``. Manifests, keyrings
    and pointers are kept whole to be parsed, parts are not."""
    kept, first, total = bytearray(), -1, 0
    for chunk in chunks:
        first = chunk[0] if first < 0 and chunk else first
        total += len(chunk)
        tally.update(chunk)
        if name[:2] in {"m/", "s/"}:
            kept += chunk
    clear = read_clear(name, bytes(kept)) if kept else None
    return Read(name=name, size=total, sha256=tally.sha256, first=first, even=even(tally.histogram), clear=clear)


def report_body(
    objects: Sequence[Read],
    ledgered: Ledgered,
    *,
    warehouse: str,
    host: str,
    made: datetime.datetime,
    vault_public: bytes,
    trust_first: str,
    padme: Callable[[int], int],
) -> dict[str, Any]:
    """The body to sign. Objects are sorted by name: ``[name, size, sha256, kind, proof]``."""
    manifests = {item.name: item for item in objects if item.clear and _signed(item.clear, vault_public)}
    listed = _lists(item.clear.fields["objects"] for item in manifests.values() if item.clear)
    held = [[o.name, o.size, o.sha256, *_proof(o, ledgered, manifests, listed, padme)] for o in objects]
    committed = [m for m in manifests.values() if m.sha256 in ledgered.heads and m.clear]
    wanted = {str(entry[0]) for m in committed if m.clear for entry in m.clear.fields["objects"]}
    return {
        "schema": SCHEMA,
        "warehouse": warehouse,
        "host": host,
        "made": made.isoformat(),
        "ledger": {"origin": ledgered.origin, "size": ledgered.size, "root": ledgered.root},
        "vault_public": base64.b64encode(vault_public).decode(),
        "trust": trust_first,
        "manifests": [_told(manifests[name]) for name in sorted(manifests)],
        "objects": sorted(held),
        "missing": sorted(wanted - {item.name for item in objects}),
    }


def summary(body: Mapping[str, Any]) -> dict[str, Any]:
    """Counts by kind and proof; ``ciphertext``: nothing foreign and nothing altered was found."""
    counts = Counter(f"{kind}-{proof}" for *_, kind, proof in body["objects"])
    foreign = [name for name, _, _, kind, _ in body["objects"] if kind == "foreign"]
    return {
        "objects": len(body["objects"]),
        "bytes": sum(size for _, size, *_ in body["objects"]),
        "proofs": dict(sorted(counts.items())),
        "foreign": foreign,
        "missing": list(body["missing"]),
        "ciphertext": not foreign,
    }


def report_pack(signed: SignedDocument, trusts: Sequence[TrustFile]) -> dict[str, Any]:
    """What is written to a file: the signed report and the trust files that say who its officers are."""
    return {"document": parse_canonical(signed.data, what="report"), "trust": [trust.as_dict() for trust in trusts]}


def verify_report(pack: Mapping[str, Any], *, trust_first: str | None, vault_public: bytes | None) -> dict[str, Any]:
    """The body, once everything in it holds by itself.

    ``trust_first``, ``vault_public``: what the reader knows from elsewhere; None: the reader compares what is returned himself.
    Raises NotTrusted ``order-report-form``, ``order-report-signature``, ``order-report-proof``.
    """
    try:
        body, signatures = pack["document"]["body"], pack["document"]["signatures"]
        trusts = [TrustFile.from_dict(item) for item in pack["trust"]]
        over, made = content_id(body), datetime.datetime.fromisoformat(body["made"])
        if set(body) != _BODY or body["schema"] != SCHEMA or made.tzinfo is None:
            raise NotTrusted("order-report-form")
        public = base64.b64decode(body["vault_public"], validate=True)
        signed = [Signature.from_dict(item) for item in signatures]
    except _BAD as error:
        raise NotTrusted("order-report-form") from error
    _check_pins(body, trust_first, vault_public, public)
    _check_officers(trusts, signed, over=over, first=body["trust"], made=made)
    try:
        _check_objects(body, public)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise NotTrusted("order-report-form") from error
    return dict(body)


def _signed(clear: Clear, public: bytes) -> bool:
    if clear.kind != "manifest":
        return False
    try:
        _check_manifest(clear.fields, clear.signature, public)
    except NotTrusted:
        return False
    return True


def _check_manifest(outer: Mapping[str, Any], signature: str, public: bytes) -> None:
    over = content_id(outer)
    verify(Signature(alg="ed25519", actor=_VAULT, over=over, sig=signature), public=public, alg="ed25519", over=over)


def _lists(lists: Iterable[Iterable[Sequence[Any]]]) -> dict[str, tuple[int, str]]:
    return {str(name): (int(size), str(sha256)) for entries in lists for name, size, sha256 in entries}


def _proof(
    item: Read,
    ledgered: Ledgered,
    manifests: Mapping[str, Read],
    listed: Mapping[str, tuple[int, str]],
    padme: Callable[[int], int],
) -> tuple[str, str]:
    """Kind and proof of one object."""
    if item.name in manifests:
        return "manifest", "committed" if item.sha256 in ledgered.heads else "signed"
    if item.clear is not None and item.clear.kind == "keyring":
        return "keyring", "committed" if item.sha256 in ledgered.keyrings else "form"
    if item.clear is not None and item.clear.kind == "pointer":
        return "pointer", "form"
    if item.name in listed and listed[item.name] != (item.size, item.sha256):
        return "foreign", "altered"
    if item.name[:2] == "o/" and sealed_form(item.size, item.first, padme) and item.even:
        return "part", "listed" if item.name in listed else "unlisted"
    return "foreign", "none"


def _told(item: Read) -> dict[str, Any]:
    clear = item.clear
    outer, signature = (dict(clear.fields), clear.signature) if clear else ({}, "")
    return {"name": item.name, "sha256": item.sha256, "outer": outer, "signature": signature}


def _check_pins(body: Mapping[str, Any], trust_first: str | None, vault_public: bytes | None, public: bytes) -> None:
    if trust_first not in {None, body["trust"]} or vault_public not in {None, public}:
        raise NotTrusted("order-report-signature")


def _check_officers(
    trusts: Sequence[TrustFile], signed: Sequence[Signature], *, over: str, first: str, made: datetime.datetime
) -> None:
    trust = check_chain(trusts, first=first)
    if len(quorum_signers(signed, over=over, trust=trust, on=trust.moment(made))) < OFFICERS:
        raise NotTrusted("order-report-signature")


def _check_objects(body: Mapping[str, Any], public: bytes) -> None:
    """Each proof that is claimed holds: signed lists, parts in them, kinds and proofs that there are, each name once."""
    names = [item[0] for item in body["objects"]]
    if names != sorted(set(names)):
        raise NotTrusted("order-report-form")
    for manifest in body["manifests"]:
        try:
            _check_manifest(manifest["outer"], manifest["signature"], public)
        except NotTrusted as error:
            raise NotTrusted("order-report-proof", object=str(manifest["name"])) from error
    listed = _lists(manifest["outer"]["objects"] for manifest in body["manifests"])
    proven = {(manifest["name"], manifest["sha256"]) for manifest in body["manifests"]}
    for name, size, sha256, kind, proof in body["objects"]:
        good = type(size) is int and type(sha256) is str and proof in _PROOFS[kind]
        good = good and (proof != "listed" or listed.get(name) == (size, sha256))
        good = good and (kind != "manifest" or (name, sha256) in proven)
        if not good:
            raise NotTrusted("order-report-proof", object=str(name)[:40])
