# SPDX-License-Identifier: Apache-2.0
"""Values of an ATLAS definition, asked for by name: what is missing, of another kind or unknown is refused with its path.

Knows no word of a definition; only shapes of values. Numbers may be written as text, as the reference reads them.
"""

import datetime
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from rempart.errors import BadInput

Value = TypeVar("Value")
_LEVELS = 120  # objects and lists within one another: far beyond what ATLAS can show
_WHOLE = 2**31 - 1  # numbers of code sets, counts, values
_DAYS = 10_000_000  # of a window or an offset: farther than any date
_CONCEPT = 2**63 - 1
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(T.*)?")


class Json:
    """One object of the definition; ``path``: where it stands. An absent or null object is empty.

    Every method raises BadInput ``cohort-value`` for a value of another kind; ``part`` and ``items`` also ``cohort-depth``.
    """

    def __init__(self, value: Any, *, path: str, file: str, level: int = 0) -> None:
        self.path, self.file, self._level = path, file, level
        if level > _LEVELS:
            raise BadInput("cohort-depth", file=file, levels=_LEVELS)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise BadInput("cohort-value", file=file, field=path or "{}", expected="{…}")
        self._value: Mapping[str, Any] = value

    def only(self, known: Collection[str]) -> None:
        """Raises BadInput ``cohort-word`` for any other word that says something."""
        for name, value in self._value.items():
            if name not in known and value is not None:
                raise self.unknown(self.at(str(name)), str(name))

    def unknown(self, field: str, word: str) -> BadInput:
        """The error to raise for a word that is not known."""
        return BadInput("cohort-word", file=self.file, field=_short(field), word=word[:60])

    def at(self, name: str) -> str:
        """The path of a word."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, expected: str) -> BadInput:
        """The error to raise for a value."""
        return BadInput("cohort-value", file=self.file, field=_short(self.at(name)), expected=expected)

    def names(self) -> list[str]:
        """Words whose value is not null."""
        return [name for name, value in self._value.items() if value is not None]

    def has(self, name: str) -> bool:
        """Whether the word says something: it is there and not null."""
        return self._value.get(name) is not None

    def null(self, name: str) -> bool:
        """Whether the word is there and null."""
        return name in self._value and self._value[name] is None

    def part(self, name: str) -> "Json":
        """An object; empty if absent."""
        return self._inner(name, self._value.get(name))

    def part_or_text(self, name: str, read: Callable[[str], object]) -> "Json":
        """An object, or the text of one; ``read``: text → what it says, raises ValueError or RecursionError."""
        value = self._value.get(name)
        if not isinstance(value, str):
            return self.part(name)
        try:
            return self._inner(name, read(value))
        except RecursionError as error:
            raise BadInput("cohort-depth", file=self.file, levels=_LEVELS) from error
        except ValueError as error:
            raise self.wrong(name, "{…}") from error

    def _inner(self, name: str, value: Any) -> "Json":
        return Json(value, path=self.at(name), file=self.file, level=self._level + 1)

    def needed(self, name: str) -> "Json":
        """An object that must be there."""
        if not self.has(name):
            raise self.wrong(name, "{…}")
        return self.part(name)

    def items(self, name: str) -> list["Json"]:
        """Objects of a list; none if absent."""
        found = self._value.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise self.wrong(name, "[{…}, …]")
        at, level = self.at(name), self._level + 1
        return [Json(item, path=f"{at}[{number}]", file=self.file, level=level) for number, item in enumerate(found)]

    def whole(self, name: str, default: int | None = None, *, most: int = _WHOLE, least: int = -_WHOLE) -> int:
        """A whole number from ``least`` to ``most``."""
        if default is not None and not self.has(name):
            return default
        value = self.number(name)
        if value != int(value) or not least <= value <= most:
            raise self.wrong(name, f"{least} … {most}")
        return int(value)

    def days(self, name: str, default: int | None = None) -> int:
        """A number of days."""
        return self.whole(name, default, most=_DAYS, least=-_DAYS)

    def concept(self, name: str) -> int:
        """The number of a concept."""
        return self.whole(name, most=_CONCEPT, least=0)

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._value.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value) if "." in value else int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(name, "1, 2.5, …")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self._value.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(name, '"…"')
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent: false."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true, false")
        return bool(value)

    def day(self, name: str) -> datetime.date | None:
        """A day; None if absent or empty."""
        value = self._value.get(name)
        if value in (None, ""):
            return None
        found = _DAY.fullmatch(value) if isinstance(value, str) else None
        try:
            return datetime.date(*(int(part) for part in found.groups()[:3])) if found else self._no_day(name)
        except ValueError as error:
            raise self.wrong(name, "YYYY-MM-DD") from error

    def day_needed(self, name: str) -> datetime.date:
        """A day that must be there."""
        return self.day(name) or self._no_day(name)

    def _no_day(self, name: str) -> datetime.date:
        raise self.wrong(name, "YYYY-MM-DD")

    def choice(self, name: str, among: Mapping[str, Value], default: Value | None = None) -> Value:
        """One of some words, without regard to case."""
        if default is not None and not self.has(name):
            return default
        value = self._value.get(name)
        for word, meant in among.items():
            if isinstance(value, str) and word.lower() == value.lower():
                return meant
        raise self.wrong(name, _listed(among))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _short(path: str) -> str:
    """A path for a message: its end, where the place can be found."""
    return path if len(path) <= 200 else "…" + path[-200:]
