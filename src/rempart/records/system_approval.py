# SPDX-License-Identifier: Apache-2.0
"""Decisions on the warehouse itself, each until a day: the authority's, the security accreditation, the impact assessment."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, NotTrusted
from rempart.records.document import SignedDocument
from rempart.records.policy import check_officers
from rempart.records.trust import TrustFile

KIND = "system-approval"
SCHEMA = "rempart.system-approval/1"
WHATS = ("cnil", "homologation", "dpia")
_KEYS = frozenset({"schema", "what", "reference", "from", "until"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemApproval:
    """``days``: first and last, both included."""

    what: str
    reference: str
    days: tuple[datetime.date, datetime.date]


def approval_body(value: Mapping[str, Any], *, file: str) -> dict[str, Any]:
    """What two officers sign, from a parsed file; raises BadInput ``approval-field``."""
    body = {"schema": SCHEMA, **{name: str(value.get(name, "")) for name in sorted(_KEYS - {"schema"})}}
    unknown = sorted(set(value) - _KEYS)
    if unknown or value.get("schema") != SCHEMA:
        raise BadInput("approval-field", file=file, field=unknown[0] if unknown else "schema")
    _read(body, file=file)
    return body


def read_approval(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> SystemApproval:
    """A signed decision; raises NotTrusted, Refused ``officers-two``."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    check_officers(signed, trust=trust, on=on)
    if set(signed.body) != _KEYS:
        raise NotTrusted("document-form", expected=SCHEMA)
    return _read(signed.body, file=SCHEMA)


def _read(body: Mapping[str, Any], *, file: str) -> SystemApproval:
    if body["what"] not in WHATS:
        raise BadInput("approval-field", file=file, field="what")
    if not str(body["reference"]).strip():
        raise BadInput("approval-field", file=file, field="reference")
    try:
        first, last = (datetime.date.fromisoformat(str(body[name])) for name in ("from", "until"))
    except ValueError as error:
        raise BadInput("approval-field", file=file, field="from, until") from error
    if first > last:
        raise BadInput("approval-field", file=file, field="from, until")
    return SystemApproval(what=str(body["what"]), reference=str(body["reference"]), days=(first, last))


def missing(approvals: Iterable[SystemApproval], asked: Iterable[str], day: datetime.date) -> tuple[str, ...]:
    """Which of the decisions asked for does not stand on a day."""
    standing = {one.what for one in approvals if one.days[0] <= day <= one.days[1]}
    return tuple(what for what in asked if what not in standing)
