# SPDX-License-Identifier: Apache-2.0
"""Use of drugs over time: users and dispensings per 1,000 persons, a line for each drug, and the counts behind them under the axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, groups, shown, width_of
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _HEIGHT, _ROW, _COLUMNS = 560, 210, 24, 12
_RATES = ("users_per_1000", "dispensings_per_1000")
_SHAPES = ("circle", "square", "triangle-up", "diamond")
Point = dict[str, Any]
Cells = Mapping[tuple[str, str], Mapping[str, ResultRow]]


def drug_use(table: CheckedTable, words: Words) -> Any:
    """One panel for each rate, one line for each drug; a time that may not be shown breaks the line. None where no rate of a drug is shown
    at two times."""
    cells = {
        (keys["exposure"], keys["time"]): statistics
        for (row, _), statistics in groups(table).items()
        if (keys := dict(row)).get("variable") == "all"
    }
    drugs, times = list(dict.fromkeys(drug for drug, _ in cells)), sorted({time for _, time in cells})
    left = width_of(*_row_names(drugs, words)) + 24
    panels = [
        _rate(points, statistic, words, drugs=drugs, times=times, left=left)
        for statistic in _RATES
        if _told(points := _points(cells, statistic, words, drugs=drugs, times=times))
    ]
    if not panels:
        return None
    return alt.vconcat(*panels, _counts(cells, words, drugs=drugs, times=times, left=left), spacing=14)


def _told(points: Sequence[Point]) -> bool:
    """Whether a drug has two times: one alone is read in the table."""
    drugs = [point["drug"] for point in points]
    return len(drugs) > len(set(drugs))


def _points(cells: Cells, statistic: str, words: Words, *, drugs: Sequence[str], times: Sequence[str]) -> list[Point]:
    """``stretch``: times without a gap between them, which a line joins."""
    points: list[Point] = []
    for drug in drugs:
        stretch = 0
        for time in times:
            value = shown(cells.get((drug, time), {}), statistic)
            if value is None:
                stretch += 1
                continue
            text = words.number(value[0])
            spoken = f"{words.say(drug)}, {time}, {words.say(statistic)}: {text}"
            line = f"{drug}/{stretch}"
            points.append({"drug": words.say(drug), "time": time, "value": value[0], "line": line, "spoken": spoken})
    return points


def _rate(
    points: list[Point], statistic: str, words: Words, *, drugs: Sequence[str], times: Sequence[str], left: int
) -> Any:
    names, colours = [words.say(drug) for drug in drugs], _colours(len(drugs), words)
    down = alt.Axis(
        title=words.say(statistic),
        labelExpr=words.axis_numbers(),
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleX=0,
        titleY=-14,
        tickCount=5,
        domain=False,
        ticks=False,
        minExtent=left,
        maxExtent=left,
    )
    most = max(point["value"] for point in points)
    shared = alt.Chart(alt.InlineData(values=points)).encode(
        x=_across(times, labelled=True),
        y=alt.Y("value:Q", scale=alt.Scale(domain=[0, most * 1.05 or 1], nice=False), axis=down),
        color=alt.Color("drug:N", scale=alt.Scale(domain=names, range=colours), legend=None),
    )
    dashes = words.data["dashes"]["others"]
    line = shared.mark_line(strokeWidth=3, aria=False).encode(
        detail="line:N",
        strokeDash=alt.StrokeDash(
            "drug:N", scale=alt.Scale(domain=names, range=[dashes[at % 4] for at in range(len(names))]), legend=None
        ),
    )
    shapes = alt.Scale(domain=names, range=[_SHAPES[at % 4] for at in range(len(names))])
    dots = shared.mark_point(filled=True, size=90, opacity=1).encode(
        shape=alt.Shape("drug:N", scale=shapes, legend=None), description="spoken:N"
    )
    layers = [line, dots, *_ends(points, names, colours, times, most)]
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def _ends(
    points: list[Point], names: Sequence[str], colours: Sequence[str], times: Sequence[str], most: float
) -> list[Any]:
    """Each drug's name at the right of its last point; where two would touch, one above the other."""
    last = {point["drug"]: point for point in points}
    placed: list[float] = []
    layers = []
    for name, point in sorted(last.items(), key=lambda item: float(item[1]["value"])):
        height = point["value"] / (most * 1.05 or 1) * _HEIGHT
        placed.append(max(height, placed[-1] + 18) if placed else height)
        mark = alt.Chart(alt.InlineData(values=[point])).mark_text(
            align="left",
            dx=12,
            dy=height - placed[-1],
            fontSize=14,
            fontWeight=600,
            color=colours[list(names).index(name)],
            aria=False,
        )
        layers.append(mark.encode(x=_across(times, labelled=True), y="value:Q", text="drug:N"))
    return layers


def _across(times: Sequence[str], *, labelled: bool) -> Any:
    stride = max(1, -(-len(times) // _COLUMNS))
    axis = alt.Axis(title=None, labelAngle=0, values=list(times[::stride]), grid=False) if labelled else None
    return alt.X("time:O", scale=alt.Scale(domain=list(times)), axis=axis)


def _colours(count: int, words: Words) -> list[str]:
    known = [words.colour("target"), words.colour("comparator"), *words.data["colours"]["others"]]
    return [known[at % len(known)] for at in range(count)]


def _row_names(drugs: Sequence[str], words: Words) -> list[str]:
    """Rows of the counts: the persons of the cohort, then users and new users of each drug."""
    each = [f"{words.say(drug)}, {words.say(f'rows_{name}')}" for drug in drugs for name in ("users", "new_users")]
    return [words.say("rows_persons"), *each]


def _counts(cells: Cells, words: Words, *, drugs: Sequence[str], times: Sequence[str], left: int) -> Any:
    """The counts of up to twelve of the times, one row under the other."""
    names = _row_names(drugs, words)
    asked = [(drugs[0], "persons"), *((drug, name) for drug in drugs for name in ("users", "new_users"))]
    stride = max(1, -(-len(times) // _COLUMNS))
    values = [
        {"row": name, "time": time, "text": words.counted(cells.get((drug, time), {}).get(statistic))}
        for name, (drug, statistic) in zip(names, asked, strict=True)
        for time in times[::stride]
    ]
    axis = alt.Axis(
        title=None, domain=False, ticks=False, labelPadding=24, labelLimit=0, minExtent=left, maxExtent=left
    )
    numbers = alt.Chart(alt.InlineData(values=values)).mark_text(fontSize=13, color=words.colour("ink"), aria=False)
    return numbers.encode(
        x=_across(times, labelled=False),
        y=alt.Y("row:N", sort=names, scale=alt.Scale(domain=names), axis=axis),
        text="text:N",
    ).properties(width=_WIDTH, height=_ROW * len(names))
