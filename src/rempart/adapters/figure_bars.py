# SPDX-License-Identifier: Apache-2.0
"""Bars with their counts beside them: the attrition of each arm, and what else is told by persons of a kind."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, arms_of, groups, shown, width_of, wrapped
from rempart.records.result import CheckedTable

_WIDTH = 400
_LINE, _ROOM, _BAR = 19, 17, 24  # pixels of a line of a label, between two lines, and of a bar
_LETTERS = 52  # of a line of a label
Bar = dict[str, Any]


def attrition(table: CheckedTable, words: Words) -> Any:
    """One panel for each arm side by side, steps from top to bottom; None when no count may be shown."""
    bars = _steps(table, words)
    if not any(bar["n"] is not None for bar in bars):
        return None
    arms = [arm for arm in arms_of(table) if any(bar["arm"] == arm for bar in bars)]
    panels = [
        panel(
            [bar for bar in bars if bar["arm"] == arm],
            words,
            width=_WIDTH // len(arms) + 60 * (len(arms) > 1),
            title=words.arm(arm, table) if len(arms) > 1 else "",
            colour=words.colour(arm),
            named=index == 0,
        )
        for index, arm in enumerate(arms)
    ]
    return panels[0] if len(panels) == 1 else alt.hconcat(*panels, spacing=24)


def _steps(table: CheckedTable, words: Words) -> list[Bar]:
    found = []
    for (row, column), statistics in groups(table).items():
        step, arm = dict(row).get("step", ""), dict(column).get("arm", "")
        value, text = shown(statistics, "n"), words.counted(statistics.get("n"))
        name = words.say(step.partition(" ")[2] or step if step[:2].isdigit() else step)
        spoken = f"{name}, {words.arm(arm, table)}: {text}"
        n = None if value is None else int(value[0])
        found.append({"order": step, "name": name, "arm": arm, "n": n, "text": text, "spoken": spoken})
    return found


def panel(bars: Sequence[Bar], words: Words, *, width: int, title: str, colour: str, named: bool = True) -> Any:
    """``bars``: order, name, n (None: no bar), text beside it, spoken; ``named``: with the names at the left."""
    names = {bar["order"]: wrapped(bar["name"], _LETTERS) for bar in sorted(bars, key=lambda bar: str(bar["order"]))}
    step = _LINE * max(map(len, names.values())) + _ROOM
    drawn = alt.Chart(alt.InlineData(values=list(bars))).encode(
        y=alt.Y("order:N", sort=list(names), axis=_labels(names, named=named), scale=_bands(list(names))),
        x=alt.X("n:Q", axis=None, scale=alt.Scale(domain=[0, _room(bars, width)])),
    )
    bar = drawn.transform_filter("isValid(datum.n)").mark_bar(color=colour, cornerRadiusEnd=2, size=_BAR)
    text = drawn.mark_text(align="left", dx=8, fontSize=14, color=words.colour("ink"), aria=False)
    known = text.transform_filter("isValid(datum.n)").encode(text="text:N")
    quiet = drawn.mark_text(
        align="left", dx=8, fontSize=14, fontStyle="italic", color=words.colour("quiet"), aria=False
    )
    hidden = quiet.transform_filter("!isValid(datum.n)").encode(text="text:N", x=alt.value(0))
    marks = bar.encode(description="spoken:N") + known + hidden
    made = marks.properties(width=width, height=step * len(names))
    if not title:
        return made
    return made.properties(title=alt.TitleParams(text=title, fontSize=15, color=colour, offset=6, frame="group"))


def _room(bars: Sequence[Bar], width: int) -> float:
    """The end of the axis: the longest bar leaves room for what stands beside it."""
    most = max((bar["n"] for bar in bars if bar["n"] is not None), default=0) or 1
    beside = width_of(*(bar["text"] for bar in bars)) + 16
    return float(most * width / max(width - beside, width // 3))


def _bands(order: list[str]) -> Any:
    return alt.Scale(domain=order, paddingInner=0.3, paddingOuter=0.1)


def _labels(names: dict[str, list[str]], *, named: bool) -> Any:
    """Names at the left, those of several lines as high as their bar's middle."""
    told = json.dumps(names, ensure_ascii=False)
    middle = f"-{_LINE / 2} * (length({told}[datum.value]) - 1)"
    return alt.Axis(
        labels=named,
        labelExpr=f"{told}[datum.label]",
        labelOffset={"condition": {"test": "true", "expr": middle}, "value": 0},
        labelLineHeight=_LINE,
        title=None,
        ticks=False,
        domain=False,
        labelLimit=0,
        labelPadding=12,
    )
