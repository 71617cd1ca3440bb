# SPDX-License-Identifier: Apache-2.0
"""Stop every permit at once, and open them again: a signed freeze that the key broker obeys at each use of a key."""

import datetime
from collections.abc import Iterator

from rempart.errors import Refused, RempartError
from rempart.journeys.permits import events
from rempart.journeys.projects import ProjectDesk
from rempart.journeys.recorded import recorded
from rempart.records.document import SignedDocument
from rempart.records.freeze import KIND, FreezeAct, Frozen, after, fold, read_freeze
from rempart.records.project_log import done


def freeze(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> Frozen:
    """Log a signed freeze or lifting; what stands after it. Raises what ``records.freeze.after`` raises; NotTrusted."""
    act = read_freeze(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    after(frozen(desk), act)
    document = desk.documents.put(signed.data)
    objects = [f"document:{document}", *([f"previous:{act.previous}"] if act.previous else [])]
    with recorded(desk.recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=actor):
        after(frozen(desk), act)  # what came between is seen
    now = frozen(desk)
    if now.document != document:
        raise Refused("freeze-previous")
    return now


def frozen(desk: ProjectDesk) -> Frozen:
    """Whether a freeze stands, as the ledger has it."""
    return fold(_acts(desk))


def _acts(desk: ProjectDesk) -> Iterator[FreezeAct]:
    for _, intent, _, _ in done(events(desk.ledger)):
        if intent.kind == KIND:
            try:
                data = desk.documents.get(intent.fact("document") or "")
                yield read_freeze(data, trust=desk.trust, on=datetime.datetime.fromisoformat(intent.time))
            except RempartError:
                continue  # the audit names it; the key broker stops
