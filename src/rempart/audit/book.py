# SPDX-License-Identifier: Apache-2.0
"""The log opened for the rules: its events, which leaf closes which intent, the permits it granted, the trust of each moment.

Reads documents through the function it is given; a document that does not prove itself is a fact for the rules, not a crash.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rempart.audit.leaf_columns import Columns, Events
from rempart.audit.sorted_leaves import SortedLeaves, sort_leaves
from rempart.errors import NotTrusted, RempartError
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.amendment import in_force
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.policy import Form
from rempart.records.project import ProjectTable
from rempart.records.sealed import SpaceCommit
from rempart.records.signature import Signature
from rempart.records.trust import TrustEntry, TrustFile

T = TypeVar("T")
__all__ = ["Book", "Events", "Grant", "day_of", "instant", "open_book", "permit_id"]


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

    def number_at(self, index: int) -> int:
        """How many further versions had taken effect at a leaf."""
        return sum(effect <= index for effect, _ in self.later) if self.later else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the rules read. ``leaves``: sorted, each looked at once; ``projects``: the states of projects; ``policy_form``: the fields of a
    policy; ``contents``: what a permit holds; ``checks``: ``host`` and ``node`` → raises for a declaration's body that does not allow
    what was done on a day; ``root_at``: the log's root at a size; ``known``: what was asked before."""

    leaves: SortedLeaves
    trusts: Sequence[TrustFile]
    trust_first: str
    layouts: Mapping[str, TableLayout]
    projects: ProjectTable
    policy_form: Form
    contents: Mapping[str, Any]
    fetch: Callable[[str], bytes]
    check_manifest: Callable[[SpaceCommit], None] | None
    now: datetime.datetime
    settings: Mapping[str, int]
    checks: Mapping[str, Callable[[Mapping[str, Any], datetime.date], object]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    root_at: Callable[[int], bytes] = bytes
    known: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def once(self, asked: tuple[object, ...], find: Callable[[], T]) -> T:
        """What ``find`` says, found when it is first asked."""
        if asked not in self.known:
            self.known[asked] = find()
        found: T = self.known[asked]
        return found

    @property
    def events(self) -> Events:
        """Index → event, unreadable and purged leaves left out."""
        return self.leaves.events

    @property
    def ends(self) -> Mapping[int, int]:
        """Intent → the leaf that closes it."""
        return self.leaves.ends

    @property
    def purged(self) -> Sequence[int]:
        """Leaves whose content is gone."""
        return self.leaves.purged

    def of_kind(self, kind: str, phase: str) -> Iterator[tuple[int, LedgerEvent]]:
        """Index and event of every leaf of that kind and phase, in order."""
        return iter(self.once((kind, phase), lambda: list(self.leaves.named((kind,), phases=(phase,)))))

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
        before = [at for at, _ in self.of_kind("person", "intent") if at < index and not self.failed(at)]
        newest = self.once(("trust", len(before)), lambda: self._newest(before))
        if newest is None:
            raise NotTrusted("trust-form")
        return newest

    def _newest(self, persons: Sequence[int]) -> TrustFile | None:
        versions = {trust.id: trust for trust in self.trusts}
        named = [self.events[index].fact("trust") for index in persons]
        before = [versions[trust] for trust in named if trust in versions]
        return max(before, key=lambda trust: trust.version, default=versions.get(self.trust_first))

    def failed(self, intent: int) -> bool:
        """Whether an intent was closed by a failure."""
        return intent in self.leaves.failures

    def document(self, event: LedgerEvent, fact: str, schema: str) -> SignedDocument:
        """The signed document that a leaf names; raises Missing or NotTrusted."""
        self.counts["documents"] += 1
        name = event.fact(fact) or ""
        return self.once((schema, name), lambda: SignedDocument.from_bytes(self.fetch(name), schema=schema))

    def signers(self, index: int, signed: SignedDocument, role: str) -> list[TrustEntry]:
        """Everyone who signed, each proven to hold ``role`` on the leaf's day; raises NotTrusted, Refused ``role-missing``."""
        trust = self.trust_at(index)
        on = trust.moment(instant(self.events[index]))
        if not signed.signatures:
            raise NotTrusted("signature-form")
        self.counts["signatures"] += len(signed.signatures)
        return [self._signer(trust, one, signed.over, role, on) for one in signed.signatures]

    def _signer(self, trust: TrustFile, one: Signature, over: str, role: str, on: datetime.datetime) -> TrustEntry:
        asked = (id(trust), one, over, role, on)  # the book keeps each trust file as long as it lives
        return self.once(asked, lambda: trust.check(one, over=over, role=role, on=on))

    def grants(self) -> dict[str, Grant]:
        """Permit id → the first grant that took effect and whose document can be read; proven by rules of their own."""
        return self.once(("grants",), self._grants)

    def _grants(self) -> dict[str, Grant]:
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


def open_book(told: Columns, *, now: datetime.datetime | None, **given: Any) -> Book:
    """The book of a log by its leaves as they were read; those that cannot be are left out. ``now``: default the youngest leaf's time."""
    leaves = sort_leaves(told)
    return Book(leaves=leaves, now=now or leaves.youngest(), **given)


def instant(event: LedgerEvent) -> datetime.datetime:
    """The leaf's time, UTC."""
    return datetime.datetime.fromisoformat(event.time)


def day_of(event: LedgerEvent) -> datetime.date:
    """The leaf's day, UTC."""
    return instant(event).date()


def permit_id(event: LedgerEvent) -> str | None:
    """The permit on whose basis a leaf stands, or None."""
    return named_permit(event.basis)


def named_permit(basis: str) -> str | None:
    """The permit that a basis names, or None."""
    kind, _, name = basis.partition(":")
    return name if kind == "permit" else None
