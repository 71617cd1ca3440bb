# SPDX-License-Identifier: Apache-2.0
"""Two signed documents on traces: that those of a month were controlled, and that those before a day are let go."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, RempartError
from rempart.records.document import SignedDocument
from rempart.records.trust import TrustFile

CONTROL = "rempart.trace-control/1"
RETENTION = "rempart.retention/1"
CONTROL_KIND = "trace-control"
RETENTION_KIND = "retention"
AUDITOR = "auditor"
_CONTROL_KEYS = frozenset("schema month first to size root days traces counts patterns anomalies".split())
_RETENTION_KEYS = frozenset("schema before days first to leaves count controls".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A signed control. ``first``, ``to``: leaves of the month; ``size``, ``root``: of the log that was sound when it was signed;
    ``days``: day → its first leaf; ``traces``: leaves that are traces."""

    document: str
    month: str
    first: int
    to: int
    size: int
    root: str
    days: Mapping[str, int]
    traces: frozenset[int]

    def first_of(self, day: datetime.date) -> int:
        """The first leaf of that day or a later one of the month; ``to`` where there is none."""
        return min((index for told, index in self.days.items() if told >= day.isoformat()), default=self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """``before``: traces older than that day go; ``leaves``: the hash of their list; ``controls``: documents on their months."""

    before: datetime.date
    first: int
    to: int
    leaves: str
    count: int
    controls: tuple[str, ...]


def read_control(data: bytes, document: str, *, trust: TrustFile, on: datetime.datetime) -> Control:
    """A control that an auditor signed; raises NotTrusted ``document-form``, ``signature…``, Refused ``role-missing``."""
    signed = SignedDocument.from_bytes(data, schema=CONTROL)
    if not signed.signatures or set(signed.body) != _CONTROL_KEYS:
        raise NotTrusted("document-form", expected=CONTROL)
    for signature in signed.signatures:
        trust.check(signature, over=signed.over, role=AUDITOR, on=on)
    try:
        return _control(signed.body, document)
    except (TypeError, ValueError) as error:
        raise NotTrusted("document-form", expected=CONTROL) from error


def _control(body: Mapping[str, Any], document: str) -> Control:
    first, to = int(body["first"]), int(body["to"])
    traces = frozenset(index for start, end in body["traces"] for index in range(max(start, first), min(end, to)))
    days = {str(day): int(index) for day, index in body["days"]}
    return Control(
        document=document,
        month=str(body["month"]),
        first=first,
        to=to,
        size=int(body["size"]),
        root=str(body["root"]),
        days=days,
        traces=traces,
    )


def read_retention(signed: SignedDocument) -> Retention:
    """What a purge says, its signatures unproven; raises NotTrusted ``document-form``."""
    body = signed.body
    try:
        if set(body) != _RETENTION_KEYS:
            raise NotTrusted("document-form", expected=RETENTION)
        return Retention(
            before=datetime.date.fromisoformat(body["before"]),
            first=int(body["first"]),
            to=int(body["to"]),
            leaves=str(body["leaves"]),
            count=int(body["count"]),
            controls=tuple(map(str, body["controls"])),
        )
    except RempartError:
        raise
    except (TypeError, ValueError) as error:
        raise NotTrusted("document-form", expected=RETENTION) from error
