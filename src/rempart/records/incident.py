# SPDX-License-Identifier: Apache-2.0
"""Incidents as an officer writes them down, version after version: what happened, when it was found, who was told when."""

import calendar
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
FIRST, AUTHORITY, FINAL = "first", "authority", "final"
LIMITS = {FIRST: "first_hours", AUTHORITY: "authority_hours", FINAL: "final_months"}
"""Clock → field of the policy, under ``incidents.``, that says how long it runs."""
_INSTANTS = ("found", "told_first", "told_authority", "closed")
_TEXTS = ("id", "what", "steps")
_REPORT = "told_final"
"""When the final report went out; left out of a document until it did."""
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
    told_final: datetime.datetime | None = None

    def clocks(
        self, *, first: int, authority: int, final: int
    ) -> list[tuple[str, datetime.datetime, datetime.datetime | None]]:
        """(clock, due, when it was met) for so many hours from the finding; ``final``: months after the authority was told or had to be."""
        told = [(FIRST, self.found + datetime.timedelta(hours=first), self.told_first)]
        due = self.found + datetime.timedelta(hours=authority)
        if not self.breach:
            return told
        report = _months_after(self.told_authority or due, final)
        return [*told, (AUTHORITY, due, self.told_authority), (FINAL, report, self.told_final)]


def incident_body(value: Mapping[str, Any], *, file: str) -> dict[str, Any]:
    """What an officer signs, from a parsed file; raises BadInput ``incident-field``."""
    for name in set(value) - _KEYS - {_REPORT}:
        raise BadInput("incident-field", file=file, field=name)
    body: dict[str, Any] = {"schema": value.get("schema"), "version": value.get("version", 1)}
    body |= {"breach": value.get("breach", False)}
    body |= {name: _instant_text(value.get(name, "")) for name in _INSTANTS}
    body |= {_REPORT: _instant_text(value[_REPORT])} if value.get(_REPORT) else {}
    body |= {name: value.get(name, "") for name in _TEXTS}
    _read(body, file=file)
    return body


def read_incident(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> Incident:
    """A signed version; raises NotTrusted, Refused ``incident-signer`` unless an officer signed."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    if not any("officer" in one.roles for one in signatories(signed, trust, on=on)):
        raise Refused("incident-signer")
    if set(signed.body) - {_REPORT} != _KEYS:
        raise NotTrusted("document-form", expected=SCHEMA)
    return _read(signed.body, file=SCHEMA)


def _months_after(moment: datetime.datetime, months: int) -> datetime.datetime:
    """The same day and hour so many months later, or the last day of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


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
        told_final=_instant(str(body.get(_REPORT, "")), _REPORT, file),
    )


def _instant(text: str, name: str, file: str) -> datetime.datetime | None:
    try:
        told = datetime.datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput("incident-field", file=file, field=name) from error
    if told is not None and told.utcoffset() is None:
        raise BadInput("incident-field", file=file, field=name)
    return told.astimezone(datetime.UTC) if told is not None else None
