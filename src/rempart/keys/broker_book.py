# SPDX-License-Identifier: Apache-2.0
"""The ledger as the broker reads and writes it: what was read is never read again, a decision is appended to exactly the ledger
it was made on, every refusal leaves a trace, and what nobody signed raises an alarm. Decides nothing about keys.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.keys.intents import Proofs, check_trust
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.event import LedgerEvent, Phase
from rempart.records.ledger_time import in_time
from rempart.records.trust import TrustFile

_TRIES = 200
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
Decision = TypeVar("Decision")


@dataclass(slots=True, kw_only=True)
class BrokerBook:
    """One broker's view. ``trust``: every version, oldest first, the chain proven; ``events``: every leaf read so far."""

    ledger: Ledger
    documents: Documents
    trust: Callable[[], Sequence[TrustFile]]
    clock: Clock
    randomness: Randomness
    events: list[LedgerEvent] = field(default_factory=list)
    _versions: tuple[str, ...] = ()

    def read(self) -> list[LedgerEvent]:
        """The ledger as it stands now; what this process has read before is never read again, so it cannot be rewritten."""
        size = self.ledger.size()
        if size < len(self.events):
            raise NotTrusted("ledger-shrunk", size=size, expected=len(self.events))
        new = self.ledger.leaves(len(self.events), size)
        self.events.extend(LedgerEvent.from_leaf(leaf) for leaf in new)
        return self.events

    def proofs(self) -> Proofs:
        """What a request is judged on now; raises NotTrusted ``trust-rolled-back``, also when a version seen before is gone."""
        events, versions = self.read(), tuple(self.trust())
        ids = tuple(trust.id for trust in versions)
        if ids[: len(self._versions)] != self._versions:
            raise NotTrusted("trust-rolled-back", version=versions[-1].version)
        for index in check_trust(events, versions):
            self.alarm("trust-forged", index)
        self._versions = ids
        return Proofs(events=self.events, documents=self.documents, versions=versions, now=self.clock.now())

    def append_decided(self, decide: Callable[[Proofs], tuple[Decision, LedgerEvent]]) -> Decision:
        """Decide on the newest ledger and append the trace to exactly that ledger; a lost race decides again."""
        for _ in range(_TRIES):
            decision, trace = decide(self.proofs())
            if self._append([trace]):
                return decision
        raise Unavailable("ledger-moved")

    @contextmanager
    def refusals(self, *, node: str, intent: int) -> Iterator[None]:
        """What is refused within leaves a trace that names the rule and the node: an act that nobody else may write down."""
        try:
            yield
        except Refused as error:
            name = node if _NAME.fullmatch(node) else "?"
            told = [f"error:{error.family}/{error.code}", f"node:{name}", f"intent:{intent}"]
            self._pair("refusal", told, trace=True)
            raise

    def alarm(self, code: str, leaf: int) -> None:
        """Say once that a leaf cannot be believed."""
        told = (f"error:{NotTrusted.family}/{code}", f"leaf:{leaf}")
        if not any(event.kind == "alarm" and event.objects == told for event in self.events):
            self._pair("alarm", told, trace=False)

    def event(
        self,
        kind: str,
        phase: Phase,
        *,
        objects: Sequence[str],
        basis: str,
        of: int | None,
        actor: str = "salted:broker",
        trace: bool = True,
    ) -> LedgerEvent:
        """A leaf with this instant and a fresh salt."""
        return LedgerEvent(
            kind=kind,
            event_class="trace" if trace else "act",
            phase=phase,
            of=of,
            actor=actor,
            basis=basis,
            objects=tuple(objects),
            time=self.clock.now().isoformat(),
            salt=self.randomness.bytes(16).hex(),
        )

    def _pair(self, kind: str, objects: Sequence[str], *, trace: bool) -> None:
        """An intent and its effect in one append."""
        basis = f"operation:{kind}"
        for _ in range(_TRIES):
            at = len(self.read())
            begun = self.event(kind, "intent", objects=objects, basis=basis, of=None, trace=trace)
            if self._append([begun, self.event(kind, "effect", objects=(), basis=basis, of=at, trace=trace)]):
                return

    def _append(self, events: Sequence[LedgerEvent]) -> bool:
        """Whether they stand right after what was read."""
        dated = list(in_time(events, self.events[-1] if self.events else None))
        try:
            self.ledger.append(len(self.events), [event.leaf() for event in dated])
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
            return False
        self.events.extend(dated)
        return True
