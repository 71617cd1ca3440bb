# SPDX-License-Identifier: Apache-2.0
"""Is an application complete? Which of the fields that the law asks for are not there, by the table of ``application.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.records.application import Application


@dataclass(frozen=True, slots=True)
class Lack:
    """A field that is asked for and not there. ``letter``: of Regulation (EU) 2025/327 art. 67(2), '' for a field of the house."""

    field: str
    letter: str


def missing(application: Application, form: Mapping[str, Any]) -> tuple[Lack, ...]:
    """Everything that a complete application would say and this one does not, in the order of the form."""
    found: list[Lack] = []
    for place, field in form["fields"].items():
        letter = str(field.get("letter", ""))
        value = application.value(place)
        if value in (None, "", []):
            if _asked(application, field):
                found.append(Lack(place, letter))
        elif field["kind"] == "rows":
            found += [
                Lack(f"{place}[{number}].{name}", letter)
                for number, row in enumerate(value, 1)
                for name in field["needs"]
                if not row.get(name)
            ]
    return tuple(found)


def _asked(application: Application, field: Mapping[str, Any]) -> bool:
    """Whether a field is asked of this application: some are only beside another."""
    if "when" in field and application.value(field["when"]) is not True:
        return False
    return bool(field.get("required")) and not ("unless" in field and application.value(field["unless"]))


def minimisation(application: Application, known: int) -> tuple[int, int]:
    """(columns asked for, columns that there are): what a committee reads first."""
    tables = application.value("data.tables") or []
    return sum(len(row.get("columns", ())) for row in tables), known
