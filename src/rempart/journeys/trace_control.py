# SPDX-License-Identifier: Apache-2.0
"""The monthly control of traces, and the purge behind it: the auditor signs what was looked at, two officers let the traces go.

Acts are kept for ever. A trace goes when it is older than the policy's days and the control of its month was signed; its hash stays.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.audit.retention import cover_of, listed
from rempart.audit.trace_control import Anomaly, Month, anomalies, bounds, days_of, first_from, month_of, ranges
from rempart.errors import NotTrusted, Refused, RempartError
from rempart.journeys.permits import events
from rempart.journeys.recorded import Recorder, recorded
from rempart.ports.documents import Documents
from rempart.records.canonical import content_id
from rempart.records.document import SignedDocument
from rempart.records.event import PURGED, LedgerEvent
from rempart.records.policy import check_officers
from rempart.records.trace_control import (
    CONTROL,
    CONTROL_KIND,
    RETENTION,
    RETENTION_KIND,
    Control,
    read_control,
    read_retention,
)
from rempart.records.trust import TrustFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDesk:
    """What controls and purges need. ``patterns``: parsed ``audit/anomalies.toml``; ``purge``: lets go what the log itself names."""

    recorder: Recorder
    documents: Documents
    trust: TrustFile
    patterns: Mapping[str, Any]
    purge: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge on this day would let go. ``leaves``: the traces among [first, to); ``controls``: documents on their months;
    ``missing``: months whose control nobody signed."""

    before: datetime.date
    days: int
    first: int
    to: int
    leaves: tuple[int, ...]
    controls: tuple[Control, ...]
    missing: tuple[str, ...]

    def body(self) -> dict[str, Any]:
        """What two officers sign."""
        return {
            "schema": RETENTION,
            "before": self.before.isoformat(),
            "days": self.days,
            "first": self.first,
            "to": self.to,
            "leaves": listed(self.leaves),
            "count": len(self.leaves),
            "controls": [control.document for control in self.controls],
        }


def look(desk: TraceDesk, month: str) -> tuple[Month, list[Anomaly]]:
    """A month that is over, and what its patterns found; raises BadInput ``control-month``, Refused ``control-open``."""
    _, end = bounds(month)
    if desk.recorder.clock.now() < end:
        raise Refused("control-open", month=month)
    found = month_of(month, events(desk.recorder.ledger))
    return found, anomalies(found, desk.patterns)


def control_body(desk: TraceDesk, month: str, *, size: int, root: str) -> dict[str, Any]:
    """What the auditor signs of a month; ``size``, ``root``: of the log that was found sound before."""
    found, told = look(desk, month)
    traces = [index for index, event in found.leaves() if event.event_class == "trace"]
    return {
        "schema": CONTROL,
        "month": month,
        "first": found.first,
        "to": found.to,
        "size": size,
        "root": root,
        "days": days_of(found),
        "traces": ranges(traces),
        "counts": dict(sorted(Counter(event.kind for _, event in found.leaves()).items())),
        "patterns": content_id(desk.patterns),
        "anomalies": [{"pattern": one.pattern, "leaf": one.leaf, "facts": dict(one.facts)} for one in told],
    }


def sign_control(desk: TraceDesk, *, signed: SignedDocument, actor: str) -> Control:
    """Log a control that an auditor signed.

    Raises Refused ``control-open``, ``control-signed``, ``role-missing``; NotTrusted ``control-differs`` where the month is not as signed.
    """
    control = read_control(signed.data, signed.over, trust=desk.trust, on=desk.recorder.clock.now())
    if any(one.month == control.month for one in controls(desk)):
        raise Refused("control-signed", month=control.month)
    body = control_body(desk, control.month, size=signed.body["size"], root=signed.body["root"])
    if body != dict(signed.body) or not 0 < signed.body["size"] <= desk.recorder.ledger.size():
        raise NotTrusted("control-differs", month=control.month)
    document = desk.documents.put(signed.data)
    objects = [f"month:{control.month}", f"document:{document}"]
    basis = f"operation:{CONTROL_KIND}"
    with recorded(desk.recorder, CONTROL_KIND, basis=basis, objects=objects, actor=actor) as act:
        act.say("anomalies", len(body["anomalies"]))
    return control


def controls(desk: TraceDesk) -> list[Control]:
    """Controls that took effect and whose document proves itself, in ledger order."""
    log = events(desk.recorder.ledger)
    found: list[Control] = []
    for event in log:
        if event.kind == CONTROL_KIND and event.phase == "effect":
            intent = log[event.of or 0]
            document, on = intent.fact("document") or "", datetime.datetime.fromisoformat(intent.time)
            try:
                found.append(read_control(desk.documents.get(document), document, trust=desk.trust, on=on))
            except RempartError:
                continue
    return found


def plan_purge(desk: TraceDesk, *, days: int) -> Purge:
    """What would go now. ``days``: as the policy says."""
    log = events(desk.recorder.ledger)
    before = desk.recorder.clock.now().date() - datetime.timedelta(days=days)
    start = datetime.datetime.combine(before, datetime.time(), datetime.UTC)
    first, to = _covered(log), first_from(log, start)
    leaves = tuple(index for index in range(first, to) if _trace(log[index]))
    months = dict.fromkeys(log[index].time[:7] for index in leaves)
    signed = {control.month: control for control in controls(desk)}
    return Purge(
        before=before,
        days=days,
        first=first,
        to=max(first, to),
        leaves=leaves,
        controls=tuple(signed[month] for month in months if month in signed),
        missing=tuple(month for month in months if month not in signed),
    )


def _trace(event: LedgerEvent) -> bool:
    return event.event_class == "trace" and event.kind != PURGED


def _covered(log: Sequence[LedgerEvent]) -> int:
    """How far earlier purges went."""
    found = (cover_of(index, event) for index, event in enumerate(log))
    return max((cover.to for cover in found if cover is not None), default=0)


def purge(desk: TraceDesk, *, signed: SignedDocument, days: int, actor: str) -> int:
    """Let the traces go that two officers signed for; how many went. A purge that died before is taken up.

    Raises Refused ``officers-two``, ``purge-uncontrolled`` (a month without its control), ``purge-nothing``; NotTrusted ``purge-differs``.
    """
    check_officers(signed, trust=desk.trust, on=desk.recorder.clock.now())
    plan = plan_purge(desk, days=days)
    if plan.missing:
        raise Refused("purge-uncontrolled", months=", ".join(plan.missing))
    if not plan.leaves:
        raise Refused("purge-nothing", before=plan.before.isoformat())
    beyond = set(plan.leaves).difference(*(control.traces for control in plan.controls))
    if dict(signed.body) != plan.body() or beyond:
        raise NotTrusted("purge-differs")
    told, document = read_retention(signed), desk.documents.put(signed.data)
    objects = [f"document:{document}", f"before:{told.before.isoformat()}", f"first:{told.first}", f"to:{told.to}"]
    objects += [f"leaves:{told.leaves}"]
    basis = f"operation:{RETENTION_KIND}"
    with recorded(desk.recorder, RETENTION_KIND, basis=basis, objects=objects, actor=actor) as act:
        desk.purge()
        act.say("purged", told.count)
    return told.count


def resume(desk: TraceDesk) -> int:
    """End a purge that was killed after its intent: what the log names goes, and the act is closed. How many leaves went."""
    gone = desk.purge()
    log = events(desk.recorder.ledger)
    ended = {event.of for event in log if event.kind == RETENTION_KIND}
    for index, event in enumerate(log):
        cover = cover_of(index, event)
        if cover is not None and index not in ended:
            count = sum(one.kind == PURGED for one in log[cover.first : cover.to])
            closing = desk.recorder.event(
                RETENTION_KIND, "effect", basis=event.basis, objects=[f"purged:{count}"], actor=event.actor, of=index
            )
            desk.recorder.append(closing)
    return gone
