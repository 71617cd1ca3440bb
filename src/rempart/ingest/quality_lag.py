# SPDX-License-Identifier: Apache-2.0
"""Care months against the lag curve: what has come of a month, against what should have come by the flows that were delivered.

A month is expected to be like the months around it, by its days; a flow that is missing is said elsewhere (``quality_flows``).
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from rempart.ingest.quality import Check, Measured, Settings

_EPOCH, _YEAR = 2000, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Lines of a care month that came in a flow month; months since January 2000."""

    flow: int
    month: int
    lines: int


def lag_checks(arrived: Sequence[Arrived], rules: Settings, usable: tuple[int, int] | None) -> Iterator[Measured]:
    """Each care month but the first ones, in the usable months where they are known. Months before the first flow are not asked."""
    said = rules.facts["lag"]
    flows = {one.flow for one in arrived if one.lines}
    if not flows:
        return
    first, last = min(flows), max(flows)
    months: dict[int, int] = {}
    for one in arrived:
        if first <= one.month <= one.flow:
            months[one.month] = months.get(one.month, 0) + one.lines
    settled = {month: lines / _days(month, rules) for month, lines in months.items() if last - month >= said["settled"]}
    there = max((month for month, lines in months.items() if lines >= said["least"]), default=first)
    begin, end = usable or (first, last - 1)
    for month in range(max(first, begin), min(there, last - 1, end) + 1):
        check = Check(kind="flow-arrived", table="claims", detail=month_name(month))
        wanted = int(_usual(month, settled) * _days(month, rules) * _due(month, flows, rules))
        if wanted < said["least"] or month - first < said["starting"]:
            yield Measured(check=check, failing=0, base=0, why="few")
            continue
        missing = max(0, wanted - months.get(month, 0))
        late = missing > said["tolerance"] * wanted + said["noise"] * sqrt(wanted)
        yield Measured(check=check, failing=missing if late else 0, base=wanted, broken=late)


def _usual(month: int, settled: Mapping[int, float]) -> float:
    """Lines a day that the months around lead to expect; less where the same month of other years is low (August)."""
    lows = [settled[other] / around for other in _same(month, settled) if (around := _around(other, settled))]
    return _around(month, settled) * min(1.0, median(lows) if lows else 1.0)


def _same(month: int, settled: Mapping[int, float]) -> list[int]:
    """The same month of other years."""
    return [other for other in settled if other != month and (other - month) % _YEAR == 0]


def _around(month: int, settled: Mapping[int, float]) -> float:
    """Median of the other months up to a year away; of the last year's that settled where none is so near."""
    near = [lines for other, lines in settled.items() if other != month and abs(other - month) <= _YEAR]
    return median(near or [settled[other] for other in sorted(settled)[-_YEAR:]] or [0.0])


def _due(month: int, flows: set[int], rules: Settings) -> float:
    """Share of a month's lines that the delivered flows should have brought."""
    lags = [flow - month for flow in flows if flow >= month]
    return sum(expected_share(lag, rules) - (expected_share(lag - 1, rules) if lag else 0.0) for lag in lags)


def _days(month: int, rules: Settings) -> float:
    """A month's days, those without ordinary care (weekends, fixed holidays) counted in part."""
    said = rules.facts["lag"]
    day = datetime.date(_EPOCH + month // _YEAR, month % _YEAR + 1, 1)
    total = 0.0
    while day.month == month % _YEAR + 1:
        off = day.weekday() >= said["weekend"] or day.strftime("%m-%d") in said["holidays"]
        total += said["day_off"] if off else 1.0
        day += datetime.timedelta(days=1)
    return total


def expected_share(lag: int, rules: Settings) -> float:
    """Share of a month's lines that has come after ``lag`` flow months, by the settings' curve, straight between its points."""
    said = rules.facts["lag"]
    before, share = 0, 0.0
    for months, now in zip(said["months"], said["shares"], strict=True):
        if lag <= months:
            return float(share + (now - share) * (lag - before) / (months - before))
        before, share = months, now
    return 1.0


def month_name(month: int) -> str:
    """Months since January 2000 → ``2015-03``."""
    return f"{_EPOCH + month // _YEAR:04d}-{month % _YEAR + 1:02d}"
