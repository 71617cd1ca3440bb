# SPDX-License-Identifier: Apache-2.0
"""Periods of exposure as result rows: how days' supply was told, days covered, persistence, dose, switch, time away, waiting times."""

from collections.abc import Mapping

import numpy as np

from rempart.study.describe import mean_and_sd
from rempart.study.describe_cells import ARM, NOBODY, Describing, contributions, reference, together
from rempart.study.rows import UNITS, Output
from rempart.study.survival import day_counts, kaplan_meier
from rempart.study.tallies import Tally
from rempart.study.waiting_time import fitted

_PERCENT, _SHARE = 100.0, "share"
_WHOLE = 10_000  # cover of every day
_WAITING = 365
COVER, SWITCH, AWAY, DOSE = "days covered", "switch", "days not observed", "dose"
_PERCENTILES = (50, 75, 80, 90, 95)
_DAYS: Mapping[str, str] = {**UNITS, "mean": "days", "sd": "days", **{f"p{q}": "days" for q in _PERCENTILES}}
_COVER: Mapping[str, str] = {**UNITS, "mean": "percent", "sd": "percent", _SHARE: "percent"}


def exposure_periods(output: Output, told: Describing) -> None:
    """Persons by cover, switch and time away; ``…_rules``, ``…_means``, ``…_persistence``, ``…_waits`` beside."""
    whole = told.one("persons")
    for name in told.analysis.exposures:
        _level(output, {"exposure": name, "variable": "all", "level": "all"}, whole, whole.persons)
        _bands(output, told, name, whole)
        _rules(output.named("rules", "supply"), told, name)
        _means(output.named("means", "mean"), told, name)
        _persistence(output.named("persistence", "survival"), told, name)
        _waits(output.named("waits", "quantile"), told, name)


def _level(output: Output, row: Mapping[str, str], cell: Tally, total: int) -> None:
    values = {"n": cell.persons, "percent": _PERCENT * cell.persons / total if total else None}
    output.write(row, ARM, values, n=cell.persons, ref=reference(cell))


def _bands(output: Output, told: Describing, name: str, whole: Tally) -> None:
    """Each variable sums to the persons of the cohort; of a switch, those without the drug are ``none``."""
    covers = sorted(told.part(f"cover/{name}"), key=lambda cell: _rising(cell.key["band"]))
    found = [(COVER, cell.key["band"], cell) for cell in covers]
    if switched := told.part(f"switch/{name}"):
        found += [(SWITCH, cell.key["switched"], cell) for cell in switched]
        found.append((SWITCH, "none", _less(whole, together(switched))))
    found += [(AWAY, cell.key["away"], cell) for cell in told.part(f"away/{name}")]
    for variable, level, cell in found:
        _level(output, {"exposure": name, "variable": variable, "level": level}, cell, whole.persons)


def _rising(band: str) -> int:
    """Where a band of cover stands: nobody's day first, every day last."""
    first = band.partition("-")[0]
    return int(first) if first.isdigit() else -1


def _less(whole: Tally, part: Tally) -> Tally:
    """The persons of a set that are not in a part of it."""
    prints = {side: (getattr(whole, side) - getattr(part, side)) % 2**64 for side in ("print_a", "print_b")}
    return Tally(key={}, n=0, total=0, squares=0, persons=whole.persons - part.persons, **prints, top1=0, top2=0)


def _rules(output: Output, told: Describing, name: str) -> None:
    """The share of dispensings by the rule that told their days."""
    cells = told.part(f"rules/{name}")
    dispensings = sum(cell.total for cell in cells)
    for cell in cells:
        row = {"exposure": name, "rule": cell.key["rule"]}
        share = {_SHARE: _PERCENT * cell.total / dispensings}
        behind = contributions(cell)
        output.write(row, ARM, share, n=cell.persons, ref=reference(cell), units=_COVER, behind=behind)


def _means(output: Output, told: Describing, name: str) -> None:
    """Of users: cover in per cent, substance; of everybody: days away; of those who switched: days until then."""
    covers = [cell for cell in told.part(f"cover/{name}") if cell.key["band"] != "none"]
    cover = together(covers)
    found = mean_and_sd(cover.n, cover.total, cover.squares)
    scaled = {key: None if value is None else _PERCENT * value / _WHOLE for key, value in found.items()}
    output.write({"exposure": name, "variable": COVER}, ARM, scaled, n=cover.n, ref=reference(cover), units=_COVER)
    eras = told.study.exposures[name].eras
    unit = eras.dose_unit if eras is not None and eras.dose_unit else "units"
    dose = told.one(f"dose/{name}")
    if dose.n:
        _mean(output, {"exposure": name, "variable": DOSE}, dose, {**UNITS, "mean": unit, "sd": unit})
    if away := told.part(f"away/{name}"):
        _mean(output, {"exposure": name, "variable": AWAY}, together(away), _DAYS)
    switched = told.by(f"switch/{name}", "switched").get(("yes",), NOBODY)
    if switched.n:
        _mean(output, {"exposure": name, "variable": SWITCH}, switched, _DAYS)


def _mean(output: Output, row: Mapping[str, str], cell: Tally, units: Mapping[str, str]) -> None:
    found = mean_and_sd(cell.n, cell.total, cell.squares)
    ref = reference(cell) if cell.n == cell.persons else ""
    output.write(row, ARM, found, n=cell.n, ref=ref, units=units, behind=contributions(cell))


def _persistence(output: Output, told: Describing, name: str) -> None:
    """Users still in their first period after each day of the grid: Kaplan–Meier, the window's end censors. The grid goes on to the end
    as designed, never to the last one observed, whose number of days the rows would tell."""
    cells = told.part(f"persistence/{name}")
    if not cells:
        return
    days, stopped, n = (
        np.array(values, dtype=np.int64)
        for values in (
            [int(cell.key["days"]) for cell in cells],
            [int(cell.key["stopped"]) for cell in cells],
            [cell.persons for cell in cells],
        )
    )
    last = _designed(told)
    counts = day_counts(np.zeros_like(days), days, stopped, n, last_day=last)
    curve = kaplan_meier(counts.at_risk, counts.events)
    left, gone, lost = int(n.sum()), np.cumsum(counts.events), np.cumsum(counts.censored)
    for day in range(0, last + 1, told.analysis.grid_days):
        events, censored = int(gone[day]), int(lost[day])
        at_risk = left - events - censored
        row, column = {"day": f"{day:05d}"}, {"arm": name}
        for statistic, value in (("at_risk", at_risk), ("events", events), ("censored", censored)):
            output.write(row, column, {statistic: value}, n=value, ref="")
        limits = {
            key: _known(side[day])
            for key, side in (("still_treated", curve.value), ("lower", curve.lower), ("upper", curve.upper))
        }
        output.write(row, column, limits, n=at_risk, ref="")


def _designed(told: Describing) -> int:
    """The last day of the curve: the analysis's own days, else ``follow_up_days``, else as long as the data of the permit can tell of
    anybody: from the first possible time zero to their last day."""
    longest = told.part("designed")[0]
    return told.analysis.days or told.study.protocol.follow_up_days or int(longest.key["days"])


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _waits(output: Output, told: Describing, name: str) -> None:
    """Days within which so many of the users who go on come back, by the reverse waiting time distribution."""
    waits = {int(cell.key["wait"]): cell.persons for cell in told.part(f"waits/{name}")}
    found = fitted(waits, window=told.analysis.days or _WAITING)
    if not (users := sum(waits.values())):
        return
    rule = "" if found else "waits-tell-nothing"
    for q in _PERCENTILES:
        side = max(1, users * min(q, 100 - q) // 100)
        value = {f"p{q}": found.percentile(q / 100) if found else None}
        output.write(
            {"exposure": name, "variable": "days between dispensings"},
            ARM,
            value,
            n=side,
            ref="",
            rule=rule,
            units=_DAYS,
        )
