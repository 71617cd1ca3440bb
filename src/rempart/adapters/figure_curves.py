# SPDX-License-Identifier: Apache-2.0
"""The curve figure: survival, cumulative incidence or a share still there by arm with its band, and the numbers at risk under it."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_at_risk import at_risk, padding
from rempart.adapters.figure_words import Words, arms_of, groups, shown, width_of
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _HEIGHT = 560, 320
_MARGIN = 64  # at least so much at the left of the curve
_YEAR = 365.25
_FEW = 8  # points of a curve that is alone: so many or fewer each show their interval
_SPARSE = 3  # marks of a curve that is alone: so few or fewer are read as numbers, and their line is no curve
_COMPARED = 3  # two arms and their sum, which the table holds and which would lie over both
_NEAR = 0.06  # of the axis: what a last point may lack to a whole year
_SHAPES = ("circle", "square", "triangle-up", "diamond")
_SHARES = ("still_followed", "still_treated")
Point = dict[str, Any]


def curves(table: CheckedTable, words: Words) -> Any:
    """The figure, or None when fewer than two points of any curve may be shown."""
    statistic = next((name for name in ("cumulative_incidence", *_SHARES) if _has(table, name)), "survival")
    points = _points(table, statistic, words)
    arms = [arm for arm in arms_of(table) if sum(point["key"] == arm for point in points) > 1]
    arms = [arm for arm in arms if arm != "all" or len(arms) < _COMPARED]
    drawn = [point for point in points if point["key"] in arms]
    if not drawn:
        return None
    left = max(_MARGIN, width_of(*(words.arm(arm, table) for arm in arms), words.say("at_risk")) + padding(drawn) + 6)
    last = _end(max(point["day"] for point in drawn))
    days = alt.Scale(domain=[0, last], nice=False, zero=True)
    scales = words.arm_scale(arms, table)
    upper = _lines(drawn, scales, words, statistic=statistic, days=days, last=last, left=left)
    return alt.vconcat(upper, at_risk(drawn, scales, words, days=days, left=left, width=_WIDTH), spacing=2)


def _end(day: int) -> float:
    """The end of the axis: the last day, or the whole year that it nearly reaches, so that the year has its mark."""
    year = _YEAR * -(-day // _YEAR)
    return year if day > 2 * _YEAR and year - day < _NEAR * day else float(day)


def starts_above_zero(table: CheckedTable, words: Words) -> str:
    """``0,86`` where the axis of a survival does not begin at 0; '' where it does."""
    if not _has(table, "survival"):
        return ""
    low = _low(_points(table, "survival", words))
    return words.decimal(f"{low:.2g}") if low > 0 else ""


def _low(points: Sequence[Point]) -> float:
    """Where the axis of a survival begins: at 0, but where all of it lies in the upper half."""
    least = min((_side(point, "lower") for point in points), default=0.0)
    return 0.0 if least < 1 / 2 else _step_below(1 - (1 - least) * 1.05)


def _side(point: Point, side: str) -> float:
    """A bound of a point, or the point itself where it has none."""
    return float(point[side] if side in point else point["value"])


def _step_below(value: float) -> float:
    """The next round number below."""
    step = next(step for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1) if (1 - value) / step <= 10)
    return round(int(value / step + 1e-9) * step, 3)


def _has(table: CheckedTable, statistic: str) -> bool:
    return any(row.statistic == statistic for row in table.rows)


def _points(table: CheckedTable, statistic: str, words: Words) -> list[Point]:
    found = []
    for (row, column), statistics in groups(table).items():
        value = shown(statistics, statistic)
        if value is None:
            continue
        key, day = dict(column).get("arm", ""), int(dict(row)["day"])
        point: Point = {"key": key, "arm": words.arm(key, table), "day": day, "value": value[0]}
        point |= _interval(statistics)
        text = words.number(value[0])
        if "lower" in point:
            text = words.interval(value[0], point["lower"], point["upper"], form=".3f")
        risk = shown(statistics, "at_risk")
        if risk:
            point["at_risk"] = words.number(risk[0])
        found.append({**point, "text": text, "spoken": f"{point['arm']}, {words.say('day')} {day}: {text}"})
    return sorted(found, key=lambda point: (point["arm"], point["day"]))


def _interval(statistics: Mapping[str, ResultRow]) -> Point:
    bounds = shown(statistics, "lower", "upper")
    return {"lower": bounds[0], "upper": bounds[1]} if bounds else {}


Scales = tuple[list[str], list[str], list[list[int]]]


def _lines(
    drawn: list[Point], scales: Scales, words: Words, *, statistic: str, days: Any, last: float, left: int
) -> Any:
    names, colours, dashes = scales
    across, down = _across(words, statistic, last), _down(words, statistic, left)
    scale = _value_scale(drawn, statistic)
    shared = alt.Chart(alt.InlineData(values=drawn)).encode(
        x=alt.X("day:Q", scale=days, axis=across),
        color=alt.Color("arm:N", scale=alt.Scale(domain=names, range=colours), legend=None),
    )
    known = shared.transform_filter("isValid(datum.lower)")
    lower = alt.Y("lower:Q", scale=scale, axis=down)
    layers = [known.mark_area(opacity=0.18, aria=False).encode(y=lower, y2="upper:Q")]
    if len(names) == 1 and len(drawn) <= _FEW:
        layers.append(known.mark_rule(strokeWidth=1.5, aria=False).encode(y=lower, y2="upper:Q"))
    value = alt.Y("value:Q", scale=scale, axis=down)
    sparse = is_sparse(drawn)
    dash = alt.StrokeDash("arm:N", scale=alt.Scale(domain=names, range=[[3, 4]] if sparse else dashes), legend=None)
    layers.append(shared.mark_line(strokeWidth=2 if sparse else 3, aria=False).encode(y=value, strokeDash=dash))
    if sparse:
        layers.append(_numbers(drawn, words, days=days, value=value))
    shapes = alt.Scale(domain=names, range=[_SHAPES[at % len(_SHAPES)] for at in range(len(names))])
    marks = shared.mark_point(filled=True, size=70, opacity=1)
    layers.append(marks.encode(y=value, shape=alt.Shape("arm:N", scale=shapes, legend=None), description="spoken:N"))
    if len(names) > 1:
        layers.append(_names_at_ends(drawn, names, colours, scale, days))
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def is_sparse(drawn: Sequence[Point]) -> bool:
    """Whether one curve alone is told of, by so few marks that a line between them shows no course."""
    return len({point["key"] for point in drawn}) == 1 and len(drawn) <= _SPARSE


def _numbers(drawn: Sequence[Point], words: Words, *, days: Any, value: Any) -> Any:
    """The number of each mark but the first beside it, on the side where the line is not."""
    falls = drawn[-1]["value"] <= drawn[0]["value"]
    marks = alt.Chart(alt.InlineData(values=[dict(point) for point in drawn[1:]]))
    text = marks.mark_text(
        align="right", dx=-12, dy=24 if falls else -24, fontSize=14, color=words.colour("ink"), aria=False
    )
    return text.encode(x=alt.X("day:Q", scale=days), y=value, text="text:N")


def sparse_note(table: CheckedTable, words: Words) -> str:
    """That a curve has so few marks, and why it may; '' where it has more."""
    statistic = next((name for name in ("cumulative_incidence", *_SHARES) if _has(table, name)), "survival")
    return words.say("sparse_note") if is_sparse(_points(table, statistic, words)) else ""


def _across(words: Words, statistic: str, last: float) -> Any:
    """Days, as years where there are many."""
    in_years = last > 2 * _YEAR
    since = "_treated" if statistic == "still_treated" else ""
    return alt.Axis(
        title=words.say(("years" if in_years else "days") + since),
        grid=False,
        labelFlush=False,
        labelExpr=f"format(datum.value / {_YEAR}, '.0f')" if in_years else words.axis_numbers(),
        values=[_YEAR * year for year in range(int(last / _YEAR + 1e-9) + 1)] if in_years else alt.Undefined,
        tickCount=8,
    )


def _down(words: Words, statistic: str, left: int) -> Any:
    """The probability's name stands above the axis, not sideways."""
    return alt.Axis(
        title=words.of_type(statistic, "axis"),
        labelExpr=words.axis_numbers(),
        domain=False,
        ticks=False,
        tickCount=6,
        minExtent=left,
        maxExtent=left,
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleX=0,
        titleY=-14,
    )


def _value_scale(drawn: list[Point], statistic: str) -> Any:
    """Cumulative incidence starts at 0; a share lies between 0 and 1; survival ends at 1, and both leave room for the band."""
    if statistic == "cumulative_incidence":
        most = max(_side(point, "upper") for point in drawn)
        return alt.Scale(domain=[0, min(1.0, most * 1.08) or 1.0], nice=True)
    return alt.Scale(domain=[0 if statistic in _SHARES else _low(drawn), 1], nice=False, zero=False)


def _names_at_ends(drawn: list[Point], names: list[str], colours: list[str], scale: Any, days: Any) -> Any:
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
                dx=12,
                dy=height - placed,
                fontSize=14,
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
