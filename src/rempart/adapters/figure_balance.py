# SPDX-License-Identifier: Apache-2.0
"""The balance plot: standardised differences between the arms, covariate by covariate, before weighting or matching and after."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, groups, hidden, shown, width_of
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _ROW, _MOST = 460, 24, 45  # more covariates are read in the table
_BOUND = 0.1
_BEFORE = "before"
_SHAPES = ("circle", "square", "triangle-up", "diamond")
_STAT, _FEATURE = "smd", "feature"  # features are told by their own names
Rows = Mapping[str, ResultRow]
Point = dict[str, Any]


def balance(table: CheckedTable, words: Words) -> Any:
    """One line for each level, the most unlike before weighting first; None when no difference may be shown."""
    cells = {
        (_label(dict(row), words), dict(column).get("weighting", "")): rows for (row, column), rows in _told(table)
    }
    ways = sorted({way for _, way in cells}, key=lambda way: (way != _BEFORE, way))
    points = [point for (name, way), rows in cells.items() if (point := _point(name, way, rows, words))]
    if not any(point["value"] is not None for point in points):
        return None
    names = _order(points, ways)
    drawn = [point for point in points if point["name"] in names[:_MOST]]
    return _plot(drawn, names[:_MOST], ways, words)


def unshown(table: CheckedTable) -> int:
    """How many lines are left to the table."""
    return max(0, len({tuple(row.items()) for (row, _), _ in ((map(dict, key), 0) for key, _ in _told(table))}) - _MOST)


def _told(table: CheckedTable) -> Sequence[tuple[Any, Rows]]:
    found = [(key, rows) for key, rows in groups(table).items() if _STAT in rows]
    twofold = {dict(row).get("variable") for (row, _), _ in found if dict(row).get("level") == "yes"}
    return [
        (key, rows)
        for key, rows in found
        if dict(key[0]).get("level") != "no" or dict(key[0])["variable"] not in twofold
    ]


def _label(keys: Mapping[str, str], words: Words) -> str:
    variable, level = words.say(keys.get("variable", "")), keys.get("level", "")
    if keys.get("variable") == _FEATURE:
        return level
    return f"{variable}{words.say('colon')}{words.say(level)}" if level not in {"", "yes"} else variable


def _point(name: str, way: str, rows: Rows, words: Words) -> Point | None:
    value = shown(rows, _STAT)
    if value is None and not hidden(rows, _STAT):
        return None
    text = words.say("suppressed") if value is None else words.number(value[0])
    size = None if value is None else abs(value[0])
    return {
        "name": name,
        "way": words.say(way),
        "key": way,
        "value": size,
        "spoken": f"{name}, {words.say(way)}: {text}",
    }


def _order(points: Sequence[Point], ways: Sequence[str]) -> list[str]:
    """By the difference before, the largest first; those that are suppressed there last."""
    first = {point["name"]: point["value"] for point in points if point["key"] == ways[0]}
    names = list(dict.fromkeys(point["name"] for point in points))
    return sorted(names, key=lambda name: (first.get(name) is None, -(first.get(name) or 0.0)))


def _plot(points: Sequence[Point], names: Sequence[str], ways: Sequence[str], words: Words) -> Any:
    most = max((point["value"] for point in points if point["value"] is not None), default=0)
    across = alt.Scale(domain=[0, max(most * 1.08, 0.25)], nice=False, zero=True)
    title = words.of_type("balance", "axis")
    axis = alt.Axis(title=title, labelExpr=words.axis_numbers(), tickCount=6, labelFlush=False)
    x = alt.X("value:Q", scale=across, axis=axis)
    y = alt.Y("name:N", sort=list(names), scale=alt.Scale(domain=list(names)), axis=_names(names))
    known = [point for point in points if point["value"] is not None]
    bound = alt.Chart(alt.InlineData(values=[{"value": _BOUND}])).encode(x=x)
    layers = [
        bound.mark_rule(strokeDash=[4, 3], color=words.colour("quiet"), strokeWidth=1.5, aria=False),
        *_way_layers(known, ways, words, x, y),
        *_suppressed(points, words, y),
    ]
    return alt.layer(*layers).properties(width=_WIDTH, height=_ROW * len(names) + 6)


def _way_layers(points: Sequence[Point], ways: Sequence[str], words: Words, x: Any, y: Any) -> list[Any]:
    """Before hollow, after filled, and the names of both above the plot."""
    said = [words.say(way) for way in ways]
    colours = [words.colour("comparator"), words.colour("target"), *words.data["colours"]["others"]]
    legend = alt.Legend(
        aria=False,
        title=None,
        orient="top",
        direction="horizontal",
        labelFontSize=14,
        symbolSize=110,
        offset=8,
        labelLimit=0,
    )
    shape = alt.Shape("way:N", sort=said, scale=alt.Scale(domain=said, range=list(_SHAPES[: len(said)])), legend=legend)
    scale = alt.Scale(domain=said, range=[colours[at % len(colours)] for at in range(len(said))])
    fills = alt.Scale(domain=said, range=["white", *scale.range[1:]])
    drawn = alt.Chart(alt.InlineData(values=list(points))).mark_point(size=95, strokeWidth=2.2, opacity=1)
    coloured = {"stroke": alt.Stroke("way:N", scale=scale, legend=legend), "shape": shape}
    return [
        drawn.encode(x=x, y=y, fill=alt.Fill("way:N", scale=fills, legend=legend), description="spoken:N", **coloured)
    ]


def _suppressed(points: Sequence[Point], words: Words, y: Any) -> list[Any]:
    """The lines of which something is suppressed say so at the end of the plot."""
    rows = {
        point["name"]: {"name": point["name"], "text": words.say("suppressed")}
        for point in points
        if point["value"] is None
    }
    if not rows:
        return []
    text = alt.Chart(alt.InlineData(values=list(rows.values()))).mark_text(
        align="left", fontStyle="italic", fontSize=13, color=words.colour("quiet"), aria=False
    )
    return [text.encode(x=alt.value(_WIDTH + 10), y=y, text="text:N")]


def _names(names: Sequence[str]) -> Any:
    wide = width_of(*names) + 20
    return alt.Axis(
        title=None, domain=False, ticks=False, grid=True, labelLimit=0, labelPadding=12, minExtent=wide, maxExtent=wide
    )
