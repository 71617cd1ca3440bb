# SPDX-License-Identifier: Apache-2.0
"""Figures of descriptions: pathways as bars, users of drugs over time as lines. Draws nothing that a checked table does not show."""

from typing import Any

import altair as alt

from rempart.adapters.figure_bars import panel
from rempart.adapters.figure_words import Words, groups, shown
from rempart.records.result import CheckedTable

_WIDTH, _HEIGHT, _BARS = 620, 300, 30
_STATISTIC = "users_per_1000"


def pathways(table: CheckedTable, words: Words) -> Any:
    """One bar for each path, the most common first; None when no count may be shown."""
    points: list[dict[str, Any]] = []
    for (row, _), statistics in groups(table).items():
        keys, value = dict(row), shown(statistics, "n")
        if keys.get("variable") == "path":
            name = words.say(keys["level"])
            text = words.say("suppressed") if value is None else words.number(value[0])
            n = None if value is None else int(value[0])
            order = f"{len(points):04d}"
            points.append(
                {"order": order, "step": name, "arm": "all", "n": n, "text": text, "spoken": f"{name}: {text}"}
            )
    drawn = points[:_BARS]
    return panel(drawn, "all", words, first=True, width=_WIDTH) if any(p["n"] is not None for p in drawn) else None


def drug_use(table: CheckedTable, words: Words) -> Any:
    """Users per 1,000 persons over time, one line for each exposure; None when fewer than two points may be shown."""
    points = []
    for (row, _), statistics in groups(table).items():
        keys, value = dict(row), shown(statistics, _STATISTIC)
        if keys.get("variable") == "all" and value is not None:
            name, text = words.say(keys["exposure"]), words.number(value[0])
            points.append(
                {"exposure": name, "time": keys["time"], "value": value[0], "spoken": f"{name}, {keys['time']}: {text}"}
            )
    if len(points) < 2:
        return None
    names = list(dict.fromkeys(point["exposure"] for point in points))
    times = sorted(
        {str(dict(row)["time"]) for row, _ in groups(table) if dict(row).get("variable") == "all"}
    )  # hidden ones keep their place
    down = alt.Axis(title=words.of(table, "axis"), titleAngle=0, titleAlign="left", titleAnchor="end", titleY=-14)
    colours = [words.colour("target"), words.colour("comparator"), *words.data["colours"]["others"]]
    shared = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("time:O", scale=alt.Scale(domain=times), axis=alt.Axis(title=None, labelAngle=-45)),
        y=alt.Y("value:Q", scale=alt.Scale(zero=True), axis=down),
        color=alt.Color(
            "exposure:N",
            scale=alt.Scale(domain=names, range=[colours[at % len(colours)] for at in range(len(names))]),
            legend=alt.Legend(title=None, orient="bottom", aria=False),
        ),
    )
    line, dots = shared.mark_line(strokeWidth=2.2, aria=False), shared.mark_circle(size=40, opacity=1)
    return (line + dots.encode(description="spoken:N")).properties(width=_WIDTH, height=_HEIGHT)
