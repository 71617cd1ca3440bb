# SPDX-License-Identifier: Apache-2.0
"""The flow of an attrition: persons who remain at each step in boxes, those excluded between two steps beside the arrow.

The excluded are the difference of two counts that are both shown; where one of them is suppressed so is the difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.adapters.figure_canvas import Canvas
from rempart.adapters.figure_words import Words, arms_of, groups, shown, width_of, wrapped
from rempart.records.result import CheckedTable

_LINE, _GAP, _PAD = 18, 34, 12  # pixels of a line of a label, of an arrow, and within a box
_LETTERS = 46  # of a line of a label
_BOX, _APART = 124, 60  # width of an arm's box; room between two of them
_HEAD = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    """Steps from top to bottom: their lines of text, and the count of each arm (None: suppressed)."""

    steps: tuple[tuple[str, ...], ...]
    arms: tuple[str, ...]
    counts: Mapping[tuple[int, str], int | None]


def attrition(table: CheckedTable, words: Words) -> Any:
    """One column of boxes for each arm; of one arm alone, boxes that hold the steps. None when no count may be shown."""
    flow = _flow(table, words)
    if not any(count is not None for count in flow.counts.values()):
        return None
    alone = len(flow.arms) == 1
    heights = [_LINE * max(len(lines) + alone, 2) + _PAD + _PAD * alone for lines in flow.steps]
    tops = [_HEAD * (not alone) + sum(heights[:at]) + _GAP * at for at in range(len(heights))]
    text = max(width_of(*(line for lines in flow.steps for line in lines)), 150) + 2 * _PAD
    left, wide = (0, text) if alone else (text, _BOX)
    beside = max(_APART, width_of(words.say("excluded"), size=13) + 96) if alone else _APART
    canvas = Canvas(width=left + len(flow.arms) * (wide + beside) + _PAD, height=tops[-1] + heights[-1] + 2)
    for at, lines in enumerate(flow.steps):
        if not alone:
            middle = (left - _PAD, tops[at] + heights[at] / 2)
            canvas.paragraph(middle, lines, align="right", color=words.colour("ink"))
    for place, arm in enumerate(flow.arms):
        x = left + place * (wide + beside)
        if not alone:
            head = words.arm(arm, table)
            canvas.text((x + wide / 2, 6), head, align="center", fontWeight=600, color=words.colour(arm))
        for at in range(len(flow.steps)):
            _step(canvas, flow, words, arm=arm, at=at, box=(x, tops[at], x + wide, tops[at] + heights[at]))
            if at:
                below = tops[at - 1] + heights[at - 1]
                _arrow(canvas, _excluded(flow, at, arm), words, at=(x + wide / 2, below), named=alone)
    return canvas.chart()


def _flow(table: CheckedTable, words: Words) -> _Flow:
    found = {
        (dict(row).get("step", ""), dict(column).get("arm", "")): statistics
        for (row, column), statistics in groups(table).items()
    }
    steps = sorted({step for step, _ in found})
    values = {key: shown(statistics, "n") for key, statistics in found.items()}
    counts = {
        (steps.index(step), arm): None if value is None else int(value[0]) for (step, arm), value in values.items()
    }
    arms = [arm for arm in arms_of(table) if any(counts.get((at, arm)) is not None for at in range(len(steps)))]
    names = [words.say(step.partition(" ")[2] or step if step[:2].isdigit() else step) for step in steps]
    return _Flow(steps=tuple(tuple(wrapped(name, _LETTERS)) for name in names), arms=tuple(arms), counts=counts)


def _step(
    canvas: Canvas, flow: _Flow, words: Words, *, arm: str, at: int, box: tuple[float, float, float, float]
) -> None:
    if (at, arm) not in flow.counts:
        return
    count = flow.counts[at, arm]
    text = words.say("suppressed") if count is None else words.number(count)
    spoken = f"{' '.join(flow.steps[at])}, {words.say(arm)}: {text}"
    canvas.box(box, spoken=spoken, fill="white", stroke=words.colour(arm), strokeWidth=2, cornerRadius=3)
    if count is None:
        canvas.hatch((box[0] + 3, box[1] + 3, box[2] - 3, box[3] - 3), color=words.colour("line"))
    number: dict[str, Any] = {"fontSize": 16, "fontWeight": 600, "color": words.colour("ink")}
    hidden: dict[str, Any] = {"fontStyle": "italic", "color": words.colour("quiet")}
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    if len(flow.arms) == 1:
        lines = flow.steps[at]
        canvas.paragraph((x, y - _LINE / 2 - 2), lines, align="center", color=words.colour("ink"))
        y += _LINE * len(lines) / 2 + 2
    canvas.text((x, y), text, align="center", **(hidden if count is None else number))


def _excluded(flow: _Flow, at: int, arm: str) -> int | None:
    """Persons who are at the step above and not at this one; None where one of the two is suppressed."""
    above, here = flow.counts.get((at - 1, arm)), flow.counts.get((at, arm))
    return None if above is None or here is None else above - here


def _arrow(canvas: Canvas, excluded: int | None, words: Words, *, at: tuple[float, float], named: bool) -> None:
    """From one box to the next, and beside it who is left out; ``named``: in words."""
    x, top = at
    quiet = words.colour("quiet")
    canvas.line((x, top + 3), (x, top + _GAP - 8), color=quiet, strokeWidth=1.6)
    canvas.mark((x, top + _GAP - 7), shape="triangle-down", size=70, color=quiet, opacity=1)
    if excluded == 0:
        return
    number = words.say("suppressed") if excluded is None else words.number(excluded)
    text = f"{words.say('excluded')} {number}" if named else number if excluded is None else f"\u2212\u202f{number}"
    style: dict[str, Any] = {"fontStyle": "italic"} if excluded is None else {}
    canvas.line((x, top + 14), (x + 16, top + 14), color=quiet, strokeWidth=1.6)
    canvas.text((x + 20, top + 14), text, align="left", fontSize=13, color=quiet, **style)
