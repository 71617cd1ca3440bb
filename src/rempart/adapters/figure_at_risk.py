# SPDX-License-Identifier: Apache-2.0
"""The numbers at risk under a curve: one line for each arm, at days that its points have. Draws no curve."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, width_of

_COLUMNS, _ROW, _APART = 8, 24, 28
Point = dict[str, Any]


def at_risk(
    drawn: Sequence[Point], scales: tuple[list[str], list[str], Any], words: Words, *, days: Any, left: int, width: int
) -> Any:
    """Numbers at up to eight days of each arm, days that all arms have where there are such; ``left``: pixels for the names."""
    names, colours, _ = scales
    known = {name: [point for point in drawn if point["arm"] == name and "at_risk" in point] for name in names}
    common = set.intersection(*({point["day"] for point in points} for points in known.values()))
    cells = []
    for name, points in known.items():
        everyday = [point["day"] for point in points]
        chosen = spaced(sorted(common) if len(common) > 1 else everyday, last=days.domain[1])
        cells += [
            {"arm": name, "day": point["day"], "text": point["at_risk"]} for point in points if point["day"] in chosen
        ]
    apart = padding(drawn)
    numbers = alt.Chart(alt.InlineData(values=cells)).mark_text(fontSize=14, aria=False)
    return numbers.encode(
        x=alt.X("day:Q", scale=days, axis=None),
        y=alt.Y("arm:N", sort=names, scale=alt.Scale(domain=names), axis=_names(words, left, apart)),
        text="text:N",
        color=alt.Color("arm:N", scale=alt.Scale(domain=names, range=colours), legend=None),
    ).properties(width=width, height=_ROW * len(names), title=_title(words, apart))


def spaced(days: Sequence[int], *, last: float) -> set[int]:
    """Some of the days, the first and the last among them, so far apart that their numbers do not touch."""
    least = last / _COLUMNS
    found: list[int] = []
    for day in days:
        if not found or day - found[-1] >= least:
            found.append(day)
    if days and found[-1] != days[-1]:
        found[-1:] = [days[-1]] if len(found) > 1 else [found[-1], days[-1]]
    return set(found)


def padding(drawn: Sequence[Point]) -> int:
    """Pixels between the names and the first day: half of its number stands there."""
    return max(_APART, width_of(*(point["at_risk"] for point in drawn if "at_risk" in point)) // 2 + 10)


def _title(words: Words, apart: int) -> Any:
    return alt.TitleParams(
        text=words.say("at_risk"),
        fontSize=13,
        fontWeight="normal",
        color=words.colour("quiet"),
        anchor="start",
        frame="group",
        align="right",
        dx=-apart,
        offset=2,
    )


def _names(words: Words, left: int, apart: int) -> Any:
    return alt.Axis(
        title=None,
        domain=False,
        ticks=False,
        labelPadding=apart,
        labelLimit=left,
        minExtent=left,
        maxExtent=left,
        labelColor=words.colour("ink"),
    )
