# SPDX-License-Identifier: Apache-2.0
"""The curve figure: survival or cumulative incidence by arm with its band, and the numbers at risk under it."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, arms_of, groups, shown
from rempart.records.result import CheckedTable

_WIDTH = 620
_HEIGHT = 330
_LEFT = 220  # the same left margin for the curve and the numbers under it, so that their days stand in line
_YEAR = 365.25
_COLUMNS = 9


def curves(table: CheckedTable, words: Words) -> Any:
    """The figure, or None when fewer than two points of any curve may be shown."""
    statistic = next(
        (name for name in ("cumulative_incidence", "still_followed", "still_treated") if _has(table, name)), "survival"
    )
    points = _points(table, statistic, words)
    arms = [arm for arm in arms_of(table) if sum(point["arm"] == words.say(arm) for point in points) > 1]
    drawn = [point for point in points if point["arm"] in [words.say(arm) for arm in arms]]
    if not drawn:
        return None
    last = max(point["day"] for point in drawn)
    days = alt.Scale(domain=[0, last], nice=False, zero=True)
    upper = _lines(drawn, arms, words, statistic=statistic, days=days, last=last)
    return alt.vconcat(upper, _at_risk(drawn, arms, words, days=days), spacing=4)


def _has(table: CheckedTable, statistic: str) -> bool:
    return any(row.statistic == statistic for row in table.rows)


def _points(table: CheckedTable, statistic: str, words: Words) -> list[dict[str, Any]]:
    found = []
    for (row, column), statistics in groups(table).items():
        value = shown(statistics, statistic)
        if value is None:
            continue
        arm, day = words.say(dict(column).get("arm", "")), int(dict(row)["day"])
        point: dict[str, Any] = {"arm": arm, "day": day, "value": value[0]}
        bounds = shown(statistics, "lower", "upper")
        text = words.number(value[0])
        if bounds:
            point |= {"lower": bounds[0], "upper": bounds[1]}
            text = words.interval(value[0], *bounds, form=".3f")
        risk = shown(statistics, "at_risk")
        if risk:
            point["at_risk"] = words.number(risk[0])
        found.append({**point, "spoken": f"{arm}, {words.say('day')} {day}: {text}"})
    return sorted(found, key=lambda point: (point["arm"], point["day"]))


def _lines(drawn: list[dict[str, Any]], arms: list[str], words: Words, *, statistic: str, days: Any, last: int) -> Any:
    names, colours, dashes = words.arm_scale(arms)
    across, down = _axes(words, statistic, last)
    shared = alt.Chart(alt.InlineData(values=drawn)).encode(
        x=alt.X("day:Q", scale=days, axis=across),
        color=alt.Color("arm:N", scale=alt.Scale(domain=names, range=colours), legend=None),
    )
    scale = _value_scale(drawn, statistic)
    band = shared.mark_area(opacity=0.14, aria=False).encode(y=alt.Y("lower:Q", scale=scale, axis=down), y2="upper:Q")
    line = shared.mark_line(strokeWidth=2.2, aria=False).encode(
        y=alt.Y("value:Q", scale=scale, axis=down),
        strokeDash=alt.StrokeDash("arm:N", scale=alt.Scale(domain=names, range=dashes), legend=None),
    )
    dots = shared.mark_circle(size=34, opacity=1).encode(
        y=alt.Y("value:Q", scale=scale, axis=down), description="spoken:N"
    )
    return (band + line + dots + _names_at_ends(drawn, names, colours, scale, days)).properties(
        width=_WIDTH, height=_HEIGHT
    )


def _axes(words: Words, statistic: str, last: int) -> tuple[Any, Any]:
    """Days as years where there are many; the probability's name stands above it, not sideways."""
    in_years = last > 2 * _YEAR
    across = alt.Axis(
        title=words.say("years" if in_years else "days"),
        grid=False,
        labelFlush=False,
        labelExpr=f"format(datum.value / {_YEAR}, '.0f')" if in_years else "datum.label",
        values=[_YEAR * year for year in range(int(last / _YEAR) + 1)] if in_years else alt.Undefined,
    )
    down = alt.Axis(
        title=words.of_type(statistic, "axis"),
        labelExpr=f"replace(datum.label, '.', '{words.say('decimal')}')",
        domain=False,
        ticks=False,
        tickCount=6,
        minExtent=_LEFT,
        maxExtent=_LEFT,
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleX=0,
        titleY=-14,
    )
    return across, down


def _value_scale(drawn: list[dict[str, Any]], statistic: str) -> Any:
    """Cumulative incidence starts at 0; survival ends at 1; both leave room for the band."""
    if statistic == "cumulative_incidence":
        most = max(point.get("upper", point["value"]) for point in drawn)
        return alt.Scale(domain=[0, min(1.0, most * 1.08) or 1.0], nice=True)
    least = min(point.get("lower", point["value"]) for point in drawn)
    return alt.Scale(domain=[max(0.0, 1 - (1 - least) * 1.08), 1], nice=False)


def _names_at_ends(drawn: list[dict[str, Any]], names: list[str], colours: list[str], scale: Any, days: Any) -> Any:
    """Each curve's name after its last point; moved apart where two would touch."""
    ends = []
    for name in names:
        mine = [point for point in drawn if point["arm"] == name]
        ends.append({"arm": name, "day": mine[-1]["day"], "value": mine[-1]["value"]})
    low, high = scale.domain
    ends.sort(key=lambda end: float(end["value"]))
    heights = [(float(end["value"]) - low) / (high - low) * _HEIGHT for end in ends]
    layers = []
    for end, height, placed in zip(ends, heights, _apart(heights), strict=True):
        layers.append(
            alt.Chart(alt.InlineData(values=[end]))
            .mark_text(
                align="left",
                dx=9,
                dy=height - placed,
                fontSize=13,
                fontWeight=600,
                color=colours[names.index(end["arm"])],
                aria=False,
            )
            .encode(x=alt.X("day:Q", scale=days), y=alt.Y("value:Q", scale=scale), text="arm:N")
        )
    return alt.layer(*layers)


def _apart(heights: Sequence[float], *, gap: float = 18) -> list[float]:
    """Ascending heights in pixels, moved apart to at least ``gap``, around where they were together."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    shift = (sum(placed) - sum(heights)) / len(placed) if placed else 0.0
    return [height - shift for height in placed]


def _at_risk(drawn: list[dict[str, Any]], arms: list[str], words: Words, *, days: Any) -> Any:
    """Numbers at risk at up to nine of the days shown, one line for each arm."""
    names, colours, _ = words.arm_scale(arms)
    every = sorted({point["day"] for point in drawn if "at_risk" in point})
    stride = max(1, -(-len(every) // _COLUMNS))
    columns = set(every[::stride])
    cells = [
        {"arm": point["arm"], "day": point["day"], "text": point["at_risk"]}
        for point in drawn
        if "at_risk" in point and point["day"] in columns
    ]
    title = alt.TitleParams(
        text=words.say("at_risk"),
        fontSize=12,
        fontWeight="normal",
        color=words.colour("quiet"),
        anchor="start",
        frame="group",
        align="right",
        dx=-28,
        offset=2,
    )
    numbers = alt.Chart(alt.InlineData(values=cells)).mark_text(fontSize=12, aria=False)
    return numbers.encode(
        x=alt.X("day:Q", scale=days, axis=None),
        y=alt.Y("arm:N", sort=names, scale=alt.Scale(domain=names), axis=_names_axis(words)),
        text="text:N",
        color=alt.Color("arm:N", scale=alt.Scale(domain=names, range=colours), legend=None),
    ).properties(width=_WIDTH, height=24 * len(names), title=title)


def _names_axis(words: Words) -> Any:
    return alt.Axis(
        title=None,
        domain=False,
        ticks=False,
        labelPadding=28,
        labelLimit=_LEFT - 30,
        minExtent=_LEFT,
        maxExtent=_LEFT,
        labelColor=words.colour("ink"),
    )
