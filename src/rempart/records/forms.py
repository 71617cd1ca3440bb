# SPDX-License-Identifier: Apache-2.0
"""What a key of the study file may hold, said once: ``form_reading.take`` reads by it, JSON Schema and reference page are made of it.

Declares forms only; what one key asks of another (names that must be defined, windows that must end before day 0) is checked by readers.
A key of the language is added by adding it to a ``Table`` (records/study_forms.py): reader, schema, page and completion follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FOREVER = 40_000  # days: no window is longer
NAME_PATTERN = "[a-z][a-z0-9_]{0,39}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text that is not blank; ``pattern``: what the whole of it matches, ``expected``: that in words. Read as str."""

    pattern: str = ""
    expected: str = "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list. Read as str."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false. Read as bool."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, bounds included. Read as int."""

    low: int = 0
    high: int = FOREVER


@dataclass(frozen=True, slots=True)
class Number:
    """A number, bounds included. Read as float."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Wholes:
    """At least one whole number, rising strictly, bounds included. Read as a tuple of int."""

    low: int = 0
    high: int = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A list of text, each once; ``allowed`` or ``pattern`` of each, ``expected``: that in words. Read as a tuple in the order given."""

    allowed: tuple[str, ...] = ()
    pattern: str = ""
    expected: str = "a list of text"
    least: int = 0
    numbers: bool = False  # whole numbers may stand beside text; read as text
    days: bool = False  # dates may stand beside text; read as their ISO text


@dataclass(frozen=True, slots=True)
class Pair:
    """Two whole numbers, the first not above the second, bounds included. Read as a tuple."""

    low: int = -FOREVER
    high: int = FOREVER


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or its ISO text. Read as a date."""


@dataclass(frozen=True, slots=True)
class Days:
    """First and last day, both included. Read as a tuple of dates."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A table under this one. Read as Fields, to be taken by the caller. A function instead of a table: one that holds itself."""

    of: "Kind | Callable[[], Kind]"


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of tables. Read as a list of Fields."""

    of: "Kind | Callable[[], Kind]"
    least: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """Tables by name. Read as a dict of Fields, in order of the names."""

    of: "Kind | Callable[[], Kind]"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several forms that differ in shape (text, number, list, table); the first whose shape fits is read."""

    forms: tuple["Form", ...]


Form = Text | Choice | Flag | Whole | Number | Wholes | Texts | Pair | Day | Days | Inside | Rows | Named | OneOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a table. ``about``: one line for who writes a study; ``default``: as read when the key is absent (not checked again)."""

    form: Form
    about: str
    required: bool = False
    default: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the file. ``name``: its name in the schema, once; ``one_of``: sets of keys of which exactly one stands there."""

    name: str
    about: str
    keys: Mapping[str, Key]
    one_of: tuple[tuple[str, ...], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ByValue:
    """A table whose kind is told by the value of its key ``by``, which each case holds too."""

    name: str
    about: str
    by: str
    cases: Mapping[str, Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPresence:
    """A table whose kind is told by the first of these keys that stands in it; ``""``: by none of them."""

    name: str
    about: str
    cases: Mapping[str, Table]


Kind = Table | ByValue | ByPresence


def key(form: Form, about: str, *, required: bool = False, default: object = None) -> Key:
    """A key, shorter to write."""
    return Key(form=form, about=about, required=required, default=default)


def resolved(of: Kind | Callable[[], Kind]) -> Kind:
    """The table that ``Inside``, ``Rows`` or ``Named`` names."""
    return of if isinstance(of, Table | ByValue | ByPresence) else of()
