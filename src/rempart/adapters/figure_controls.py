# SPDX-License-Identifier: Apache-2.0
"""Negative controls in a funnel: ratio against standard error, with the lines of 5 % before calibration and after.

The standard error is that of the interval as the table rounds it: (ln upper − ln lower) / (2 × 1.96). It
places a mark and is written nowhere.
"""

from collections.abc import Mapping, Sequence
from math import exp, hypot, log
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, groups, shown
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _HEIGHT, _Z = 520, 340, 1.959964
_NULL = "systematic error"
_TICKS = (0.1, 0.125, 0.25, 0.5, 1, 2, 4, 8, 10)
_STUDIED = ("studied", "outcome of interest")
Rows = Mapping[str, ResultRow]
Point = dict[str, Any]


def controls(table: CheckedTable, words: Words) -> Any:
    """The funnel; None when fewer than two controls may be shown."""
    points = _points(table, words)
    if sum(point["kind"] == "negative" for point in points) < 2:
        return None
    null = _null(table)
    reach = max(abs(log(point["ratio"])) for point in points)
    wide = min(max(log(2), reach * 1.15), log(10))
    deep = min(max(point["error"] for point in points) * 1.12, 3.0)
    drawn = [point for point in points if abs(log(point["ratio"])) <= wide and point["error"] <= deep]
    scales = _scales(wide, deep, words)
    layers = [*(_after(null, deep, wide, words, scales) if null else []), *_before(deep, wide, words, scales)]
    layers += [_marks(drawn, kind, words, scales) for kind in ("negative", "studied")]
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def outside(table: CheckedTable, words: Words) -> str:
    """How many of the controls lie outside the lines before and, where the systematic error is there, after."""
    points = [point for point in _points(table, words) if point["kind"] == "negative"]
    null = _null(table)
    before = sum(abs(log(point["ratio"])) > _Z * point["error"] for point in points)
    studied = any(point["kind"] == "studied" for point in _points(table, words))
    told = words.of_type("controls", "before").format(of=len(points), n=before)
    told = f"{words.of_type('controls', 'studied')} {told}" if studied else told
    if null is None:
        return told
    after = sum(abs(log(point["ratio"]) - null[0]) > _Z * hypot(null[1], point["error"]) for point in points)
    return f"{told} {words.of_type('controls', 'after').format(n=after)}"


def _points(table: CheckedTable, words: Words) -> list[Point]:
    found = []
    for (row, column), rows in groups(table).items():
        value = shown(rows, "ratio", "lower", "upper")
        keys = dict(row)
        if column or value is None or min(value) <= 0 or value[2] <= value[1]:
            continue
        studied = keys.get("kind", "") in _STUDIED
        text = words.interval(value[0], value[1], value[2], form="#.3g")
        found.append(
            {
                "ratio": value[0],
                "error": (log(value[2]) - log(value[1])) / (2 * _Z),
                "kind": "studied" if studied else "negative",
                "spoken": f"{words.say(keys.get('outcome', ''))}: {text}",
            }
        )
    return found


def _null(table: CheckedTable) -> tuple[float, float] | None:
    """Mean and standard deviation of the systematic error, of log ratios."""
    for (row, _), rows in groups(table).items():
        value = shown(rows, "null_mean", "null_sd")
        if value is not None and dict(row).get("outcome") == _NULL:
            return value[0], value[1]
    return None


def _scales(wide: float, deep: float, words: Words) -> tuple[Any, Any]:
    ticks = [tick for tick in _TICKS if abs(log(tick)) <= wide + 1e-9]
    across = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", domain=[exp(-wide), exp(wide)], nice=False, clamp=True),
        axis=alt.Axis(
            title=words.of_type("controls", "axis"),
            values=ticks,
            format="~r",
            labelExpr=words.axis_numbers(),
            grid=False,
            labelFlush=False,
        ),
    )
    down = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, deep], nice=False, zero=True),
        axis=alt.Axis(
            title=words.of_type("controls", "down"),
            labelExpr=words.axis_numbers(),
            domain=False,
            ticks=False,
            tickCount=5,
            titleAngle=0,
            titleAlign="left",
            titleAnchor="end",
            titleX=0,
            titleY=-14,
        ),
    )
    return across, down


def _before(deep: float, wide: float, words: Words, scales: tuple[Any, Any]) -> list[Any]:
    """The two lines where p is 5 % if nothing but chance is at work."""
    most = min(deep, wide / _Z)
    x, y = scales
    rows = [{"x": exp(side * _Z * at), "y": at, "side": side} for side in (-1, 1) for at in (0.0, most)]
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(
        strokeDash=[6, 4], strokeWidth=2, color=words.colour("ink"), aria=False
    )
    one = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_rule(
        color=words.colour("line"), strokeWidth=1.5, aria=False
    )
    return [one.encode(x=x), line.encode(x=x, y=y, detail="side:N")]


def _after(null: tuple[float, float], deep: float, wide: float, words: Words, scales: tuple[Any, Any]) -> list[Any]:
    """Where p is above 5 % once the systematic error is allowed for: a band and its two edges."""
    mean, deviation = null
    x, y = scales
    band, edges = [], []
    for step in range(61):
        at = deep * step / 60
        half = _Z * hypot(deviation, at)
        low, high = max(mean - half, -wide), min(mean + half, wide)
        band.append({"x": exp(low), "x2": exp(high), "y": at})
        edges += [
            {"x": exp(mean + side * half), "y": at, "side": side} for side in (-1, 1) if abs(mean + side * half) <= wide
        ]
    area = alt.Chart(alt.InlineData(values=band)).mark_area(
        orient="horizontal", color=words.colour("comparator"), opacity=0.16, aria=False
    )
    line = alt.Chart(alt.InlineData(values=edges)).mark_line(
        color=words.colour("comparator"), strokeWidth=2.2, aria=False
    )
    return [area.encode(x=x, x2="x2:Q", y=y), line.encode(x=x, y=y, detail="side:N", order="y:Q")]


def _marks(points: Sequence[Point], kind: str, words: Words, scales: tuple[Any, Any]) -> Any:
    x, y = scales
    rows = [{"x": p["ratio"], "y": p["error"], "spoken": p["spoken"]} for p in points if p["kind"] == kind]
    colour = words.colour("target" if kind == "negative" else "ink")
    mark = alt.Chart(alt.InlineData(values=rows)).mark_point(
        filled=True,
        size=75 if kind == "negative" else 150,
        shape="circle" if kind == "negative" else "diamond",
        color=colour,
        stroke="white",
        strokeWidth=0.8,
        opacity=0.9,
    )
    return mark.encode(x=x, y=y, description="spoken:N")
