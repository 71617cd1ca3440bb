# SPDX-License-Identifier: Apache-2.0
"""The key broker itself: grants by rule and ledger, data keys within a grant, signatures by the system keys.

Holds open keys in memory, so it lives in the broker's process alone. It knows no socket, file, thread or clock of its own.
"""

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from rempart.errors import NotTrusted, Refused
from rempart.keys import erasure, rotation
from rempart.keys.broker_book import BrokerBook
from rempart.keys.envelope import NONCE_BYTES, unwrap, wrap
from rempart.keys.grant_rules import Rules, Scope, Use, decide
from rempart.keys.intents import Proofs, open_intent
from rempart.keys.node import NodeProof, Nonces, check_proof, seal, secrets_question, unwrap_question
from rempart.keys.node_register import KIND as NODE_KIND
from rempart.keys.node_register import DeclaredNode, declared_node
from rempart.keys.project_guard import WATCHED
from rempart.keys.system_signer import SystemSigner
from rempart.keys.table_keys import TableKeys
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.event import LedgerEvent
from rempart.records.omop import TableLayout
from rempart.records.sealed import KeyContext
from rempart.records.trust import TrustFile

REFERENCE_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the broker is given: its ports, the rule tables, the layouts, the warehouse's id. ``trust``: every version, oldest first, the
    chain proven; ``node_allowed``: raises Refused for a node's signed body that may not compute that day; ``fresh``: raises Refused
    where witnesses have been silent for too long."""

    ledger: Ledger
    documents: Documents
    trust: Callable[[], Sequence[TrustFile]]
    clock: Clock
    randomness: Randomness
    rules: Rules
    layouts: Mapping[str, TableLayout]
    warehouse: str
    node_allowed: Callable[[Mapping[str, Any], datetime.date], None]
    fresh: Callable[[Proofs], None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class _Grant:
    """``request``: what was asked for; ``read``: how many leaves were known when the grant was last judged."""

    request: GrantRequest
    scope: Scope
    node: DeclaredNode
    read: int
    given: set[KeyContext] = field(default_factory=set)


class KeyBroker:
    """What stands behind ports.broker.Broker in its own process: ``adapters.broker_client`` proves the node when it asks and opens what
    it is answered; ``status`` and ``lock`` belong to the process."""

    def __init__(self, keys: TableKeys, signer: SystemSigner, surroundings: Surroundings) -> None:
        self._keys, self._signer, self._around = keys, signer, surroundings
        self._book = BrokerBook(
            ledger=surroundings.ledger,
            documents=surroundings.documents,
            trust=surroundings.trust,
            clock=surroundings.clock,
            randomness=surroundings.randomness,
        )
        self._nonces = Nonces()
        self._grants: dict[str, _Grant] = {}

    def grant(self, request: GrantRequest, *, uses: int = 1, proof: NodeProof) -> list[str]:
        """References for the node that ``proof`` is by. The ``key-grant`` leaf is in the ledger before a reference leaves; a refusal is
        there before it is told."""
        references = [self._around.randomness.bytes(REFERENCE_BYTES).hex() for _ in range(uses)]
        digests = [_digest(reference) for reference in references]
        with self._book.refusals(node=proof.node, intent=request.intent):
            fresh = self._nonces.check(proof, self._around.clock.now())
            scope, node = self._book.append_decided(lambda proofs: self._decided(request, uses, proof, proofs, digests))
            self._nonces.keep(fresh)
        for digest in digests:
            self._grants[digest] = _Grant(request=request, scope=scope, node=node, read=len(self._events))
        return references

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> bytes:
        """The data keys, sealed to the grant's node as the answer to this question. One reference gives each data key once."""
        grant = self._live(reference)
        contexts = [context for context, _ in items]
        self._check(grant, contexts, "read")
        grant.given |= set(contexts)
        self._keys.unlock("table", *(context.kek for context in contexts))
        keys = [unwrap(self._kek(context), blob, context=context.associated_data()) for context, blob in items]
        return seal(grant.node.node, keys, unwrap_question(reference, items))

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port. Absent table keys are made and saved first."""
        contexts = [context for context, _ in items]
        self._check(self._live(reference), contexts, "write")
        names = [context.kek for context in contexts]
        erasure.check_new(self._events, dict.fromkeys(names))
        keks = self._keys.ensure("table", *names)
        nonce = self._around.randomness.bytes
        return [
            wrap(kek, key, context=context.associated_data(), nonce=nonce(NONCE_BYTES))
            for kek, (context, key) in zip(keks, items, strict=True)
        ]

    def secrets(self, reference: str, names: Sequence[str]) -> bytes:
        """The secrets, sealed to the grant's node as the answer to this question. ``identity`` belongs to the warehouse."""
        grant = self._live(reference)
        with self._refusals(grant):
            for name in names:
                if name not in grant.scope.secrets:
                    raise Refused("grant-secret", secret=name)
        keys = [self._secret(grant.scope, name) for name in names]
        return seal(grant.node.node, keys, secrets_question(reference, names))

    def rewrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]], epoch: int) -> list[bytes]:
        """See the port. Every table key of a batch is opened, or made, in one call to the key store."""
        intent = self._intent(reference, rotation.whole_space)
        before, after = rotation.epochs_of(intent)
        contexts = [context for context, _ in items]
        space = intent.fact("space") or ""
        rotation.check_items(contexts, space=space, warehouse=self._around.warehouse, before=before)
        if epoch != after:
            raise Refused("rotation-epochs", space=space)
        places = dict.fromkeys((context.table, context.sibling) for context in contexts)
        old, new = ([f"{space}/{table}/{sibling}/{n}" for table, sibling in places] for n in (before, after))
        erasure.check_new(self._events, new)
        self._keys.ensure("table", *new)
        self._keys.unlock("table", *old)
        nonce = self._around.randomness.bytes
        return rotation.rewrapped(items, epoch=after, key_of=self._kek, nonce=nonce)

    def rewrap_root(self, reference: str) -> int:
        """See the port."""
        if self._live(reference).scope.kind != "root-rotation":
            raise Refused("grant-kind", kind=self._live(reference).scope.kind)
        return self._keys.renew()

    def key_names(self, space: str) -> list[str]:
        """See the port."""
        tables = erasure.doomed_tables(self._keys.names("table"), space=space, reach=erasure.SPACE, epochs=())
        return [*tables, *erasure.doomed_secrets(self._keys.names("secret"), space=space, reach=erasure.SPACE)]

    def erase(self, reference: str) -> list[str]:
        """See the port. What the intent names and the officers' document repeats is destroyed, nothing else."""
        intent = self._intent(reference, erasure.whole_space)
        space, reach = intent.fact("space") or "", intent.fact("reach") or ""
        epochs = erasure.epochs_of(intent)
        tables = erasure.doomed_tables(self._keys.names("table"), space=space, reach=reach, epochs=epochs)
        secrets = erasure.doomed_secrets(self._keys.names("secret"), space=space, reach=reach)
        self._keys.destroy({"table": tables, "secret": secrets})
        gone = [digest for digest, grant in self._grants.items() if any(use[0] == space for use in grant.scope.uses)]
        for digest in gone if reach == erasure.SPACE else ():
            del self._grants[digest]
        return [*tables, *secrets]

    def sign(self, purpose: str, over: str) -> str:
        """See the port."""
        return self._signer.sign(purpose, over)

    def forget(self) -> None:
        """Drop every open key and every reference."""
        self._grants.clear()
        self._keys.forget()

    def _intent(self, reference: str, use: Callable[[str], Use]) -> LedgerEvent:
        """The open intent behind a reference that was granted ``use`` of the space that the intent names."""
        scope = self._live(reference).scope
        intent = self._events[scope.intent]
        if use(intent.fact("space") or "") not in scope.uses:
            raise Refused("grant-scope", use="/".join(use(intent.fact("space") or "")))
        return intent

    def _secret(self, scope: Scope, name: str) -> bytes:
        space = name.rpartition("/")[0] or "warehouse"
        if scope.writes_in(space):
            return self._keys.ensure("secret", name)[0]
        return self._keys.need("secret", name)

    def _kek(self, context: KeyContext) -> bytes:
        kek = self._keys.get("table", context.kek)
        if kek is None:
            raise NotTrusted("wrapped-key")
        return kek

    def _check(self, grant: _Grant, contexts: Sequence[KeyContext], mode: str) -> None:
        """Every key lies within the grant, and none is asked for twice."""
        with self._refusals(grant):
            for context in contexts:
                mine = context.warehouse == self._around.warehouse
                if not mine or not grant.scope.allows(context.space, context.table, context.sibling, mode):
                    raise Refused("grant-scope", use=f"{context.space}/{context.table}/{context.sibling}/{mode}")
            if mode == "read" and (len(set(contexts)) != len(contexts) or grant.given & set(contexts)):
                raise Refused("grant-spent")

    def _live(self, reference: str) -> _Grant:
        """The grant behind a reference whose intent is still open, young, whose permit has not ended, and that nothing which came to the
        ledger since takes away: a freeze, an act on its project, a node or a person withdrawn."""
        grant = self._grants.get(_digest(reference))
        if grant is None:
            raise Refused("grant-spent")
        now, events = self._around.clock.now(), self._book.read()
        with self._refusals(grant):
            open_intent(events, grant.scope.intent, now=now, hours=self._around.rules.hours)
            _check_until(grant.scope, now.date())
            grant.node.check_valid_on(now.date())
            size, new = len(events), {event.kind for event in events[grant.read :]}
            if new & {NODE_KIND, "person"}:
                grant.node = self._node(self._book.proofs(), grant.node.node.declaration.name)
            if new & WATCHED and grant.scope.until is not None:  # of a permit
                grant.scope = self._judge(grant.request, self._book.proofs())
            grant.read = size
        return grant

    def _judge(self, request: GrantRequest, proofs: Proofs) -> Scope:
        """What every rule allows of a request on the ledger as it stands."""
        return decide(request, proofs, rules=self._around.rules, layouts=self._around.layouts)

    def _refusals(self, grant: _Grant) -> AbstractContextManager[None]:
        return self._book.refusals(node=grant.node.node.declaration.name, intent=grant.scope.intent)

    @property
    def _events(self) -> list[LedgerEvent]:
        return self._book.events

    def _decided(
        self, request: GrantRequest, uses: int, proof: NodeProof, proofs: Proofs, digests: Sequence[str]
    ) -> tuple[tuple[Scope, DeclaredNode], LedgerEvent]:
        """What is granted to whom, and the trace that says so: node, its key, then permit, job and logged intent."""
        node = self._node(proofs, proof.node)
        check_proof(proof, node.node, request, uses)
        self._around.fresh(proofs)
        scope = self._judge(request, proofs)
        erasure.check_kept(proofs.events, scope.uses)
        told = (
            *(f"grant:{digest}" for digest in digests),
            f"node:{proof.node}",
            *(f"use:{'/'.join(use)}" for use in sorted(scope.uses)),
            *(f"secret:{name}" for name in sorted(scope.secrets)),
        )
        trace = self._book.event(
            "key-grant", "effect", objects=told, basis=scope.basis, of=scope.intent, actor=scope.actor
        )
        return (scope, node), trace

    def _node(self, proofs: Proofs, name: str) -> DeclaredNode:
        """The node as it is declared, once it may compute."""
        found = declared_node(proofs, name)
        self._around.node_allowed(found.node.body, proofs.today)
        return found


def _digest(reference: str) -> str:
    return "sha256:" + hashlib.sha256(reference.encode()).hexdigest()


def _check_until(scope: Scope, today: datetime.date) -> None:
    if scope.until is not None and today > scope.until:
        raise Refused("permit-expired", permit=scope.basis.partition(":")[2], date=scope.until.isoformat())
