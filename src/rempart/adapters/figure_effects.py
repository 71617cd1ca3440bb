# SPDX-License-Identifier: Apache-2.0
"""Effects along time: of an environmental exposure by lag, and of a treatment by window of a self-controlled case series."""

import re
from collections.abc import Mapping
from typing import Any

import altair as alt

from rempart.adapters.figure_lines import Line, forest
from rempart.adapters.figure_plots import across_axis, down_axis
from rempart.adapters.figure_ratios import ratio_axis
from rempart.adapters.figure_words import Words, groups, hidden, shown
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _HEIGHT = 540, 300
_ROOM = 0.1  # of the axis, beyond the bands
_WHOLE = "all"
_REFERENCE = "reference"
_IN_WINDOW, _REST = (("arm", "window"),), (("arm", _REFERENCE),)
_COUNTS = ("cases", "events", "person_days")
_DAYS = re.compile(r"-?\d+")
_TICKS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20)
_STEPS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
_MARKS, _LOG = 7, 3  # marks of an axis of ratios, about; from here on their steps are those of a logarithm
Rows = Mapping[str, ResultRow]
Point = dict[str, Any]


def lag_effects(table: CheckedTable, words: Words) -> Any:
    """The ratio of each lag with its band on a log axis; None when fewer than two may be shown."""
    points = [point for row, rows in _lags(table) if (point := _lag(row, rows, words))]
    if len(points) < 2:
        return None
    numbered = all(point["lag"].isdigit() for point in points)
    for point in points:
        point["x"] = int(point["lag"]) if numbered else point["lag"]
    low, high = min(1.0, *(p["lower"] for p in points)), max(1.0, *(p["upper"] for p in points))
    low, high = low / (high / low) ** _ROOM, high * (high / low) ** _ROOM
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    ticks = _ticks(low, high)
    y = down_axis(words.of_type("lag_effects", "down"), words, values=ticks, format="~r")
    title = words.of_type("lag_effects", "axis")
    x: Any = alt.X("x:O", axis=across_axis(title, words, labelAngle=0))
    if numbered:
        span = [min(p["x"] for p in points), max(p["x"] for p in points)]
        axis = across_axis(title, words, tickMinStep=1, tickCount=min(15, span[1] - span[0] + 1))
        x = alt.X("x:Q", scale=alt.Scale(domain=span, nice=False, zero=False, padding=14), axis=axis)
    drawn = alt.Chart(alt.InlineData(values=points)).encode(x=x)
    colour = words.colour("target")
    one = alt.Chart(alt.InlineData(values=[{"y": 1}])).mark_rule(
        strokeDash=[4, 3], color=words.colour("quiet"), aria=False
    )
    lower = alt.Y("lower:Q", scale=scale, axis=y)
    value = alt.Y("ratio:Q", scale=scale, axis=y)
    layers = [
        drawn.mark_area(color=colour, opacity=0.18, aria=False).encode(y=lower, y2="upper:Q", detail="part:N"),
        one.encode(y=alt.Y("y:Q", scale=scale, axis=y)),
        drawn.mark_line(color=colour, strokeWidth=2.6, aria=False).encode(y=value, detail="part:N"),
        drawn.mark_point(color=colour, filled=True, size=70, opacity=1).encode(y=value, description="spoken:N"),
    ]
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def cumulated(table: CheckedTable, words: Words) -> str:
    """The effect over all lags together; '' where the table does not show it."""
    for row, rows in groups(table).items():
        value = shown(rows, "ratio", "lower", "upper")
        if dict(row[0]).get("lag") == _WHOLE and value is not None:
            told = words.interval(value[0], value[1], value[2], form="#.3g")
            return words.of_type("lag_effects", "whole").format(ratio=told)
    return ""


def _ticks(low: float, high: float) -> list[float]:
    """Round ratios within the axis, a few, and 1 among them."""
    wide = high / low
    if wide > _LOG:
        return [tick for tick in _TICKS if low <= tick <= high]
    step = next(step for step in _STEPS if (high - low) / step <= _MARKS)
    first = round((1 - low) / step + 0.5) + 1
    return [tick for at in range(-first, _MARKS + first) if low <= (tick := round(1 + at * step, 4)) <= high]


def _lags(table: CheckedTable) -> list[tuple[dict[str, str], Rows]]:
    found = [(dict(row), rows) for (row, _), rows in groups(table).items() if dict(row).get("lag") != _WHOLE]
    return sorted(found, key=lambda item: int(item[0]["lag"]) if item[0]["lag"].isdigit() else 0)


def _lag(row: Mapping[str, str], rows: Rows, words: Words) -> Point | None:
    value = shown(rows, "ratio", "lower", "upper")
    if value is None:
        return None
    told = words.interval(value[0], value[1], value[2], form="#.3g")
    spoken = f"{words.of_type('lag_effects', 'lag')} {row['lag']}: {told}"
    return {"lag": row["lag"], "ratio": value[0], "lower": value[1], "upper": value[2], "spoken": spoken, "part": 0}


def relative_incidence(table: CheckedTable, words: Words) -> Any:
    """One line for each window of each exposure in the order of time, with cases and days in it; below, the reference. None when no ratio
    may be shown."""
    counts = [name for name in _COUNTS if any(row.statistic == name for row in table.rows)]
    found = groups(table)
    exposures = list(dict.fromkeys(row.row_key.get("exposure", "") for row in table.rows))
    lines = []
    for exposure in exposures:
        group = words.say(exposure) if len(exposures) > 1 else ""
        mine = {
            row: rows
            for (row, column), rows in found.items()
            if not column and dict(row).get("exposure", "") == exposure
        }
        for row in sorted(mine, key=lambda row: _in_time(dict(row)["window"])):
            keys, behind = dict(row), found.get((row, _IN_WINDOW), mine[row])
            cells = tuple(words.counted(behind.get(name)) for name in counts)
            lines.append(_window(words.say(keys["window"]), mine[row], words, group=group, cells=cells))
        rest = next((found[row, _REST] for row in mine if (row, _REST) in found), None)
        if rest is not None:
            cells = tuple(words.counted(rest.get(name)) for name in counts)
            lines.append(_window(words.say(_REFERENCE), {}, words, group=group, cells=cells))
    drawn = [line.bounds for line in lines if line.bounds]
    if not drawn:
        return None
    scale, axis = ratio_axis(drawn, words, words.of_type("relative_incidence", "axis"))
    heads = [*([words.say(f"head_{name}")] for name in counts), [words.of_type("relative_incidence", "head")]]
    return forest(lines, words, heads=heads, scale=scale, axis=axis, one=1)


def _in_time(window: str) -> tuple[int, int]:
    """A window's place: before the exposure, then by its dose and first day, what is left after, the reference last."""
    known = {"pre-exposure": 0, "washout": 2, _REFERENCE: 3}.get(window, 1)
    days = [int(number) for number in _DAYS.findall(window)]
    dose = days[0] if window.startswith("dose") and days else 0
    return known, 10_000 * dose + (days[1 if dose and len(days) > 1 else 0] if days else 0)


def _window(label: str, rows: Rows, words: Words, *, group: str, cells: tuple[str, ...]) -> Line:
    """A window's line; the reference is 1 by definition and has no interval."""
    value, bounds = shown(rows, "ratio"), shown(rows, "lower", "upper")
    if value is None and not hidden(rows, "ratio"):
        text = words.say(_REFERENCE if "ratio" not in rows else "not_estimated")
    elif value is None:
        text = words.say("suppressed")
    elif bounds is None:
        text = (
            words.say(_REFERENCE)
            if value[0] == 1
            else f"{words.estimate(value[0], form='#.3g')} ({words.say('no_interval')})"
        )
    else:
        text = words.interval(value[0], bounds[0], bounds[1], form="#.3g")
    return Line(
        group=group,
        label=label,
        cells=cells,
        text=text,
        spoken=f"{f'{group}, ' if group else ''}{label}: {text}",
        value=value[0] if value else None,
        bounds=(bounds[0], bounds[1]) if value and bounds else None,
        shape=("square", words.colour("target")) if bounds else ("diamond", words.colour("all")),
    )
