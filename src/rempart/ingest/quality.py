# SPDX-License-Identifier: Apache-2.0
"""Quality of the research tables: kinds of checks, what one check is, what it found, and what of that may be shown.

Pure: the SQL is in ``quality_rows`` and ``quality_values``, the flows in ``quality_flows``. Nothing here corrects anything.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["failed", "passed", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of check. ``dqd``: its name in the OHDSI Data Quality Dashboard, '' for our own; ``percent``: share that may break it."""

    name: str
    dqd: str
    category: str
    percent: float
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Parsed ``quality.toml``: ``facts`` are its other tables; ``today`` bounds every date; ``french``: codes without a said vocabulary
    are of the SNDS."""

    kinds: Mapping[str, Kind]
    thresholds: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    today: datetime.date
    french: bool = True

    def percent(self, kind: str, table: str, field: str) -> float:
        """The threshold of one check: the closest of the overrides, else its kind's."""
        best, score = self.kinds[kind].percent, -1
        for row in self.thresholds:
            named = (row.get("table", ""), row.get("field", ""))
            if row["kind"] == kind and named[0] in {"", table} and named[1] in {"", field}:
                weight = 2 * bool(named[1]) + bool(named[0])
                if weight > score:
                    best, score = float(row["percent"]), weight
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its kind at a table, a field of it, a detail (a code, a year) of that; '' where it has none."""

    kind: str
    table: str
    field: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a check counted, exact and not to be shown: rows that break it and rows it asks of, persons of each.

    ``persons`` None: not a matter of persons (a column, a month of the delivery). ``why``: for want of what it does not apply.
    """

    check: Check
    failing: int
    base: int
    persons: tuple[int, int] | None = None
    estimated: bool = False
    why: str = ""
    broken: bool = False

    @property
    def shape(self) -> bool:
        """Whether this is a yes-or-no check of a table or a column, in which nobody is counted."""
        return self.persons is None and self.base == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What may be shown of a check: counts of 1 to 10 persons or rows are ``<11``, shares are rounded."""

    kind: str
    category: str
    table: str
    field: str
    detail: str
    status: Status
    failing: str
    base: str
    share: str
    percent: float
    why: str


def settings(parsed: Mapping[str, Any], *, today: datetime.date) -> Settings:
    """Settings from parsed ``quality.toml``."""
    kinds = {
        name: Kind(
            name=name,
            dqd=row["dqd"],
            category=row["category"],
            percent=float(row["percent"]),
            words={"en": row["en"], "fr": row["fr"]},
        )
        for name, row in parsed["kinds"].items()
    }
    rest = {name: value for name, value in parsed.items() if name not in {"kinds", "thresholds"}}
    return Settings(kinds=kinds, thresholds=parsed.get("thresholds", ()), facts=rest, today=today)


def judged(measured: Iterable[Measured], rules: Settings) -> list[Finding]:
    """Findings in order: failed first, the worst share first, then passed, then what did not apply."""
    pairs = [(_rank(one, rules), _finding(one, rules)) for one in measured]
    return [finding for _, finding in sorted(pairs, key=lambda pair: pair[0])]


def status_of(one: Measured, rules: Settings) -> Status:
    """Failed when more than the threshold's share of the base breaks the check."""
    if one.why or one.base == 0:
        return "none"
    allowed = rules.percent(one.check.kind, one.check.table, one.check.field)
    return "failed" if one.broken or 100 * one.failing > allowed * one.base else "passed"


def _rank(one: Measured, rules: Settings) -> tuple[int, float, str, str, str, str]:
    order = ("failed", "passed", "none").index(status_of(one, rules))
    share = one.failing / one.base if one.base else 0.0
    check = one.check
    return order, -_coarse(share), check.kind, check.table, check.field, check.detail


def _coarse(share: float) -> float:
    """Whole percents: an order that does not tell more than the numbers shown."""
    return round(share, 2)


def _finding(one: Measured, rules: Settings) -> Finding:
    check = one.check
    hiding = rules.facts["hiding"]
    below = hiding["estimated_below" if one.estimated else "below"]
    least = (
        (one.failing, one.base)
        if one.persons is None
        else (min(one.failing, one.persons[0]), min(one.base, one.persons[1]))
    )
    small = 0 < least[1] < below
    hidden = small or 0 < least[0] < below
    nearly = one.persons is not None and 0 < one.base - one.failing < below
    failing, share = shown(one, hidden=hidden, nearly=nearly, below=hiding["below"])
    return Finding(
        kind=check.kind,
        category=rules.kinds[check.kind].category,
        table=check.table,
        field=check.field,
        detail=check.detail,
        status=status_of(one, rules),
        failing=failing,
        base="" if one.shape else f"<{hiding['below']}" if small else str(one.base),
        share=share,
        percent=rules.percent(check.kind, check.table, check.field),
        why=one.why or ("empty" if one.base == 0 else ""),
    )


def shown(one: Measured, *, hidden: bool, nearly: bool, below: int) -> tuple[str, str]:
    """(failing, share) as texts: exact where nobody can be singled out, else bounds; nothing for a yes-or-no check."""
    if one.why or one.base == 0 or one.shape:
        return "", ""
    if hidden:
        return f"<{below}", "" if one.base < below else _percent(min(1.0, below / one.base), "<")
    if nearly:
        return f">{max(0, one.base - below)}", _percent(max(0.0, 1 - below / one.base), ">")
    return str(one.failing), _percent(one.failing / one.base, "")


def _percent(share: float, sign: str) -> str:
    """Whole percents; below one, one digit that counts."""
    value = 100 * share
    text = f"{value:.0f}" if value >= 1 or value == 0 else f"{value:.1g}"
    return f"{sign}{text}"


def failed(findings: Sequence[Finding]) -> int:
    """How many failed."""
    return sum(1 for finding in findings if finding.status == "failed")
