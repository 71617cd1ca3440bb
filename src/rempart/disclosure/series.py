# SPDX-License-Identifier: Apache-2.0
"""Counts that follow one another in time: the difference of two is who came less who left. Suppresses nothing itself.

Of a series of persons (those there, cases, users), a time whose count differs by a few persons from the last one shown is hidden, as a
day of a curve is left out. Events and new users of two times are different ones, and no steps.
"""

from rempart.disclosure.cells import Cells, Key, Place, without
from rempart.disclosure.policy import Policy

RULE = "steps-of-a-series"
_CALENDAR = frozenset({"year", "quarter", "month"})
_PRESENT = frozenset({"persons", "cases", "users"})
Series = tuple[str, Key, Key, str]


def near_steps(cells: Cells, policy: Policy) -> set[str]:
    """Cells that differ by 1 to 10 persons from the last cell shown of their series."""
    found: dict[Series, dict[str, str]] = {}
    for place, cell in cells.places.items():
        if RULE in policy.types[place.output_type].rules and place.statistic in _PRESENT:
            time, row = _time(place)
            if time:
                found.setdefault((place.output, row, place.column, place.statistic), {})[time] = cell
    hidden: set[str] = set()
    for _, series in sorted(found.items()):
        hidden |= _near(series, hidden, cells, policy)
    return hidden


def near_days(cells: Cells, policy: Policy) -> set[str]:
    """Cells of events behind a risk that differ by 1 to 10 persons from a day of a curve of that arm: a risk is one day more of it.

    The risk goes and not the day, which the other arms of the curve may show.
    """
    days: dict[str, set[int]] = {}
    for place, cell in cells.places.items():
        if (place.output_type, place.statistic) == ("survival", "events"):
            days.setdefault(dict(place.column).get("arm", ""), set()).add(cells.values[cell])
    return {
        cell
        for place, cell in cells.places.items()
        if (place.output_type, place.statistic) == ("risk", "events")
        for day in days.get(dict(place.column).get("arm", ""), ())
        if day != cells.values[cell] and policy.small(abs(cells.values[cell] - day))
    }


def _near(series: dict[str, str], hidden: set[str], cells: Cells, policy: Policy) -> set[str]:
    near: set[str] = set()
    before: str | None = None
    for _, cell in sorted(series.items()):
        if cell in cells.primary or cell in hidden:
            continue
        if before is not None and policy.small(abs(cells.values[cell] - cells.values[before])):
            near.add(cell)
        else:
            before = cell
    return near


def _time(place: Place) -> tuple[str, Key]:
    """When the cell is of, and the rest of its row; '' where it is of no time: levels of a calendar variable are times too."""
    row = dict(place.row)
    if "time" in row:
        return row["time"], without(place.row, "time")
    names, levels = row.get("variable", "").split("*"), row.get("level", "").split(" / ")
    if len(names) != len(levels):
        return "", place.row
    times = [level for name, level in zip(names, levels, strict=True) if name in _CALENDAR]
    others = [(name, level) for name, level in zip(names, levels, strict=True) if name not in _CALENDAR]
    rest = {**row, "level": " / ".join(level for _, level in others)}
    return "".join(times), tuple(sorted(rest.items()))
