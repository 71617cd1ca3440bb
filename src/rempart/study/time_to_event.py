# SPDX-License-Identifier: Apache-2.0
"""Incidence rates and curves as result rows. Curves are given on a fixed grid of days, since steps at event days reveal persons."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from rempart.records.protocol import DEATH, Analysis
from rempart.records.study import Study
from rempart.study.cells import ARMS, Cells
from rempart.study.poisson import DAYS_IN_YEAR, rate
from rempart.study.rows import Behind, Output
from rempart.study.survival import Curve, DayCounts, aalen_johansen, day_counts, kaplan_meier

Tables = Mapping[str, pa.Table]


def incidence(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Persons, outcomes, person-years, and the rate with its exact interval. A rate stands on the persons with the outcome."""
    row = {"outcome": analysis.frame.outcome}
    for arm in ARMS:
        persons, events, days = cells.persons(arm), cells.events(arm), cells.person_days(arm)
        column = {"arm": arm}
        output.write(row, column, {"persons": persons}, n=persons, ref=cells.persons_ref(arm))
        places = cells.places_behind(arm)
        output.write(row, column, {"events": events}, n=events, ref=cells.events_ref(arm), behind=places)
        years = {"person_years": days / DAYS_IN_YEAR}
        output.write(row, column, years, n=persons, ref=cells.persons_ref(arm), behind=cells.time_behind(arm))
        value = rate(events, days) or (None, None, None)
        rates = dict(zip(("rate", "rate_lower", "rate_upper"), value, strict=True))
        output.write(row, column, rates, n=events, ref=cells.events_ref(arm), behind=places)


def survival(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Kaplan–Meier of the outcome, deaths taken as censored: the curve of a world without death (Aalen–Johansen is for this one)."""
    for arm in ARMS:
        counts = _counts(study, analysis, cells, arm)
        _write(output, study, analysis, cells, (arm, counts, "survival", kaplan_meier(counts.at_risk, counts.events)))


def cumulative_incidence(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Aalen–Johansen: the share of persons with the outcome by each day, when death competes."""
    for arm in ARMS:
        counts = _counts(study, analysis, cells, arm)
        curve = aalen_johansen(counts.at_risk, counts.events, counts.deaths + counts.unknown_cause)
        _write(output, study, analysis, cells, (arm, counts, "cumulative_incidence", curve))


def by_cause(study: Study, analysis: Analysis) -> bool:
    """Whether the outcome is, among others, a death of a cause: deaths of unknown cause are then a state of their own."""
    return any(item.domain == DEATH for item in study.outcomes[analysis.frame.outcome])


def grid(study: Study, step: int) -> list[int]:
    """Days of the curve: the end of the lag, then multiples of the step to the end of follow-up as designed, never as observed."""
    first, last = study.protocol.period
    end = study.protocol.follow_up_days or (last - first).days
    lag = study.protocol.lag_days
    return [lag, *(day for day in range(0, end + 1, step) if day > lag)]


def _counts(study: Study, analysis: Analysis, cells: Cells, arm: str) -> DayCounts:
    inside = cells.in_arm(arm)
    last = max(grid(study, analysis.grid_days))
    return day_counts(cells.entry[inside], cells.exit[inside], cells.status[inside], cells.n[inside], last_day=last)


def _write(
    output: Output,
    study: Study,
    analysis: Analysis,
    cells: Cells,
    shown: tuple[str, DayCounts, str, Curve],
) -> None:
    arm, counts, statistic, curve = shown
    ways = ("events", "deaths", *(("unknown_cause",) if by_cause(study, analysis) else ()), "censored")
    sums = {name: np.cumsum(getattr(counts, name)) for name in ("entered", *ways)}
    left = sum((sums[name] for name in ways), start=np.zeros_like(sums["entered"]))
    sums["at_risk"] = sums["entered"] - left  # still followed after that day: persons = at_risk + all ways of leaving
    refs = {name: _Refs(cells, arm, name) for name in ("at_risk", *ways)}
    for day in grid(study, analysis.grid_days):
        row, column = {"day": f"{day:05d}"}, {"arm": arm}
        places = cells.places_behind(arm, day)
        for name, ref in refs.items():
            number = int(sums[name][day])
            behind = places if name == "events" else Behind()
            output.write(row, column, {name: number}, n=number, ref=ref.at(day, number), behind=behind)
        values = {statistic: curve.value[day], "lower": curve.lower[day], "upper": curve.upper[day]}
        number = int(sums["events"][day])
        shown_values = {key: None if np.isnan(value) else float(value) for key, value in values.items()}
        output.write(row, column, shown_values, n=number, ref=refs["events"].at(day, number), behind=places)


class _Refs:
    """Names of the nested sets of a curve: equal counts along the grid are the same persons, and all events is the set of events."""

    def __init__(self, cells: Cells, arm: str, name: str) -> None:
        self._cells, self._arm, self._name = cells, arm, name
        self._seen: dict[int, str] = {}
        if name == "events":
            self._seen[cells.events(arm)] = cells.events_ref(arm)
        if name == "at_risk":
            self._seen[cells.persons(arm)] = cells.persons_ref(arm)

    def at(self, day: int, count: int) -> str:
        """The set's name on that grid day."""
        cells = self._cells
        name = f"{self._name}/{cells.outcome}/{self._arm}/{day:05d}{cells.suffix}"
        return self._seen.setdefault(count, name)
