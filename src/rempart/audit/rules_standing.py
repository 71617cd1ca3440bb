# SPDX-License-Identifier: Apache-2.0
"""Did what the house's policy asks for stand when data were opened: versions of permits, trained persons, decisions, public entries?"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rempart.audit.book import Book, day_of, instant, permit_id
from rempart.audit.findings import Bad
from rempart.audit.rules_policy import policy_at
from rempart.errors import NotTrusted, RempartError
from rempart.records import attestation, register, system_approval
from rempart.records import incident as incidents
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.amendment import check_amends
from rempart.records.attestation import Attestation
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.policy import KIND as POLICY
from rempart.records.system_approval import SystemApproval

_READERS: Mapping[str, Callable[..., Any]] = {
    attestation.KIND: attestation.read_attestation,
    register.KIND: register.read_entry,
    system_approval.KIND: system_approval.read_approval,
}
_PEOPLE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "study": ("study", ("rempart.study/1",)),
    "fingerprint": ("study", ("rempart.study/1",)),
    "code-job": ("job", ("rempart.job/1",)),
    "submission": ("document", ("rempart.submission/1", "rempart.submission/2")),
    "vote": ("document", ("rempart.vote/1", "rempart.vote/2")),
    "decision": ("document", ("rempart.consolidation/1",)),
    "withdrawal": ("document", ("rempart.withdrawal/1",)),
    "second-look": ("document", ("rempart.second-look/1",)),
}
"""Kinds of acts of a person who works: the fact that names what was signed, and its forms."""
_WORK = frozenset({"study", "code-job", "submission", "release"})


def standing_document(book: Book) -> Iterator[Bad]:
    """A training, a charter, a decision on the warehouse or a public entry that took effect is signed by those who may."""
    for kind in _READERS:
        for index, event, _, _ in book.done(kind):
            try:
                told = _read(book, kind, index, event)
                if kind == register.KIND and told["permit"] != permit_id(event):
                    raise NotTrusted("document-form", expected=register.SCHEMA)
            except RempartError as error:
                yield index, {"kind": kind, "code": error.code}


def amendment_chain(book: Book) -> Iterator[Bad]:
    """Each version of a permit was signed by the committee, follows the one before and gives no more."""
    grants = book.grants()
    for index, event, _, _ in book.done(AMENDMENT):
        name = permit_id(event) or "?"
        try:
            signed = book.document(event, "permit", "rempart.permit/1")
            book.signers(index, signed, "committee")
            if name not in grants:
                raise NotTrusted("document-form", expected="rempart.permit/1")
            check_amends(grants[name].at(index), _version(signed))
        except RempartError as error:
            yield index, {"permit": name, "code": error.code}


def _version(signed: SignedDocument) -> Permit:
    return permit_from_dict(signed.body)


def attested(book: Book) -> Iterator[Bad]:
    """Who signed a study or a job, or submitted, voted, decided or looked, was trained and had signed the charter, as the policy of the
    moment asked."""
    found = _papers(book, attestation.KIND) if _asked(book) else []
    for kind in _PEOPLE if _asked(book) else ():
        for index, event, _, _ in book.done(kind):
            policy = policy_at(book, index)
            asked = {"charter": policy.text("persons.charter"), "months": policy.number("persons.training_months")}
            before: list[Attestation] = [told for end, told in found if end < index]
            for actor in _signers(book, event, kind):
                for what in attestation.lacking(before, actor, day_of(event), **asked):  # type: ignore[arg-type]
                    yield index, {"kind": kind, "actor": actor, "what": what}


def _signers(book: Book, event: LedgerEvent, kind: str) -> list[str]:
    """Names under the document of an act; none where it cannot be read, which other rules name."""
    fact, schemas = _PEOPLE[kind]
    for schema in schemas:
        try:
            return [one.actor for one in book.document(event, fact, schema).signatures]
        except RempartError:
            continue
    return []


def approval_standing(book: Book) -> Iterator[Bad]:
    """No dataset was granted while a decision that the policy asked for did not stand."""
    found = _papers(book, system_approval.KIND) if _asked(book) else []
    for index, event, _, _ in book.done("permit") if _asked(book) else ():
        before: list[SystemApproval] = [told for end, told in found if end < index]
        for what in system_approval.missing(before, policy_at(book, index).names("permits.approvals"), day_of(event)):
            yield index, {"permit": permit_id(event) or "?", "what": what}


def register_before(book: Book) -> Iterator[Bad]:
    """Nothing was done on a permit before its project stood in the public register, where the policy asked for that."""
    entered: dict[str, int] = {}
    for end, told in _papers(book, register.KIND) if _asked(book) else ():
        entered.setdefault(str(told["permit"]), end)
    for kind in sorted(_WORK) if _asked(book) else ():
        for index, event, _, _ in book.done(kind):
            name = permit_id(event) or "?"
            late = entered.get(name, index) >= index
            if late and policy_at(book, index).flag("register.before_opening"):
                yield index, {"permit": name, "kind": kind}


def _asked(book: Book) -> bool:
    """Whether the house ever decided anything; else nothing is asked, and nothing read."""
    return any(True for _ in book.done(POLICY))


def _papers(book: Book, kind: str) -> list[tuple[int, Any]]:
    """(effect, document) of that kind, in order; one that proves nothing is left out (standing-document names it)."""
    found = []
    for index, event, end, _ in book.done(kind):
        try:
            found.append((end, _read(book, kind, index, event)))
        except RempartError:
            continue
    return sorted(found, key=lambda one: one[0])


def _read(book: Book, kind: str, index: int, event: LedgerEvent) -> Any:
    """The document of a leaf, proven once for the rules that ask."""
    return book.once((kind, index), lambda: _proven(book, kind, index, event))


def _proven(book: Book, kind: str, index: int, event: LedgerEvent) -> Any:
    trust = book.trust_at(index)
    book.counts["documents"] += 1
    on: datetime.datetime = trust.moment(instant(event))
    return _READERS[kind](book.fetch(event.fact("document") or ""), trust=trust, on=on)


def incident_chain(book: Book) -> Iterator[Bad]:
    """Each version of an incident was signed by an officer and follows the one before."""
    versions: dict[str, int] = {}
    done = [one for kind in (incidents.KIND, incidents.FOLLOWED) for one in book.done(kind)]
    for index, event, _, _ in sorted(done, key=lambda one: one[2]):
        name = event.fact("incident") or "?"
        try:
            trust = book.trust_at(index)
            data = book.fetch(event.fact("document") or "")
            told = incidents.read_incident(data, trust=trust, on=trust.moment(instant(event)))
            if (told.id, told.version) != (name, versions.get(name, 0) + 1):
                raise NotTrusted("document-form", expected=incidents.SCHEMA)
            versions[name] = told.version
        except RempartError as error:
            yield index, {"incident": name, "code": error.code}


def incident_clock(book: Book) -> Iterator[Bad]:
    """No clock of an incident is over with nobody told: by the last version that proves itself, and the policy of its moment."""
    found: dict[str, tuple[int, incidents.Incident]] = {}
    done = [one for kind in (incidents.KIND, incidents.FOLLOWED) for one in book.done(kind)]
    for index, event, _, _ in sorted(done, key=lambda one: one[2]):
        trust = book.trust_at(index)
        try:
            data = book.fetch(event.fact("document") or "")
            told = incidents.read_incident(data, trust=trust, on=trust.moment(instant(event)))
        except RempartError:
            continue  # incident-chain names it
        found[told.id] = (index, told)
    for name, (index, told) in sorted(found.items()):
        policy = policy_at(book, index)
        limits = {clock: policy.number(f"incidents.{field}") for clock, field in incidents.LIMITS.items()}
        for clock, due, met in told.clocks(**limits):
            if met is None and book.now > due:
                yield index, {"incident": name, "clock": clock, "due": due.isoformat()}


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = {
    "standing-document": standing_document,
    "amendment-chain": amendment_chain,
    "attested": attested,
    "approval-standing": approval_standing,
    "register-before": register_before,
    "incident-chain": incident_chain,
    "incident-clock": incident_clock,
}
