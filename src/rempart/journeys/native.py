# SPDX-License-Identifier: Apache-2.0
"""The permit of the warehouse for native tables: an officer signs it, a leaf names it, an ingest looks it up there and nowhere else."""

import datetime
from collections.abc import Sequence

from rempart.journeys.chain import leaves_of
from rempart.journeys.recorded import Recorder, recorded
from rempart.ports.documents import Documents
from rempart.records.document import SignedDocument
from rempart.records.native import SCHEMA, NativePermit, native_permit
from rempart.records.trust import TrustFile

KIND = "native"
_FACT = "document"


def authorise(recorder: Recorder, documents: Documents, signed: SignedDocument, *, trust: TrustFile, actor: str) -> str:
    """Keep what an officer signed and write its leaf; the document's id. Raises Refused ``role-missing``, NotTrusted ``signature``."""
    trust.check(signed.signature, over=signed.over, role="officer", on=trust.moment(recorder.clock.now()))
    document = documents.put(signed.data)
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=[f"{_FACT}:{document}"], actor=actor):
        pass
    return document


def authorised(leaves: Sequence[bytes], documents: Documents, trust: TrustFile) -> NativePermit:
    """The permit in force: the newest that took effect, its officer's signature checked as of that day; none: no table.

    Raises Missing ``document-missing``; NotTrusted ``document-altered``, ``document-form``, ``signature``; Refused ``role-missing``.
    """
    events = dict(leaves_of(leaves, {KIND}))
    done = {event.of for event in events.values() if event.phase == "effect"}
    named = [(event, event.fact(_FACT) or "") for index, event in events.items() if index in done]
    if not named:
        return NativePermit()
    event, document = named[-1]
    signed = SignedDocument.from_bytes(documents.get(document), schema=SCHEMA)
    trust.check(signed.signature, over=signed.over, role="officer", on=datetime.datetime.fromisoformat(event.time))
    return native_permit(signed.body, file=document, document=document)
