# SPDX-License-Identifier: Apache-2.0
"""What the ledger and its signed documents prove about a request: an open intent, a permit valid today, a signed study.

Reads leaves that the ledger port has checked; believes no database row and no argument.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import Missing, NotTrusted, Refused, RempartError
from rempart.ports.documents import Documents
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.amendment import in_force
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import SCHEMA as PERMIT_SCHEMA
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.project_log import done
from rempart.records.signature import Signature, verify
from rempart.records.trust import TrustEntry, TrustFile

CLOCK_SKEW = datetime.timedelta(minutes=5)
_UTC = "+00:00"
_TRUST_KINDS = frozenset({"init", "person"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What a request is judged on. ``events``: every leaf of the ledger in order; ``versions``: of the trust file, oldest first,
    their chain proven; ``now``: an instant in UTC."""

    events: Sequence[LedgerEvent]
    documents: Documents
    versions: Sequence[TrustFile]
    now: datetime.datetime

    @property
    def trust(self) -> TrustFile:
        """The newest version."""
        return self.versions[-1]

    @property
    def today(self) -> datetime.date:
        """The day in UTC."""
        return self.now.date()

    def trust_at(self, index: int) -> TrustFile:
        """The newest version that the ledger names before leaf ``index``; the first to begin with."""
        named = {event.fact("trust") for event in self.events[:index] if event.kind in _TRUST_KINDS}
        return next((trust for trust in reversed(self.versions) if trust.id in named), self.versions[0])

    def moment(self, index: int) -> datetime.datetime:
        """The instant at which to judge leaf ``index``: what it says, but never before the trust file that was then in force, nor before
        a leaf that it follows, so that whoever holds a revoked or an expired key gains nothing by an old date."""
        return self.trust_at(index).moment(self._not_before(index))

    def _not_before(self, index: int) -> datetime.datetime:
        """The latest instant that leaf ``index`` or one before it says; of those before, none beyond now. Texts of one form sort as
        their instants."""
        said = datetime.datetime.fromisoformat(self.events[index].time)
        latest = max(event.time.removesuffix(_UTC) for event in self.events[: index + 1])
        return max(said, min(datetime.datetime.fromisoformat(latest + _UTC), self.now))


def open_intent(events: Sequence[LedgerEvent], index: int, *, now: datetime.datetime, hours: int) -> LedgerEvent:
    """The intent at ``index``, still open and younger than ``hours``.

    Raises Refused ``grant-no-intent``, ``grant-closed`` or ``grant-old``.
    """
    if not 0 <= index < len(events) or events[index].phase != "intent":
        raise Refused("grant-no-intent", intent=index)
    intent = events[index]
    if _ends(events, index):
        raise Refused("grant-closed", intent=index)
    age = now - datetime.datetime.fromisoformat(intent.time)
    if not -CLOCK_SKEW <= age <= datetime.timedelta(hours=hours):
        raise Refused("grant-old", intent=index, hours=hours)
    return intent


def valid_permit(proofs: Proofs, index: int) -> Permit:
    """The permit that the intent at ``index`` rests on: granted in the ledger, signed by the committee, valid today, in the version in
    force now.

    Raises Refused ``grant-basis``, ``grant-no-permit``, ``grant-unsigned``, ``permit-expired`` or ``permit-not-yet``, ``grant-act-lost``;
    NotTrusted.
    """
    intent = proofs.events[index]
    prefix, _, name = intent.basis.partition(":")
    if prefix != "permit":
        raise Refused("grant-basis", kind=intent.kind, basis=intent.basis)
    granted = index if intent.kind == "permit" else _permit_leaf(proofs.events[:index], intent.basis)
    permit = _permit_of(proofs, granted)
    if permit.id != name:
        raise Refused("grant-no-permit", permit=name)
    permit = in_force(permit, _amended(proofs, intent.basis))
    permit.check_valid_on(proofs.today)
    return permit


def _permit_of(proofs: Proofs, index: int) -> Permit:
    """The permit that a leaf names, signed by the committee."""
    document = signed_document(proofs, proofs.events[index], fact="permit", schema=PERMIT_SCHEMA)
    require_signature(proofs, document, role="committee", on=proofs.moment(index))
    return permit_from_dict(document.body)


def _amended(proofs: Proofs, basis: str) -> Iterator[Permit]:
    """Later versions in order. One that proves nothing has no effect; one whose document is gone stops: what it narrowed is not known."""
    for index, intent, _, _ in done(proofs.events):
        if (intent.kind, intent.basis) != (AMENDMENT, basis):
            continue
        try:
            yield _permit_of(proofs, index)
        except RempartError as error:
            if gone(error):
                raise Refused("grant-act-lost", leaf=index, reason=error.code) from error


def gone(error: RempartError) -> bool:
    """Whether a document is absent or altered, rather than untrue."""
    return isinstance(error, Missing) or error.code == "document-altered"


def signed_document(proofs: Proofs, leaf: LedgerEvent, *, fact: str, schema: str) -> SignedDocument:
    """The document that ``leaf`` names by ``fact``; raises Refused ``grant-no-document``, Missing or NotTrusted."""
    name = leaf.fact(fact)
    if name is None:
        raise Refused("grant-no-document", kind=leaf.kind, document=fact)
    return SignedDocument.from_bytes(proofs.documents.get(name), schema=schema)


def require_signature(
    proofs: Proofs,
    document: SignedDocument,
    *,
    role: str,
    on: datetime.datetime,
    permit: Permit | None = None,
    count: int = 1,
) -> None:
    """Signatures by ``count`` holders of ``role`` at that instant, named in ``permit`` where one is given; a false signature is an alarm.

    Raises Refused ``grant-unsigned``, ``grant-signatures`` or ``permit-person``; NotTrusted ``signature`` or ``actor-unknown``.
    """
    signers = []
    for signature in document.signatures:
        try:
            signers.append(proofs.trust.check(signature, over=document.over, role=role, on=on).actor)
        except Refused as error:
            if error.code != "role-missing":
                raise
    if not signers:
        raise Refused("grant-unsigned", role=role)
    if len(set(signers)) < count:
        raise Refused("grant-signatures", role=role, count=count)
    if permit is not None and not set(signers) & set(permit.persons):
        raise Refused("permit-person", permit=permit.id, actor=signers[0])


_RESULTS = {"study": "result", "code-job": "files"}
"""Kinds that end with something to look at, and the fact of their effect that names it."""


def require_result(proofs: Proofs, intent: LedgerEvent) -> None:
    """A study, or a researcher's own code, under the same permit has ended with a result (the one the intent names, if it names one)."""
    wanted = intent.fact("result")
    for event in proofs.events:
        if event.kind in _RESULTS and event.phase == "effect" and event.basis == intent.basis:
            result = event.fact(_RESULTS[event.kind])
            if result is not None and wanted in {None, result}:
                return
    raise Refused("grant-no-result", kind=intent.kind)


def require_protocol(proofs: Proofs, index: int, study: str) -> None:
    """The study with that content id was frozen under the permit of the intent at ``index``, before it; Refused ``grant-not-frozen``."""
    basis, before = proofs.events[index].basis, proofs.events[:index]
    for event in before:
        if (event.kind, event.phase, event.basis) == ("protocol", "effect", basis):
            intent = before[-1 if event.of is None else event.of]
            if (intent.kind, intent.basis, intent.fact("protocol")) == ("protocol", basis, study):
                return
    raise Refused("grant-not-frozen", study=study[:23])


def check_trust(events: Sequence[LedgerEvent], versions: Sequence[TrustFile]) -> tuple[int, ...]:
    """No version of the trust file that the ledger proves is absent, and the newest one was named in it.

    A leaf that names a version which is not there counts when its signatures are by officers enough of the newest one: it was taken
    away. Without them anybody could have written the leaf: it blocks nobody, and its index is returned, to be told. Raises
    NotTrusted ``trust-rolled-back``.
    """
    known, named, doubtful = {trust.id for trust in versions}, set(), []
    for index, event in enumerate(events):
        version = event.fact("trust") if event.kind in _TRUST_KINDS and event.phase == "intent" else None
        if version is None:
            continue
        named.add(version)
        if version not in known and [end.phase for end in _ends(events, index)][:1] == ["effect"]:
            if _signers(event, version, versions[-1]) >= versions[-1].quorum:
                raise NotTrusted("trust-rolled-back", version=versions[-1].version)
            doubtful.append(index)
    if named & known and versions[-1].id not in named:
        raise NotTrusted("trust-rolled-back", version=versions[-1].version)
    return tuple(doubtful)


def _signers(event: LedgerEvent, version: str, trust: TrustFile) -> int:
    """How many officers of ``trust`` signed the version that a leaf names: the leaf carries their signatures."""
    officers = [entry for entry in trust.entries if "officer" in entry.roles and entry.revoked is None]
    return len(signed_by(officers, event, over=version))


def signed_by(officers: Iterable[TrustEntry], event: LedgerEvent, *, over: str) -> set[str]:
    """Public keys of those among ``officers`` whose signatures over ``over`` the leaf carries."""
    signed = set()
    for entry in officers:
        for sig in event.facts("signature"):
            try:
                made = Signature(alg=entry.alg, actor=entry.actor, over=over, sig=sig)
                verify(made, public=entry.public_bytes, alg=entry.alg, over=over)
                signed.add(entry.public)
            except NotTrusted:
                continue
    return signed


def _ends(events: Sequence[LedgerEvent], index: int) -> list[LedgerEvent]:
    kind = events[index].kind
    return [event for event in events[index + 1 :] if event.of == index and event.kind == kind]


def _permit_leaf(before: Sequence[LedgerEvent], basis: str) -> int:
    """Index of the newest grant of that permit that did not fail."""
    for index in range(len(before) - 1, -1, -1):
        leaf = before[index]
        granting = leaf.kind == "permit" and leaf.phase == "intent" and leaf.basis == basis
        if granting and not any(end.phase == "failed" for end in _ends(before, index)):
            return index
    raise Refused("grant-no-permit", permit=basis.partition(":")[2])


def document_rule(proofs: Proofs, index: int, permit: Permit | None, rule: Mapping[str, str]) -> SignedDocument:
    """The signed document of the intent at ``index`` that a rule wants (``fact``, ``schema``, ``role``, ``count`` of signers): under a
    permit, for it and by a person it names (unless the rule lets an ``outsider`` sign).

    Raises Refused ``grant-other-permit``, ``grant-unsigned``, ``grant-signatures``, ``permit-person``…; NotTrusted.
    """
    document = signed_document(proofs, proofs.events[index], fact=rule["fact"], schema=rule["schema"])
    count = int(rule.get("count", "1"))
    named = None if rule.get("outsider") == "true" else permit
    require_signature(proofs, document, role=rule["role"], on=proofs.moment(index), permit=named, count=count)
    if permit is not None and document.body.get("permit") != permit.id:
        raise Refused("grant-other-permit", permit=permit.id)
    return document
