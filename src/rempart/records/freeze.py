# SPDX-License-Identifier: Apache-2.0
"""Everything at once: a freeze after which no permit opens anything, and its lifting by two officers; folded in ledger order."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, Refused, RempartError
from rempart.records.canonical import parse_canonical, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.project import Signatory
from rempart.records.project_act import signatories
from rempart.records.trust import TrustFile

KIND = "freeze"
FREEZE, THAW = "rempart.freeze/1", "rempart.thaw/1"
FREEZERS = frozenset({"officer", "committee", "checker"})
"""Roles any one of whose holders may stop everything."""
_OFFICER, _OFFICERS = "officer", 2
_KEYS = frozenset({"schema", "previous", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeAct:
    """One freeze or its lifting. ``previous``: document of the one before, '' in the first."""

    document: str
    previous: str
    lifts: bool
    reason: str
    time: datetime.datetime
    signers: tuple[Signatory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """``document``: of the last freeze or lifting that counts; ``since``, ``reason``: of the freeze that stands."""

    stands: bool = False
    document: str = ""
    since: datetime.datetime | None = None
    reason: str = ""


def freeze_body(*, lifts: bool, reason: str, previous: str) -> dict[str, Any]:
    """What the signers sign."""
    return {"schema": THAW if lifts else FREEZE, "previous": previous, "reason": reason}


def read_freeze(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> FreezeAct:
    """A signed freeze or lifting, each signature proven at that instant; raises NotTrusted, Refused ``key-revoked``."""
    body = parse_canonical(data, what="freeze")
    told = body.get("body") if isinstance(body, dict) else None
    lifts = isinstance(told, dict) and told.get("schema") == THAW
    signed = SignedDocument.from_bytes(data, schema=THAW if lifts else FREEZE)
    texts = [signed.body.get("previous"), signed.body.get("reason")]
    if set(signed.body) != _KEYS or not all(isinstance(text, str) for text in texts):
        raise NotTrusted("document-form", expected=FREEZE)
    return FreezeAct(
        document=sha256_id(data),
        previous=str(texts[0]),
        lifts=lifts,
        reason=str(texts[1]),
        time=on,
        signers=signatories(signed, trust, on=on),
    )


def after(now: Frozen, act: FreezeAct) -> Frozen:
    """What stands after one more; raises Refused ``freeze-stands``, ``freeze-none``, ``freeze-previous``, ``freeze-signers``."""
    if act.lifts and not now.stands:
        raise Refused("freeze-none")
    if not act.lifts and now.stands:
        raise Refused("freeze-stands")
    if act.previous != now.document:
        raise Refused("freeze-previous")
    officers = {one.actor for one in act.signers if _OFFICER in one.roles}
    freezers = {one.actor for one in act.signers if FREEZERS & set(one.roles)}
    if (act.lifts and len(officers) < _OFFICERS) or not freezers:
        raise Refused("freeze-signers")
    if act.lifts:
        return Frozen(document=act.document)
    return Frozen(stands=True, document=act.document, since=act.time, reason=act.reason)


def fold(acts: Iterable[FreezeAct]) -> Frozen:
    """What stands after acts in ledger order; what a rule forbids has no effect."""
    now = Frozen()
    for act in acts:
        try:
            now = after(now, act)
        except RempartError:
            continue
    return now
