# SPDX-License-Identifier: Apache-2.0
"""Which estimates give few persons back to whoever computes: limits, percentages and fits that are tables. ``invert.py`` has the formulas.

Only what is not told for itself is judged here: a count that stands beside is a cell, and judged as one.
"""

import math
from collections.abc import Mapping, Sequence

from rempart.disclosure.invert import (
    about_share,
    counts_of_percent,
    error_of,
    events_of_rate,
    fewest_of_ratio,
    fits_share,
    reference_of_odds,
    reference_of_rates,
)
from rempart.disclosure.policy import Policy
from rempart.disclosure.row_groups import group_of, groups_of, number, of_the_fit
from rempart.records.result import ResultRow

Told = Mapping[str, ResultRow]
_EVENTS = frozenset({"events", "cases"})
_LIMITS = (("lower", "rate_lower", "prevalence_lower"), ("upper", "rate_upper", "prevalence_upper"))
_SHARES = ("prevalence", "risk", "observed")
_WHOLE = {"percent": 100.0, "probability": 1.0}  # unit → what everybody is in it
_COUNTS = frozenset({"n", "events"})  # what a percentage is of
_ALL = "all"  # the level that is the total of the others
_LINEAR = "linear"
_BY_TIME = frozenset({"poisson", "cox"})  # families whose variance is of events alone


def limits_of_few(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Limits, and what stands beside them, that give few events back where no count of events is told beside them for itself."""
    told = {(row.output, tuple(sorted(row.row_key.items()))) for row in rows if row.statistic in _EVENTS}
    groups = groups_of(rows)

    def few(row: ResultRow) -> bool:
        group = groups[group_of(row)]
        lower, upper = (
            next((n for name in names if (n := number(group, name)) is not None), None) for names in _LIMITS
        )
        if lower is None or upper is None or (row.output, tuple(sorted(row.row_key.items()))) in told:
            return False
        if "rate" in group or row.statistic.startswith("rate"):
            return any(policy.small(n) for n in events_of_rate(lower, upper))
        share = next((group[name] for name in _SHARES if name in group), None)
        if share is not None:
            return _few_of_share(share, lower, upper, policy)
        return fewest_of_ratio(lower, upper) < policy.persons

    return {at for at, row in enumerate(rows) if few(row)}


def _few_of_share(share: ResultRow, lower: float, upper: float, policy: Policy) -> bool:
    """Whether few have it, or few do not."""
    whole = _WHOLE.get(share.unit, 1.0)
    low, high, middle = lower / whole, upper / whole, (share.value or 0.0) / whole
    few = range(1, policy.persons)
    sides = ((middle, low, high), (1 - middle, 1 - high, 1 - low))
    return any(
        fits_share(least, most, few) or about_share(at, least, most) < policy.persons for at, least, most in sides
    )


def percents_of_few(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Percentages beside which no count stands, and that may be of few, or of all but few, of the persons behind them or of the total of
    their column."""
    groups = groups_of(rows)
    totals: dict[tuple[object, ...], set[int]] = {}
    for row in rows:
        if _ALL in row.row_key.values() and row.statistic in _COUNTS and row.value is not None:
            totals.setdefault((row.output, *group_of(row)[2]), set()).add(int(row.value))

    def few(row: ResultRow) -> bool:
        if row.statistic != "percent" or row.value is None or groups[group_of(row)].keys() & _COUNTS:
            return False
        whole = {*totals.get((row.output, *group_of(row)[2]), ()), row.n_persons or 0}
        return any(policy.small(n) or policy.small(of - n) for of in whole for n in counts_of_percent(row.value, of))

    return {at for at, row in enumerate(rows) if few(row)}


def other_level_of_few(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Terms of a fit that has as many parameters as patterns, and so gives back the level that it compares with, where that has few
    events or few without."""
    groups = groups_of(rows)
    tables = set()
    for group in groups.values():
        row = next(iter(group.values()))
        parameters, patterns = number(group, "parameters"), number(group, "patterns")
        if of_the_fit(row) and parameters is not None and patterns is not None and parameters >= patterns:
            tables.add((row.output, row.row_key.get("model", "")))

    def few(row: ResultRow) -> bool:
        if of_the_fit(row) or (row.output, row.row_key.get("model", "")) not in tables:
            return False
        return any(0 < round(n) < policy.persons for n in _compared_with(row, groups[group_of(row)]))

    return {at for at, row in enumerate(rows) if few(row)}


def _compared_with(row: ResultRow, group: Told) -> tuple[float, ...]:
    """Events, and others, of the level that a term is compared with."""
    events, others = number(group, "events"), number(group, "non_events")
    ratio, log_ratio = number(group, "ratio"), number(group, "coefficient")
    error = number(group, "standard_error") or error_of(number(group, "lower") or 0.0, number(group, "upper") or 0.0)
    family = row.row_key.get("family", "")
    if family == _LINEAR or not events or not error:
        return ()
    if family in _BY_TIME:
        return (reference_of_rates(error, int(events)),)
    log_ratio = math.log(ratio) if log_ratio is None and ratio else log_ratio
    return () if log_ratio is None or not others else reference_of_odds(log_ratio, error, int(events), int(others))
