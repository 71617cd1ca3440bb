# SPDX-License-Identifier: Apache-2.0
"""A compute node's keys: it asks with one (Ed25519), and what the broker answers is sealed to the other (``keys.hybrid``).

A reference that is overheard opens nothing: the answer is for the node that was granted it, and for that question alone.
Knows no file: ``adapters.node_key`` keeps the private halves.
"""

import base64
import binascii
import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.keys.envelope import KEY_BYTES
from rempart.keys.hybrid import KEM_NAME, PRIVATE_BYTES, make_pair, open_sealed, public_of, seal_to
from rempart.keys.intents import CLOCK_SKEW
from rempart.ports.broker import GrantRequest
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed, sha256_id
from rempart.records.descriptor import NodeDescriptor
from rempart.records.sealed import KeyContext
from rempart.records.signature import Signature, sign, verify

SCHEMA = "rempart.node-key/1"
NONCE_BYTES = 16
_SIGNING_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProof:
    """That whoever asks holds a node's key. ``time``: UTC ISO; ``nonce``: hex, never used twice; ``sig``: base64."""

    node: str
    time: str
    nonce: str
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKey:
    """The private halves of a node called ``name``; they are shown by no representation."""

    name: str
    sealing: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @classmethod
    def fresh(cls, name: str, randomness: Randomness) -> "NodeKey":
        """New keys."""
        return cls(name=name, sealing=make_pair(randomness)[0], signing=randomness.bytes(_SIGNING_BYTES))

    @classmethod
    def from_bytes(cls, data: bytes) -> "NodeKey":
        """From what ``as_bytes`` wrote; raises NotTrusted ``node-key-form``."""
        try:
            told = json.loads(data)
            sealing, signing = (base64.b64decode(told[key], validate=True) for key in ("sealing", "signing"))
            known = told["schema"] == SCHEMA and told["kem"] == KEM_NAME
            lengths = (len(sealing), len(signing)) == (PRIVATE_BYTES, _SIGNING_BYTES)
            if known and lengths and isinstance(told["name"], str):
                return cls(name=told["name"], sealing=sealing, signing=signing)
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            raise NotTrusted("node-key-form") from error
        raise NotTrusted("node-key-form")

    def as_bytes(self) -> bytes:
        """Canonical JSON, for a private file."""
        halves = {"sealing": _text(self.sealing), "signing": _text(self.signing)}
        return canonical_bytes({"schema": SCHEMA, "kem": KEM_NAME, "name": self.name, **halves})

    def public(self) -> dict[str, str]:
        """The public halves as a descriptor names them: ``kem``, ``hpke``, ``signing``; base64."""
        signing = self._private().public_key().public_bytes_raw()
        return {"kem": KEM_NAME, "hpke": _text(public_of(self.sealing)), "signing": _text(signing)}

    def prove(self, request: GrantRequest, uses: int, *, clock: Clock, randomness: Randomness) -> NodeProof:
        """A proof for exactly this request, now."""
        time, nonce = clock.now().isoformat(), randomness.bytes(NONCE_BYTES).hex()
        over = asked(request, uses, node=self.name, time=time, nonce=nonce)
        made = sign(self._private(), actor=_actor(self.name), over=over)
        return NodeProof(node=self.name, time=time, nonce=nonce, sig=made.sig)

    def open(self, sealed: bytes, question: bytes, count: int) -> list[bytes]:
        """The ``count`` keys of an answer to ``question``; raises NotTrusted ``node-answer``."""
        try:
            joined = open_sealed(self.sealing, sealed, info=_info(self.name, question))
        except NotTrusted as error:
            raise NotTrusted("node-answer") from error
        if len(joined) != count * KEY_BYTES:
            raise Unavailable("broker-answer")
        return [joined[at : at + KEY_BYTES] for at in range(0, len(joined), KEY_BYTES)]

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.signing)


def seal(node: NodeDescriptor, keys: Sequence[bytes], question: bytes) -> bytes:
    """32-byte keys for that node alone, as the answer to ``question`` alone; raises NotTrusted ``hybrid-key``."""
    if node.kem != KEM_NAME:
        raise NotTrusted("hybrid-key")
    return seal_to(node.hpke_bytes, b"".join(keys), info=_info(node.declaration.name, question))


def check_proof(proof: NodeProof, node: NodeDescriptor, request: GrantRequest, uses: int) -> None:
    """The asker holds the node's key and asked exactly this; raises NotTrusted ``signature``."""
    over = asked(request, uses, node=proof.node, time=proof.time, nonce=proof.nonce)
    signature = Signature(alg="ed25519", actor=_actor(proof.node), over=over, sig=proof.sig)
    verify(signature, public=node.signing_bytes, alg="ed25519", over=over)


class Nonces:
    """Proofs that were used, for as long as an old one could be shown again."""

    def __init__(self) -> None:
        self._used: dict[str, datetime.datetime] = {}

    def check(self, proof: NodeProof, now: datetime.datetime) -> tuple[str, datetime.datetime]:
        """The proof is fresh; raises Refused ``node-proof-old`` or ``node-replayed``."""
        made = _instant(proof.time)
        if made is None or abs(now - made) > CLOCK_SKEW:
            raise Refused("node-proof-old", node=proof.node[:40])
        self._used = {nonce: then for nonce, then in self._used.items() if now - then <= 2 * CLOCK_SKEW}
        if proof.nonce in self._used:
            raise Refused("node-replayed", node=proof.node[:40])
        return proof.nonce, now

    def keep(self, used: tuple[str, datetime.datetime]) -> None:
        """Remember one whose signature held: nobody without a node's key can fill this memory."""
        self._used[used[0]] = used[1]


def asked(request: GrantRequest, uses: int, *, node: str, time: str, nonce: str) -> str:
    """``sha256:…`` of what a node signs when it asks."""
    body: dict[str, object] = {"intent": request.intent, "uses": uses, "node": node, "time": time, "nonce": nonce}
    tables = [list(use) for use in request.tables]
    wanted = {"schema": "rempart.node-ask/1", "tables": tables, "secrets": list(request.secrets)}
    return sha256_id(canonical_bytes({**body, **wanted}))


def unwrap_question(reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> bytes:
    """What an answer to ``unwrap`` is bound to: the reference, every context and every wrapped key, in order."""
    told = hashlib.sha256()
    for context, wrapped in items:
        told.update(length_prefixed("item", context.associated_data(), wrapped))
    return length_prefixed("unwrap", reference, len(items), told.digest())


def secrets_question(reference: str, names: Sequence[str]) -> bytes:
    """What an answer to ``secrets`` is bound to."""
    return length_prefixed("secrets", reference, *names)


def _instant(text: str) -> datetime.datetime | None:
    try:
        told = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if told.utcoffset() is not None else None


def _info(name: str, question: bytes) -> bytes:
    return length_prefixed("rempart.node-answer/1", name, hashlib.sha256(question).digest())


def _actor(name: str) -> str:
    return f"node:{name}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
