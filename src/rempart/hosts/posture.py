# SPDX-License-Identifier: Apache-2.0
"""The posture: what each declared host and node may hold, today and if a premise of the law falls, and what must then move.

Reckons from declarations and from a measured speed; moves nothing.
"""

import datetime
from collections.abc import Sequence, Set
from dataclasses import dataclass

from rempart.hosts.guard import Judgement, judge
from rempart.hosts.rules import PROFILES, Profile, Rules
from rempart.records.descriptor import Declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A host or node of the ledger. ``objects``, ``bytes``: what lies there (0 for a node or a host without our objects)."""

    kind: str
    declaration: Declaration
    active: bool
    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One line of the posture. ``before``: today, every premise standing; ``after``: on the day asked for, without the premises;
    ``seconds``: how long moving its bytes takes at the measured speed, None when nothing must move or no speed is known."""

    declared: Declared
    before: Judgement
    after: Judgement
    seconds: int | None

    @property
    def lost(self) -> bool:
        """Whether less may lie there than today."""
        return PROFILES.index(self.after.profile) > PROFILES.index(self.before.profile)

    @property
    def must_move(self) -> bool:
        """Whether our objects lie where nothing of ours may lie."""
        return self.declared.kind == "host" and self.after.profile == "nothing" and self.declared.objects > 0

    @property
    def must_stop(self) -> bool:
        """Whether a node may be given no key."""
        return self.declared.kind == "node" and self.after.profile != "everything"


def posture(
    declared: Sequence[Declared],
    rules: Rules,
    today: datetime.date,
    *,
    on: datetime.date | None = None,
    without: Set[str] = frozenset(),
    speed: float | None = None,
) -> list[Stand]:
    """Each host and node judged today, and on the day ``on`` without the premises. ``speed``: bytes a second, measured or given."""
    return [_stand(item, rules, (today, on or today), without, speed) for item in declared]


def _stand(
    item: Declared, rules: Rules, days: tuple[datetime.date, datetime.date], without: Set[str], speed: float | None
) -> Stand:
    today, on = days
    after = judge(item.declaration, rules, on, without=without)
    moving: Profile = "nothing"
    moves = item.kind == "host" and after.profile == moving and item.bytes > 0
    return Stand(
        declared=item,
        before=judge(item.declaration, rules, today),
        after=after,
        seconds=max(1, round(item.bytes / speed)) if moves and speed else None,
    )


def transparency(declaration: Declaration, rules: Rules) -> list[tuple[str, str]]:
    """The public table that HDS v2 asks for where a law outside the EEA reaches a host: field → what is declared, in order.

    Requirement numbers and wording are to be confirmed on the certification standard before anything is published.
    """
    foreign = [law for law in declaration.laws if law[:2] != "EU" and law[:2] not in rules.eea]
    third = [country for country in declaration.access_countries if country not in rules.eea]
    hds = declaration.hds
    return [
        ("operator", declaration.operator),
        ("seat", declaration.seat),
        ("hds", f"{', '.join(map(str, hds.activities))} ({hds.until.isoformat()})" if hds else ""),
        ("secnumcloud", declaration.secnumcloud.isoformat() if declaration.secnumcloud else ""),
        ("storage", ", ".join(declaration.storage_countries)),
        ("access-third", ", ".join(third)),
        ("safeguards", ", ".join(declaration.safeguards)),
        ("subprocessors", ", ".join(f"{item.name} ({item.country})" for item in declaration.subprocessors)),
        ("laws-third", "; ".join(foreign)),
        ("measures", "; ".join(declaration.measures)),
        ("risks", "; ".join(declaration.residual_risks)),
        ("valid", " – ".join(day.isoformat() for day in declaration.valid)),
    ]
