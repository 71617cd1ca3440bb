# SPDX-License-Identifier: Apache-2.0
"""How well a prediction agrees with what happened, and what it is worth: the calibration curve and the decision curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_plots import Series, across_axis, down_axis, series
from rempart.adapters.figure_words import Words, groups, hidden, shown
from rempart.records.result import CheckedTable, ResultRow

_SIDE = 440
_WIDTH, _HEIGHT = 520, 320
_APART = ("model", "validation", "group_of")  # dimensions that make a curve of their own
_TENTH = "tenth"
_LEAST = 2  # groups
_BELOW = 0.35  # of the height above zero: so much of what lies below is drawn
Rows = Mapping[str, ResultRow]
Point = dict[str, Any]


def calibration(table: CheckedTable, words: Words) -> Any:
    """Observed against predicted share, group by group, with its interval; None when fewer than two groups may be shown."""
    points = _groups(table, words)
    if len(points) < _LEAST:
        return None
    told = series(list(dict.fromkeys(point["curve"] for point in points)), words)
    most = max(max(point["x"], point.get("upper", 0), point["y"]) for point in points) * 1.06 or 1
    scale = alt.Scale(domain=[0, most], nice=False, zero=True)
    x = alt.X("x:Q", scale=scale, axis=across_axis(words.of_type("calibration", "axis"), words))
    y = alt.Y("y:Q", scale=scale, axis=down_axis(words.of_type("calibration", "down"), words))
    same = alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}, {"x": most, "y": most}]))
    drawn = alt.Chart(alt.InlineData(values=points))
    banded = drawn.transform_filter("isValid(datum.lower)")
    layers = [
        same.mark_line(strokeDash=[4, 3], color=words.colour("quiet"), strokeWidth=1.5, aria=False).encode(x=x, y=y),
        banded.mark_rule(strokeWidth=1.8, aria=False).encode(
            x=x, y=alt.Y("lower:Q", scale=scale), y2="upper:Q", color=told.colour("curve")
        ),
        drawn.mark_line(strokeWidth=1.2, opacity=0.6, aria=False).encode(x=x, y=y, color=told.colour("curve")),
        drawn.mark_point(filled=True, size=85, opacity=1).encode(
            x=x, y=y, color=told.colour("curve"), shape=told.shape("curve"), description="spoken:N"
        ),
    ]
    return alt.layer(*layers).properties(width=_SIDE, height=_SIDE)


def masked_groups(table: CheckedTable) -> int:
    """Groups whose observed share is suppressed: they have no place in the plot."""
    return sum(hidden(rows, "observed") for rows in groups(table).values())


def persons_behind(table: CheckedTable) -> int | None:
    """Persons of all groups of one curve; None where one of them is suppressed or not given."""
    curves: dict[tuple[str, ...], list[float | None]] = {}
    for (row, _), rows in groups(table).items():
        keys = dict(row)
        value = shown(rows, "n")
        curves.setdefault(tuple(keys.get(name, "") for name in _APART), []).append(value[0] if value else None)
    if len(curves) != 1:
        return None
    (only,) = curves.values()
    return None if any(n is None for n in only) else int(sum(n for n in only if n is not None))


def _groups(table: CheckedTable, words: Words) -> list[Point]:
    found = []
    for (row, _), rows in groups(table).items():
        value, keys = shown(rows, "predicted", "observed"), dict(row)
        if value is None or keys.get("variable", _TENTH) != _TENTH:
            continue
        point: Point = {"x": value[0], "y": value[1], "curve": _curve(keys, words)}
        bounds = shown(rows, "lower", "upper")
        told = words.number(value[1])
        if bounds is not None:
            point |= {"lower": bounds[0], "upper": bounds[1]}
            told = words.interval(value[1], *bounds, form=".12g")
        said = words.of_type("calibration", "spoken").format(predicted=words.number(value[0]))
        curve = f"{point['curve']}, " if point["curve"] else ""
        found.append({**point, "spoken": f"{curve}{said}: {told}"})
    return sorted(found, key=lambda point: (point["curve"], point["x"]))


def _curve(keys: Mapping[str, str], words: Words) -> str:
    return " · ".join(words.say(keys[name]) for name in _APART if keys.get(name))


def net_benefit(table: CheckedTable, words: Words) -> Any:
    """Net benefit of the model, of treating all and of treating none by threshold; None when the model's may not be shown twice."""
    points = _benefits(table, words)
    names = list(dict.fromkeys(point["curve"] for point in points))
    said = {words.of_type("net_benefit", name) for name in ("all", "none")}
    if sum(point["curve"] not in said for point in points) < 2:
        return None
    told = _ordered(names, words)
    most = max(point["y"] for point in points) * 1.1 or 0.01
    down = alt.Scale(domain=[-most * _BELOW, most], nice=False, zero=False)
    across = alt.Scale(domain=[0, max(point["x"] for point in points)], nice=False)
    drawn = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("x:Q", scale=across, axis=across_axis(words.of_type("net_benefit", "axis"), words)),
        y=alt.Y("y:Q", scale=down, axis=down_axis(words.of_type("net_benefit", "down"), words)),
    )
    line = drawn.mark_line(strokeWidth=2.8, clip=True, aria=False)
    marks = drawn.transform_filter(f"datum.y >= {-most * _BELOW}").mark_point(size=300, opacity=0)
    return alt.layer(
        line.encode(color=told.colour("curve", line=True), strokeDash=told.dash("curve"), detail="part:N"),
        marks.encode(description="spoken:N"),
    ).properties(width=_WIDTH, height=_HEIGHT)


def _ordered(names: Sequence[str], words: Words) -> Series:
    """Models in the colours of the house; all and none in grey, dashed and dotted."""
    said = [words.of_type("net_benefit", name) for name in ("all", "none")]
    models = [name for name in names if name not in said]
    rest = [name for name in said if name in names]
    known = series(models, words)
    return Series(
        names=(*models, *rest),
        colours=(*known.colours, *[words.colour("all"), words.colour("quiet")][: len(rest)]),
        dashes=(*known.dashes, *[(8, 4), (2, 3)][: len(rest)]),
        shapes=(*known.shapes, *["circle"] * len(rest)),
    )


def _benefits(table: CheckedTable, words: Words) -> list[Point]:
    """Points of each curve; a suppressed one breaks its line. All and none are the same whatever the model: once each."""
    found: dict[tuple[str, float], Point] = {}
    part = 0
    for (row, _), rows in groups(table).items():
        keys = dict(row)
        threshold = float(keys["threshold"])
        part += hidden(rows, "model")
        for name in ("model", "all", "none"):
            value = shown(rows, name)
            if value is None:
                continue
            own = _curve(keys, words) or words.of_type("net_benefit", "model")
            curve = own if name == "model" else words.of_type("net_benefit", name)
            spoken = f"{curve}, {words.number(threshold)}: {words.number(value[0])}"
            line = f"{curve}/{part}" if name == "model" else curve
            found.setdefault(
                (curve, threshold), {"x": threshold, "y": value[0], "curve": curve, "part": line, "spoken": spoken}
            )
    return sorted(found.values(), key=lambda point: (point["curve"], point["x"]))
