# SPDX-License-Identifier: Apache-2.0
"""The public register: every project that an officer entered, where it stands and what came of it. Names no person of a project."""

import datetime
from collections.abc import Mapping
from typing import Any

from rempart.audit.retention import KIND as RETENTION_KIND
from rempart.journeys.permits import events
from rempart.journeys.projects import ProjectDesk, clocks_of, state_of
from rempart.journeys.standing import entries
from rempart.ports.ledger import Ledger
from rempart.records.project_log import done
from rempart.records.register import LISTS, TEXTS
from rempart.records.trace_control import CONTROL_KIND

_RESULTS = "results"


def public_projects(desk: ProjectDesk, moment: datetime.datetime) -> list[dict[str, Any]]:
    """What is published of each project, by permit: its entry, its state, the days of its steps, its releases, whether results are late."""
    releases = _releases(desk)
    return [
        _project(desk, name, entry, moment, releases.get(name, []))
        for name, (_, entry) in sorted(entries(desk).items())
    ]


def kept_log(ledger: Ledger) -> dict[str, dict[str, str]]:
    """Of the log's keeping, what anybody may know: the newest month whose traces an auditor verified, and the newest purge; each with the
    day on which it took effect."""
    told: dict[str, dict[str, str]] = {}
    for _, intent, _, effect in done(events(ledger)):
        if intent.kind == CONTROL_KIND:
            told["period_verified"] = {"month": intent.fact("month") or "", "day": effect.time[:10]}
        if intent.kind == RETENTION_KIND:
            told["traces_purged"] = {"before": intent.fact("before") or "", "day": effect.time[:10]}
    return told


def _project(
    desk: ProjectDesk, permit: str, entry: Mapping[str, Any], moment: datetime.datetime, releases: list[dict[str, str]]
) -> dict[str, Any]:
    now = state_of(desk, permit)
    steps = [{"act": act, "day": time.date().isoformat()} for act, _, time in now.passages]
    late = [one for one in clocks_of(desk, permit, moment) if one.clock.name == _RESULTS and one.status == "overdue"]
    told = {name: entry[name] for name in (*TEXTS, *LISTS)}
    return {**told, "state": now.state, "steps": steps, "releases": releases, "results_overdue": bool(late)}


def _releases(desk: ProjectDesk) -> dict[str, list[dict[str, str]]]:
    """Permit → releases and the days they were published."""
    found: dict[str, list[dict[str, str]]] = {}
    for _, intent, _, effect in done(events(desk.ledger)):
        if intent.kind == "release" and intent.basis.startswith("permit:"):
            told = {"release": intent.fact("release") or "", "day": effect.time[:10]}
            found.setdefault(intent.basis.partition(":")[2], []).append(told)
    return found
