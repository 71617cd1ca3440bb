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
    are of the SNDS; ``mapped``: concepts were filled from a vocabulary, which need not be in the snapshot."""

    kinds: Mapping[str, Kind]
    thresholds: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    today: datetime.date
    french: bool = True
    mapped: bool = False

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
    """What may be shown of a check: counts of 1 to 10 persons or rows are ``<11`` (``<16`` where persons are estimated).

    Others are rounded to the step; share, state and order are of the rounded counts.
    """

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
    pairs = [(_rank(coarse, rules), _finding(coarse, rules)) for coarse in (coarsened(one, rules) for one in measured)]
    return [finding for _, finding in sorted(pairs, key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarse:
    """All that may be known of a measurement: counts as multiples of the step, None for a small one. What is shown, the state and the
    order follow from this alone, so that no number, no share and no threshold of an operator's says more than it does."""

    one: Measured
    failing: int | None
    base: int | None
    below: int

    @property
    def applies(self) -> bool:
        """Whether anything was asked."""
        return not self.one.why and self.base != 0


def coarsened(one: Measured, rules: Settings) -> Coarse:
    """Small counts (of rows or of persons) hidden, the others rounded; a yes-or-no check keeps its answer."""
    below = rules.facts["hiding"]["estimated_below" if one.estimated else "below"]
    if one.shape:
        return Coarse(one=one, failing=one.failing, base=one.base, below=below)
    persons = one.persons or (one.failing, one.base)
    failing, base = (
        None if 0 < min(rows, people or rows) < below else rounded(rows, rules)
        for rows, people in zip((one.failing, one.base), persons, strict=True)
    )
    return Coarse(one=one, failing=failing, base=base, below=below)


def rounded(count: int, rules: Settings) -> int:
    """To the nearest multiple of the step, halves up: the difference of two such numbers never tells one of 1 to below-1."""
    step: int = rules.facts["hiding"]["step"]
    return (count + step // 2) // step * step


def status_of(one: Measured, rules: Settings) -> Status:
    """Failed when more than the threshold's share of the base breaks the check, by what may be known of both."""
    return _status(coarsened(one, rules), rules)


def _status(coarse: Coarse, rules: Settings) -> Status:
    check = coarse.one.check
    if not coarse.applies:
        return "none"
    allowed = rules.percent(check.kind, check.table, check.field)
    failing, base = _stand_ins(coarse)
    return "failed" if coarse.one.broken or 100 * failing > allowed * base else "passed"


def _stand_ins(coarse: Coarse) -> tuple[float, int]:
    """(failing, base) to judge by: a hidden count is half of what it is below, a hidden base the whole."""
    base = coarse.below if coarse.base is None else coarse.base
    return min(base, coarse.below / 2 if coarse.failing is None else coarse.failing), base


def _rank(coarse: Coarse, rules: Settings) -> tuple[int, float, str, str, str, str]:
    order = ("failed", "passed", "none").index(_status(coarse, rules))
    check = coarse.one.check
    failing, base = _stand_ins(coarse)
    return order, -failing / base if base else 0.0, check.kind, check.table, check.field, check.detail


def _finding(coarse: Coarse, rules: Settings) -> Finding:
    one, check = coarse.one, coarse.one.check
    failing, share = _shown(coarse)
    return Finding(
        kind=check.kind,
        category=rules.kinds[check.kind].category,
        table=check.table,
        field=check.field,
        detail=check.detail,
        status=_status(coarse, rules),
        failing=failing,
        base="" if one.shape else f"<{coarse.below}" if coarse.base is None else str(coarse.base),
        share=share,
        percent=rules.percent(check.kind, check.table, check.field),
        why=one.why or ("empty" if coarse.base == 0 else ""),
    )


def _shown(coarse: Coarse) -> tuple[str, str]:
    """(failing, share) as texts: rounded, or a bound where the count is small; nothing for a yes-or-no check."""
    if not coarse.applies or coarse.one.shape:
        return "", ""
    if coarse.failing is None:
        return f"<{coarse.below}", _percent(min(1.0, coarse.below / coarse.base), "<") if coarse.base else ""
    return str(coarse.failing), _percent(coarse.failing / coarse.base, "") if coarse.base else ""


def _percent(share: float, sign: str) -> str:
    """Whole percents; below one, one digit that counts."""
    value = 100 * share
    text = f"{value:.0f}" if value >= 1 or value == 0 else f"{value:.1g}"
    return f"{sign}{text}"


def failed(findings: Sequence[Finding]) -> int:
    """How many failed."""
    return sum(1 for finding in findings if finding.status == "failed")
