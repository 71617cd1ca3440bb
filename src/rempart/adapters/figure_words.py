# SPDX-License-Identifier: Apache-2.0
"""What figures say and in which colours, and a checked table's rows as figures want them. Draws nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.records.result import CheckedTable, ResultRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """``data``: the parsed figures.toml; ``names``: names to read for arms and terms, given by the caller."""

    data: Mapping[str, Any]
    language: str
    names: Mapping[str, str]

    def say(self, word: str) -> str:
        """A word of the language; a word that is not known stands for itself."""
        found = self.names.get(word) or self.data[self.language].get(word, word)
        return found if isinstance(found, str) else word

    def of(self, table: CheckedTable, word: str) -> str:
        """A word of an output by the longest beginning of its name that has it, or of its type."""
        spoken = self.data[self.language]
        own = spoken.get(self._known(table), {})
        fallback = {"rate": "incidence"}.get(table.output_type, table.output_type)
        return str(own[word] if isinstance(own, Mapping) and word in own else spoken[fallback][word])

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

    def colour(self, name: str) -> str:
        """A colour by its use or by arm."""
        return str(self.data["colours"].get(name, self.data["colours"]["ink"]))

    def number(self, value: float) -> str:
        """A value with the digits it has in the table, written as the language does."""
        if value == int(value):
            return f"{int(value):,}".replace(",", "\u202f" if self.language == "fr" else ",")
        return f"{value:.12g}".replace(".", self.say("decimal"))

    def interval(self, value: float, lower: float, upper: float, *, form: str) -> str:
        """An estimate with its bounds, each in the Python number format ``form``, which pads with zeros and cuts nothing."""
        named = zip(("value", "lower", "upper"), (value, lower, upper), strict=True)
        texts = {name: f"{number:{form}}".rstrip(".").replace(".", self.say("decimal")) for name, number in named}
        return str(self.data[self.language]["interval"]).format(**texts)

    def arm_scale(self, arms: list[str]) -> tuple[list[str], list[str], list[list[int]]]:
        """Names, colours and dashes of arms, in the order given."""
        spare = list(self.data["colours"]["others"])
        colours: list[str] = []
        dashes: list[list[int]] = []
        for arm in arms:
            colours.append(self.data["colours"].get(arm) or spare[len(colours) % len(spare)])
            dashes.append(self.data["dashes"].get(arm, [4, 2]))
        return [self.say(arm) for arm in arms], colours, dashes


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


def arms_of(table: CheckedTable) -> list[str]:
    """Arms in the order of reading: target, comparator, others, all."""
    found = dict.fromkeys(row.column_key.get("arm", "") for row in table.rows)
    first = [arm for arm in ("target", "comparator") if arm in found]
    last = ["all"] if "all" in found else []
    return first + [arm for arm in found if arm not in {"target", "comparator", "all", ""}] + last
