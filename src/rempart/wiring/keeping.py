# SPDX-License-Identifier: Apache-2.0
"""The control of a month's traces and the purge of old ones, on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.audit.trace_control import Anomaly, Month
from rempart.errors import NotTrusted, Refused
from rempart.journeys.backup import RegisteredBackup, holding_purged
from rempart.journeys.permits import events
from rempart.journeys.trace_control import (
    Purge,
    TraceDesk,
    control_body,
    controls,
    look,
    plan_purge,
    purge,
    resume,
    sign_control,
)
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.wiring.audit import verify_warehouse
from rempart.wiring.policy import policy_now
from rempart.wiring.projection import bring_up
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """A month as the auditor sees it. ``by``: who signed it now, '' for nobody; ``signed``: whether its control is signed."""

    month: Month
    anomalies: list[Anomaly]
    signed: bool
    by: str = ""


def patterns() -> dict[str, Any]:
    """What the control of traces looks for, and its words."""
    return package_data.toml("audit/anomalies.toml")


def desk(warehouse: Warehouse) -> TraceDesk:
    """What controls and purges need."""
    return TraceDesk(
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        trust=warehouse.trust,
        patterns=patterns(),
        purge=warehouse.ledger.purge,
    )


def month_controlled(warehouse: Warehouse, month: str) -> Controlled:
    """A month that is over, and what its traces show; writes nothing."""
    place = desk(warehouse)
    found, told = look(place, month)
    return Controlled(month=found, anomalies=told, signed=any(one.month == month for one in controls(place)))


def control_month(warehouse: Warehouse, month: str, *, key_file: Path, ask: Ask, progress: Progress) -> Controlled:
    """Verify the whole ledger, then sign as its auditor that the month's traces were looked at.

    Raises NotTrusted ``control-unsound`` when the audit finds more than anomalies.
    """
    place = desk(warehouse)
    auditor = signer(place.trust, key_file, ask)
    found = verify_warehouse(warehouse, since=None, deep=False, progress=progress)
    if found.first is not None:
        raise NotTrusted("control-unsound", rule=found.first.rule)
    body = control_body(place, month, size=found.size, root=found.root.hex())
    sign_control(place, signed=auditor.document(body), actor=auditor.salted)
    seen, told = look(place, month)
    return Controlled(month=seen, anomalies=told, signed=True, by=auditor.entry.actor)


def purge_planned(warehouse: Warehouse) -> Purge:
    """What a purge would let go now; writes nothing."""
    return plan_purge(desk(warehouse), days=_days(warehouse))


def backups_holding(warehouse: Warehouse) -> list[RegisteredBackup]:
    """Backups that still hold traces which were let go."""
    return holding_purged(events(warehouse.ledger))


def purge_traces(warehouse: Warehouse, *, by: Sequence[Path], ask: Ask) -> int:
    """Let old traces go by the word of two officers, here and in the database of lists; how many leaves went.

    A purge that was killed is ended first: where nothing more is due, that is all.
    """
    place, days = desk(warehouse), _days(warehouse)
    people = [signer(place.trust, key_file, ask) for key_file in by]
    gone = resume(place)
    try:
        unsigned = SignedDocument(body=plan_purge(place, days=days).body(), signatures=())
        signatures = tuple(person.sign(unsigned.over) for person in people)
        signed = SignedDocument(body=unsigned.body, signatures=signatures)
        gone += purge(place, signed=signed, days=days, actor=people[0].salted)
    except Refused as error:
        if error.code != "purge-nothing" or not gone:
            raise
    bring_up(warehouse)
    return gone


def _days(warehouse: Warehouse) -> int:
    return policy_now(warehouse).number("ledger.retain_days")
