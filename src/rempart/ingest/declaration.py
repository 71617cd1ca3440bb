# SPDX-License-Identifier: Apache-2.0
"""What a delivery says of itself in ``delivery.toml``: where it comes from, of whom, how its files are written. Optional. Pure."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput

FILE = "delivery.toml"
SCHEMA = "rempart.delivery/1"
_ENCODINGS = ("", "utf-8", "latin-1")
_SEPARATORS = ("", ";", ",")
_KEYS = {
    "": ("schema", "id", "produced", "source", "population", "extent", "format"),
    "population": ("target", "fraction", "weight"),
    "extent": ("first", "last"),
    "format": ("encoding", "separator"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """``id`` '' = take the content's; ``produced`` None = unknown; ``fraction`` of the target,
    (0, 1], ``weight`` of a person, > 0: None = not said;
    ``first``, ``last``: days of care covered, None = not said; ``encoding``, ``separator``: '' = look."""

    id: str = ""
    produced: datetime.date | None = None
    source: str = ""
    target: str = ""
    fraction: float | None = None
    weight: float | None = None
    first: datetime.date | None = None
    last: datetime.date | None = None
    encoding: str = ""
    separator: str = ""

    def __post_init__(self) -> None:
        """Raises BadInput ``delivery-declaration`` with the key that is wrong."""
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise _wrong("population.fraction")
        if self.weight is not None and not 0 < self.weight < float("inf"):
            raise _wrong("population.weight")
        if self.first and self.last and self.first > self.last:
            raise _wrong("extent.last")
        if self.encoding not in _ENCODINGS:
            raise _wrong("format.encoding")
        if self.separator not in _SEPARATORS:
            raise _wrong("format.separator")


def declaration(parsed: Mapping[str, Any]) -> Declaration:
    """From parsed ``delivery.toml``; raises BadInput ``delivery-declaration`` for an unknown key or a value that is none."""
    _refuse_unknown(parsed)
    if parsed.get("schema") != SCHEMA:
        raise _wrong("schema")
    population, extent, form = (parsed.get(name, {}) for name in ("population", "extent", "format"))
    return Declaration(
        id=_text(parsed, "id"),
        produced=_day(parsed, "produced"),
        source=_text(parsed, "source"),
        target=_text(population, "target", "population."),
        fraction=_number(population, "fraction", "population."),
        weight=_number(population, "weight", "population."),
        first=_day(extent, "first", "extent."),
        last=_day(extent, "last", "extent."),
        encoding=_text(form, "encoding", "format.").lower(),
        separator=_text(form, "separator", "format."),
    )


def refuse_future(produced: str, today: str) -> None:
    """Raises BadInput ``delivery-not-yet`` for a day of production (ISO, '' = unknown) after ``today``, a day of zones allowed.

    Such a delivery would stand above every later one. Nothing is refused where ``today`` is ''.
    """
    if produced and today:
        latest = datetime.date.fromisoformat(today) + datetime.timedelta(days=1)
        if datetime.date.fromisoformat(produced) > latest:
            raise BadInput("delivery-not-yet", file=FILE, produced=produced, today=today)


def _refuse_unknown(parsed: Mapping[str, Any]) -> None:
    for name in parsed:
        if name not in _KEYS[""]:
            raise _wrong(name)
        if name in _KEYS:
            if not isinstance(parsed[name], Mapping):
                raise _wrong(name)
            for key in parsed[name]:
                if key not in _KEYS[name]:
                    raise _wrong(f"{name}.{key}")


def _text(parsed: Mapping[str, Any], key: str, place: str = "") -> str:
    value = parsed.get(key, "")
    if not isinstance(value, str):
        raise _wrong(place + key)
    return value.strip()


def _number(parsed: Mapping[str, Any], key: str, place: str) -> float | None:
    value = parsed.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place + key)
    return float(value)


def _day(parsed: Mapping[str, Any], key: str, place: str = "") -> datetime.date | None:
    value = parsed.get(key)
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise _wrong(place + key) from None
    if isinstance(value, datetime.datetime):
        return value.date()
    if value is None or isinstance(value, datetime.date):
        return value
    raise _wrong(place + key)


def _wrong(key: str) -> BadInput:
    return BadInput("delivery-declaration", file=FILE, key=key[:60])
