# SPDX-License-Identifier: Apache-2.0
"""The layout of a forest: labels and counts at the left, squares on their intervals, the numbers in words at the right. Knows no table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, width_of

_PLOT, _ROW, _GAP, _INDENT = 330, 30, 26, 16
_TEXT, _HEAD = 14, 13  # sizes of letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One estimate. ``group``: the heading that it stands under ('': none); ``cells``: counts as text; ``value``: None where there is
    nothing to draw; ``shape``: of the mark, and its colour."""

    group: str
    label: str
    cells: tuple[str, ...]
    text: str
    spoken: str
    value: float | None
    bounds: tuple[float, float] | None
    shape: tuple[str, str]

    @property
    def most(self) -> float:
        """The highest number drawn; 0 where nothing is."""
        return max(self.value or 0.0, *(self.bounds or (0.0,)))


def forest(
    lines: Sequence[Line],
    words: Words,
    *,
    heads: Sequence[Sequence[str]],
    scale: Mapping[str, Any],
    axis: Any,
    one: float | None,
) -> Any:
    """``heads``: of each column of counts and, last, of the estimate, in lines; ``scale``, ``axis``: of the estimates; ``one``: where a
    dashed line says that there is no difference."""
    grouped = any(line.group for line in lines)
    columns = _columns(lines, heads, indent=_INDENT if grouped else 0)
    left = columns[-1] + _GAP
    right = left + _PLOT + _GAP
    whole = right + max(width_of(*(line.text for line in lines)), width_of(*heads[-1], size=_HEAD))
    rows = _rows(lines)
    count = max(at for at, _ in rows) + 1
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[count - 0.4, -0.9 - _depth(heads)], nice=False, zero=False))
    placed = alt.Scale(range=[left, left + _PLOT], **scale)
    layers = [
        *_reference(one, placed, axis, words),
        *_marks(rows, y, placed, axis),
        *_texts(_written(rows, columns, right, words, grouped=grouped), y, words),
        *_texts(_headed(heads, columns, right), y, words),
    ]
    return alt.layer(*layers).properties(width=whole, height=round(_ROW * (count + 0.5 + _depth(heads))))


def _depth(heads: Sequence[Sequence[str]]) -> float:
    """Rows that the heads take beyond the first."""
    return 0.6 * (max(map(len, heads)) - 1)


def _columns(lines: Sequence[Line], heads: Sequence[Sequence[str]], *, indent: int) -> list[int]:
    """Where labels end, then where each column of counts ends."""
    found = [max(width_of(*(line.label for line in lines)) + indent, width_of(*(line.group for line in lines)))]
    for at, head in enumerate(heads[:-1]):
        wide = max(width_of(*head, size=_HEAD), width_of(*(line.cells[at] for line in lines)))
        found.append(found[-1] + _GAP + wide)
    return found


def _rows(lines: Sequence[Line]) -> list[tuple[int, Line | str]]:
    """Lines and, before the first of each group, its heading, with their places from the top."""
    found: list[tuple[int, Line | str]] = []
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            found.append((len(found), group))
        found.append((len(found), line))
    return [(at, item) for at, item in found if item != ""]


def _marks(rows: Sequence[tuple[int, Line | str]], y: Any, scale: Any, axis: Any) -> list[Any]:
    """The interval with a stroke at each end, and the estimate."""
    points = [
        {"y": at, "value": line.value, "spoken": line.spoken, "shape": line.shape[0], "colour": line.shape[1]}
        | ({"lower": line.bounds[0], "upper": line.bounds[1]} if line.bounds else {})
        for at, line in rows
        if isinstance(line, Line) and line.value is not None
    ]
    drawn = alt.Chart(alt.InlineData(values=points)).encode(y=y, color=alt.Color("colour:N", scale=None, legend=None))
    told = drawn.transform_filter("isValid(datum.lower)")
    line = told.mark_rule(strokeWidth=2.5, aria=False).encode(x=alt.X("lower:Q", scale=scale, axis=axis), x2="upper:Q")
    ends = [
        told.mark_tick(orient="vertical", thickness=2.5, size=11, opacity=1, aria=False).encode(
            x=alt.X(f"{side}:Q", scale=scale, axis=axis)
        )
        for side in ("lower", "upper")
    ]
    estimate = drawn.mark_point(filled=True, size=130, opacity=1).encode(
        x=alt.X("value:Q", scale=scale, axis=axis),
        shape=alt.Shape("shape:N", scale=None, legend=None),
        description="spoken:N",
    )
    return [line, *ends, estimate]


def _reference(one: float | None, scale: Any, axis: Any, words: Words) -> list[Any]:
    if one is None:
        return []
    line = alt.Chart(alt.InlineData(values=[{"one": one}])).mark_rule(
        strokeDash=[4, 3], color=words.colour("quiet"), aria=False
    )
    return [line.encode(x=alt.X("one:Q", scale=scale, axis=axis))]


Text = dict[str, Any]


def _written(
    rows: Iterable[tuple[int, Line | str]], columns: Sequence[int], right: int, words: Words, *, grouped: bool
) -> list[Text]:
    found: list[Text] = []
    for at, item in rows:
        if isinstance(item, str):
            found.append({"x": 0, "y": at, "text": item, "align": "left", "weight": 600, "tone": "ink"})
            continue
        inset = _INDENT if grouped and item.group else 0
        found.append({"x": inset, "y": at, "text": item.label, "align": "left", "weight": 400, "tone": "ink"})
        for place, cell in zip(columns[1:], item.cells, strict=True):
            tone = "quiet" if cell == words.say("suppressed") else "ink"
            found.append({"x": place, "y": at, "text": cell, "align": "right", "weight": 400, "tone": tone})
        tone = "quiet" if item.value is None else "ink"
        found.append({"x": right, "y": at, "text": item.text, "align": "left", "weight": 400, "tone": tone})
    return found


def _headed(heads: Sequence[Sequence[str]], columns: Sequence[int], right: int) -> list[Text]:
    """Heads of the columns over the first row, their last lines on one level."""
    places = [*((place, "right") for place in columns[1:]), (right, "left")]
    deep = max(map(len, heads))
    return [
        {
            "x": x,
            "y": -1.0 - 0.6 * (deep - 1) + 0.6 * (deep - len(head) + at),
            "text": text,
            "align": align,
            "weight": 400,
            "tone": "quiet",
        }
        for (x, align), head in zip(places, heads, strict=True)
        for at, text in enumerate(head)
    ]


def _texts(texts: Sequence[Text], y: Any, words: Words) -> list[Any]:
    """Texts at their pixels from the left, one layer for each way of writing."""
    kinds: dict[tuple[int, str, int, str], list[Text]] = {}
    for text in texts:
        kinds.setdefault((text["x"], text["align"], text["weight"], text["tone"]), []).append(
            {"y": text["y"], "text": text["text"]}
        )
    layers = []
    for (x, align, weight, tone), mine in kinds.items():
        style: dict[str, Any] = {"align": align, "fontWeight": weight, "fontSize": _TEXT, "color": words.colour(tone)}
        mark = alt.Chart(alt.InlineData(values=mine)).mark_text(**style, aria=False)
        layers.append(mark.encode(x=alt.value(x), y=y, text="text:N"))
    return layers
