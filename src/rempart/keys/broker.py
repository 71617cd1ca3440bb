# SPDX-License-Identifier: Apache-2.0
"""The key broker itself: grants by rule and ledger, data keys within a grant, signatures by the system keys.

Holds open keys in memory, so it lives in the broker's process alone. It knows no socket, file, thread or clock of its own.
"""

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.keys import erasure, rotation
from rempart.keys.envelope import NONCE_BYTES, unwrap, wrap
from rempart.keys.grant_rules import Rules, Scope, Use, decide
from rempart.keys.intents import Proofs, check_trust, open_intent
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
_TRIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the broker is given: its ports, the rule table, the layouts, the warehouse's id."""

    ledger: Ledger
    documents: Documents
    trust: Callable[[], TrustFile]
    clock: Clock
    randomness: Randomness
    rules: Rules
    layouts: Mapping[str, TableLayout]
    warehouse: str


@dataclass(slots=True)
class _Grant:
    scope: Scope
    given: set[KeyContext] = field(default_factory=set)


class KeyBroker:
    """Implements ports.broker.Broker but for ``status`` and ``lock``, which belong to its process."""

    def __init__(self, keys: TableKeys, signer: SystemSigner, surroundings: Surroundings) -> None:
        self._keys, self._signer, self._around = keys, signer, surroundings
        self._events: list[LedgerEvent] = []
        self._grants: dict[str, _Grant] = {}

    def grant(self, request: GrantRequest, *, uses: int = 1) -> list[str]:
        """See the port. The ``key-grant`` leaf is in the ledger before a reference leaves."""
        references = [self._around.randomness.bytes(REFERENCE_BYTES).hex() for _ in range(uses)]
        scope = self._logged(request, [_digest(reference) for reference in references])
        for reference in references:
            self._grants[_digest(reference)] = _Grant(scope)
        return references

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port. One reference gives each data key once."""
        grant = self._live(reference)
        contexts = [context for context, _ in items]
        self._check(grant.scope, contexts, "read")
        if len(set(contexts)) != len(contexts) or grant.given & set(contexts):
            raise Refused("grant-spent")
        grant.given |= set(contexts)
        self._keys.unlock("table", *(context.kek for context in contexts))
        return [unwrap(self._kek(context), blob, context=context.associated_data()) for context, blob in items]

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port. Absent table keys are made and saved first."""
        scope = self._live(reference).scope
        contexts = [context for context, _ in items]
        self._check(scope, contexts, "write")
        names = [context.kek for context in contexts]
        erasure.check_new(self._events, dict.fromkeys(names))
        keks = self._keys.ensure("table", *names)
        nonce = self._around.randomness.bytes
        return [
            wrap(kek, key, context=context.associated_data(), nonce=nonce(NONCE_BYTES))
            for kek, (context, key) in zip(keks, items, strict=True)
        ]

    def secrets(self, reference: str, names: Sequence[str]) -> list[bytes]:
        """See the port. ``identity`` belongs to the warehouse."""
        scope = self._live(reference).scope
        for name in names:
            if name not in scope.secrets:
                raise Refused("grant-secret", secret=name)
        return [self._secret(scope, name) for name in names]

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
        return self._keys.rewrap()

    def key_names(self, space: str) -> list[str]:
        """See the port."""
        tables = erasure.doomed_tables(self._keys.names("table"), space=space, reach=erasure.SPACE, epochs=())
        return [*tables, *erasure.doomed_secrets(self._keys.names("secret"), space=space, reach=erasure.SPACE)]

    def erase(self, reference: str) -> list[str]:
        """See the port. What the intent names and the officers' document repeats is destroyed, nothing else."""
        intent = self._intent(reference, erasure.whole_space)
        space, reach = intent.fact("space") or "", intent.fact("reach") or ""
        epochs = [int(epoch) for epoch in intent.facts("epoch")]
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

    def _check(self, scope: Scope, contexts: Sequence[KeyContext], mode: str) -> None:
        for context in contexts:
            mine = context.warehouse == self._around.warehouse
            if not mine or not scope.allows(context.space, context.table, context.sibling, mode):
                raise Refused("grant-scope", use=f"{context.space}/{context.table}/{context.sibling}/{mode}")

    def _live(self, reference: str) -> _Grant:
        """The grant behind a reference whose intent is still open, young, and whose permit has not ended."""
        grant = self._grants.get(_digest(reference))
        if grant is None:
            raise Refused("grant-spent")
        now = self._around.clock.now()
        open_intent(self._read_ledger(), grant.scope.intent, now=now, hours=self._around.rules.hours)
        _check_until(grant.scope, now.date())
        return grant

    def _logged(self, request: GrantRequest, digests: Sequence[str]) -> Scope:
        """Decide on the newest ledger and append the trace to exactly that ledger; a lost race decides again."""
        for _ in range(_TRIES):
            proofs = self._proofs()
            check_trust(proofs.events, proofs.trust)
            scope = decide(request, proofs, rules=self._around.rules, layouts=self._around.layouts)
            erasure.check_kept(proofs.events, scope.uses)
            trace = self._trace(scope, digests, proofs.now)
            try:
                self._around.ledger.append(len(self._events), [trace.leaf()])
            except Unavailable as error:
                if error.code != "ledger-moved":
                    raise
                continue
            self._events.append(trace)
            return scope
        raise Unavailable("ledger-moved")

    def _trace(self, scope: Scope, digests: Sequence[str], now: datetime.datetime) -> LedgerEvent:
        return LedgerEvent(
            kind="key-grant",
            event_class="trace",
            phase="effect",
            of=scope.intent,
            actor=scope.actor,
            basis=scope.basis,
            objects=(
                *(f"grant:{digest}" for digest in digests),
                *(f"use:{'/'.join(use)}" for use in sorted(scope.uses)),
                *(f"secret:{name}" for name in sorted(scope.secrets)),
            ),
            time=now.isoformat(),
            salt=self._around.randomness.bytes(16).hex(),
        )

    def _proofs(self) -> Proofs:
        return Proofs(
            events=self._read_ledger(),
            documents=self._around.documents,
            trust=self._around.trust(),
            now=self._around.clock.now(),
        )

    def _read_ledger(self) -> list[LedgerEvent]:
        """The ledger as it stands now; what this process has read before is never read again, so it cannot be rewritten."""
        size = self._around.ledger.size()
        if size < len(self._events):
            raise NotTrusted("ledger-shrunk", size=size, expected=len(self._events))
        new = self._around.ledger.leaves(len(self._events), size)
        self._events.extend(LedgerEvent.from_leaf(leaf) for leaf in new)
        return self._events


def _digest(reference: str) -> str:
    return "sha256:" + hashlib.sha256(reference.encode()).hexdigest()


def _check_until(scope: Scope, today: datetime.date) -> None:
    if scope.until is not None and today > scope.until:
        raise Refused("permit-expired", permit=scope.basis.partition(":")[2], date=scope.until.isoformat())
