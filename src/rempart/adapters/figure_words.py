# SPDX-License-Identifier: Apache-2.0
"""What figures say and in which colours, and a checked table's rows as figures want them. Draws nothing."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.records.result import SUPPRESSED, CheckedTable, ResultRow

_LETTER = 8.2  # pixels that a letter of 14 px takes, about: fonts differ
_MINUS = re.compile(r"(?<![\w)])-(?=\d)")  # of a negative number, not of a range
_NO_POWER = 999.5  # three figures of more would be written as a power


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """``data``: the parsed figures.toml; ``names``: names to read for labels, ``output:label`` for those of one output alone, given by
    the caller; ``about``: output → of whom and of what it tells."""

    data: Mapping[str, Any]
    language: str
    names: Mapping[str, str]
    about: Mapping[str, str] = field(default_factory=dict)

    def say(self, word: str, output: str = "") -> str:
        """A word of the language, first as ``output`` reads it; a word that is not known stands for itself."""
        found = self.names.get(f"{output}:{word}") or self.names.get(word) or self.data[self.language].get(word, word)
        return _MINUS.sub("\u2212", found if isinstance(found, str) else word)

    def arm(self, arm: str, table: CheckedTable) -> str:
        """An arm; everybody is called by the cohort where the caller names it."""
        return self.names.get(f"{table.output}:arm", self.say(arm)) if arm == "all" else self.say(arm, table.output)

    def of(self, table: CheckedTable, word: str) -> str:
        """A word of an output by the longest beginning of its name that has it, or of its type."""
        spoken = self.data[self.language]
        own = spoken.get(self._known(table), {})
        kind = spoken.get({"rate": "incidence"}.get(table.output_type, table.output_type), {})
        return str(next(said[word] for said in (own, kind, spoken["ratio"]) if word in said))

    def asked_for(self, table: CheckedTable) -> str:
        """The analysis that an output is named after where several gave one like it (``incidence_main``), in words; '' where one did."""
        known = self._known(table)
        return table.output.removeprefix(known).strip("_").replace("_", " ") if known else ""

    def _known(self, table: CheckedTable) -> str:
        spoken = self.data[self.language]
        known = [name for name, said in spoken.items() if isinstance(said, Mapping) and table.output.startswith(name)]
        return max(known, key=len, default="")

    def of_type(self, kind: str, word: str) -> str:
        """A word of a kind of figure."""
        return str(self.data[self.language][kind][word])

    def unit(self, unit: str) -> str:
        """A unit of the table, in words."""
        return str(self.data[self.language]["units"].get(unit, unit))

    def colour(self, name: str) -> str:
        """A colour by its use or by arm."""
        return str(self.data["colours"].get(name, self.data["colours"]["ink"]))

    def number(self, value: float) -> str:
        """A value with the digits it has in the table, written as the language does."""
        if value == int(value):
            whole = f"{int(value):,}".replace(",", "\u202f" if self.language == "fr" else ",")
            return _MINUS.sub("\u2212", whole)
        text = f"{value:.12g}"
        return self.decimal(f"{value:.12f}".rstrip("0") if "e" in text else text)

    def counted(self, row: ResultRow | None) -> str:
        """A count as text: the marker where it may not be shown, nothing where the table has none."""
        if row is None or (row.value is None and row.status != SUPPRESSED):
            return ""
        return self.say("suppressed") if row.value is None else self.number(row.value)

    def interval(self, value: float, lower: float, upper: float, *, form: str) -> str:
        """An estimate with its bounds, each in the Python number format ``form``, which pads with zeros and cuts nothing."""
        named = zip(("value", "lower", "upper"), (value, lower, upper), strict=True)
        texts = {name: self.estimate(number, form=form) for name, number in named}
        return str(self.data[self.language]["interval"]).format(**texts)

    def estimate(self, number: float, *, form: str) -> str:
        """A number in a Python format; from a thousand on as the table has it, never as a power of ten."""
        if form.endswith("g") and abs(number) >= _NO_POWER:
            return self.number(number)
        text = f"{number:{form}}".rstrip(".")
        return self.decimal(text if float(text) else text.lstrip("-"))

    def decimal(self, text: str) -> str:
        """A number that is written with a point, as the language writes it."""
        return _MINUS.sub("\u2212", text.replace(".", self.say("decimal")))

    def axis_numbers(self) -> str:
        """Vega's expression for the numbers of an axis: the language's decimal mark and space between thousands."""
        thousands = "\u202f" if self.language == "fr" else ","
        plain = f"replace(replace(datum.label, /,/g, 'T'), '.', '{self.say('decimal')}')"
        return f"replace({plain}, /T/g, '{thousands}')"

    def arm_scale(self, arms: list[str], table: CheckedTable) -> tuple[list[str], list[str], list[list[int]]]:
        """Names, colours and dashes of arms, in the order given; one arm alone is a whole line."""
        spare = list(self.data["colours"]["others"])
        colours: list[str] = []
        dashes: list[list[int]] = []
        for at, arm in enumerate(arms):
            colours.append(self.data["colours"].get(arm) or spare[len(colours) % len(spare)])
            dash = (
                self.data["dashes"].get(arm) or self.data["dashes"]["others"][at % len(self.data["dashes"]["others"])]
            )
            dashes.append([1, 0] if len(arms) == 1 else dash)
        return [self.arm(arm, table) for arm in arms], colours, dashes


Group = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


def groups(table: CheckedTable) -> dict[Group, dict[str, ResultRow]]:
    """(row key, column key) → statistic → row, in the order of the table."""
    found: dict[Group, dict[str, ResultRow]] = {}
    for row in table.rows:
        key = (tuple(row.row_key.items()), tuple(row.column_key.items()))
        found.setdefault(key, {})[row.statistic] = row
    return found


def shown(rows: Mapping[str, ResultRow], *statistics: str) -> list[float] | None:
    """The values of all these statistics, or None when one is absent, suppressed or not estimated."""
    values = [rows[name].value if name in rows else None for name in statistics]
    return None if any(value is None for value in values) else [value for value in values if value is not None]


def hidden(rows: Mapping[str, ResultRow], statistic: str) -> bool:
    """Whether the table suppresses this value, rather than having none."""
    return statistic in rows and rows[statistic].status == SUPPRESSED


def arms_of(table: CheckedTable) -> list[str]:
    """Arms in the order of reading: target, comparator, others, all."""
    found = dict.fromkeys(row.column_key.get("arm", "") for row in table.rows)
    first = [arm for arm in ("target", "comparator") if arm in found]
    last = ["all"] if "all" in found else []
    return first + [arm for arm in found if arm not in {"target", "comparator", "all", ""}] + last


def width_of(*texts: str, size: int = 14) -> int:
    """Pixels that the longest of these texts takes, about."""
    return round(max((len(text) for text in texts), default=0) * _LETTER * size / 14)


def wrapped(text: str, letters: int) -> list[str]:
    """A text in lines of at most so many letters, broken between words, and of about one length: no word stands alone."""

    def lines(most: int) -> list[str]:
        return textwrap.wrap(text, most, break_long_words=False, break_on_hyphens=False) or [text]

    found = lines(letters)
    narrower = (lines(most) for most in range(len(text) // len(found), letters))
    return next((each for each in narrower if len(each) == len(found)), found)
