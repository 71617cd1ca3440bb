# SPDX-License-Identifier: Apache-2.0
"""The diagram of a study's design: windows of days around day 0, one a line, as regulators and journals ask for it. Needs no data.

Form: S. Schneeweiss et al., Annals of Internal Medicine 2019;170:398. Days stand in order and not to scale; brackets tell them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

from rempart.adapters.figure_canvas import Canvas
from rempart.adapters.figure_diagrams import diagrams
from rempart.adapters.figure_windows import REFERENCE, Diagram, Window
from rempart.adapters.figure_words import Words, width_of, wrapped

_PLOT, _MOST = 340, 1.5  # pixels of the days, at most; how far they are drawn apart to fill them
_OPEN, _SHUT = 56, 6  # pixels of an end that is open, and beside the last edge where none is
_ROW, _BAR, _HEAD, _TOP, _LINE = 34, 18, 26, 32, 17
_LETTERS = 26  # of a line of a label
_NOTE = 13  # size of what stands beside or under a bar
_WIDEST = 700  # pixels: on a page of a report more would make its letters small
_KINDS = ("entry", "covariate", "exposure", "reference", "follow")


def design_charts(study: Mapping[str, Any], words: Words) -> list[tuple[Diagram, Any]]:
    """Each diagram of a study, with its chart: one for each comparison (``study``: in canonical form)."""
    return [(diagram, chart(diagram, words)) for diagram in diagrams(study, words)]


def chart(diagram: Diagram, words: Words) -> Any:
    """The windows in groups by what they are for, under the line of day 0."""
    groups = [(kind, [w for w in diagram.windows if w.kind == kind]) for kind in _KINDS]
    groups = [(kind, each) for kind, each in groups if each]
    labels = {window.label: wrapped(window.label, _LETTERS) for window in diagram.windows}
    heads = [words.of_type("design", f"kind_{kind}") for kind, _ in groups]
    left = max(width_of(*(line for lines in labels.values() for line in lines)) + 18, width_of(*heads)) + 14
    places, wide = _places(diagram.windows)
    zero = left + places[0]
    tail = max((width_of(_days(window), size=_NOTE) for window in diagram.windows), default=0)
    heads_of_zero = wrapped(diagram.zero, int(_WIDEST / width_of("a") / 1.15))
    top = _TOP + _LINE * (len(heads_of_zero) - 1)
    notes = {w.note: wrapped(w.note, int((wide + tail) / width_of("a", size=_NOTE))) for w in diagram.windows if w.note}
    height = top + sum(_HEAD + sum(_height(window, labels, notes) for window in each) for _, each in groups) + 8
    canvas = Canvas(width=max(left + wide + tail + 20, 1.15 * width_of(*heads_of_zero)), height=height)
    begins = top - 14.0  # of a piece of the line of day 0, which leaves notes their room
    _head(canvas, zero, heads_of_zero, words)
    y = float(top)
    for (_, each), head in zip(groups, heads, strict=True):
        canvas.text((0, y + _HEAD / 2), head, align="left", fontWeight=600, color=words.colour("ink"))
        y += _HEAD
        for window in each:
            high = _height(window, labels, {})
            lines, under = labels[window.label], notes.get(window.note, [])
            canvas.paragraph((14, y + high / 2), lines, align="left", leading=_LINE, color=words.colour("ink"))
            _bar(canvas, window, words, edges=(left, left + wide), places=places, y=y + high / 2)
            if under:
                _down(canvas, zero, (begins, y + high / 2 + _BAR / 2), words)
                begins = _note(canvas, under, words, at=(left, y + high / 2 + _BAR / 2))
            y += _height(window, labels, notes)
    _down(canvas, zero, (begins, height), words)
    return canvas.chart()


def _down(canvas: Canvas, zero: float, ends: tuple[float, float], words: Words) -> None:
    """A piece of the line of day 0."""
    first, last = ends
    if last > first + _LINE:
        style = {"color": words.colour("ink"), "strokeWidth": 1.5, "strokeDash": [4, 3]}
        canvas.line((zero, first), (zero, last), **style)


def _note(canvas: Canvas, lines: Sequence[str], words: Words, *, at: tuple[float, float]) -> float:
    """What ends a window, under its bar; where it ends itself."""
    for place, line in enumerate(lines):
        height = at[1] + _LINE * (place + 0.7)
        canvas.text((at[0], height), line, align="left", fontSize=_NOTE, color=words.colour("quiet"))
    return at[1] + _LINE * (len(lines) + 0.3)


def _head(canvas: Canvas, zero: float, lines: Sequence[str], words: Words) -> None:
    """What day 0 is, above its line and within the figure."""
    half = 1.15 * width_of(*lines) / 2
    middle = min(max(zero, half), max(canvas.width - half, half))
    for at, line in enumerate(lines):
        canvas.text((middle, 6 + _LINE * at), line, align="center", fontWeight=600, color=words.colour("ink"))


def _height(window: Window, labels: Mapping[str, Sequence[str]], notes: Mapping[str, Sequence[str]]) -> float:
    high = max(_ROW, _LINE * len(labels[window.label]) + 14)
    under = len(notes.get(window.note, ()))
    return max(high, high / 2 + _BAR / 2 + _LINE * (under + 0.7)) if under else high


def _places(windows: Sequence[Window]) -> tuple[dict[int, float], float]:
    """Edge of a day → pixels from the left, and the pixels of all: days in order, the farther apart the longer the time between them. A
    window of one day has a width too."""
    edges = {0, 1}
    for window in windows:
        edges |= {window.first} if window.first is not None else set()
        edges |= {window.last + 1} if window.last is not None else set()
    order = sorted(edges)
    steps = [18 + 30 * log(1 + (after - before) / 6) for before, after in pairwise(order)]
    scale = min(_PLOT / sum(steps), _MOST)
    found, at = {}, float(_OPEN if any(window.first is None for window in windows) else _SHUT)
    for edge, step in zip(order, [*steps, 0.0], strict=True):
        found[edge] = at
        at += step * scale
    return found, at + (_OPEN if any(window.last is None for window in windows) else _SHUT)


def _bar(
    canvas: Canvas,
    window: Window,
    words: Words,
    *,
    edges: tuple[float, float],
    places: Mapping[int, float],
    y: float,
) -> None:
    """The bar of a window; ``edges``: where open ends end."""
    left, right = edges
    start = left + (places[window.first] if window.first is not None else 8)
    end = right - 8 if window.last is None else left + places[window.last + 1]
    colour = words.data["windows"][window.kind]
    spoken = f"{window.label}: {_days(window)}{f', {window.note}' if window.note else ''}"
    box = (start, y - _BAR / 2, end, y + _BAR / 2)
    solid = window.kind != REFERENCE
    canvas.box(box, spoken=spoken, fill=colour if solid else "white", stroke=colour, strokeWidth=1.5)
    if not solid:
        canvas.hatch((start + 1, y - _BAR / 2 + 1, end - 1, y + _BAR / 2 - 1), color=words.colour("hatch"))
    if window.first is None:
        canvas.mark((start - 1, y), shape="triangle-left", size=150, color=colour, opacity=1)
    if window.last is None:
        canvas.mark((end + 1, y), shape="triangle-right", size=150, color=colour, opacity=1)
    beside = end + (16 if window.last is None else 8)
    canvas.text((beside, y), _days(window), align="left", fontSize=_NOTE, color=words.colour("quiet"))


def _days(window: Window) -> str:
    """``[−365, 0]``; an open end is an arrow."""
    first = "\u2190" if window.first is None else _signed(window.first)
    last = "\u2192" if window.last is None else _signed(window.last)
    return f"[{first}, {last}]"


def _signed(day: int) -> str:
    return str(day) if day >= 0 else f"\u2212{-day}"
