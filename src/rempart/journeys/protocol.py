# SPDX-License-Identifier: Apache-2.0
"""Freeze a protocol: the signed study file, whole, named in the ledger before anything is read for it; and the chain of its amendments.

A run freezes by itself what nobody froze before, so that no study reads a row whose protocol came later. Decides nothing about data.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import Refused
from rempart.journeys.permits import events, find_permit
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.release import INVENTED
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit
from rempart.records.trust import TrustFile

KIND = "protocol"
_SCHEMA = "rempart.study/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A frozen protocol. ``study``: content id; ``document``: of the signed study; ``leaf``: index of the effect; ``time``: of the intent,
    UTC ISO; ``amends``: content id of the version before, '' in the first; ``anew``: whether this call froze it."""

    study: str
    document: str
    permit: str
    leaf: int
    time: str
    amends: str = ""
    anew: bool = False


def frozen_protocols(log: Sequence[LedgerEvent], *, permit: str = "") -> tuple[Frozen, ...]:
    """Every protocol that was frozen, each by its first freezing, in the order of the ledger; under ``permit`` where one is named."""
    found: dict[tuple[str, str], Frozen] = {}
    for index, event in enumerate(log):
        if (event.kind, event.phase) != (KIND, "effect"):
            continue
        intent = log[event.of or 0]
        name = intent.basis.partition(":")[2]
        study = intent.fact("protocol") or ""
        if permit in {"", name}:
            told = Frozen(
                study=study,
                document=intent.fact("study") or "",
                permit=name,
                leaf=index,
                time=intent.time,
                amends=intent.fact("amends") or "",
            )
            found.setdefault((name, study), told)
    return tuple(found.values())


def freeze(
    ledger: Ledger, recorder: Recorder, documents: Documents, *, signed: SignedDocument, permit: str, actor: str
) -> Frozen:
    """Enter the study's hash in the ledger, once a permit; one that was frozen before stays as it was.

    ``signed``: already checked to be of a person whom ``permit`` names. Raises Refused ``protocol-amends-unknown`` (the version that the
    last amendment names was never frozen under the permit), ``protocol-amends-chain`` (earlier amendments were changed or left out),
    ``protocol-amends-date`` (decided before that version was frozen, or after today), ``protocol-amends-fork`` (another amendment took its
    place before).
    """
    log = events(ledger)
    before = frozen_protocols(log, permit=permit)
    for one in before:
        if one.study == signed.over:
            return one
    amendments = list(signed.body["protocol"].get("amendments", ()))
    amends = str(amendments[-1]["amends"]) if amendments else ""
    if amends and not (log and INVENTED in log[0].objects):
        _check_chain(documents, before, amendments, today=recorder.clock.now().date())
    document = documents.put(signed.data)
    objects = [f"protocol:{signed.over}", f"study:{document}", *([f"amends:{amends}"] if amends else [])]
    with recorded(recorder, KIND, basis=f"permit:{permit}", objects=objects, actor=actor):
        pass
    made = next(one for one in frozen_protocols(events(ledger), permit=permit) if one.study == signed.over)
    return Frozen(
        study=made.study,
        document=made.document,
        permit=permit,
        leaf=made.leaf,
        time=made.time,
        amends=made.amends,
        anew=True,
    )


def permit_of_signer(
    ledger: Ledger, recorder: Recorder, documents: Documents, trust: TrustFile, *, signed: SignedDocument
) -> Permit:
    """The permit that a signed study names, once its signer may use it today; raises Refused ``role-missing``, ``permit-…``, NotTrusted."""
    today = recorder.clock.now().date()
    signer = trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit = find_permit(events(ledger), documents, trust, str(signed.body["permit"]))
    permit.check_valid_on(today)
    permit.check_names(signer.actor)
    return permit


def _check_chain(
    documents: Documents, before: Sequence[Frozen], amendments: Sequence[Mapping[str, Any]], *, today: datetime.date
) -> None:
    last = amendments[-1]
    changed = next((one for one in before if one.study == last["amends"]), None)
    if changed is None:
        raise Refused("protocol-amends-unknown", amends=str(last["amends"])[:23])
    told = frozen_study(documents, changed)["protocol"].get("amendments", ())
    if list(told) != list(amendments[:-1]):
        raise Refused("protocol-amends-chain", amends=changed.study[:23])
    if not changed.time[:10] <= str(last["date"]) <= today.isoformat():
        raise Refused("protocol-amends-date", date=str(last["date"]), frozen=changed.time[:10], today=today.isoformat())
    _check_one_head(documents, before, amendments)


def _check_one_head(documents: Documents, before: Sequence[Frozen], amendments: Sequence[Mapping[str, Any]]) -> None:
    """Of any two amended versions of one protocol one continues the other; variants of one file bear the same amendments."""
    for one in reversed([one for one in before if one.amends]):
        other = list(frozen_study(documents, one)["protocol"]["amendments"])
        both = min(len(other), len(amendments))
        if other[0]["amends"] == amendments[0]["amends"] and other[:both] != list(amendments[:both]):
            raise Refused("protocol-amends-fork", study=one.study, frozen=one.time[:10])


def frozen_study(documents: Documents, frozen: Frozen) -> Mapping[str, Any]:
    """The study as it was frozen, in canonical form."""
    return SignedDocument.from_bytes(documents.get(frozen.document), schema=_SCHEMA).body


def chain(protocols: Sequence[Frozen], study: str) -> tuple[Frozen, ...]:
    """The versions that led to ``study``, oldest first, it last; empty where it was not frozen."""
    by_study = {one.study: one for one in protocols}
    found: list[Frozen] = []
    while study in by_study and by_study[study] not in found:
        found.append(by_study[study])
        study = found[-1].amends
    return tuple(reversed(found))
