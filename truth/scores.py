# SPDX-License-Identifier: Apache-2.0
"""A score: what was expected, what was found, and whether it is off. Knows nothing of data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Value = int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """``note``: shown, never judged."""

    area: str
    name: str
    expected: Value
    found: Value
    note: bool = False

    @property
    def off(self) -> bool:
        """Whether it is judged and wrong."""
        return not self.note and self.expected != self.found


def told(area: str, name: str, value: Value) -> Score:
    """Something to know."""
    return Score(area=area, name=name, expected="", found=value, note=True)


def same(area: str, name: str, expected: Mapping[object, object], found: Mapping[object, object]) -> list[Score]:
    """Two mappings as three scores: what is missing, what is too much, what differs."""
    missing = sum(1 for key in expected if key not in found)
    more = sum(1 for key in found if key not in expected)
    unlike = sum(1 for key, value in expected.items() if key in found and found[key] != value)
    return [
        Score(area=area, name=f"{name}: rows", expected=len(expected), found=len(found)),
        Score(area=area, name=f"{name}: missing", expected=0, found=missing),
        Score(area=area, name=f"{name}: nobody planted", expected=0, found=more),
        Score(area=area, name=f"{name}: other value", expected=0, found=unlike),
    ]


def table(scores: Sequence[Score]) -> str:
    """Text columns; a line that is off begins with ✗."""
    lines = [("", "area", "score", "expected", "found")]
    lines += [(_mark(s), s.area, s.name, _text(s.expected), _text(s.found)) for s in scores]
    wide = [max(len(line[at]) for line in lines) for at in range(5)]
    return "\n".join(
        f"{a:<{wide[0]}} {b:<{wide[1]}}  {c:<{wide[2]}}  {d:>{wide[3]}}  {e:>{wide[4]}}" for a, b, c, d, e in lines
    )


def off(scores: Iterable[Score]) -> list[Score]:
    """Those that are off."""
    return [score for score in scores if score.off]


def _mark(score: Score) -> str:
    return " " if score.note else "✗" if score.off else "="


def _text(value: Value) -> str:
    return (
        f"{value:,}".replace(",", " ")
        if isinstance(value, int)
        else f"{value:.4f}"
        if isinstance(value, float)
        else value
    )
