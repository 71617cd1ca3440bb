# SPDX-License-Identifier: Apache-2.0
"""Estimates with their intervals, one a line, with the counts behind them and the numbers in words: what each line is of.

Hazard ratios stand on a log axis, rates and shares begin at zero. How the lines are laid out: figure_lines.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_lines import Line, forest
from rempart.adapters.figure_map import is_mapped
from rempart.adapters.figure_words import Words, arms_of, groups, hidden, shown, wrapped
from rempart.records.result import CheckedTable, ResultRow

_LINES = 60  # more are read in the table
_CROSSED = "*"
_TITLE = 46  # letters of a line of the axis's title
_SIDES = ": "  # before what the two sides of 1 say
_RATE = ("rate", "rate_lower", "rate_upper")
_SHARE = ("prevalence", "prevalence_lower", "prevalence_upper")
_DIMENSIONS = (
    "analysis",
    "outcome",
    "exposure",
    "model",
    "variable",
    "level",
    "window",
    "term",
)  # that tell ratios apart
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_WIDEST = (0.005, 200.0)  # an interval beyond ends at the edge of the plot
_FEW_TICKS = (0.5, 0.75, 1, 1.5, 2)
Rows = Mapping[str, ResultRow]


def hazard_ratios(table: CheckedTable, words: Words) -> Any:
    """One line for each ratio, with events and persons of each arm; None when no ratio may be shown."""
    arms = [arm for arm in ("target", "comparator") if arm in arms_of(table)]
    lines = ratio_lines(table, words, arms=arms)
    if not any(line.bounds for line in lines):
        return None
    scale, axis = ratio_axis([line.bounds for line in lines if line.bounds], words, words.of(table, "axis"))
    heads = [[words.say(arm), words.say("events_of_persons")] for arm in arms]
    return forest(lines[:_LINES], words, heads=[*heads, [words.of(table, "head")]], scale=scale, axis=axis, one=1)


def ratio_of(table: CheckedTable) -> str:
    """The statistic of a table that is a ratio with an interval (``hazard_ratio``, ``ratio``); '' where it has none."""
    known = {row.statistic for row in table.rows}
    found = [name for name in known if name == "ratio" or name.endswith("_ratio")]
    return min(found) if found and {"lower", "upper"} <= known else ""


def ratio_lines(table: CheckedTable, words: Words, *, arms: Sequence[str], group: str = "") -> list[Line]:
    """A line for each ratio of a table; ``group``: the heading of all of them."""
    ratio, found, telling = ratio_of(table), groups(table), _telling(table)
    lines = []
    for (row, column), statistics in found.items():
        if column or ratio not in statistics:
            continue
        keys = dict(row)
        label = " · ".join(words.say(keys[name]) for name in telling if keys.get(name)) or words.say("target")
        cells = tuple(_of_persons(words, found.get((row, (("arm", arm),)), {})) for arm in arms)
        crude = keys.get("model") == "crude"
        shape = ("circle", words.colour("comparator")) if crude else ("square", words.colour("target"))
        statistic = (ratio, "lower", "upper")
        lines.append(_line(label, statistics, statistic, words, cells=cells, shape=shape, group=group))
    return lines


def ratio_axis(bounds: Sequence[tuple[float, float]], words: Words, title: str) -> tuple[dict[str, Any], Any]:
    """A log scale around 1 that holds all of these bounds, and its axis with few round marks."""
    low, high = min(0.5, *(each[0] for each in bounds), 0.5) * 0.94, max(2.0, *(each[1] for each in bounds), 2.0) * 1.06
    low, high = max(low, _WIDEST[0]), min(high, _WIDEST[1])
    marks = [tick for tick in (_FEW_TICKS if high < 5 and low > 0.2 else _TICKS) if low <= tick <= high]
    scale = {"type": "log", "domain": [low, high], "nice": False, "clamp": True}
    return scale, _axis(words, title, values=marks, format="~r")


def _of_persons(words: Words, rows: Rows) -> str:
    """Events / persons of an arm."""
    return " / ".join(text for name in ("events", "persons") if (text := words.counted(rows.get(name))))


def _telling(table: CheckedTable) -> list[str]:
    """The dimensions that tell the lines apart; what all lines share is said by the title."""
    ratio = ratio_of(table)
    keys = [row.row_key for row in table.rows if row.statistic == ratio]
    names = [name for name in _DIMENSIONS if len({key.get(name, "") for key in keys}) > 1]
    return names or ["model", "term"]


def incidence(table: CheckedTable, words: Words) -> Any:
    """One line for each outcome and arm; None when no rate may be shown."""
    outcomes = dict.fromkeys(row.row_key.get("outcome", "") for row in table.rows)
    found = groups(table)
    lines = []
    for outcome in outcomes:
        for arm in arms_of(table):
            for (row, column), statistics in found.items():
                if dict(row).get("outcome", "") == outcome and dict(column).get("arm", "") == arm:
                    group = "" if len(outcomes) == 1 else words.say(outcome)
                    shape = ("diamond" if arm == "all" else "square", words.colour(arm))
                    cells = _behind(table, words, statistics)
                    lines.append(
                        _line(words.arm(arm, table), statistics, _RATE, words, group=group, cells=cells, shape=shape)
                    )
    return _from_zero(lines, table, words, kind="incidence", unit=_unit(table, words, "rate"))


def rates_by(table: CheckedTable, words: Words) -> Any:
    """One line for each level of each variable that is not a crossing; None when no rate may be shown."""
    return _from_zero(_by_level(table, words, _RATE), table, words, kind="incidence", unit=_unit(table, words, "rate"))


def prevalences(table: CheckedTable, words: Words) -> Any:
    """One line for each time and level; None when no share may be shown."""
    unit = words.of_type("prevalence", "axis")
    return _from_zero(_by_level(table, words, _SHARE), table, words, kind="prevalence", unit=unit)


def _unit(table: CheckedTable, words: Words, statistic: str) -> str:
    """The unit that the table itself gives: of years of persons, or of inhabitants."""
    return next((words.unit(row.unit) for row in table.rows if row.statistic == statistic), "")


def _counts(table: CheckedTable) -> list[str]:
    """The counts that stand behind each estimate of the table: what happened, and among what."""
    known = {row.statistic for row in table.rows}
    among = next((name for name in ("inhabitant_years", "person_years", "inhabitants", "persons") if name in known), "")
    return [name for name in ("events", "cases", among) if name in known]


def _behind(table: CheckedTable, words: Words, statistics: Rows) -> tuple[str, ...]:
    return tuple(words.counted(statistics.get(name)) for name in _counts(table))


def _by_level(table: CheckedTable, words: Words, statistics: tuple[str, str, str]) -> list[Line]:
    """Lines by variable and level, and within them by time where there are several; places that a map shows stand on it."""
    times = {row.row_key.get("time", "") for row in table.rows}
    mapped = is_mapped(table, words)
    lines = []
    for (row, _), found in groups(table).items():
        keys = dict(row)
        if _CROSSED in keys.get("variable", "") or (mapped and keys.get("variable") == "place"):
            continue
        whole = keys.get("level") == "all"
        level = words.arm("all", table) if whole else words.say(keys.get("level", ""))
        group = "" if whole else words.say(keys.get("variable", ""))
        if len(times) > 1:
            group, level = level if whole else f"{group} · {level}", words.say(keys["time"])
        shape = ("diamond", words.colour("all")) if whole else ("square", words.colour("target"))
        cells = _behind(table, words, found)
        lines.append(_line(level, found, statistics, words, group=group, cells=cells, shape=shape))
    order = list(dict.fromkeys(line.group for line in lines))
    if mapped and len(order) == 1:
        return []
    return sorted(lines, key=lambda line: order.index(line.group))[:_LINES]


def _from_zero(lines: list[Line], table: CheckedTable, words: Words, *, kind: str, unit: str) -> Any:
    most = max((line.most for line in lines if line.value is not None), default=None)
    if most is None:
        return None
    heads: list[list[str]] = [[words.say(f"head_{name}")] for name in _counts(table)]
    scale = {"domain": [0, most * 1.04 or 1], "nice": False, "zero": True}
    axis = _axis(words, unit, tickCount=6)
    return forest(lines, words, heads=[*heads, [words.of_type(kind, "head")]], scale=scale, axis=axis, one=None)


def _line(
    label: str,
    found: Rows,
    statistics: tuple[str, str, str],
    words: Words,
    *,
    cells: Sequence[str],
    shape: tuple[str, str],
    group: str = "",
) -> Line:
    """A line of the figure; where the estimate is there and its interval is not, the words say so."""
    value, bounds = shown(found, statistics[0]), shown(found, *statistics[1:])
    if value is None:
        text = words.say("suppressed" if hidden(found, statistics[0]) else "not_estimated")
    elif bounds is None:
        text = f"{words.estimate(value[0], form='#.3g')} ({words.say('no_interval')})"
    else:
        text = words.interval(value[0], *bounds, form="#.3g")
    spoken = f"{f'{group}, ' if group else ''}{label}: {text}"
    pair = None if value is None or bounds is None else (bounds[0], bounds[1])
    drawn = None if value is None else value[0]
    return Line(
        group=group, label=label, cells=tuple(cells), text=text, spoken=spoken, value=drawn, bounds=pair, shape=shape
    )


def _axis(words: Words, title: str, **more: Any) -> Any:
    kind, colon, sides = title.partition(_SIDES)
    lines = [kind.rstrip(), sides] if colon and len(title) > _TITLE else wrapped(title, _TITLE)
    return alt.Axis(title=lines, labelExpr=words.axis_numbers(), grid=False, labelFlush=False, **more)
