# SPDX-License-Identifier: Apache-2.0
"""Attrition, table one with standardised differences, and follow-up of rule cohorts as result rows. Counts no person itself."""

from collections.abc import Mapping

from rempart.study.describe import mean_and_sd
from rempart.study.describe_cells import ARM, NOBODY, Describing, reference, together
from rempart.study.differences import VERSUS, share_moments, standardised_difference
from rempart.study.rows import UNITS, Output
from rempart.study.tallies import Tally

QUANTILES = (5, 25, 50, 75, 95)
_DAYS = {**UNITS, **{f"p{q:02d}": "days" for q in QUANTILES}}
_DEATH = "death"


def attrition(output: Output, told: Describing) -> None:
    """Persons remaining after each step; the last is the cohort."""
    steps, members = told.part("steps"), told.one("persons")
    for cell in steps:
        step = cell.key["step"]
        last = cell is steps[-1] and cell.persons == members.persons
        ref = reference(members) if last else f"attrition/{told.analysis.cohorts[0]}/{step}"
        output.write({"step": step}, ARM, {"n": cell.persons}, n=cell.persons, ref=ref)


def table_one(output: Output, told: Describing) -> None:
    """Persons by level of each covariate in each cohort, and how far the first cohort lies from each other; ``…_means``: age.

    Where no person is in two of the cohorts, their sum is shown too (``all``): the disclosure rules then know that none lies in another.
    """
    analysis, totals = told.analysis, dict(told.by("persons", "arm"))
    apart = len(analysis.cohorts) > 1 and told.one("union").persons == sum(cell.persons for cell in totals.values())
    if apart:
        totals[("all",)] = together(totals.values())
    arms = (*analysis.cohorts, *(("all",) if apart else ()))
    for arm in arms:
        total = totals.get((arm,), NOBODY)
        _level(output, {"variable": "all", "level": "all"}, arm, total, total.persons)
    for name in analysis.covariates:
        cells = told.by(f"level/{name}", "level", "arm")
        seen = {level for level, _ in cells}
        for level in (level for level in told.study.covariates[name].levels if level in seen):
            row = {"variable": name, "level": level}
            found = {arm: cells.get((level, arm), NOBODY) for arm in analysis.cohorts}
            for arm in arms:
                cell = found[arm] if arm in found else together(found.values())
                _level(output, row, arm, cell, totals.get((arm,), NOBODY).persons)
            _differences(output, row, {arm: _share(found[arm], totals.get((arm,), NOBODY)) for arm in found})
    if ages := told.by("age", "arm"):
        _means(output.named("means", "mean"), told, {arm: ages.get((arm,), NOBODY) for arm in analysis.cohorts})


Moments = tuple[int, float, float]  # persons, mean, variance


def _share(cell: Tally, total: Tally) -> Moments:
    return total.persons, *share_moments(cell.persons, total.persons)


def _level(output: Output, row: Mapping[str, str], arm: str, cell: Tally, total: int) -> None:
    values = {"n": cell.persons, "percent": 100 * cell.persons / total if total else None}
    output.write(row, {"arm": arm}, values, n=cell.persons, ref=reference(cell))


def _means(output: Output, told: Describing, cells: Mapping[str, Tally]) -> None:
    row, moments = {"variable": "age"}, {}
    for arm, cell in cells.items():
        found = mean_and_sd(cell.n, cell.total, cell.squares)
        output.write(row, {"arm": arm}, found, n=cell.persons, ref=reference(cell))
        moments[arm] = (cell.n, found["mean"] or 0.0, (found["sd"] or 0.0) ** 2)
    _differences(output, row, moments)


def _differences(output: Output, row: Mapping[str, str], moments: Mapping[str, Moments]) -> None:
    (first, one), *others = moments.items()
    for name, other in others:
        value = standardised_difference(one[1:], other[1:]) if one[0] and other[0] else None
        output.write(row, {"arm": f"{first}{VERSUS}{name}"}, {"smd": value}, n=min(one[0], other[0]), ref="")


def follow_up(output: Output, told: Describing) -> None:
    """Quantiles of days in the first period; ``…_reasons``: why it ended; ``…_curve``: who is left on a fixed grid of days."""
    ends = told.part("ends")
    whole = together(ends)
    for name, value, side in quantiles([(int(cell.key["days"]), cell.persons) for cell in ends]):
        output.write({"variable": "follow_up"}, ARM, {name: value}, n=side, ref="", units=_DAYS)
    reasons = output.named("reasons", "frequency")
    _level(reasons, {"variable": "all", "level": "all"}, "all", whole, whole.persons)
    for reason in sorted({cell.key["reason"] for cell in ends}):
        cell = together(cell for cell in ends if cell.key["reason"] == reason)
        _level(reasons, {"variable": "reason", "level": reason}, "all", cell, whole.persons)
    _curve(output.named("curve", "survival"), told, ends)


def quantiles(histogram: list[tuple[int, int]]) -> list[tuple[str, float | None, int]]:
    """(name, value, persons on the smaller side) of each quantile of a histogram (value, persons): the least value that at least that
    share of persons do not exceed."""
    total = sum(n for _, n in histogram)
    found = []
    for q in QUANTILES:
        rank, seen, value = -(-q * total // 100), 0, None
        for amount, n in sorted(histogram):
            seen += n
            if value is None and seen >= rank and total:
                value = float(amount)
        found.append((f"p{q:02d}", value, max(1, total * min(q, 100 - q) // 100) if total else 0))
    return found


def _curve(output: Output, told: Describing, ends: list[Tally]) -> None:
    """Persons still followed after each day of the grid, and those who died or otherwise ended by then."""
    total = sum(cell.persons for cell in ends)
    first, last = told.study.protocol.period
    longest = told.study.protocol.follow_up_days or (last - first).days
    for day in range(0, longest + 1, told.analysis.grid_days):
        gone = [cell for cell in ends if int(cell.key["days"]) <= day]
        deaths = sum(cell.persons for cell in gone if cell.key["reason"] == _DEATH)
        censored = sum(cell.persons for cell in gone) - deaths
        left = total - deaths - censored
        row = {"day": f"{day:05d}"}
        for name, number in (("at_risk", left), ("deaths", deaths), ("censored", censored)):
            output.write(row, ARM, {name: number}, n=number, ref="")
        output.write(row, ARM, {"still_followed": left / total if total else None}, n=left, ref="")
