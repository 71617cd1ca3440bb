# SPDX-License-Identifier: Apache-2.0
"""Boxes, lines, marks and texts at pixels, as one chart: for figures that no axis can lay out. Knows no table and no word.

Hatching stands for what may not be shown, in every figure alike: Vega has no patterns, so each stroke is a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

_APART = 6.0  # pixels between two strokes of a hatching
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Style = tuple[tuple[str, Any], ...]


@dataclass(slots=True, kw_only=True)
class Canvas:
    """What is to be drawn, by style: the first drawn lies lowest within its kind; boxes lie under lines, marks and texts."""

    width: float
    height: float
    boxes: dict[Style, list[dict[str, Any]]] = field(default_factory=dict)
    lines: dict[Style, list[dict[str, Any]]] = field(default_factory=dict)
    marks: dict[Style, list[dict[str, Any]]] = field(default_factory=dict)
    texts: dict[Style, list[dict[str, Any]]] = field(default_factory=dict)

    def box(self, box: Box, *, spoken: str = "", **style: Any) -> None:
        """A rectangle; ``spoken``: what it says to a screen reader, '' where a text beside it says it."""
        row = {"x": box[0], "y": box[1], "x2": box[2], "y2": box[3]} | ({"spoken": spoken} if spoken else {})
        self.boxes.setdefault(_style({**style, "said": bool(spoken)}), []).append(row)

    def line(self, start: Point, end: Point, **style: Any) -> None:
        """A straight line."""
        row = {"x": start[0], "y": start[1], "x2": end[0], "y2": end[1]}
        self.lines.setdefault(_style(style), []).append(row)

    def hatch(self, box: Box, *, color: str) -> None:
        """Strokes from low left to high right, cut at the box."""
        for start, end in strokes(box):
            self.line(start, end, color=color, strokeWidth=1.2, opacity=0.75)

    def mark(self, at: Point, **style: Any) -> None:
        """A filled point of a Vega shape."""
        self.marks.setdefault(_style(style), []).append({"x": at[0], "y": at[1]})

    def text(self, at: Point, text: str, **style: Any) -> None:
        """One line of text; its middle stands at the height."""
        self.texts.setdefault(_style(style), []).append({"x": at[0], "y": at[1], "text": text})

    def paragraph(self, at: Point, lines: Sequence[str], *, leading: float = 18, **style: Any) -> None:
        """Lines of text, their middle at the height."""
        for place, text in enumerate(lines):
            self.text((at[0], at[1] + leading * (place - (len(lines) - 1) / 2)), text, **style)

    def chart(self) -> Any:
        """All of it as one Altair chart of this width and height."""
        layers = [self._boxes(style, rows) for style, rows in self.boxes.items()]
        layers += [_of(rows).mark_rule(aria=False, **dict(style)) for style, rows in self.lines.items()]
        layers += [_of(rows).mark_point(filled=True, aria=False, **dict(style)) for style, rows in self.marks.items()]
        layers += [
            _of(rows).mark_text(aria=False, **{"fontSize": 14, **dict(style)}).encode(text="text:N")
            for style, rows in self.texts.items()
        ]
        placed = [layer.encode(**self._places(layer.data.values[0])) for layer in layers]
        return alt.layer(*placed).properties(width=self.width, height=self.height)

    def _boxes(self, style: Style, rows: list[dict[str, Any]]) -> Any:
        told = dict(style)
        said = told.pop("said")
        drawn = _of(rows).mark_rect(aria=said, **told)
        return drawn.encode(description="spoken:N") if said else drawn

    def _places(self, row: Mapping[str, Any]) -> dict[str, Any]:
        across = alt.Scale(domain=[0, self.width], range=[0, self.width], nice=False, zero=False)
        down = alt.Scale(domain=[0, self.height], range=[0, self.height], nice=False, zero=False)
        found: dict[str, Any] = {"x": alt.X("x:Q", scale=across, axis=None), "y": alt.Y("y:Q", scale=down, axis=None)}
        return found | ({"x2": "x2:Q", "y2": "y2:Q"} if "x2" in row else {})


def strokes(box: Box, *, apart: float = _APART) -> list[tuple[Point, Point]]:
    """The strokes of a hatching within a box: parts of the lines x + y = constant."""
    left, top, right, bottom = box
    found: list[tuple[Point, Point]] = []
    at = left + top + apart
    while at < right + bottom:
        low, high = max(left, at - bottom), min(right, at - top)
        if high - low > 1:
            found.append(((low, at - low), (high, at - high)))
        at += apart
    return found


def _of(rows: list[dict[str, Any]]) -> Any:
    return alt.Chart(alt.InlineData(values=rows))


def _style(style: Mapping[str, Any]) -> Style:
    """Something that can be a key; lists as tuples."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in sorted(style.items()))
