# SPDX-License-Identifier: Apache-2.0
"""The log opened for the rules: its events, which leaf closes which intent, the permits it granted, the trust of each moment.

Reads documents through the function it is given; a document that does not prove itself is a fact for the rules, not a crash.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rempart.errors import NotTrusted, RempartError
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.amendment import in_force
from rempart.records.document import SignedDocument
from rempart.records.event import PURGED, LedgerEvent
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.policy import Form
from rempart.records.project import ProjectTable
from rempart.records.sealed import SpaceCommit
from rempart.records.trust import TrustEntry, TrustFile

Events = Mapping[int, LedgerEvent]
Read = LedgerEvent | NotTrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permit that took effect. ``permit``: its first version; ``intent``, ``effect``: leaf indexes; ``later``: leaf at which each further
    version took effect, and that version."""

    permit: Permit
    intent: int
    effect: int
    later: tuple[tuple[int, Permit], ...] = ()

    def at(self, index: int) -> Permit:
        """The version in force at a leaf."""
        return in_force(self.permit, [permit for effect, permit in self.later if effect <= index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the rules read. ``events``: index → event, unreadable leaves left out, and those whose content was ``purged``; ``ends``:
    intent → the leaf that closes it; ``projects``: the states of projects; ``policy_form``: the fields of a policy; ``checks``: ``host``
    and ``node`` → raises for a declaration's body that does not allow what was done on a day; ``root_at``: the log's root at a
    size; ``by_kind``: made when first asked."""

    events: Events
    ends: Mapping[int, int]
    trusts: Sequence[TrustFile]
    trust_first: str
    layouts: Mapping[str, TableLayout]
    projects: ProjectTable
    policy_form: Form
    fetch: Callable[[str], bytes]
    check_manifest: Callable[[SpaceCommit], None] | None
    now: datetime.datetime
    settings: Mapping[str, int]
    checks: Mapping[str, Callable[[Mapping[str, Any], datetime.date], object]] = field(default_factory=dict)
    purged: tuple[int, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    root_at: Callable[[int], bytes] = bytes
    by_kind: dict[tuple[str, str], list[tuple[int, LedgerEvent]]] = field(default_factory=dict)

    def of_kind(self, kind: str, phase: str) -> Iterator[tuple[int, LedgerEvent]]:
        """Index and event of every leaf of that kind and phase, in order."""
        if not self.by_kind and self.events:
            for index, event in self.events.items():
                self.by_kind.setdefault((event.kind, event.phase), []).append((index, event))
        return iter(self.by_kind.get((kind, phase), ()))

    def done(self, kind: str) -> Iterator[tuple[int, LedgerEvent, int, LedgerEvent]]:
        """Each act of that kind that took effect: intent index and event, effect index and event."""
        for index, event in self.of_kind(kind, "intent"):
            end = self.ends.get(index)
            if end is not None and self.events[end].phase == "effect":
                yield index, event, end, self.events[end]

    def trust_at(self, index: int) -> TrustFile:
        """The trust file in force at a leaf: the newest that a ``person`` act named before it; the first to begin with.

        An act that was killed after its file was saved counts, a failed one does not. Raises NotTrusted ``trust-form``.
        """
        versions = {trust.id: trust for trust in self.trusts}
        named = [e.fact("trust") for i, e in self.of_kind("person", "intent") if i < index and not self.failed(i)]
        before = [versions[trust] for trust in named if trust in versions]
        newest = max(before, key=lambda trust: trust.version, default=versions.get(self.trust_first))
        if newest is None:
            raise NotTrusted("trust-form")
        return newest

    def failed(self, intent: int) -> bool:
        """Whether an intent was closed by a failure."""
        end = self.ends.get(intent)
        return end is not None and self.events[end].phase == "failed"

    def document(self, event: LedgerEvent, fact: str, schema: str) -> SignedDocument:
        """The signed document that a leaf names; raises Missing or NotTrusted."""
        self.counts["documents"] += 1
        return SignedDocument.from_bytes(self.fetch(event.fact(fact) or ""), schema=schema)

    def signers(self, index: int, signed: SignedDocument, role: str) -> list[TrustEntry]:
        """Everyone who signed, each proven to hold ``role`` on the leaf's day; raises NotTrusted, Refused ``role-missing``."""
        trust = self.trust_at(index)
        on = trust.moment(instant(self.events[index]))
        if not signed.signatures:
            raise NotTrusted("signature-form")
        self.counts["signatures"] += len(signed.signatures)
        return [trust.check(one, over=signed.over, role=role, on=on) for one in signed.signatures]

    def grants(self) -> dict[str, Grant]:
        """Permit id → the first grant that took effect and whose document can be read; proven by rules of their own."""
        found: dict[str, Grant] = {}
        for index, event, end, _ in self.done("permit"):
            permit = self._permit(event)
            if permit is not None:
                found.setdefault(permit.id, Grant(permit=permit, intent=index, effect=end))
        for _, event, end, _ in self.done(AMENDMENT):
            permit = self._permit(event)
            if permit is not None and permit.id == permit_id(event) and permit.id in found:
                grant = found[permit.id]
                found[permit.id] = replace(grant, later=(*grant.later, (end, permit)))
        return found

    def _permit(self, event: LedgerEvent) -> Permit | None:
        try:
            signed = SignedDocument.from_bytes(self.fetch(event.fact("permit") or ""), schema="rempart.permit/1")
            return permit_from_dict(signed.body)
        except RempartError:
            return None


def read_event(leaf: bytes) -> LedgerEvent:
    """A leaf as an event; raises NotTrusted ``event-form`` or ``not-canonical-bytes``."""
    try:
        return LedgerEvent.from_leaf(leaf)
    except (TypeError, ValueError) as error:
        raise NotTrusted("event-form", kind="?") from error


def read_all(leaves: Sequence[bytes]) -> list[Read]:
    """Each leaf as an event, or what is wrong with it."""
    found: list[Read] = []
    for leaf in leaves:
        try:
            found.append(read_event(leaf))
        except NotTrusted as error:
            found.append(error)
    return found


def open_book(told: Sequence[Read], *, now: datetime.datetime | None, **given: Any) -> Book:
    """The book of a log by its leaves as they were read; those that cannot be are left out. ``now``: default the youngest leaf's time."""
    found = {index: event for index, event in enumerate(told) if isinstance(event, LedgerEvent)}
    events = {index: event for index, event in found.items() if event.kind != PURGED}
    purged = tuple(index for index in found if index not in events)
    youngest = max(map(instant, events.values()), default=datetime.datetime.min.replace(tzinfo=datetime.UTC))
    return Book(events=events, ends=closing(events), now=now or youngest, purged=purged, **given)


def closing(events: Events) -> dict[int, int]:
    """Intent → the first later leaf of its own kind that closes it."""
    ends: dict[int, int] = {}
    for index, event in events.items():
        before = events.get(-1 if event.of is None else event.of)
        if (
            event.of is not None
            and before is not None
            and event.of < index
            and before.kind == event.kind
            and before.phase == "intent"
        ):
            ends.setdefault(event.of, index)
    return ends


def instant(event: LedgerEvent) -> datetime.datetime:
    """The leaf's time, UTC."""
    return datetime.datetime.fromisoformat(event.time)


def day_of(event: LedgerEvent) -> datetime.date:
    """The leaf's day, UTC."""
    return instant(event).date()


def permit_id(event: LedgerEvent) -> str | None:
    """The permit on whose basis a leaf stands, or None."""
    kind, _, name = event.basis.partition(":")
    return name if kind == "permit" else None
