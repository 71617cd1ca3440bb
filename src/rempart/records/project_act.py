# SPDX-License-Identifier: Apache-2.0
"""Acts on a project as documents that persons sign, and their reading back: one reader for those who act, grant keys and audit."""

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from rempart.errors import BadInput, NotTrusted, RempartError
from rempart.records.canonical import parse_canonical, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.project import Parties, ProjectAct, Signatory
from rempart.records.signature import Signature
from rempart.records.trust import ROLES, TrustEntry, TrustFile

KIND = "project"
SCHEMA = "rempart.project-act/1"
APPLICATION = "rempart.application/1"
APPLY = "apply"
_KEYS = frozenset({"schema", "permit", "act", "previous", "facts"})
_ID = re.compile(r"P-\d{4}-\d{4}", re.ASCII)


def act_body(*, permit: str, act: str, previous: str, facts: Mapping[str, str]) -> dict[str, Any]:
    """What the signers of an act sign. ``previous``: document of the project's act before, '' for the first. Raises BadInput
    ``permit-field`` for an id that is none."""
    if not _ID.fullmatch(permit):
        raise BadInput("permit-field", field="id", expected="P-YYYY-NNNN")
    return {"schema": SCHEMA, "permit": permit, "act": act, "previous": previous, "facts": dict(facts)}


def read_act(
    data: bytes, *, trust: TrustFile, on: datetime.datetime, fetch: Callable[[str], bytes]
) -> tuple[SignedDocument, ProjectAct]:
    """A signed act, each of its signatures proven at that instant; ``fetch`` gives the application that it files.

    Raises NotTrusted ``document-form``, ``signature``, ``actor-unknown``; Refused ``key-revoked``; Missing.
    """
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    body = signed.body
    facts = body.get("facts")
    texts = [body.get("permit"), body.get("act"), body.get("previous")]
    if set(body) != _KEYS or not isinstance(facts, dict) or not signed.signatures:
        raise NotTrusted("document-form", expected=SCHEMA)
    if not all(isinstance(text, str) for text in (*texts, *facts.values())):
        raise NotTrusted("document-form", expected=SCHEMA)
    parties = None
    if body["act"] == APPLY:
        parties = read_parties(fetch(str(facts.get("application", ""))), permit=str(body["permit"]))
    return signed, ProjectAct(
        act=str(body["act"]),
        permit=str(body["permit"]),
        time=on,
        document=sha256_id(data),
        previous=str(body["previous"]),
        signers=signatories(signed, trust, on=on),
        facts=facts,
        parties=parties,
    )


def read_parties(data: bytes, *, permit: str) -> Parties:
    """Whom an application names, from its canonical bytes; raises NotTrusted ``document-form``."""
    body = parse_canonical(data, what="application")
    try:
        if body["schema"] != APPLICATION or body["id"] != permit:
            raise NotTrusted("document-form", expected=APPLICATION)
        persons = [(str(row["actor"]), row.get("principal") is True) for row in body["persons"]]
        return Parties(
            application=sha256_id(data),
            project=str(body["project"]),
            regime=str(body["regime"]),
            persons=tuple(actor for actor, _ in persons),
            principal=next((actor for actor, leads in persons if leads), ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise NotTrusted("document-form", expected=APPLICATION) from error


def signatories(signed: SignedDocument, trust: TrustFile, *, on: datetime.datetime) -> tuple[Signatory, ...]:
    """Everyone who signed, proven at that instant, with the roles that they hold; which role is asked for is the caller's matter.

    Raises NotTrusted ``signature-form``, ``signature``, ``actor-unknown``; Refused ``key-revoked``.
    """
    if not signed.signatures:
        raise NotTrusted("signature-form")
    entries = [_proven(one, trust, over=signed.over, on=on) for one in signed.signatures]
    return tuple(Signatory(actor=entry.actor, roles=entry.roles) for entry in entries)


def _proven(signature: Signature, trust: TrustFile, *, over: str, on: datetime.datetime) -> TrustEntry:
    """Who signed, whatever role they hold: which part the act asks for is the fold's matter."""
    told: RempartError = NotTrusted("signature", actor=signature.actor)
    for role in ROLES:
        try:
            return trust.check(signature, over=over, role=role, on=on)
        except RempartError as error:
            told = error
            if error.code != "role-missing":
                break
    raise told
