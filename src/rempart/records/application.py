# SPDX-License-Identifier: Apache-2.0
"""An application for a permit: what is asked, by whom, for what. Its fields are data; whether all are there is completeness' matter."""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput
from rempart.records.canonical import canonical_bytes, plain, sha256_id

Field = Mapping[str, Any]
_ID = re.compile(r"P-\d{4}-\d{4}", re.ASCII)
_PROJECT = re.compile(r"[a-z][a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """``body``: canonical, days as ISO text; every value has the kind that the form gives its field."""

    body: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id of the permit that it asks for."""
        return str(self.body["id"])

    @property
    def project(self) -> str:
        """The project's name."""
        return str(self.body["project"])

    @property
    def regime(self) -> str:
        """Which circuit it takes, and so which clocks."""
        return str(self.body["regime"])

    @property
    def persons(self) -> tuple[str, ...]:
        """Whom it names."""
        return tuple(str(row["actor"]) for row in self.body["persons"])

    @property
    def data(self) -> bytes:
        """The bytes that are kept and hashed."""
        return canonical_bytes(self.body)

    @property
    def content_id(self) -> str:
        """``sha256:…`` of ``data``: the id of its document too."""
        return sha256_id(self.data)

    def value(self, field: str) -> Any:
        """The value at a dotted place, None where nothing is."""
        found: Any = self.body
        for part in field.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


def application_from_dict(
    value: Mapping[str, Any], form: Mapping[str, Any], *, file: str = "application.toml"
) -> Application:
    """An application from parsed TOML or canonical JSON. ``form``: parsed ``application.toml`` of the permits room.

    Raises BadInput ``unknown-key`` or ``application-field``; a field that is left out is no fault here unless nothing could be filed.
    """
    fields: Mapping[str, Field] = form["fields"]
    if value.get("schema") != form["schema"]:
        raise BadInput("application-field", file=file, field="schema", expected=str(form["schema"]))
    given = {name: item for name, item in value.items() if name != "schema"}
    for place, item in _walked(given, fields, file):
        _check(item, fields[place], file=file, place=place)
    for place in (name for name, field in fields.items() if field.get("filed") and not value.get(name)):
        raise BadInput("application-field", file=file, field=place, expected=_expected(fields[place]))
    _check_names(value, file)
    return Application(body=dict(plain(value)))


def _walked(
    value: Mapping[str, Any], fields: Mapping[str, Field], file: str, before: str = ""
) -> Iterator[tuple[str, Any]]:
    """(place, value) of every field that is given."""
    for name, item in value.items():
        place = f"{before}{name}"
        if place in fields:
            yield place, item
        elif isinstance(item, Mapping) and any(known.startswith(f"{place}.") for known in fields):
            yield from _walked(item, fields, file, f"{place}.")
        else:
            beside = sorted({known[len(before) :].split(".")[0] for known in fields if known.startswith(before)})
            raise BadInput("unknown-key", file=file, key=place, expected=", ".join(beside))


def _check(item: Any, field: Field, *, file: str, place: str) -> None:
    if field["kind"] == "rows" and _is_rows(item):
        for number, row in enumerate(item, 1):
            for name, cell in row.items():
                kind = field["columns"].get(name)
                if kind is None:
                    expected = ", ".join(field["columns"])
                    raise BadInput("unknown-key", file=file, key=f"{place}[{number}].{name}", expected=expected)
                _check(cell, {"kind": kind}, file=file, place=f"{place}[{number}].{name}")
    elif not _KINDS[field["kind"]](item) or ("of" in field and item not in field["of"]):
        raise BadInput("application-field", file=file, field=place, expected=_expected(field))


def _check_names(value: Mapping[str, Any], file: str) -> None:
    """The id and the project are such, each person stands once, and one of them leads."""
    if not _ID.fullmatch(value["id"]):
        raise BadInput("application-field", file=file, field="id", expected="P-YYYY-NNNN")
    if not _PROJECT.fullmatch(value["project"]):
        raise BadInput("application-field", file=file, field="project", expected="lower-case letters, digits, hyphens")
    actors = [row.get("actor", "") for row in value["persons"]]
    if len(set(actors)) != len(actors) or not all(actors):
        raise BadInput("application-field", file=file, field="persons.actor", expected="each person once")
    if sum(row.get("principal") is True for row in value["persons"]) != 1:
        raise BadInput("application-field", file=file, field="persons.principal", expected="true for one person")


def _expected(field: Field) -> str:
    return ", ".join(field["of"]) if "of" in field else _WORDS[field["kind"]]


def _is_text(item: Any) -> bool:
    return isinstance(item, str) and bool(item.strip())


def _is_texts(item: Any) -> bool:
    return isinstance(item, list) and all(_is_text(one) for one in item)


def _is_rows(item: Any) -> bool:
    return isinstance(item, list) and all(isinstance(row, Mapping) for row in item)


def _is_day(item: Any) -> bool:
    if type(item) is datetime.date:
        return True
    try:
        return isinstance(item, str) and datetime.date.fromisoformat(item).isoformat() == item
    except ValueError:
        return False


def _is_days(item: Any) -> bool:
    return (
        isinstance(item, list) and len(item) == 2 and all(_is_day(one) for one in item) and str(item[0]) <= str(item[1])
    )


_KINDS = {
    "text": _is_text,
    "texts": _is_texts,
    "day": _is_day,
    "days": _is_days,
    "whole": lambda item: type(item) is int and item > 0,
    "flag": lambda item: isinstance(item, bool),
    "choice": _is_text,
    "rows": _is_rows,
}
_WORDS = {
    "text": "text",
    "texts": "list of text",
    "day": "YYYY-MM-DD",
    "days": "[first day, last day]",
    "whole": "a whole number above 0",
    "flag": "true or false",
    "choice": "text",
    "rows": "a list of tables",
}
