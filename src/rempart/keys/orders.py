# SPDX-License-Identifier: Apache-2.0
"""An officer's order: for some hours, acts of one kind may open keys. Asked for where the broker is told to be strict.

Whoever can write the ledger can write an intent; without an order that opens the whole warehouse to the commands' account.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.intents import Proofs
from rempart.records.document import SignedDocument

KIND = "order"
SCHEMA = "rempart.order/1"
LONGEST_HOURS = 7 * 24


def order_body(kind: str, *, now: datetime.datetime, hours: int) -> dict[str, object]:
    """What an officer signs."""
    until = now + datetime.timedelta(hours=hours)
    return {"schema": SCHEMA, "kind": kind, "from": now.isoformat(), "until": until.isoformat()}


def require_order(proofs: Proofs, kind: str) -> None:
    """An order for acts of ``kind`` stands now, signed by an officer; raises Refused ``grant-no-order``."""
    for index, event in enumerate(proofs.events):
        if event.kind == KIND and event.phase == "intent" and event.fact("kind") == kind:
            document = _signed(proofs, index, event.fact("document") or "")
            if document is not None and document.get("kind") == kind and _stands(document, proofs.now):
                return
    raise Refused("grant-no-order", kind=kind)


def _signed(proofs: Proofs, index: int, document: str) -> Mapping[str, Any] | None:
    """The body of an order that an officer signed; None for anything else: it orders nothing."""
    try:
        signed = SignedDocument.from_bytes(proofs.documents.get(document), schema=SCHEMA)
        moment = proofs.moment(index)
        for signature in signed.signatures:
            proofs.trust.check(signature, over=signed.over, role="officer", on=moment)
    except (Missing, NotTrusted, Refused):
        return None
    return signed.body if signed.signatures else None


def _stands(body: Mapping[str, Any], now: datetime.datetime) -> bool:
    try:
        begin, end = (datetime.datetime.fromisoformat(body[name]) for name in ("from", "until"))
        return begin <= now <= min(end, begin + datetime.timedelta(hours=LONGEST_HOURS))
    except (KeyError, TypeError, ValueError):
        return False
