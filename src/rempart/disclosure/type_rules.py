# SPDX-License-Identifier: Apache-2.0
"""Rules of single output types that counting the persons behind a value does not settle: degrees of freedom, levels of a fit, populations.

Judges rows, never prices or hides: what is barred here is primary in the check, like a small cell.
"""

from collections.abc import Callable, Mapping, Sequence

from rempart.disclosure.invert import events_of_rate, fewest_of_ratio
from rempart.disclosure.policy import Policy
from rempart.errors import BadInput
from rempart.records.result import ResultRow

Fit = tuple[str, str]  # output, model
Group = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
Judge = Callable[[Sequence[ResultRow], Policy], set[int]]
_EVENTS = frozenset({"events", "cases"})
_LIMITS = (("lower", "rate_lower"), ("upper", "rate_upper"))
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


def _group(row: ResultRow) -> Group:
    return row.output, tuple(sorted(row.row_key.items())), tuple(sorted(row.column_key.items()))


def _groups(rows: Sequence[ResultRow]) -> dict[Group, dict[str, ResultRow]]:
    found: dict[Group, dict[str, ResultRow]] = {}
    for row in rows:
        found.setdefault(_group(row), {})[row.statistic] = row
    return found


def _complete(rows: Sequence[ResultRow], policy: Policy) -> None:
    for group in _groups([row for row in rows if policy.types[row.output_type].needs]).values():
        row = next(iter(group.values()))
        if not policy.types[row.output_type].needs <= group.keys() and not _of_the_fit(row):
            raise BadInput("disclosure-evidence", output=row.output, statistic=row.statistic)


def _of_the_fit(row: ResultRow) -> bool:
    """Lines that tell of a regression as a whole."""
    return row.output_type == "regression" and "term" not in row.row_key


def _number(group: Mapping[str, ResultRow], statistic: str) -> float | None:
    return group[statistic].value if statistic in group else None


def _few_degrees(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Groups, and whole fits, with fewer degrees of freedom than asked, or that do not say."""
    groups = _groups(rows)
    fits = {
        _fit(row): _number(group, "dof")
        for group in groups.values()
        for row in [next(iter(group.values()))]
        if _of_the_fit(row)
    }
    least = policy.limits["dof"]

    def few(row: ResultRow) -> bool:
        dof = fits.get(_fit(row)) if row.output_type == "regression" else _number(groups[_group(row)], "dof")
        return dof is None or dof < least

    return {at for at, row in enumerate(rows) if few(row)}


def _fit(row: ResultRow) -> Fit:
    return row.output, row.row_key.get("model", "")


def _small_levels(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = _groups(rows)

    def few(row: ResultRow) -> bool:
        names = ["persons"] if row.row_key.get("family") == "linear" else ["persons", "events", "non_events"]
        counts = [_number(groups[_group(row)], name) for name in names]
        return any(n is None or n < policy.persons for n in counts)

    measured = policy.types["regression"].measures
    return {at for at, row in enumerate(rows) if row.statistic in measured and not _of_the_fit(row) and few(row)}


def _saturated(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    tables: set[Fit] = set()
    told: set[Fit] = set()
    for group in _groups(rows).values():
        row = next(iter(group.values()))
        if _of_the_fit(row):
            parameters, patterns, least = (_number(group, name) for name in ("parameters", "patterns", "least_pattern"))
            if parameters is not None and patterns is not None:
                told.add(_fit(row))
                if parameters >= patterns and (least is None or least < policy.persons):
                    tables.add(_fit(row))
    return {at for at, row in enumerate(rows) if _fit(row) in tables or _fit(row) not in told}


def _whole_class(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = _groups(rows)
    return {
        at
        for at, row in enumerate(rows)
        if row.statistic == "mode"
        and _number(groups[_group(row)], "sharing") == _number(groups[_group(row)], "persons")
    }


def _few_inhabitants(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    groups = _groups(rows)
    least = policy.limits["population"]
    return {at for at, row in enumerate(rows) if (_number(groups[_group(row)], "population") or 0) < least}


def _not_shared(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Extremes whose persons, or whose sharing, are too few: a zero of sharing is no extreme at all."""
    groups = _groups(rows)
    measured = policy.types["extreme"].measures
    return {
        at
        for at, row in enumerate(rows)
        if row.statistic in measured and (_number(groups[_group(row)], "sharing") or 0) < policy.persons
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


def _inverted(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Limits, and what stands beside them, that give few events back where no count of events is told beside them for itself."""
    told = {(row.output, tuple(sorted(row.row_key.items()))) for row in rows if row.statistic in _EVENTS}
    groups = _groups(rows)

    def few(row: ResultRow) -> bool:
        lower, upper = (
            next((n for name in names if (n := _number(groups[_group(row)], name)) is not None), None)
            for names in _LIMITS
        )
        if lower is None or upper is None or (row.output, tuple(sorted(row.row_key.items()))) in told:
            return False
        if row.statistic.startswith("rate") or "rate" in groups[_group(row)]:
            return any(policy.small(n) for n in events_of_rate(lower, upper))
        return fewest_of_ratio(lower, upper) < policy.persons

    return {at for at, row in enumerate(rows) if few(row)}


_JUDGES: Mapping[str, Judge] = {
    "dof": _few_degrees,
    "level-persons": _small_levels,
    "saturation": _saturated,
    "whole-class": _whole_class,
    "population": _few_inhabitants,
    "shared-extreme": _not_shared,
    "outer-edges": _edges,
    "inverted-limits": _inverted,
    "contributions": _without_contributions,
}
