# SPDX-License-Identifier: Apache-2.0
"""Incidents as an officer writes them down, version after version: what happened, when it was found, who was told when."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.records.document import SignedDocument
from rempart.records.project_act import signatories
from rempart.records.trust import TrustFile

KIND, FOLLOWED = "incident", "incident-followed"
"""Ledger kinds of the first version and of later ones."""
SCHEMA = "rempart.incident/1"
FIRST, AUTHORITY = "first", "authority"
_INSTANTS = ("found", "told_first", "told_authority", "closed")
_TEXTS = ("id", "what", "steps")
_KEYS = frozenset({"schema", "version", "breach", *_INSTANTS, *_TEXTS})
_ID = re.compile(r"I-\d{4}-\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """``breach``: persons' data were concerned, so the authority is told; instants in UTC, None for what has not happened."""

    id: str
    version: int
    what: str
    breach: bool
    steps: str
    found: datetime.datetime
    told_first: datetime.datetime | None
    told_authority: datetime.datetime | None
    closed: datetime.datetime | None

    def clocks(self, *, first: int, authority: int) -> list[tuple[str, datetime.datetime, datetime.datetime | None]]:
        """(clock, due, when it was met) for so many hours from the finding."""
        told = [(FIRST, self.found + datetime.timedelta(hours=first), self.told_first)]
        due = self.found + datetime.timedelta(hours=authority)
        return [*told, (AUTHORITY, due, self.told_authority)] if self.breach else told


def incident_body(value: Mapping[str, Any], *, file: str) -> dict[str, Any]:
    """What an officer signs, from a parsed file; raises BadInput ``incident-field``."""
    for name in set(value) - _KEYS:
        raise BadInput("incident-field", file=file, field=name)
    body: dict[str, Any] = {"schema": value.get("schema"), "version": value.get("version", 1)}
    body |= {"breach": value.get("breach", False)}
    body |= {name: _instant_text(value.get(name, "")) for name in _INSTANTS}
    body |= {name: value.get(name, "") for name in _TEXTS}
    _read(body, file=file)
    return body


def read_incident(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> Incident:
    """A signed version; raises NotTrusted, Refused ``incident-signer`` unless an officer signed."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    if not any("officer" in one.roles for one in signatories(signed, trust, on=on)):
        raise Refused("incident-signer")
    if set(signed.body) != _KEYS:
        raise NotTrusted("document-form", expected=SCHEMA)
    return _read(signed.body, file=SCHEMA)


def _instant_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


def _read(body: Mapping[str, Any], *, file: str) -> Incident:
    for name in _TEXTS:
        if not isinstance(body[name], str) or (name != "steps" and not body[name].strip()):
            raise BadInput("incident-field", file=file, field=name)
    fits = {
        "schema": body["schema"] == SCHEMA,
        "id": _ID.fullmatch(str(body["id"])) is not None,
        "version": type(body["version"]) is int and body["version"] >= 1,
        "breach": isinstance(body["breach"], bool),
    }
    for name, fit in fits.items():
        if not fit:
            raise BadInput("incident-field", file=file, field=name)
    instants = {name: _instant(str(body[name]), name, file) for name in _INSTANTS}
    found = instants.pop("found")
    if found is None:
        raise BadInput("incident-field", file=file, field="found")
    return Incident(
        id=str(body["id"]),
        version=body["version"],
        what=str(body["what"]),
        breach=body["breach"],
        steps=str(body["steps"]),
        found=found,
        told_first=instants["told_first"],
        told_authority=instants["told_authority"],
        closed=instants["closed"],
    )


def _instant(text: str, name: str, file: str) -> datetime.datetime | None:
    try:
        told = datetime.datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput("incident-field", file=file, field=name) from error
    if told is not None and told.utcoffset() is None:
        raise BadInput("incident-field", file=file, field=name)
    return told.astimezone(datetime.UTC) if told is not None else None
