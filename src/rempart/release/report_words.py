# SPDX-License-Identifier: Apache-2.0
"""Definitions of a study as a reader reads them: keys, values, windows and names in words. Knows the forms of no design.

A key or a value without a word of its own is shown as the file writes it, so that a design made later is told too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_IDS = frozenset({"analysis"})  # keys that hold the id of an analysis, which is no word of a language
_WINDOWS = frozenset({"days", "window", "within", "at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """``own``: the parsed ``release/report.toml``; ``names``: labels that are read otherwise than they are written, of this study alone."""

    own: Mapping[str, Any]
    language: str
    names: Mapping[str, str] = field(default_factory=dict)

    def say(self, word: str, /, **facts: object) -> str:
        """A sentence of the report."""
        return str(self.own["say"][self.language][word]).format(**facts)

    def key(self, name: str, within: str = "") -> str:
        """A key of the study file, first as the table ``within`` reads it."""
        own = self.own["keys_in"][self.language].get(within, {})
        return str(own[name]) if name in own else str(self.own["keys"][self.language].get(name, name.replace("_", " ")))

    def name(self, name: object) -> str:
        """A name that the study gave, or a word of its language."""
        told = str(name)
        return self.names.get(told) or str(self.own["values"][self.language].get(told, told))

    def word(self, choice: object) -> str:
        """A choice of the study file, as a type or a design; no name that the study gave, nor a label of a table, is read for it."""
        return str(self.own["values"][self.language].get(str(choice), choice))

    def named(self, names: object) -> str:
        """One name or several."""
        if isinstance(names, str):
            return self.name(names)
        return ", ".join(map(self.name, names)) if isinstance(names, Sequence) else ""

    def value(self, value: object, key: str = "") -> str:
        """Anything that a key may hold, on one line."""
        if key in _IDS and isinstance(value, str):
            return value
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, Mapping):
            return " · ".join(
                f"{self.key(name, key)}{self.say('colon')} {self.value(item, name)}"
                for name, item in value.items()
                if item not in ([], ())
            )
        if isinstance(value, list | tuple):
            return self._several(value, key)
        if isinstance(value, int | float):
            return str(value).replace("-", "−").replace(".", self.say("decimal"))
        own = self.own["values_in"][self.language].get(key, {})
        return str(own[value]) if value in own else self.name(value)

    def _several(self, value: Sequence[object], key: str) -> str:
        if len(value) == 2 and all(type(item) is int for item in value):
            first, last = (self.value(item) for item in value)
            return self.say("window" if key in _WINDOWS else "between", first=first, last=last)
        if key == "period":
            return self.say("between", first=value[0], last=value[-1])
        if any(isinstance(item, Mapping) for item in value):
            parted = f"{' ' if self.say('colon').startswith(' ') else ''}; "  # French sets a semicolon apart
            return parted.join(f"({place}) {self.value(item, key)}" for place, item in enumerate(value, 1))
        return ", ".join(self.value(item, key) for item in value)

    def definition(self, value: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
        """(key, value) of a table, a line each; tables inside tables by their whole path. ``within``: the key of the table."""
        for name, item in value.items():
            if item is False:
                continue  # what is not asked for
            if isinstance(item, Mapping):
                inside = self.definition(item, name)
                yield from ((f"{self.key(name, within)} · {inner}", told) for inner, told in inside)
            elif isinstance(item, list | tuple) and any(isinstance(one, Mapping) for one in item):
                for place, one in enumerate(item, 1):
                    yield (
                        f"{self.key(name, within)} {place}" if len(item) > 1 else self.key(name, within),
                        self.value(one, name),
                    )
            else:
                yield self.key(name, within), self.value(item, name)
