# SPDX-License-Identifier: Apache-2.0
"""Strict reading of a parsed study file: every key is asked for once, and what was not asked for is an error.

Knows no rule of a study; only shapes of values and the words that say what was expected.
"""

import datetime
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from itertools import islice

from rempart.errors import BadInput, RempartError
from rempart.records.forms import FOREVER, NAME_PATTERN

NAME = re.compile(NAME_PATTERN)
_LOOKED_AT = 2_000  # names compared for a likely spelling


class Fields:
    """One table of the file. ``path`` is how messages name it (``cohorts.main``); ``done()`` refuses what is left over.

    ``problems``: what is wrong beside the error that is raised, shared by all tables of a file (``form_reading.take``).
    """

    def __init__(self, value: object, *, file: str, path: str = "", problems: list[RempartError] | None = None) -> None:
        self.file, self.path, self._asked = file, path, set[str]()
        self.problems: list[RempartError] = [] if problems is None else problems
        if not isinstance(value, Mapping):
            raise BadInput("study-field", file=file, field=path or "study", expected="a table")
        self._value: Mapping[str, object] = value

    def wrong(self, key: str, expected: str, *, near: str = "", item: int = 0) -> BadInput:
        """The error for a field, to be raised; ``near``: the likely spelling; ``item``: which one of a list, from 1."""
        more: dict[str, str | int] = {"near": near} if near else {}
        more |= {"item": item} if item else {}
        return BadInput("study-field", file=self.file, field=self.field(key), expected=expected, **more)

    def field(self, key: str) -> str:
        """How messages name a key of this table."""
        return f"{self.path}.{key}".lstrip(".")

    def left_over(self, known: Collection[str]) -> list[BadInput]:
        """Errors for the keys that are not among ``known``."""
        expected = ", ".join(sorted(known))
        return [
            BadInput("unknown-key", file=self.file, key=self.field(key), expected=expected, **near(key, known))
            for key in self._value
            if key not in known
        ]

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        self._asked.add(key)
        return key in self._value

    def raw(self, key: str, default: object = None) -> object:
        """The value as it stands."""
        return self._value[key] if self.has(key) else default

    def text(self, key: str, default: str | None = None) -> str:
        """Text that is not blank."""
        value = self.raw(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "text")
        return value.strip()

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of a closed list."""
        value = self.raw(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, "one of " + ", ".join(allowed))
        return value

    def flag(self, key: str) -> bool:
        """true or false; false when absent."""
        value = self.raw(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def whole(self, key: str, default: int | None = None, *, low: int = 0, high: int = FOREVER) -> int:
        """A whole number within bounds."""
        value = self.raw(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"a whole number from {low} to {high}")
        return value

    def wholes(self, key: str, *, low: int, high: int) -> tuple[int, ...]:
        """Whole numbers, rising strictly."""
        value = self.raw(key)
        given = value if isinstance(value, list | tuple) else ()
        whole = tuple(item for item in given if isinstance(item, int) and not isinstance(item, bool))
        if (
            not whole
            or len(whole) != len(given)
            or list(whole) != sorted(set(whole))
            or whole[0] < low
            or whole[-1] > high
        ):
            raise self.wrong(key, f"rising whole numbers from {low} to {high}")
        return whole

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of text, each once."""
        value = self.raw(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(key, "a list of text")
        if len(set(value)) != len(value):
            raise self.wrong(key, "each value once")
        return tuple(value)

    def pair(self, key: str) -> tuple[int, int]:
        """Two whole numbers, the first not above the second."""
        value = self.raw(key)
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(item) is int for item in value):
            raise self.wrong(key, "two whole numbers")
        if value[0] > value[1] or max(abs(value[0]), abs(value[1])) > FOREVER:
            raise self.wrong(key, "the smaller number first")
        return value[0], value[1]

    def dates(self, key: str) -> tuple[datetime.date, datetime.date]:
        """First and last day, both included; dates or ISO text."""
        value = self.raw(key)
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.wrong(key, "first and last day")
        try:
            first, last = (d if type(d) is datetime.date else datetime.date.fromisoformat(str(d)) for d in value)
        except ValueError as error:
            raise self.wrong(key, "YYYY-MM-DD") from error
        if first > last:
            raise self.wrong(key, "the first day before the last")
        return first, last

    def items(self) -> list[tuple[str, object]]:
        """All keys and values as they stand."""
        return list(self._value.items())

    def table(self, key: str) -> "Fields":
        """A table under this one; empty when absent."""
        return self._under(self.raw(key, {}), self.field(key))

    def _under(self, value: object, path: str) -> "Fields":
        return Fields(value, file=self.file, path=path, problems=self.problems)

    def tables(self, key: str) -> dict[str, "Fields"]:
        """Named tables under this one, in order of their names."""
        given = self.table(key)
        for name in given._value:
            if not NAME.fullmatch(name):
                raise given.wrong(name, "a name of lower-case letters, digits and _")
        return {name: given.table(name) for name in sorted(given._value)}

    def rows(self, key: str) -> list["Fields"]:
        """A list of tables."""
        value = self.raw(key, ())
        if not isinstance(value, list | tuple):
            raise self.wrong(key, "a list of tables")
        return [self._under(item, f"{self.field(key)}[{number}]") for number, item in enumerate(value, 1)]

    def done(self) -> None:
        """Raises BadInput ``unknown-key`` for a key that nobody asked for."""
        for error in self.left_over(self._asked):
            raise error


def nearest(given: str, known: Collection[str]) -> str:
    """The known word that is spelt much like the given one, or ''."""
    return next(iter(get_close_matches(given, list(islice(known, _LOOKED_AT)), 1, 0.7)), "")


def near(given: str, known: Collection[str]) -> dict[str, str]:
    """The fact ``near`` of an error: the likely spelling, when there is one."""
    found = nearest(given, known)
    return {"near": found} if found else {}
