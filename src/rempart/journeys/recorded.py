# SPDX-License-Identifier: Apache-2.0
"""Every act is written before its effect: an intent leaf, then one effect or failed leaf that closes it.

A kill between the two leaves an open intent, which the audit reports; nothing here decides what is allowed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rempart.errors import RempartError, Unavailable
from rempart.ports.ledger import Ledger
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.event import LedgerEvent, Phase
from rempart.records.ledger_time import in_time

_TRIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """What writing a leaf needs. ``actor`` is already salted; ``told``: called with each leaf and its index once it stands."""

    ledger: Ledger
    clock: Clock
    randomness: Randomness
    told: Callable[[int, LedgerEvent], None] = lambda _, __: None

    def event(
        self,
        kind: str,
        phase: Phase,
        *,
        basis: str,
        objects: Sequence[str],
        actor: str = "",
        of: int | None = None,
        trace: bool = False,
    ) -> LedgerEvent:
        """A leaf with this instant and a fresh salt."""
        return LedgerEvent(
            kind=kind,
            event_class="trace" if trace else "act",
            phase=phase,
            of=of,
            actor=actor or "salted:system",
            basis=basis,
            objects=tuple(objects),
            time=self.clock.now().isoformat(),
            salt=self.randomness.bytes(16).hex(),
        )

    def append(self, event: LedgerEvent) -> int:
        """Append one leaf whatever its index; raises Unavailable ``ledger-moved`` after many lost races."""
        for _ in range(_TRIES):
            try:
                index = self.append_at(self.ledger.size(), [event])
            except Unavailable as error:
                if error.code != "ledger-moved":
                    raise
            else:
                self.told(index, event)
                return index
        raise Unavailable("ledger-moved")

    def append_at(self, size: int, events: Sequence[LedgerEvent]) -> int:
        """Append to exactly the log of ``size`` leaves, none older than its last; the index of the first.

        Raises Unavailable ``ledger-moved``, ``clock-behind``.
        """
        last = [LedgerEvent.from_leaf(leaf) for leaf in self.ledger.leaves(size - 1, size)] if size else [None]
        return self.ledger.append(size, [event.leaf() for event in in_time(events, last[0])])


@dataclass(slots=True, kw_only=True)
class Act:
    """An open intent; ``say`` adds facts to the leaf that will close it."""

    index: int
    basis: str
    actor: str
    kind: str
    said: list[str] = field(default_factory=list)

    def say(self, name: str, value: str | int) -> None:
        """Add the fact ``name:value``."""
        self.said.append(f"{name}:{value}")


@contextmanager
def recorded(
    recorder: Recorder,
    kind: str,
    *,
    basis: str,
    objects: Sequence[str],
    actor: str = "",
    event_class: Literal["act", "trace"] = "act",
) -> Iterator[Act]:
    """Run the body between an intent and its end; an error is recorded by family and code, then raised again."""
    trace = event_class == "trace"
    index = recorder.append(recorder.event(kind, "intent", basis=basis, objects=objects, actor=actor, trace=trace))
    act = Act(index=index, basis=basis, actor=actor, kind=kind)
    try:
        yield act
    except BaseException as error:
        told = (
            f"error:{error.family}/{error.code}"
            if isinstance(error, RempartError)
            else f"error:defect/{type(error).__name__}"
        )
        recorder.append(recorder.event(kind, "failed", basis=basis, objects=[told], actor=actor, of=index, trace=trace))
        if isinstance(error, RempartError):
            error.recorded = True
        raise
    recorder.append(recorder.event(kind, "effect", basis=basis, objects=act.said, actor=actor, of=index, trace=trace))
