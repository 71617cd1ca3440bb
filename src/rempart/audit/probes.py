# SPDX-License-Identifier: Apache-2.0
"""Looks at the live ledger: does a rule hold without a breach, was something done, and not too long ago? Reads nothing by itself."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from rempart.audit.book import Events, instant
from rempart.audit.findings import ANOMALY, Findings
from rempart.audit.requirements import Probe

HOLDS, BREACHED, NOTHING, NONE_YET = "holds", "breached", "nothing", "none-yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The house as it stands. ``events``: index → event of the log that ``findings`` is about; ``asked``: audit rules that there are;
    ``facts``: name → number; ``shown``: names of facts that a leaf may have to be cited in public; ``now``: instant of the look."""

    events: Events
    findings: Findings
    asked: frozenset[str]
    facts: Mapping[str, int]
    shown: frozenset[str]
    now: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look saw. ``count``: acts that took effect; ``last``: ISO instant of the newest, ''; ``leaf``: index to prove, None;
    ``breaches``: rules with a breach; ``overdue``: the newest act is older than it may be."""

    state: str
    count: int = 0
    last: str = ""
    leaf: int | None = None
    breaches: tuple[str, ...] = ()
    overdue: bool = False


def look(probe: Probe, live: Live) -> Seen:
    """What one probe sees. A rule that this version of the auditor does not have proves nothing."""
    if not live.asked.issuperset(probe.rules):
        return Seen(state=NOTHING)
    told = (item for item in live.findings.items if item.rule in probe.rules)
    breaches = tuple(sorted({item.rule for item in told if probe.anomalies or item.family != ANOMALY}))
    done = _done(probe, live)
    last = instant(live.events[done[-1]]) if done else None
    overdue = bool(last and probe.within_days and (live.now - last).days >= probe.within_days)
    count = len(done) if probe.kinds else live.facts.get(probe.fact, 0)
    if breaches or overdue:
        state = BREACHED
    elif count or not (probe.kinds or probe.fact):
        state = HOLDS
    else:
        state = NOTHING if probe.needed else NONE_YET
    return Seen(
        state=state,
        count=count,
        last=last.isoformat(timespec="seconds") if last else "",
        leaf=_citable(done, live),
        breaches=breaches,
        overdue=overdue,
    )


def _done(probe: Probe, live: Live) -> list[int]:
    """Effects of these kinds, oldest first."""
    return [index for index, event in live.events.items() if event.phase == "effect" and event.kind in probe.kinds]


def _citable(done: list[int], live: Live) -> int | None:
    """The newest leaf all of whose facts may be shown to anybody."""
    for index in reversed(done):
        if all(item.partition(":")[0] in live.shown for item in live.events[index].objects):
            return index
    return None
