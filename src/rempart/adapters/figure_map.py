# SPDX-License-Identifier: Apache-2.0
"""Rates or shares by département on a tile map: one square for each, about where it lies (departements.toml). Draws no boundary.

A suppressed value is hatched; a département that the table does not have stays white. Classes hold about as many squares each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rempart.adapters.figure_canvas import Canvas
from rempart.adapters.figure_words import Words, groups, hidden, shown, width_of
from rempart.adapters.package_data import toml
from rempart.records.result import CheckedTable

_SIDE, _GAP = 40, 3
_LEAST = 5  # places: fewer are read in the table
_CLASSES = 5
_KEY = 22  # height of a line of the key
_DIGITS = "#.3g"
_VALUES = ("standardised_rate", "rate", "prevalence")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """``value``: None where it is suppressed; ``text``: as the table has it."""

    value: float | None
    text: str


def by_place(table: CheckedTable, words: Words) -> Any:
    """The map; None where fewer than five places have a value."""
    statistic, found = _found(table, words)
    values = sorted(place.value for place in found.values() if place.value is not None)
    if len(values) < _LEAST:
        return None
    tiles = toml("adapters/departements.toml")["tiles"]
    rows, columns = max(row for _, _, row, _ in tiles) + 1, max(column for *_, column in tiles) + 1
    limits = _limits(values)
    unit = next((words.unit(row.unit) for row in table.rows if row.statistic == statistic), "")
    unit = words.of_type("prevalence", "axis") if statistic == "prevalence" else unit
    wide = max(width_of(unit, size=13), width_of(words.say("not_in_table")) + 34)
    canvas = Canvas(width=columns * (_SIDE + _GAP) + 24 + wide, height=rows * (_SIDE + _GAP))
    for code, name, row, column in tiles:
        _tile(canvas, (code, name), found.get(code), limits, words, at=(column * (_SIDE + _GAP), row * (_SIDE + _GAP)))
    hatched = any(place.value is None for place in found.values())
    blank = any(code not in found for code, *_ in tiles)
    _key(canvas, limits, values, words, unit=unit, left=columns * (_SIDE + _GAP) + 24, marks=(hatched, blank))
    return canvas.chart()


def is_mapped(table: CheckedTable, words: Words) -> bool:
    """Whether a map of this table is drawn."""
    return sum(place.value is not None for place in _found(table, words)[1].values()) >= _LEAST


def code_of(level: str) -> str:
    """``013`` and ``13`` are one département, ``02A`` and ``2A`` another; those overseas have three digits."""
    return level[1:] if len(level) == 3 and level.startswith("0") else level


def time_of(table: CheckedTable) -> str:
    """The time that the map is of: the last one where the table has several; '' where it has no more than one."""
    times = sorted({row.row_key.get("time", "") for row in table.rows if row.row_key.get("variable") == "place"})
    return times[-1] if len(times) > 1 else ""


def _found(table: CheckedTable, words: Words) -> tuple[str, dict[str, _Place]]:
    """The statistic that is drawn, and each place's value; places of the last time alone."""
    known = {row.statistic for row in table.rows}
    statistic = next((name for name in _VALUES if name in known), "")
    time = time_of(table)
    found = {}
    for (row, _), rows in groups(table).items():
        keys = dict(row)
        if keys.get("variable") != "place" or (time and keys.get("time") != time) or statistic not in rows:
            continue
        value = shown(rows, statistic)
        if value is not None:
            found[code_of(keys.get("level", ""))] = _Place(value=value[0], text=words.estimate(value[0], form=_DIGITS))
        elif hidden(rows, statistic):
            found[code_of(keys.get("level", ""))] = _Place(value=None, text=words.say("suppressed"))
    return statistic, found


def _limits(values: Sequence[float]) -> list[float]:
    """The first value of each class but the first: of classes with about as many places each, none twice."""
    count = min(_CLASSES, len(set(values)))
    firsts = (values[len(values) * at // count] for at in range(1, count))
    return [limit for limit in dict.fromkeys(firsts) if limit > values[0]]


def _shade(at: int, of: int, words: Words) -> tuple[str, str]:
    """The colour of a class and that of what is written on it."""
    shades: Sequence[str] = words.data["shades"]
    place = round(at * (len(shades) - 1) / max(of - 1, 1))
    return shades[place], "white" if place >= len(shades) - 2 else words.colour("ink")


def _class(value: float, limits: Sequence[float]) -> int:
    return sum(value >= limit for limit in limits)


def _tile(
    canvas: Canvas,
    named: tuple[str, str],
    place: _Place | None,
    limits: Sequence[float],
    words: Words,
    *,
    at: tuple[float, float],
) -> None:
    code, name = named
    x, y = at
    box = (x, y, x + _SIDE, y + _SIDE)
    spoken = f"{code} {name}: {place.text if place else words.say('not_in_table')}"
    fill, ink = "white", words.colour("ink" if place else "quiet")
    if place and place.value is not None:
        fill, ink = _shade(_class(place.value, limits), len(limits) + 1, words)
    canvas.box(box, spoken=spoken, fill=fill, stroke=words.colour("line"), strokeWidth=1)
    if place and place.value is None:
        canvas.hatch((x + 1, y + 1, x + _SIDE - 1, y + _SIDE - 1), color=words.colour("hatch"))
    canvas.text((x + _SIDE / 2, y + _SIDE / 2 + 1), code, align="center", fontSize=13, color=ink)


def _key(
    canvas: Canvas,
    limits: Sequence[float],
    values: Sequence[float],
    words: Words,
    *,
    unit: str,
    left: float,
    marks: tuple[bool, bool],
) -> None:
    """Each class by its lowest and highest value, both of the table; then what hatched and white squares are."""
    canvas.text((left, 8), unit, align="left", fontSize=13, color=words.colour("quiet"))
    of = len(limits) + 1
    lines: list[tuple[str, str, bool]] = []
    for at in range(of):
        mine = [value for value in values if _class(value, limits) == at]
        ends = list(dict.fromkeys(words.estimate(value, form=_DIGITS) for value in (mine[0], mine[-1])))
        lines.append((_shade(at, of, words)[0], words.say("to").join(ends), False))
    lines += [("white", words.say("suppressed"), True)] if marks[0] else []
    lines += [("white", words.say("not_in_table"), False)] if marks[1] else []
    for at, (fill, text, hatched) in enumerate(lines):
        y = 24 + at * _KEY
        canvas.box((left, y, left + 22, y + 16), fill=fill, stroke=words.colour("line"), strokeWidth=1)
        if hatched:
            canvas.hatch((left + 1, y + 1, left + 21, y + 15), color=words.colour("hatch"))
        canvas.text((left + 30, y + 8), text, align="left", color=words.colour("ink"))
