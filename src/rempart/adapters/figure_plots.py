# SPDX-License-Identifier: Apache-2.0
"""What several plots share: axes whose name stands above them, colours of series, a key above the plot. Knows no table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words

_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Names of what is told apart, as they are read, with a colour, a dash and a shape each."""

    names: tuple[str, ...]
    colours: tuple[str, ...]
    dashes: tuple[tuple[int, ...], ...]
    shapes: tuple[str, ...]

    def _scale(self, values: Sequence[Any]) -> Any:
        return alt.Scale(domain=list(self.names), range=list(values))

    def _key(self, *, line: bool) -> Any:
        if len(self.names) == 1:
            return None
        return alt.Legend(
            aria=False,
            title=None,
            orient="top",
            direction="horizontal",
            labelFontSize=14,
            labelLimit=0,
            symbolSize=140 if not line else 400,
            symbolStrokeWidth=2.5,
            columnPadding=22,
            offset=38,
        )

    def colour(self, field: str, *, line: bool = False) -> Any:
        """The channel of colour, with its key where there are several."""
        return alt.Color(f"{field}:N", scale=self._scale(self.colours), legend=self._key(line=line))

    def dash(self, field: str) -> Any:
        """The channel of dashes, in the same key."""
        return alt.StrokeDash(f"{field}:N", scale=self._scale(self.dashes), legend=self._key(line=True))

    def shape(self, field: str) -> Any:
        """The channel of shapes, in the same key."""
        return alt.Shape(f"{field}:N", scale=self._scale(self.shapes), legend=self._key(line=False))


def series(names: Sequence[str], words: Words) -> Series:
    """Colours in the order of the house: those of the two arms first; one alone is a whole line."""
    known = [words.colour("target"), words.colour("comparator"), *words.data["colours"]["others"], words.colour("all")]
    dashes = [(1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (1, 0), (5, 5)]
    return Series(
        names=tuple(names),
        colours=tuple(known[at % len(known)] for at in range(len(names))),
        dashes=tuple(dashes[at % len(dashes)] for at in range(len(names))),
        shapes=tuple(_SHAPES[at % len(_SHAPES)] for at in range(len(names))),
    )


def down_axis(title: str, words: Words, **more: Any) -> Any:
    """An axis at the left whose name stands above it, not sideways."""
    told: dict[str, Any] = {"tickCount": 6, "labelExpr": words.axis_numbers(), **more}
    return alt.Axis(
        title=title,
        domain=False,
        ticks=False,
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleX=0,
        titleY=-14,
        **told,
    )


def across_axis(title: str, words: Words, **more: Any) -> Any:
    """An axis below."""
    told: dict[str, Any] = {"tickCount": 6, "labelExpr": words.axis_numbers(), "grid": False, **more}
    return alt.Axis(title=title, labelFlush=False, **told)
