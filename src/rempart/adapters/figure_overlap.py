# SPDX-License-Identifier: Apache-2.0
"""The overlap of scores: what share of each arm has which preference score, as two stepped areas over one another.

A bin whose share is suppressed has no height: it is hatched. Scores are in bins already; nobody's own score is known here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_canvas import strokes
from rempart.adapters.figure_words import Words, arms_of, groups, shown
from rempart.records.result import CheckedTable

_WIDTH, _HEIGHT, _HATCH = 560, 300, 16
_EDGE = 0.15  # of the axis: nearer, a name does not stand in the middle over its bin
_EQUIPOISE = (0.3, 0.7)  # Walker et al., Comparative Effectiveness Research 2013;3:11
Step = dict[str, Any]


def score_overlap(table: CheckedTable, words: Words) -> Any:
    """One stepped area for each arm; None when no share may be shown."""
    arms = [arm for arm in arms_of(table) if arm != "all"]
    steps = {arm: _steps(table, arm, words) for arm in arms}
    if not any(step["value"] is not None for each in steps.values() for step in each):
        return None
    most = max(step["value"] for each in steps.values() for step in each if step["value"] is not None) * 1.15
    across = alt.Scale(domain=[0, 1], nice=False)
    down = alt.Scale(domain=[0, most or 1], nice=False)
    layers = [*_equipoise(words, across)]
    for place, arm in enumerate(arms):
        dash = words.data["dashes"]["comparator"] if place else [1, 0]
        layers += _area(steps[arm], words, colour=words.colour(arm), dash=dash, scales=(across, down))
    layers += _hatched(steps, words, (across, down))
    layers.append(_heads(steps, [(words.arm(arm, table), words.colour(arm)) for arm in arms], across, down))
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def bounds(bin_: str) -> tuple[float, float]:
    """``0.05-0.10`` → (0.05, 0.1)."""
    low, _, high = bin_.partition("-")
    return float(low), float(high)


def _steps(table: CheckedTable, arm: str, words: Words) -> list[Step]:
    found = []
    for (row, column), statistics in groups(table).items():
        if dict(column).get("arm", "") != arm or "-" not in dict(row).get("bin", ""):
            continue
        low, high = bounds(dict(row)["bin"])
        value = shown(statistics, "percent")
        text = words.say("suppressed") if value is None else f"{words.number(value[0])} %"
        between = words.decimal(dict(row)["bin"]).replace("-", "\u2013")
        spoken = f"{words.arm(arm, table)}, {between}: {text}"
        share = None if value is None else value[0]
        found.append({"low": low, "high": high, "value": share, "zero": 0, "spoken": spoken})
    return sorted(found, key=lambda step: float(step["low"]))


def _area(steps: Sequence[Step], words: Words, *, colour: str, dash: list[int], scales: tuple[Any, Any]) -> list[Any]:
    """Filled bins and the outline of them all, which is broken where a bin is suppressed."""
    across, down = scales
    x, y = alt.X("low:Q", scale=across, axis=_across(words)), alt.Y("value:Q", scale=down, axis=_down(words))
    known = [step for step in steps if step["value"] is not None]
    fill = alt.Chart(alt.InlineData(values=known)).mark_rect(color=colour, opacity=0.22)
    corners = [{"x": at, "y": height, "part": part, "order": order} for part, order, at, height in _outline(steps)]
    line = alt.Chart(alt.InlineData(values=corners)).mark_line(
        color=colour, strokeWidth=2.5, strokeDash=dash, strokeJoin="miter", interpolate="linear", aria=False
    )
    return [
        fill.encode(x=x, x2="high:Q", y=y, y2="zero:Q", description="spoken:N"),
        line.encode(x=alt.X("x:Q", scale=across), y=alt.Y("y:Q", scale=down), detail="part:N", order="order:Q"),
    ]


def _outline(steps: Sequence[Step]) -> list[tuple[int, int, float, float]]:
    """(part, place, score, share): a line along the tops of the bins; a suppressed bin begins a new part."""
    found: list[tuple[int, int, float, float]] = []
    part = 0
    for step in steps:
        if step["value"] is None:
            part += 1
            continue
        found += [(part, len(found), step["low"], step["value"]), (part, len(found) + 1, step["high"], step["value"])]
    return found


def _hatched(steps: Mapping[str, Sequence[Step]], words: Words, scales: tuple[Any, Any]) -> list[Any]:
    """At the foot of the plot, a band for each arm whose bin is suppressed there."""
    across, down = scales
    unit = down.domain[1] / _HEIGHT
    layers = []
    for place, (arm, each) in enumerate(steps.items()):
        top = _HEIGHT - _HATCH * (len(steps) - place)
        hidden = [step for step in each if step["value"] is None]
        lines = [
            {
                "x": start[0] / _WIDTH,
                "x2": end[0] / _WIDTH,
                "y": (_HEIGHT - start[1]) * unit,
                "y2": (_HEIGHT - end[1]) * unit,
            }
            for step in hidden
            for start, end in strokes((step["low"] * _WIDTH, top + 2, step["high"] * _WIDTH, top + _HATCH - 2))
        ]
        if not hidden:
            continue
        drawn = alt.Chart(alt.InlineData(values=lines)).mark_rule(color=words.colour(arm), strokeWidth=1.3, aria=False)
        y = alt.Y("y:Q", scale=down)
        layers.append(drawn.encode(x=alt.X("x:Q", scale=across), x2="x2:Q", y=y, y2="y2:Q"))
    return layers


def _equipoise(words: Words, across: Any) -> list[Any]:
    """Where either treatment was about as likely, between two dotted lines."""
    lines = alt.Chart(alt.InlineData(values=[{"x": edge} for edge in _EQUIPOISE]))
    rule = lines.mark_rule(strokeDash=[2, 3], strokeWidth=1.5, color=words.colour("quiet"), aria=False)
    return [rule.encode(x=alt.X("x:Q", scale=across, axis=_across(words)))]


def _heads(steps: Mapping[str, Sequence[Step]], said: Sequence[tuple[str, str]], across: Any, down: Any) -> Any:
    """Each arm's name over its highest bin; kept within the plot."""
    layers = []
    tops = [_top(each) for each in steps.values()]
    for (name, colour), top in zip(said, tops, strict=True):
        if top is None:
            continue
        middle = (top["low"] + top["high"]) / 2
        right = any(other and other["low"] < top["low"] for other in tops)
        outward = ("left" if right else "right") if sum(other is not None for other in tops) > 1 else "center"
        align = "left" if middle < _EDGE else "right" if middle > 1 - _EDGE else outward
        point = alt.Chart(alt.InlineData(values=[{"x": middle, "y": top["value"], "text": name}]))
        style: dict[str, Any] = {"align": align, "dy": -14, "fontSize": 14, "fontWeight": 600, "color": colour}
        for halo in ({**style, "stroke": "white", "strokeWidth": 5}, style):
            text = point.mark_text(aria=False, **halo)
            layers.append(text.encode(x=alt.X("x:Q", scale=across), y=alt.Y("y:Q", scale=down), text="text:N"))
    return alt.layer(*layers)


def _top(steps: Sequence[Step]) -> Step | None:
    """The highest bin that is shown."""
    known = [step for step in steps if step["value"] is not None]
    return max(known, key=lambda step: float(step["value"]), default=None)


def _across(words: Words) -> Any:
    return alt.Axis(
        title=words.of_type("score_overlap", "axis"),
        labelExpr=words.axis_numbers(),
        grid=False,
        labelFlush=False,
        tickCount=10,
        format=".1f",
    )


def _down(words: Words) -> Any:
    return alt.Axis(
        title=words.of_type("score_overlap", "down"),
        labelExpr=words.axis_numbers(),
        domain=False,
        ticks=False,
        tickCount=5,
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleX=0,
        titleY=-18,
    )
