# SPDX-License-Identifier: Apache-2.0
"""The attrition figure: one bar for each step and arm, with its count beside it."""

import json
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, arms_of, groups, shown
from rempart.records.result import CheckedTable

_WIDTH = 660
_STEP = 34


def attrition(table: CheckedTable, words: Words) -> Any:
    """One panel for each arm side by side, steps from top to bottom; None when no count may be shown."""
    points = _points(table, words)
    if not any(point["n"] is not None for point in points):
        return None
    arms = [arm for arm in arms_of(table) if any(point["arm"] == arm for point in points)]
    panels = [panel(points, arm, words, first=index == 0, width=_WIDTH // len(arms)) for index, arm in enumerate(arms)]
    return alt.hconcat(*panels, spacing=24)


def _points(table: CheckedTable, words: Words) -> list[dict[str, Any]]:
    found = []
    for (row, column), statistics in groups(table).items():
        step, arm = dict(row).get("step", ""), dict(column).get("arm", "")
        value = shown(statistics, "n")
        text = words.say("suppressed") if value is None else words.number(value[0])
        name = step.partition(" ")[2] or step if step[:2].isdigit() else step
        spoken = f"{words.say(name)}, {words.say(arm)}: {text}"
        n = None if value is None else int(value[0])
        found.append({"order": step, "step": words.say(name), "arm": arm, "n": n, "text": text, "spoken": spoken})
    return found


def panel(points: list[dict[str, Any]], arm: str, words: Words, *, first: bool, width: int) -> Any:
    """Bars of one arm. ``points``: order, step (its name), arm, n (None: suppressed), text, spoken; ``first``: with the names."""
    mine = [point for point in points if point["arm"] == arm]
    names = {point["order"]: point["step"] for point in sorted(points, key=lambda point: str(point["order"]))}
    order = list(names)
    labels = alt.Axis(
        labels=first,
        labelExpr=f"{json.dumps(names, ensure_ascii=False)}[datum.label]",
        title=None,
        ticks=False,
        domain=False,
        labelLimit=340,
        labelPadding=10,
    )
    most = max((point["n"] for point in points if point["n"] is not None and point["arm"] == arm), default=1)
    bars = alt.Chart(alt.InlineData(values=mine)).encode(
        y=alt.Y("order:N", sort=order, axis=labels, scale=alt.Scale(domain=order, paddingInner=0.3)),
        x=alt.X("n:Q", axis=None, scale=alt.Scale(domain=[0, most * 1.32])),
    )
    colour = words.colour(arm)
    bar = bars.mark_bar(color=colour, cornerRadiusEnd=3).encode(description="spoken:N")
    text = bars.mark_text(align="left", dx=7, fontSize=12, color=words.colour("ink"), aria=False)
    known = text.transform_filter("isValid(datum.n)").encode(text="text:N")
    quiet = bars.mark_text(align="left", dx=7, fontSize=12, fontStyle="italic", color=words.colour("quiet"), aria=False)
    hidden = quiet.transform_filter("!isValid(datum.n)").encode(text="text:N", x=alt.value(0))
    title = alt.TitleParams(text=words.say(arm), fontSize=13, color=colour, offset=6, frame="group")
    return (bar + known + hidden).properties(width=width, height=_STEP * len(order), title=title)
