# SPDX-License-Identifier: Apache-2.0
"""How a report shows an output: its figures and its table, each numbered and captioned by a sentence. Draws nothing, checks nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rempart.records.result import CheckedTable
from rempart.release.curve_days import curve_note
from rempart.release.reader_table import Grid, Reader
from rempart.release.report_blocks import Block, note, table
from rempart.release.report_words import Speaker
from rempart.release.subjects import analysis_of

if TYPE_CHECKING:
    from rempart.release.report import Told

_ROWS = 40
_ACROSS = 9  # columns of numbers on a page
_FURTHER = ("", "_map", "_flow")  # ends of the names of a table's figures
OVERVIEW = "estimates"  # the figure of several tables


@dataclass(slots=True, kw_only=True)
class Shown:
    """The tables and figures of a report, counted as they come."""

    told: "Told"
    speaker: Speaker
    reader: Reader
    words: Mapping[str, Any]
    tables_told: int = 0
    figures_told: int = 0

    def output(self, item: CheckedTable, about: str) -> Iterator[Block]:
        """Its figures, then its table with the file that holds it whole."""
        title = self.reader.title(item.output) or item.output.replace("_", " ")
        drawn = list(self.figures(item.output, title, about))
        yield from drawn
        if not item.rows:
            if about and not drawn:
                yield note(self._sentence(about))
            yield note(self.speaker.say("nothing"))
            yield from self._left_out(item)
            return
        grid = self.reader.grid(item)
        self.tables_told += 1
        for place, part in enumerate(_parts(grid)):
            word = "table_continued" if place else "table_caption"
            caption = self._captioned(word, self.tables_told, title, about)
            lines = list(_lines(part))[:_ROWS]
            yield table([*part.labels, *part.heads], lines, numbers=len(part.heads), caption=caption)
        file, rows = f"tables/{item.output}.csv", len(grid.lines)
        yield from self._left_out(item)
        yield from self._after_lag(item)
        yield note(self.speaker.say("more" if rows > _ROWS else "whole", shown=_ROWS, rows=rows, file=file))

    def _left_out(self, item: CheckedTable) -> Iterator[Block]:
        """Days of a curve that are not shown."""
        language, labels = self.speaker.language, self.reader.labels
        if told := curve_note(item, study=self.told.study, words=self.words, labels=labels, language=language):
            yield note(told)

    def _after_lag(self, item: CheckedTable) -> Iterator[Block]:
        """Whom a table one of a comparison counts, where a lag stands before follow-up."""
        lag = int(self.told.study["protocol"].get("lag_days", 0))
        asked = analysis_of(item.output, self.told.study, self.words) if lag else None
        if asked and asked["type"] == "table_one" and "target" in asked["inputs"]:
            yield note(self.speaker.say("after_lag", days=lag))

    def figures(self, output: str, title: str, about: str) -> Iterator[Block]:
        """The figures that were drawn of an output."""
        for end in _FURTHER:
            drawn = self.told.figures.get(f"{output}{end}-{self.speaker.language}.svg")
            if drawn:
                self.figures_told += 1
                further = self.speaker.say(f"figure{end}") if end else title
                caption = self._captioned("figure_caption", self.figures_told, further, about)
                yield Block(kind="figure", svg=drawn.decode(), spoken=caption, caption=caption)

    def _captioned(self, word: str, number: int, title: str, about: str) -> str:
        """``Table 3. Hazard ratio (outcome: bladder cancer).``"""
        told = f"{title} ({about[:1].lower()}{about[1:]})" if about else title
        return self.speaker.say(word, number=number, title=self._sentence(told))

    def _sentence(self, text: str) -> str:
        return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _parts(grid: Grid) -> Iterator[Grid]:
    """A table that is too wide for a page in parts of as many columns, each with the labels of its lines; a line that a part has nothing of
    stands in the others."""
    count = -(-len(grid.heads) // _ACROSS)
    wide = -(-len(grid.heads) // count) if count else 1
    for first in range(0, max(1, len(grid.heads)), wide):
        cut = slice(first, first + wide)
        lines = tuple((labels, values[cut]) for labels, values in grid.lines if count < 2 or any(values[cut]))
        yield Grid(labels=grid.labels, heads=grid.heads[cut], lines=lines)


def _lines(grid: Grid) -> Iterator[tuple[str, ...]]:
    """The lines of a table; a first label that several lines have in turn stands in the first of them."""
    before = ""
    for labels, values in grid.lines:
        again = len(labels) > 1 and labels[0] == before
        yield ("" if again else labels[0], *labels[1:], *values) if labels else values
        before = labels[0] if labels else ""
