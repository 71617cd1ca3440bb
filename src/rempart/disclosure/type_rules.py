# SPDX-License-Identifier: Apache-2.0
"""Rules of single output types that counting the persons behind a value does not settle: degrees of freedom, levels of a fit, populations.

Judges rows, never prices or hides: what is barred here is primary in the check, like a small cell.
"""

from collections.abc import Callable, Mapping, Sequence

from rempart.disclosure.given_back import limits_of_few, other_level_of_few, percents_of_few
from rempart.disclosure.policy import Policy
from rempart.disclosure.row_groups import group_of, groups_of, number, of_the_fit
from rempart.errors import BadInput
from rempart.records.result import ResultRow

Fit = tuple[str, str]  # output, model
Judge = Callable[[Sequence[ResultRow], Policy], set[int]]
_OUTER = {"edge_low": min, "edge_high": max}


def barred(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Indexes of the rows that a rule of their type bars.

    Raises BadInput ``disclosure-evidence`` where a group does not hold what its type must tell (``needs``).
    """
    _complete(rows, policy)
    found: set[int] = set()
    for name, judge in _JUDGES.items():
        mine = [at for at, row in enumerate(rows) if name in policy.types[row.output_type].rules]
        found |= {mine[at] for at in judge([rows[at] for at in mine], policy)} if mine else set()
    return found


def _complete(rows: Sequence[ResultRow], policy: Policy) -> None:
    for group in groups_of([row for row in rows if policy.types[row.output_type].needs]).values():
        row = next(iter(group.values()))
        if not policy.types[row.output_type].needs <= group.keys() and not of_the_fit(row):
            raise BadInput("disclosure-evidence", output=row.output, statistic=row.statistic)


def _few_degrees(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Groups, and whole fits, with fewer degrees of freedom than asked, or that do not say."""
    groups = groups_of(rows)
    fits = {
        _fit(row): number(group, "dof")
        for group in groups.values()
        for row in [next(iter(group.values()))]
        if of_the_fit(row)
    }
    least = policy.limits["dof"]

    def few(row: ResultRow) -> bool:
        dof = fits.get(_fit(row)) if row.output_type == "regression" else number(groups[group_of(row)], "dof")
        return dof is None or dof < least

    return {at for at, row in enumerate(rows) if few(row)}


def _fit(row: ResultRow) -> Fit:
    return row.output, row.row_key.get("model", "")


def _small_levels(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = groups_of(rows)

    def few(row: ResultRow) -> bool:
        names = ["persons"] if row.row_key.get("family") == "linear" else ["persons", "events", "non_events"]
        counts = [number(groups[group_of(row)], name) for name in names]
        return any(n is None or n < policy.persons for n in counts)

    measured = policy.types["regression"].measures
    return {at for at, row in enumerate(rows) if row.statistic in measured and not of_the_fit(row) and few(row)}


def _saturated(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    tables: set[Fit] = set()
    told: set[Fit] = set()
    for group in groups_of(rows).values():
        row = next(iter(group.values()))
        if of_the_fit(row):
            parameters, patterns, least = (number(group, name) for name in ("parameters", "patterns", "least_pattern"))
            if parameters is not None and patterns is not None:
                told.add(_fit(row))
                if parameters >= patterns and (least is None or least < policy.persons):
                    tables.add(_fit(row))
    return {at for at, row in enumerate(rows) if _fit(row) in tables or _fit(row) not in told}


def _whole_class(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = groups_of(rows)
    return {
        at
        for at, row in enumerate(rows)
        if row.statistic == "mode"
        and number(groups[group_of(row)], "sharing") == number(groups[group_of(row)], "persons")
    }


def _few_inhabitants(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = groups_of(rows)
    least = policy.limits["population"]
    return {at for at, row in enumerate(rows) if (number(groups[group_of(row)], "population") or 0) < least}


def _not_shared(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Extremes whose persons, or whose sharing, are too few: a zero of sharing is no extreme at all."""
    groups = groups_of(rows)
    measured = policy.types["extreme"].measures
    return {
        at
        for at, row in enumerate(rows)
        if row.statistic in measured and (number(groups[group_of(row)], "sharing") or 0) < policy.persons
    }


def _edges(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Outer edges of a histogram that fewer persons share than asked, or that do not say how many."""
    found: set[int] = set()
    for statistic, outer in _OUTER.items():
        ends: dict[tuple[object, ...], list[int]] = {}
        for at, row in enumerate(rows):
            if row.statistic == statistic:
                key = {name: value for name, value in row.row_key.items() if name != "bin"}
                ends.setdefault(
                    (row.output, tuple(sorted(key.items())), tuple(sorted(row.column_key.items()))), []
                ).append(at)
        for places in ends.values():
            at = outer(places, key=lambda place: rows[place].value or 0.0)
            found |= {at} if (rows[at].n_persons or 0) < policy.persons else set()
    return found


def _without_contributions(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    measured = policy.types["concentration"].measures
    return {
        at
        for at, row in enumerate(rows)
        if row.statistic in measured and (row.top1 is None or row.top2 is None or not row.total_abs)
    }


_JUDGES: Mapping[str, Judge] = {
    "dof": _few_degrees,
    "level-persons": _small_levels,
    "saturation": _saturated,
    "whole-class": _whole_class,
    "population": _few_inhabitants,
    "shared-extreme": _not_shared,
    "outer-edges": _edges,
    "inverted-limits": limits_of_few,
    "inverted-percent": percents_of_few,
    "inverted-fit": other_level_of_few,
    "contributions": _without_contributions,
}
