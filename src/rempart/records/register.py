# SPDX-License-Identifier: Apache-2.0
"""A project's entry in the public register: what anybody may read of it before it opens. Names no person."""

import datetime
from collections.abc import Mapping
from typing import Any

from rempart.errors import NotTrusted, Refused
from rempart.records.document import SignedDocument
from rempart.records.project_act import signatories
from rempart.records.trust import TrustFile

KIND = "register"
SCHEMA = "rempart.register-entry/1"
TEXTS = (
    "permit",
    "project",
    "title",
    "lay",
    "benefit",
    "controller",
    "applicant",
    "body",
    "country",
    "regime",
    "basis",
    "reference",
)
LISTS = ("purposes", "sources", "categories", "conditions", "period", "valid")
_KEYS = frozenset({"schema", *TEXTS, *LISTS})


def entry_body(told: Mapping[str, Any]) -> dict[str, Any]:
    """What an officer signs: every field, empty where nothing is told."""
    texts = {name: str(told.get(name, "")) for name in TEXTS}
    return {"schema": SCHEMA, **texts, **{name: [str(item) for item in told.get(name, ())] for name in LISTS}}


def read_entry(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> Mapping[str, Any]:
    """An entry that an officer signed; raises NotTrusted, Refused ``register-signer``."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    if not any("officer" in one.roles for one in signatories(signed, trust, on=on)):
        raise Refused("register-signer")
    body = signed.body
    texts = all(isinstance(body.get(name), str) for name in TEXTS)
    lists = all(isinstance(body.get(name), list) for name in LISTS)
    if set(body) != _KEYS or not texts or not lists:
        raise NotTrusted("document-form", expected=SCHEMA)
    return body
