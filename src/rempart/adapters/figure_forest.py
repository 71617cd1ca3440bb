# SPDX-License-Identifier: Apache-2.0
"""Estimates with their intervals, one a line and the text beside it: hazard ratios on a log axis, rates from zero."""

from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, arms_of, groups, shown
from rempart.records.result import CheckedTable

_WIDTH = 430
_LINE = 36
_LINES = 60  # more are read in the table
_CROSSED = "*"


def hazard_ratios(table: CheckedTable, words: Words) -> Any:
    """One line for each model and term; None when no ratio may be shown."""
    points, telling = [], _telling(table)
    for (row, column), statistics in groups(table).items():
        if column or "hazard_ratio" not in statistics:
            continue
        keys = dict(row)
        label = " · ".join(words.say(keys[name]) for name in telling if keys.get(name)) or words.say("target")
        colour = words.colour("comparator" if keys.get("model") == "crude" else "target")
        points.append(_point(label, shown(statistics, "hazard_ratio", "lower", "upper"), words, colour))
    drawn = [point for point in points if "value" in point]
    if not drawn:
        return None
    low, high = min(0.5, *(p["lower"] for p in drawn)), max(2.0, *(p["upper"] for p in drawn))
    scale = alt.Scale(type="log", domain=[low * 0.94, high * 1.06], nice=False)
    marks = [
        tick for tick in (0.1, 0.2, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 10, 20) if low * 0.94 <= tick <= high * 1.06
    ]
    axis = _axis(words, words.of_type("hazard_ratio", "axis"), values=marks)
    return _forest(points, words, scale=scale, axis=axis, reference=1)


def _telling(table: CheckedTable) -> list[str]:
    """The dimensions that tell the lines apart; what all lines share is said by the title."""
    ratios = [row.row_key for row in table.rows if row.statistic == "hazard_ratio"]
    names = [name for name in ("analysis", "model", "term") if len({key.get(name, "") for key in ratios}) > 1]
    return names or ["model", "term"]


def incidence(table: CheckedTable, words: Words) -> Any:
    """One line for each outcome and arm; None when no rate may be shown."""
    outcomes = dict.fromkeys(row.row_key.get("outcome", "") for row in table.rows)
    found = groups(table)
    points = []
    for outcome in outcomes:
        for arm in arms_of(table):
            for (row, column), statistics in found.items():
                if dict(row).get("outcome", "") == outcome and dict(column).get("arm", "") == arm:
                    label = words.say(arm) if len(outcomes) == 1 else f"{words.say(outcome)} · {words.say(arm)}"
                    values = shown(statistics, "rate", "rate_lower", "rate_upper")
                    points.append(_point(label, values, words, words.colour(arm)))
    drawn = [point for point in points if "value" in point]
    if not drawn:
        return None
    scale = alt.Scale(domain=[0, max(point["upper"] for point in drawn) * 1.06], nice=False)
    return _forest(points, words, scale=scale, axis=_axis(words, words.of_type("incidence", "axis")), reference=None)


def rates_by(table: CheckedTable, words: Words) -> Any:
    """One line for each level of each variable that is not a crossing; None when no rate may be shown."""
    return _by_level(table, words, ("rate", "rate_lower", "rate_upper"), words.of_type("incidence", "axis"))


def prevalences(table: CheckedTable, words: Words) -> Any:
    """One line for each time and level; None when no share may be shown."""
    names = ("prevalence", "prevalence_lower", "prevalence_upper")
    return _by_level(table, words, names, words.of_type("prevalence", "axis"))


def _by_level(table: CheckedTable, words: Words, statistics: tuple[str, str, str], axis: str) -> Any:
    points = []
    for (row, _), found in groups(table).items():
        keys = dict(row)
        if _CROSSED not in keys.get("variable", ""):
            names = ("time", "level") if keys.get("level") == "all" else ("time", "variable", "level")
            label = " · ".join(words.say(keys[name]) for name in names if name in keys)
            colour = words.colour("target" if keys.get("level") != "all" else "all")
            points.append(_point(label, shown(found, *statistics), words, colour))
    drawn = [point for point in points[:_LINES] if "value" in point]
    if not drawn:
        return None
    scale = alt.Scale(domain=[0, max(point["upper"] for point in drawn) * 1.06], nice=False)
    return _forest(points[:_LINES], words, scale=scale, axis=_axis(words, axis), reference=None)


def _point(label: str, values: list[float] | None, words: Words, colour: str) -> dict[str, Any]:
    if values is None:
        hidden = words.say("suppressed")
        return {"label": label, "text": hidden, "spoken": f"{label}: {hidden}", "colour": words.colour("quiet")}
    text = words.interval(*values, form="#.3g")
    value, lower, upper = values
    spoken = f"{label}: {text}"
    return {
        "label": label,
        "value": value,
        "lower": lower,
        "upper": upper,
        "text": text,
        "spoken": spoken,
        "colour": colour,
    }


def _axis(words: Words, title: str, **more: Any) -> Any:
    decimal = words.say("decimal")
    return alt.Axis(
        title=title,
        labelExpr=f"replace(datum.label, '.', '{decimal}')",
        format="~r",
        domain=False,
        labelFlush=False,
        **more,
    )


def _forest(points: list[dict[str, Any]], words: Words, *, scale: Any, axis: Any, reference: float | None) -> Any:
    """Squares on their intervals at the left, the figures in words at the right, lines in the order of the table."""
    order = list(dict.fromkeys(point["label"] for point in points))
    rows = alt.Scale(domain=order, padding=0.5)
    labels = alt.Axis(title=None, ticks=False, domain=False, labelLimit=340, labelPadding=12)
    height = _LINE * len(order)
    drawn = alt.Chart(alt.InlineData(values=points)).encode(
        y=alt.Y("label:N", sort=order, scale=rows, axis=labels),
        color=alt.Color("colour:N", scale=None, legend=None),
    )
    known = drawn.transform_filter("isValid(datum.value)")
    rule = known.mark_rule(strokeWidth=2.2, aria=False).encode(x=alt.X("lower:Q", scale=scale, axis=axis), x2="upper:Q")
    square = known.mark_square(size=110, opacity=1).encode(
        x=alt.X("value:Q", scale=scale, axis=axis), description="spoken:N"
    )
    layers = [rule, square]
    if reference is not None:
        one = alt.Chart(alt.InlineData(values=[{"one": reference}]))
        line = one.mark_rule(strokeDash=[3, 3], color=words.colour("quiet"), aria=False)
        layers.insert(0, line.encode(x=alt.X("one:Q", scale=scale, axis=axis)))
    text = drawn.mark_text(align="left", fontSize=13, aria=False)
    beside = alt.value(_WIDTH + 18)
    layers += [
        text.transform_filter("isValid(datum.value)").encode(
            x=beside, text="text:N", color=alt.value(words.colour("ink"))
        ),
        text.transform_filter("!isValid(datum.value)").encode(
            x=beside, text="text:N", color=alt.value(words.colour("quiet"))
        ),
    ]
    return alt.layer(*layers).properties(width=_WIDTH, height=height)
