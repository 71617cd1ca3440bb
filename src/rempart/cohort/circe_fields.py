# SPDX-License-Identifier: Apache-2.0
"""Values of an ATLAS definition, asked for by name: what is missing, of another kind or unknown is refused with its path."""

import datetime
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from rempart.errors import BadInput
from rempart.records.cohort import Limit

Value = TypeVar("Value")
_LIMITS: Mapping[str, Limit] = {"all": "all", "first": "first", "last": "last"}
_ALIAS = {"type", "occurrence"}


class Json:
    """One object of the definition; ``path``: where it stands. An absent or null object is empty."""

    def __init__(self, value: Any, *, path: str, file: str) -> None:
        self.path, self.file = path, file
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise BadInput("cohort-value", file=file, field=path or "(whole)", expected="an object")
        self._value: Mapping[str, Any] = value

    def only(self, known: Collection[str]) -> None:
        """Raises BadInput ``cohort-word`` for any other word that says something."""
        for name, value in self._value.items():
            if name not in known and value is not None:
                raise BadInput("cohort-word", file=self.file, field=self.at(name), word=str(name)[:60])

    def at(self, name: str) -> str:
        """The path of a word."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, expected: str) -> BadInput:
        """The error to raise for a value."""
        return BadInput("cohort-value", file=self.file, field=self.at(name), expected=expected)

    def names(self) -> list[str]:
        """Words whose value is not null."""
        return [name for name, value in self._value.items() if value is not None]

    def get(self, name: str) -> Any:
        """The value as it stands; None if absent."""
        return self._value.get(name)

    def part(self, name: str) -> "Json":
        """An object; empty if absent."""
        return Json(self._value.get(name), path=self.at(name), file=self.file)

    def items(self, name: str) -> list["Json"]:
        """Objects of a list; none if absent."""
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return [Json(item, path=f"{self.at(name)}[{number}]", file=self.file) for number, item in enumerate(value)]

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._value.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, "a whole number")
        return value

    def number(self, name: str) -> float:
        """A number."""
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "a number")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self._value.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent: false."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return bool(value)

    def day(self, name: str) -> datetime.date | None:
        """A day; None if absent or empty."""
        value = self._value.get(name)
        if value in (None, ""):
            return None
        try:
            return datetime.date.fromisoformat(str(value)[:10])
        except ValueError as error:
            raise self.wrong(name, "a day as YYYY-MM-DD") from error

    def choice(self, name: str, among: Mapping[str, Value]) -> Value:
        """One of some words, without regard to case."""
        value = str(self._value.get(name))
        for word, meant in among.items():
            if word.lower() == value.lower():
                return meant
        raise self.wrong(name, ", ".join(among))


def limit(holder: Json, name: str) -> Limit:
    """All, first or last events."""
    given = holder.part(name)
    given.only(("Type",))
    return given.choice("Type", _LIMITS) if given.get("Type") is not None else "all"
